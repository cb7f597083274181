"""How far the table depends on where a bond begins: the same trajectories under scaled bond limits."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Final

from molgun_lmp.analysis.bonds import BondLimits
from molgun_lmp.analysis.estimates import STUCK_LINE, Estimate
from molgun_lmp.analysis.summary import Summary, summarise
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.csv_files import write_csv
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome

SCALES: Final = (0.90, 0.95, 1.0, 1.05, 1.10)
"""Beyond 15 % a limit leaves what it stands for: C-C bonds of the molecule, or atoms two bonds apart, would change."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scaled:
    """All outcomes with every bond limit multiplied by `scale`; `limits` are those of each pair of elements in Å."""

    scale: float
    limits: Mapping[str, float]
    outcomes: Sequence[Outcome]
    summary: Summary

    def lines(self) -> dict[str, Estimate]:
        """Every mode, and `stuck`."""
        return {row.mode.value: row.estimate for row in self.summary.modes} | {STUCK_LINE: self.summary.stuck}


def pair_limits(criteria: OutcomeCriteria, elements: Iterable[str]) -> dict[str, float]:
    """The distance below which each pair of elements is bonded, such as {"C-Si": 2.47}."""
    pairs = combinations_with_replacement(sorted(set(elements)), 2)
    return {f"{a}-{b}": float(BondLimits.of([a], [b], criteria).surface[0, 0]) for a, b in pairs}


def scaled_criteria(criteria: OutcomeCriteria, elements: Iterable[str], scale: float) -> OutcomeCriteria:
    """The criteria with all limits between `elements` multiplied by `scale`; the hysteresis stays as it is."""
    limits = {pair: scale * limit for pair, limit in pair_limits(criteria, elements).items()}
    return criteria.model_copy(update={"pair_limits_angstrom": limits})


def scaled(scale: float, limits: Mapping[str, float], outcomes: Sequence[Outcome]) -> Scaled:
    """The record of one scale."""
    return Scaled(scale=scale, limits=limits, outcomes=outcomes, summary=summarise(outcomes))


def changed(one: Scaled, unscaled: Scaled) -> int:
    """Trajectories whose mode differs."""
    return sum(a.mode is not b.mode for a, b in zip(one.outcomes, unscaled.outcomes, strict=True))


def unscaled_of(found: Sequence[Scaled]) -> Scaled:
    """The one with a scale of 1, which is always there."""
    return next(one for one in found if one.scale == 1.0)


def cells(found: Sequence[Scaled]) -> list[tuple[str, ...]]:
    """Lines of the printed table: label, then the number of shots at each scale; lines that none shows are left out."""
    lines = [one.lines() for one in found]
    rows = [
        (label, *(str(line[label].count) for line in lines))
        for label in (*(mode.value for mode in Mode), STUCK_LINE)
        if label == STUCK_LINE or any(line[label].count for line in lines)
    ]
    return [*rows, ("changed their mode", *(str(changed(one, unscaled_of(found))) for one in found))]


def write_sensitivity(found: Sequence[Scaled], path: Path) -> Path:
    """One line per scale and line of the table, with its difference from the unscaled count and its interval."""
    unscaled = unscaled_of(found).lines()
    header = ("scale", "line", "count", "difference", "shots", "fraction", "cluster_low", "cluster_high", "changed")
    rows = (
        [
            *(one.scale, label, e.count, e.count - unscaled[label].count, e.shots, e.fraction, *e.cluster),
            changed(one, unscaled_of(found)),
        ]
        for one in found
        for label, e in one.lines().items()
    )
    return write_csv(path, header, rows)


def write_changes(found: Sequence[Scaled], path: Path) -> Path:
    """The trajectories whose mode is not the same at all scales: one line each, its mode at every scale."""
    rows = (
        [same[0].trajectory_id, *(outcome.mode.value for outcome in same)]
        for same in zip(*(one.outcomes for one in found), strict=True)
        if len({outcome.mode for outcome in same}) > 1
    )
    return write_csv(path, ["trajectory", *(f"mode_at_{one.scale:g}" for one in found)], rows)
