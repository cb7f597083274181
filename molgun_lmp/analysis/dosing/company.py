"""What became of every molecule on the surface in one shot: its class, what holds it, and what happened to it."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from molgun_lmp.analysis.dosing.layout import Occupant, ShotLayout
from molgun_lmp.analysis.dosing.relations import Lasting, Relations, place_of
from molgun_lmp.analysis.outcomes.decide import outcome_of
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.trajectory_path import Following
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.dosing_records import Change, DoseEnd, DoseEvent, Hold, MoleculeEnd
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Outcome, Stop, TrajectoryResult
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import site_between

_OF_THE_NEWCOMER = frozenset({Stop.DEPARTED, Stop.FRAGMENT_LEFT})
"""Rules that stop a run for what the newcomer does; of the others they say nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _HeldBy:
    """Of one molecule: what it was decided to be, and what holds it at one end of the shot."""

    hold: Hold
    site: str
    place: tuple[float, float]


class CompanyObserver:
    """Shown every frame of a shot; the class of the newcomer is decided by who asks for the result.

    `timestep_fs` of LAMMPS's steps. Raises `ConfigError` for groups or pair limits that do not fit the molecule.
    """

    def __init__(
        self,
        trajectory_id: str,
        layout: ShotLayout,
        surface: Surface,
        *,
        groups: Mapping[str, tuple[int, int]],
        criteria: OutcomeCriteria,
        scheme: OutcomeScheme,
        timestep_fs: float,
    ) -> None:
        self._id, self._layout, self._criteria = trajectory_id, layout, criteria
        slab = np.zeros((layout.n_slab, 3))
        self._names = layout.names
        self._reference = Reference.of(
            symbols=self._names,
            positions=np.concatenate([slab, layout.intact]),
            surface=surface,
            n_slab=layout.n_slab,
            groups=groups,
            criteria=criteria,
            scheme=scheme,
        )
        self._standing = [
            Following(trajectory_id, self._reference, criteria, timestep_fs) for _ in layout.molecules[:-1]
        ]
        self._relations = Relations(layout, surface, criteria, timestep_fs)
        self._first: Frame | None = None
        self._last: Frame | None = None

    def frame(self, frame: Frame) -> None:
        """The next frame."""
        for member, following in zip(self._layout.molecules, self._standing, strict=False):
            following.frame(self._layout.alone(frame, member, self._names), self._layout.others(frame, member))
        if frame.finite:
            self._relations.frame(frame)
            self._first, self._last = self._first or frame, frame

    def result(self, newcomer: Outcome, result: TrajectoryResult | None) -> DoseEnd | None:
        """All molecules, with what the newcomer was decided to be; None where there was no frame."""
        if self._first is None or self._last is None:
            return None
        ended = result
        if result is not None and result.stop in _OF_THE_NEWCOMER:
            ended = dataclasses.replace(result, stop=Stop.COMPLETED)
        outcomes = [
            outcome_of(self._id, one.result(), self._reference, self._criteria, ended) for one in self._standing
        ]
        outcomes.append(newcomer)
        lasting = self._relations.result()
        members = tuple(
            self._member(number, outcome, lasting, self._first, self._last) for number, outcome in enumerate(outcomes)
        )
        events = sorted(
            (event for number, one in enumerate(outcomes) for event in self._events(number, one, members, lasting)),
            key=lambda event: (event.time_ps, event.dose, event.change),
        )
        return DoseEnd(molecules=members, events=tuple(events))

    def _member(self, number: int, outcome: Outcome, lasting: Lasting, first: Frame, last: Frame) -> MoleculeEnd:
        joined = [pair for pair, _, so in lasting.joined if so and number in pair]
        at_first = [pair for pair, since, _ in lasting.joined if since == 0.0 and number in pair]
        partners = lasting.partners[number]
        mode_at_start = outcome.events[0][1] if outcome.events else outcome.mode
        start = self._end(
            number, first, partners[0][1], joined=bool(at_first), gone=mode_at_start.kind is Kind.IN_FLIGHT
        )
        end = self._end(
            number,
            last,
            self._held(outcome, lasting, number),
            joined=bool(joined),
            gone=outcome.left or outcome.mode.kind is Kind.IN_FLIGHT,
        )
        return MoleculeEnd(
            dose=self._layout.molecules[number].dose,
            mode_at_start=mode_at_start,
            mode=outcome.mode,
            detail=outcome.detail,
            hold_at_start=start.hold,
            hold=end.hold,
            site_at_start=start.site,
            site=end.site,
            place_at_start_angstrom=start.place,
            place_angstrom=end.place,
            bonded_to=tuple(sorted(self._layout.molecules[sum(pair) - number].dose for pair in joined)),
            reason=outcome.reason,
        )

    @staticmethod
    def _held(outcome: Outcome, lasting: Lasting, number: int) -> frozenset[int]:
        """The slab atoms that hold it at the end: those of the last frame where no set of them has lasted. Where it is
        not decided what it is, it is held where some atoms have held it for as long as a class has to last."""
        undecided = outcome.mode.kind is Kind.UNDECIDED and lasting.held[number]
        if not (outcome.stuck or undecided):
            return frozenset()
        return lasting.partners[number][-1][1] or lasting.now[number]

    def _end(self, number: int, frame: Frame, partners: frozenset[int], *, joined: bool, gone: bool) -> _HeldBy:
        surface, member = self._reference.surface, self._layout.molecules[number]
        if partners:
            atoms = sorted(partners)
            hold, site = Hold.SURFACE, site_between(surface, atoms).words
            place = place_of(surface.positions[atoms], surface)
        else:
            hold = Hold.ADSORBATE if joined else self._unbound(frame, member, gone=gone)
            site, place = "", place_of(frame.unwrapped[member.atoms], surface)
        return _HeldBy(hold=hold, site=site, place=(float(place[0]), float(place[1])))

    def _unbound(self, frame: Frame, member: Occupant, *, gone: bool) -> Hold:
        if gone:
            return Hold.AWAY
        lattice, atoms = self._reference.surface.lattice, frame.unwrapped[member.atoms]
        to_slab = lattice.distances(atoms, frame.unwrapped[: self._layout.n_slab]).min()
        to_others = lattice.distances(atoms, self._layout.others(frame, member)).min(initial=np.inf)
        on_slab = to_slab < self._criteria.contact_angstrom or to_slab <= to_others
        return Hold.FIRST_LAYER if on_slab else Hold.SECOND_LAYER

    def _events(
        self, number: int, outcome: Outcome, members: tuple[MoleculeEnd, ...], lasting: Lasting
    ) -> list[DoseEvent]:
        one, n_slab = members[number], self._layout.n_slab
        member = self._layout.molecules[number]
        events = [
            DoseEvent(
                dose=one.dose,
                change=Change.EXCHANGED,
                time_ps=since,
                other=members[other].dose,
                detail=self._layout.symbols[n_slab + atom],
            )
            for (atom, other), since, _ in lasting.passed
            if n_slab + atom in member.atoms and since > 0.0
        ]
        # A pair's bond is told once, of the molecule that was there before the other.
        events += [
            DoseEvent(
                dose=one.dose, change=Change.REACTED, time_ps=since, other=members[pair[1]].dose, detail=one.label
            )
            for pair, since, _ in lasting.joined
            if pair[0] == number and since > 0.0
        ]
        if number == len(members) - 1:
            return events
        held = lasting.partners[number]
        before, (since, now) = held[0][1], held[-1]
        taken = before & lasting.partners[-1][-1][1]
        what = f"{one.site_at_start} to {one.site}" if one.site else f"{one.site_at_start} to {one.hold}"
        if before and now and before != now:
            events.append(DoseEvent(dose=one.dose, change=Change.MOVED, time_ps=since, other=None, detail=what))
        if taken and members[-1].hold is Hold.SURFACE and not taken & now:
            events.append(
                DoseEvent(dose=one.dose, change=Change.DISPLACED, time_ps=since, other=members[-1].dose, detail=what)
            )
        if one.hold is Hold.AWAY and one.hold_at_start is not Hold.AWAY:
            left = outcome.events[-1][0] if outcome.events else outcome.time_ps
            events.append(
                DoseEvent(dose=one.dose, change=Change.DESORBED, time_ps=left, other=None, detail=one.mode_at_start)
            )
        return events
