"""One trajectory followed frame by frame: bonds with their history, contact, clearance, and the sequence of modes."""

import dataclasses
from collections.abc import Iterable
from typing import Final, Self

import numpy as np

from molgun_lmp.analysis.outcomes.bond_tracking import BondState, Stretch, stretches
from molgun_lmp.analysis.outcomes.bonds import Bonds
from molgun_lmp.analysis.outcomes.classify import Classified
from molgun_lmp.analysis.outcomes.mode_history import ModeHistory
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import InputFileError
from molgun_lmp.isotopes import standard_masses_u
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.outcome_conditions import When
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.units import FS_PER_PS

_BATCH: Final = 64
"""Frames that are looked at together: their arrays fit into the processor's cache."""


@dataclasses.dataclass(kw_only=True)
class TrajectoryPath:
    """What was seen of a trajectory so far; times in ps, lengths in Å."""

    history: ModeHistory[Mode]
    bonding: ModeHistory[tuple[Mode, bool]]
    """The same, and whether the molecule was bound: one that is broken is of one mode, bound or not."""
    frames: int = 0
    bonds: Bonds | None = None
    classified: Classified | None = None
    settled: tuple[FloatArray, FloatArray] | None = None
    """(n, n) and (n, m): when each length was last outside the range between forming and breaking."""
    first_contact_ps: float | None = None
    last_near_ps: float | None = None
    """The last frame within reach of the surface."""
    first_touch_ps: float | None = None
    """The first frame with a bond to the slab, however short that lasted."""
    loose: BoolArray | None = None
    """(m,): the atoms that the slab holds no more."""
    among_since_ps: dict[Mode, float] = dataclasses.field(default_factory=dict)
    """For each class of `OutcomeScheme.wavering` whose kinds the molecule is of: since when."""
    near: bool = False
    nearest: float = np.inf
    closest: float = np.inf
    """The smallest of all `nearest`."""
    lowest_clearance: float | None = None
    risen: float = 0.0
    """How far the centre of mass is above where it was in the first frame."""
    blew_up: bool = False
    truncated: bool = False

    @classmethod
    def empty(cls, criteria: OutcomeCriteria) -> Self:
        """Before the first frame."""
        persistence_ps = criteria.persistence_fs / FS_PER_PS
        return cls(
            history=ModeHistory(persistence_ps=persistence_ps), bonding=ModeHistory(persistence_ps=persistence_ps)
        )

    def fate(self, kind: Kind, scheme: OutcomeScheme) -> Mode:
        """The class of an intact molecule without a bond to the slab, of those of one kind: the first that fits its
        course so far."""
        return next(mode for mode, when in scheme.fates(kind) if when is None or self._fits(when))

    def _fits(self, when: When) -> bool:
        reach = None
        if self.first_contact_ps is not None and self.last_near_ps is not None:
            reach = self.last_near_ps - self.first_contact_ps
        return (when.contact_ps is None or (reach is not None and when.contact_ps.holds(reach, {}))) and (
            when.touched is None or when.touched is (self.first_touch_ps is not None)
        )

    @property
    def wavers(self) -> bool:
        """Whether what lasted last is no class of its own, but the change between some."""
        return self.history.events[-1][1] in self.among_since_ps

    def waver(self, mode: Mode, kinds: frozenset[Kind]) -> None:
        """Take note that the molecule has been of some kinds for long, where none of their classes has lasted."""
        since_ps = self.among_since_ps[mode]
        if self.history.young is not None and self.history.events[-1][1].kind not in kinds:
            self.history.events.append((since_ps, mode))
            if kinds == {Kind.BOUND}:
                self.bonding.events.append((since_ps, (mode, True)))

    def bound_changes(self) -> tuple[tuple[float, bool], ...]:
        """When the molecule was bound, (time in ps, whether) from then on, by the modes that lasted alone.

        The first frame's mode is the only one that may not have lasted; then it is as if it had not been bound. Bonds
        that change so fast that none of their modes lasts are touches, as they are for the sequence of modes.
        """
        events = self.bonding.events
        ends = [*(time for time, _ in events[1:]), self.bonding.time_ps]
        changes: list[tuple[float, bool]] = []
        for (began, (_, bound)), ended in zip(events, ends, strict=False):
            lasted = bound and self.bonding.lasts(ended - began)
            if not changes or changes[-1][1] is not lasted:
                changes.append((began, lasted))
        return tuple(changes)


class Following:
    """Follows one trajectory frame by frame, the first frame's time, or else its step, taken as time zero.

    Bonds form and break with hysteresis, so each frame's bonds depend on those before. It ends at a frame whose
    positions are no numbers, which is known `_BATCH` frames later at most.
    """

    def __init__(
        self, trajectory_id: str, reference: Reference, criteria: OutcomeCriteria, timestep_fs: float | None
    ) -> None:
        self._trajectory_id, self._reference, self._criteria = trajectory_id, reference, criteria
        self._timestep_fs = timestep_fs
        self._path = TrajectoryPath.empty(criteria)
        self._state = BondState.none(reference.limits)
        self._first: Frame | None = None
        self._first_height: float | None = None
        known = standard_masses_u(reference.symbols) if reference.masses_u is None else reference.masses_u
        masses = known[reference.n_slab :]
        self._weights = masses / masses.sum()
        self._stretch: Stretch | None = None
        self._batch: list[Frame] = []
        self._others: list[FloatArray | None] = []

    @property
    def blew_up(self) -> bool:
        """Whether it has ended, so that no more frames need to be shown to it."""
        return self._path.blew_up

    def frame(self, frame: Frame, others: FloatArray | None = None) -> None:
        """The next frame; `others` (k, 3) Å: atoms of other molecules, which it may be near as well as the slab.

        Raises `InputFileError` where the frame is not of the reference's atoms.
        """
        _require_atoms(self._trajectory_id, frame, self._reference)
        if not self.blew_up:
            self._batch.append(frame)
            self._others.append(others)
        if len(self._batch) == _BATCH:
            self._take_batch()

    def result(self) -> TrajectoryPath:
        """What was seen."""
        if self._batch:
            self._take_batch()
        path, reference, lattice = self._path, self._reference, self._reference.surface.lattice
        if self._stretch is not None:  # once more, for the lengths of the last frame
            path.bonds = self._stretch.bonds(-1, self._state, lattice)
            path.classified = reference.classify(path.bonds)
            path.settled = (self._state.settled, self._state.surface_settled)
        return path

    def _take_batch(self) -> None:
        batch, self._batch, others, self._others = self._batch, [], self._others, []
        path, reference = self._path, self._reference
        self._first = self._first or batch[0]
        times_ps = np.array([self._time_ps(frame, self._first) for frame in batch])
        positions = np.stack([frame.unwrapped for frame in batch])
        finite = np.isfinite(positions).all(axis=(1, 2))
        usable = len(batch) if finite.all() else int(np.argmin(finite))
        molecule, slab = positions[:usable, reference.n_slab :], positions[:usable, : reference.n_slab]
        if usable:
            heights = molecule[[0, -1], :, 2] @ self._weights
            self._first_height = float(heights[0]) if self._first_height is None else self._first_height
            path.risen = float(heights[1]) - self._first_height
        for part in stretches(molecule):
            stretch = Stretch.of(molecule[part], slab[part], reference.surface.lattice, reference.limits)
            _add(path, self._state, stretch, others[part], times_ps[part], reference=reference, criteria=self._criteria)
            self._stretch = stretch
        path.frames += usable
        path.truncated = batch[-1].cut_after
        if usable < len(batch):
            path.frames += 1
            path.truncated = batch[usable].cut_after
            path.blew_up = True
            blown_up = reference.scheme.blown_up
            path.history.add(float(times_ps[usable]), blown_up)
            path.bonding.add(float(times_ps[usable]), (blown_up, False))

    def _time_ps(self, frame: Frame, first: Frame) -> float:
        """Since the first frame. Raises `InputFileError` where neither the frames nor a timestep say it."""
        if frame.time_ps is not None and first.time_ps is not None:
            return frame.time_ps - first.time_ps
        if self._timestep_fs is None:
            raise InputFileError(
                f"{self._trajectory_id}, step {frame.step}: this frame has no time, and the first one had. Say "
                "`timestep_fs`, or write ITEM: TIME for all frames or for none."
            )
        return (frame.step - first.step) * self._timestep_fs / FS_PER_PS


def follow(
    trajectory_id: str,
    frames: Iterable[Frame],
    reference: Reference,
    criteria: OutcomeCriteria,
    timestep_fs: float | None,
) -> TrajectoryPath:
    """All frames of a trajectory up to one whose positions are no numbers, as `Following` sees them.

    Raises `InputFileError` for frames that are not of the reference's atoms.
    """
    following = Following(trajectory_id, reference, criteria, timestep_fs)
    for frame in frames:
        following.frame(frame)
        if following.blew_up:
            break
    return following.result()


def _require_atoms(trajectory_id: str, frame: Frame, reference: Reference) -> None:
    if frame.symbols is not reference.symbols and frame.symbols != reference.symbols:
        raise InputFileError(
            f"trajectory {trajectory_id}, step {frame.step}: its {len(frame.symbols)} atoms are not the "
            f"{len(reference.symbols)} of the start, element by element. Is it the dump of another trajectory?"
        )


def _add(
    path: TrajectoryPath,
    state: BondState,
    stretch: Stretch,
    others: list[FloatArray | None],
    times_ps: FloatArray,
    *,
    reference: Reference,
    criteria: OutcomeCriteria,
) -> None:
    lattice = reference.surface.lattice
    classified: dict[int, Classified] = {}
    loose = reference.slab_state.loose(stretch.slab)
    also = _slab_changes(path, stretch, reference, loose)
    for frame in state.advance(stretch, reference.limits, times_ps, also):
        bonds = stretch.bonds(frame, state, lattice)
        classified[frame] = reference.classify(bonds)
    if path.classified is None and 0 not in classified:  # nothing is bonded in the first frame of all
        bonds = stretch.bonds(0, BondState.none(reference.limits), lattice)
        classified[0] = reference.classify(bonds)
    clearance = float((stretch.molecule[:, :, 2].min(axis=1) - stretch.slab[:, :, 2].max(axis=1)).min())
    path.lowest_clearance = clearance if path.lowest_clearance is None else min(path.lowest_clearance, clearance)
    nearest_in_each = stretch.nearest_held(loose, lattice, others).tolist()
    for frame, (time_ps, nearest) in enumerate(zip(times_ps.tolist(), nearest_in_each, strict=True)):
        now = path.classified = classified.get(frame, path.classified)
        assert now is not None  # of the first frame of all, by the above
        _add_frame(path, now, time_ps, nearest, criteria=criteria, scheme=reference.scheme)


def _slab_changes(path: TrajectoryPath, stretch: Stretch, reference: Reference, loose: BoolArray) -> BoolArray:
    """(F,) True for the frames in which the slab holds other atoms than in the frame before, and for all in which the
    molecule reaches into it where that decides; `loose` (F, m): the slab atoms that it holds no more."""
    before = np.concatenate([path.loose[None] if path.loose is not None else loose[:1], loose[:-1]])
    changes: BoolArray = (loose != before).any(axis=1)
    path.loose = loose[-1]
    if reference.scheme.asks_for_places:
        top = stretch.slab[:, reference.surface.top, 2].mean(axis=1)
        changes |= stretch.molecule[:, :, 2].min(axis=1) < top
    return changes


def _add_frame(
    path: TrajectoryPath,
    classified: Classified,
    time_ps: float,
    nearest: float,
    *,
    criteria: OutcomeCriteria,
    scheme: OutcomeScheme,
) -> None:
    path.nearest = nearest
    path.closest = min(path.closest, nearest)
    path.near = nearest < (criteria.departed_angstrom if path.near else criteria.contact_angstrom)
    if path.near:
        path.first_contact_ps = time_ps if path.first_contact_ps is None else path.first_contact_ps
        path.last_near_ps = time_ps
    if classified.bound and path.first_touch_ps is None:
        path.first_touch_ps = time_ps
    kind = Kind.IN_FLIGHT if path.first_contact_ps is None else Kind.NEAR if path.near else Kind.LEFT
    mode = classified.mode or path.fate(kind, scheme)
    path.history.add(time_ps, mode)
    path.bonding.add(time_ps, (mode, classified.bound))
    for wavering, kinds in scheme.wavering:
        if mode.kind not in kinds:
            path.among_since_ps.pop(wavering, None)
        elif path.history.lasts(time_ps - path.among_since_ps.setdefault(wavering, time_ps)):
            path.waver(wavering, kinds)
