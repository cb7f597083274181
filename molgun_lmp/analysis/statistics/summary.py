"""The table of a campaign: every mode counted over every shot, with honest intervals."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, get_args

from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.estimates import Estimate, Estimator, clusters_of, is_of, line_of
from molgun_lmp.analysis.statistics.settled_shots import SettledShots
from molgun_lmp.analysis.statistics.stopping import Stopping
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import JsonRecord, Outcome, ResumedNoise, TrajectoryResult

_STRICT = ConfigDict(extra="forbid")

TABLE_HEADER: Final = (
    *("mode", "shots", "of", "fraction", "95 % over snapshots", "95 %, all lines", "95 % if independent"),
    "design effect",
)
"""Column titles that go with `TableRow.cells`, for a confidence of 95 %; see `Summary.header`."""

TO_QUOTE: Final = 5
"""Columns of it up to the interval to quote."""

STICKING_LINES: Final = ("stuck, of all", "stuck, of those in contact", "trapped (not left)")
"""Labels of the table's last lines: what sticks."""

_LAST: Final = 5
"""Lines on what is bound and what sticks, the last ones."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModeEstimate(JsonRecord):
    """One mode's share of all shots."""

    __pydantic_config__ = _STRICT

    mode: Mode
    estimate: Estimate


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableRow:
    """One line of the table, numbers unrounded."""

    label: str
    estimate: Estimate

    def cells(self) -> tuple[str, ...]:
        """The line as text for a terminal or a page, in the order of `TABLE_HEADER`; per cent, a dash for unknown."""
        e = self.estimate
        return (
            self.label,
            e.count_text(),
            str(e.shots),
            "–" if e.fraction is None else f"{100 * e.fraction:.1f} %",
            bounds_text(e.cluster),
            bounds_text(e.simultaneous),
            bounds_text(e.wilson),
            "–" if e.design_effect is None else f"{e.design_effect:.2f}",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary(JsonRecord):
    """What a campaign says. Denominators are all analysed shots, the undecided and the failed among them."""

    __pydantic_config__ = _STRICT

    shots: int
    planned: int | None
    """Trajectories that the campaign planned; None where nobody said."""
    confidence: float
    modes: tuple[ModeEstimate, ...]
    """Every mode of the scheme once, in its order."""
    ever: tuple[ModeEstimate, ...]
    """Shots that were in a class at any time, whatever came of them; those classes that are counted so."""
    bound_intact: Estimate
    """Bound at the end and intact, of all shots."""
    bound_damaged: Estimate
    """Bound at the end and broken, of all shots."""
    stuck: Estimate
    """Bound at the end, intact or broken, of all shots."""
    stuck_of_contact: Estimate
    """Bound at the end, of the shots that came into contact: the sticking coefficient is not below it."""
    trapped_of_contact: Estimate
    """Not gone at the end, of the shots that came into contact: the sticking coefficient is not above it."""
    open_of_contact: dict[Mode, int]
    """Mode -> shots in contact that are in neither count or in the second only: neither bound nor gone at the end."""
    contact: int
    slab_snapshots: int
    """Different ones that the shots used; of chains of doses the chains, each from a snapshot of its own."""
    molecule_snapshots: int
    """Different snapshots that the shots used; of atoms there are none."""
    pooled_design_effect: float | None
    """Mean over the modes; None where the shots cannot tell it."""
    truncated: int
    """Trajectories whose dump was cut."""
    energy_flagged: int
    """Trajectories whose total energy moved beyond the campaign's limits."""
    energy_unknown: int
    """Analysed trajectories without a known energy drift, or without a result at all."""
    causes: dict[str, int]
    """Cause of failure -> trajectories."""
    noise_resumed: dict[ResumedNoise, int] = dataclasses.field(default_factory=dict)
    """Trajectories that went on from a checkpoint under random forces, by the noise that they had from there."""
    molecule_runs: int | None = None
    """Equilibration runs that the molecule snapshots are of, where molecules were fired as drawn and intervals are over
    runs; None where they are over snapshots."""
    stopping: Stopping | None = None
    """The stop rule of `molgun run --until` and its looks; None where the number of shots was fixed beforehand."""
    sets: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    """Shots that ended in any class of a set of the scheme's own."""
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    """Shots that ended on a cluster and could not be taken, none of them in the table: trajectory id -> why."""
    settled: SettledShots | None = None
    """What `stop.settled` did; None where no shot settled."""
    grid_points: int = 1
    """Energies and angles that the shots go round; with more than one all fractions are means over them."""
    in_chains: bool = False
    """Whether the shots are of chains of doses."""

    def mode(self, mode: Mode) -> Estimate:
        """The estimate of one mode."""
        return next(row.estimate for row in self.modes if row.mode == mode)

    def of_kind(self, kind: Kind) -> list[tuple[Mode, int]]:
        """The classes of one kind, and how many shots ended in each."""
        return [(row.mode, row.estimate.count) for row in self.modes if row.mode.kind is kind]

    def table(self) -> tuple[TableRow, ...]:
        """Every mode, events at any time, the scheme's own sets, what is bound, then sticking over all shots and over
        those in contact."""
        rows = [TableRow(label=row.mode.label, estimate=row.estimate) for row in self.modes]
        rows += [TableRow(label=f"{row.mode!s}, at any time", estimate=row.estimate) for row in self.ever]
        rows += [TableRow(label=f"{name}, all", estimate=estimate) for name, estimate in self.sets.items()]
        rows.append(TableRow(label="bound, intact", estimate=self.bound_intact))
        rows.append(TableRow(label="bound, damaged", estimate=self.bound_damaged))
        rows += [TableRow(label=label, estimate=estimate) for label, estimate in self.sticking().items()]
        return tuple(rows)

    def sticking(self) -> dict[str, Estimate]:
        """The table's last lines: label -> estimate of what sticks. The last two are bounds of the sticking
        coefficient, between which lies who was neither bound nor gone when the trajectories ended."""
        return dict(zip(STICKING_LINES, (self.stuck, self.stuck_of_contact, self.trapped_of_contact), strict=True))

    def cut_sentence(self) -> str:
        """What to mind of dumps that were cut, empty for none."""
        if not self.truncated:
            return ""
        one = self.truncated == 1
        what = "1 dump is cut: its outcome is" if one else f"{self.truncated} dumps are cut: their outcomes are"
        return f"{what} decided by the whole frames that are left (`truncated` in outcomes.json)."

    def pools(self) -> str:
        """What the shots share with each other, and the intervals are over, in words."""
        slabs = f"{self.slab_snapshots} {'chains of doses' if self.in_chains else 'slab snapshots'}"
        if not self.molecule_snapshots:
            return slabs if self.in_chains else f"{slabs} (an atom has none of its own)"
        if self.molecule_runs is not None:
            return (
                f"{slabs} and {self.molecule_runs} molecule runs ({self.molecule_snapshots} snapshots, fired as drawn)"
            )
        slabs = slabs if self.in_chains else f"{self.slab_snapshots} slab"
        return f"{slabs} and {self.molecule_snapshots} molecule snapshots"

    def header(self) -> tuple[str, ...]:
        """Column titles of `TableRow.cells` with this summary's confidence."""
        return tuple(title.replace("95 %", f"{100 * self.confidence:g} %") for title in TABLE_HEADER)


def bounds_text(bounds: tuple[float, float]) -> str:
    """An interval of a fraction in per cent, such as `12.0 to 34.5 %`."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def summarise(
    scheme: OutcomeScheme,
    outcomes: Sequence[Outcome],
    results: Sequence[TrajectoryResult] = (),
    *,
    planned: int | None = None,
    confidence: float = 0.95,
    stopping: Stopping | None = None,
    left_out: Mapping[str, str] | None = None,
    grid_points: int = 1,
    steps: int = 0,
) -> Summary:
    """Count every mode of the scheme over all `outcomes` and give its intervals.

    `results` tell which trajectories were flagged or failed and why; `planned` is the campaign's number of shots;
    `stopping` the rule that stopped it; `left_out` the shots that could not be collected, and why; `grid_points` how
    many energies and angles its gun has; `steps` how many each shot was planned to take.
    Raises `InputFileError` where a trajectory is there twice, or where a result has no outcome: either would change
    the denominator unseen.
    """
    _check_ids(outcomes, results)
    clusters, lines, number = clusters_of(outcomes), table_lines(scheme, outcomes), len(scheme.modes)
    # The simultaneous intervals allow for all lines, seen or not.
    estimator = Estimator.of(lines[:number], clusters, confidence=confidence, lines=len(lines))
    estimates = [estimator.over(line, clusters) for line in lines]
    modes, rest = estimates[:number], estimates[-_LAST:]
    ever, sets = (estimates[number:-_LAST][part] for part in _parts(scheme))
    bound_intact, bound_damaged, stuck, stuck_of_contact, trapped_of_contact = rest
    neither = Counter(o.mode for o in outcomes if o.contact and not o.stuck and not o.left)
    known = [r for r in results if r.energy.drift_ev_per_atom_per_ps is not None]
    return Summary(
        shots=len(outcomes),
        planned=planned,
        confidence=confidence,
        modes=tuple(ModeEstimate(mode=mode, estimate=one) for mode, one in zip(scheme.modes, modes, strict=True)),
        ever=tuple(
            ModeEstimate(mode=mode, estimate=one) for mode, one in zip(scheme.counted_at_any_time, ever, strict=True)
        ),
        bound_intact=bound_intact,
        bound_damaged=bound_damaged,
        stuck=stuck,
        stuck_of_contact=stuck_of_contact,
        trapped_of_contact=trapped_of_contact,
        open_of_contact={mode: neither[mode] for mode in scheme.modes if neither[mode]},
        contact=sum(o.contact for o in outcomes),
        slab_snapshots=clusters.slabs,
        molecule_snapshots=len({o.molecule_snapshot for o in outcomes if not o.atom}),
        molecule_runs=clusters.molecules if clusters.molecule_unit == "run" else None,
        pooled_design_effect=estimator.pooled,
        truncated=sum(o.truncated for o in outcomes),
        energy_flagged=sum(r.energy.flagged for r in results),
        energy_unknown=len(outcomes) - len(known),
        causes=dict(sorted(Counter(r.cause.value for r in results if r.cause is not None).items())),
        noise_resumed=_resumed(results),
        stopping=stopping,
        sets=dict(zip(scheme.sets, sets, strict=True)),
        left_out=dict(left_out or {}),
        grid_points=grid_points,
        settled=SettledShots.of(outcomes, results, steps),
        in_chains=any(o.company is not None for o in outcomes),
    )


def _parts(scheme: OutcomeScheme) -> tuple[slice, slice]:
    """Of the lines between the modes and the last ones: events at any time, and sets."""
    number = len(scheme.counted_at_any_time)
    return slice(number), slice(number, None)


def _resumed(results: Sequence[TrajectoryResult]) -> dict[ResumedNoise, int]:
    kinds = Counter(result.noise_resumed for result in results)
    return {kind: number for kind in get_args(ResumedNoise) if (number := kinds[kind])}


def table_lines(scheme: OutcomeScheme, outcomes: Sequence[Outcome]) -> tuple[Line, ...]:
    """Which shots each line of `Summary.table` counts, in its order."""
    of_all: list[Callable[[Outcome], bool]] = [
        *(is_of(mode) for mode in scheme.modes),
        *(_was(mode) for mode in scheme.counted_at_any_time),
        *(_is_in(name) for name in scheme.sets),
        lambda o: o.stuck and o.mode.bound_intact,
        lambda o: o.stuck and not o.mode.bound_intact,
        lambda o: o.stuck,
    ]
    in_contact: list[Callable[[Outcome], bool]] = [lambda o: o.stuck and o.contact, lambda o: o.contact and not o.left]
    return (
        *(line_of(outcomes, hits) for hits in of_all),
        *(line_of(outcomes, hits, lambda o: o.contact) for hits in in_contact),
    )


def _check_ids(outcomes: Sequence[Outcome], results: Sequence[TrajectoryResult]) -> None:
    for kind, ids in (("outcome", [o.trajectory_id for o in outcomes]), ("result", [r.trajectory_id for r in results])):
        twice = [name for name, times in Counter(ids).items() if times > 1]
        if twice:
            raise InputFileError(
                f"trajectory {twice[0]!r} has more than one {kind} ({len(twice)} such trajectories): it would "
                "be counted twice. Pass each trajectory once."
            )
    missing = {r.trajectory_id for r in results} - {o.trajectory_id for o in outcomes}
    if missing:
        raise InputFileError(
            f"{len(missing)} finished or failed trajectories have no outcome, the first is {min(missing)!r}: fractions "
            "would leave them out. Run `molgun analyse` again."
        )


def _was(mode: Mode) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.mode == mode or any(at == mode for _, at in outcome.events)


def _is_in(name: str) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.mode.row.group == name
