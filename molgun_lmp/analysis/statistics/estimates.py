"""A fraction of shots with every interval that is quoted of it, and what it is made from."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, MoleculeUnit, pooled_design_effect
from molgun_lmp.analysis.statistics.two_phase import Audit, Line, estimate
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.records import JsonRecord, Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate(JsonRecord):
    """A count, its fraction of a number of shots, and the intervals of that fraction."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    count: int
    """Shots that hit, those that had settled and were ended early as they had settled."""
    shots: int
    """The denominator."""
    fraction: float | None
    """None for no shots."""
    cluster: tuple[float, float]
    """Robust against effects of slab and molecule snapshots; the one to quote of a single fraction."""
    simultaneous: tuple[float, float]
    """The same at a level so strict that all lines of the table hold at once with the table's confidence: Bonferroni's
    inequality, which needs nothing to be known of how the lines depend on each other (for independent shots these are
    the intervals of Goodman, Technometrics 7, 247 (1965), with Wilson's in place of his)."""
    wilson: tuple[float, float]
    """As if every shot were independent."""
    design_effect: float | None
    effective_shots: float
    note: str
    corrected: float = 0.0
    """What the audit of settled shots adds to the count: the fraction is that of both (`two_phase`)."""

    @property
    def hits(self) -> float:
        """The estimated number of shots, the audit's correction included."""
        return self.count + self.corrected

    @property
    def seen(self) -> bool:
        """Whether any shot hit, when it settled or at the end."""
        return self.count > 0 or self.corrected != 0.0

    def count_text(self) -> str:
        """The count, and what the audit adds to it."""
        return f"{self.count}{self.corrected:+.0f}" if self.corrected else str(self.count)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimator:
    """How the fractions of one table are estimated: its confidence, number of lines, and pooled design effect."""

    confidence: float
    lines: int
    pooled: float | None

    @classmethod
    def of(
        cls, categories: Iterable[Line], clusters: Clusters, *, confidence: float = 0.95, lines: int = 1
    ) -> "Estimator":
        """For a table with these categories of the N shots of `clusters`."""
        pooled = pooled_design_effect([line.hit for line in categories], clusters)
        return cls(confidence=confidence, lines=lines, pooled=pooled)

    def over(self, line: Line, clusters: Clusters) -> Estimate:
        """The estimate of one line over the shots of `clusters` that count in it."""
        among = clusters if line.counted.all() else clusters.take(line.counted)
        line = line.of_counted()
        found = estimate(line, among, self.confidence, self.pooled)
        strict = estimate(line, among, 1 - (1 - self.confidence) / self.lines, self.pooled).interval
        interval = found.interval
        return Estimate(
            count=int(line.hit.sum()),
            shots=len(line.hit),
            fraction=found.fraction,
            cluster=(interval.low, interval.high),
            simultaneous=(strict.low, strict.high),
            wilson=found.independent,
            design_effect=interval.design_effect,
            effective_shots=interval.effective_shots,
            note=interval.note,
            corrected=found.corrected,
        )


def clusters_of(outcomes: Sequence[Outcome]) -> Clusters:
    """Which slab snapshot, or chain of doses, and which molecule snapshot or run of them, each shot shares with others:
    atoms none."""
    unit: MoleculeUnit = "run" if any(o.molecule_run for o in outcomes) else "snapshot"
    if outcomes and all(o.atom for o in outcomes):
        unit = "chain" if any(o.company is not None for o in outcomes) else "atom"
    return Clusters.of(
        [o.slab_snapshot for o in outcomes],
        [o.molecule_cluster for o in outcomes],
        molecule_unit=unit,
    )


def audit_of(outcomes: Sequence[Outcome]) -> Audit | None:
    """Which shots settled, and which of these ran on; None where none settled.

    Raises `InputFileError` where not all of them ran on with the same probability.
    """
    shares = {o.audit_share for o in outcomes if o.audit_share is not None}
    if not shares:
        return None
    if len(shares) > 1:
        raise InputFileError(
            f"settled shots were audited with different shares ({', '.join(f'{one:g}' for one in sorted(shares))}, "
            "stop.settled.audit_share): they are of different campaigns. Make a table of each."
        )
    return Audit(
        settled=np.array([o.audit_share is not None for o in outcomes], dtype=np.bool_),
        audited=np.array([o.as_settled is not None for o in outcomes], dtype=np.bool_),
        share=shares.pop(),
    )


def line_of(
    outcomes: Sequence[Outcome], hits: Callable[[Outcome], bool], counts: Callable[[Outcome], bool] = lambda _: True
) -> Line:
    """The line of the shots that `counts`, which no shot changes after it has settled, that hit by `hits`."""
    audit = audit_of(outcomes)
    hit = np.array([hits(o.first_phase) for o in outcomes], dtype=np.bool_)
    at_end = np.array([hits(o) for o in outcomes], dtype=np.bool_)
    return Line(
        hit=hit,
        counted=np.array([counts(o) for o in outcomes], dtype=np.bool_),
        change=None if audit is None else at_end.astype(np.int64) - hit,
        audit=audit,
    )


def mode_lines(outcomes: Sequence[Outcome]) -> dict[Mode, Line]:
    """Every mode that was seen, at the end or when its shot settled, in the order of the scheme."""
    seen = in_order(mode for o in outcomes for mode in (o.mode, o.first_phase.mode))
    return {mode: line_of(outcomes, is_of(mode)) for mode in seen}


def is_of(mode: Mode) -> Callable[[Outcome], bool]:
    """Whether an outcome is of a class."""
    return lambda outcome: outcome.mode == mode


def lines_of(outcomes: Sequence[Outcome]) -> dict[str, Line]:
    """The modes that were seen, and `stuck`."""
    lines: dict[str, Line] = dict(mode_lines(outcomes).items())
    return lines | {STUCK_LINE: line_of(outcomes, lambda o: o.stuck)}


STUCK_LINE = "stuck"
"""Bound to the surface at the end, intact or broken, of all shots."""
