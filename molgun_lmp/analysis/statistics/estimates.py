"""A fraction of shots with every interval that is quoted of it, and what it is made from."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.clustered_intervals import (
    Clusters,
    MoleculeUnit,
    cluster_interval,
    pooled_design_effect,
    wilson,
)
from molgun_lmp.arrays import BoolArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.records import JsonRecord, Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate(JsonRecord):
    """A count, its fraction of a number of shots, and the intervals of that fraction."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    count: int
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimator:
    """How the fractions of one table are estimated: its confidence, number of lines, and pooled design effect."""

    confidence: float
    lines: int
    pooled: float | None

    @classmethod
    def of(
        cls, hits: Iterable[BoolArray], clusters: Clusters, *, confidence: float = 0.95, lines: int = 1
    ) -> "Estimator":
        """For a table whose categories are `hits`, each (N,) bool, of the N shots of `clusters`."""
        return cls(confidence=confidence, lines=lines, pooled=pooled_design_effect(list(hits), clusters))

    def over(self, hit: BoolArray, clusters: Clusters) -> Estimate:
        """The estimate of one line, `hit` (N,) bool over the shots of `clusters`."""
        interval = cluster_interval(hit, clusters, self.confidence, self.pooled)
        strict = cluster_interval(hit, clusters, 1 - (1 - self.confidence) / self.lines, self.pooled)
        count, shots = int(hit.sum()), len(hit)
        return Estimate(
            count=count,
            shots=shots,
            fraction=count / shots if shots else None,
            cluster=(interval.low, interval.high),
            simultaneous=(strict.low, strict.high),
            wilson=wilson(count, shots, self.confidence),
            design_effect=interval.design_effect,
            effective_shots=interval.effective_shots,
            note=interval.note,
        )


def clusters_of(outcomes: Sequence[Outcome]) -> Clusters:
    """Which slab snapshot, and which molecule snapshot or run of them, each shot shares with others: atoms none."""
    unit: MoleculeUnit = "run" if any(o.molecule_run for o in outcomes) else "snapshot"
    if outcomes and all(o.atom for o in outcomes):
        unit = "atom"
    return Clusters.of(
        [o.slab_snapshot for o in outcomes],
        [o.molecule_cluster for o in outcomes],
        molecule_unit=unit,
    )


def hits_of(outcomes: Sequence[Outcome]) -> dict[Mode, BoolArray]:
    """Mode -> (N,) True for the shots that ended in it, every mode that was seen, in the order of the scheme."""
    return {
        mode: np.array([o.mode == mode for o in outcomes], dtype=np.bool_)
        for mode in in_order(o.mode for o in outcomes)
    }


def lines_of(outcomes: Sequence[Outcome]) -> dict[str, BoolArray]:
    """Line -> (N,) bool: the modes that were seen, and `stuck`."""
    lines: dict[str, BoolArray] = dict(hits_of(outcomes).items())
    return lines | {STUCK_LINE: np.array([o.stuck for o in outcomes], dtype=np.bool_)}


STUCK_LINE = "stuck"
"""Bound to the surface at the end, intact or broken, of all shots."""
