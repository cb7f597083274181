"""How far the table depends on where a bond begins: the same trajectories under scaled bond limits."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Final

from molgun_lmp.analysis.outcomes.bonds import NO_BOND, BondLimits
from molgun_lmp.analysis.statistics.estimates import STUCK_LINE, Estimate
from molgun_lmp.analysis.statistics.summary import Summary, summarise
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_scheme import OutcomeScheme
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
        return {row.mode.label: row.estimate for row in self.summary.modes} | {STUCK_LINE: self.summary.stuck}


def pair_limits(criteria: OutcomeCriteria, elements: Iterable[str]) -> dict[str, float]:
    """The distance below which each pair of elements that ever is bonded is, such as {"C-Si": 2.47}."""
    pairs = combinations_with_replacement(sorted(set(elements)), 2)
    limits = {f"{a}-{b}": float(BondLimits.of([a], [b], criteria).surface[0, 0]) for a, b in pairs}
    return {pair: limit for pair, limit in limits.items() if limit != NO_BOND}


def scaled_criteria(criteria: OutcomeCriteria, elements: Iterable[str], scale: float) -> OutcomeCriteria:
    """The criteria with all limits between `elements` multiplied by `scale`; the hysteresis stays as it is."""
    limits = {pair: scale * limit for pair, limit in pair_limits(criteria, elements).items()}
    return criteria.model_copy(update={"pair_limits_angstrom": limits})


def scaled(scheme: OutcomeScheme, scale: float, limits: Mapping[str, float], outcomes: Sequence[Outcome]) -> Scaled:
    """The record of one scale."""
    return Scaled(scale=scale, limits=limits, outcomes=outcomes, summary=summarise(scheme, outcomes))


def changed(one: Scaled, unscaled: Scaled) -> int:
    """Trajectories whose mode differs."""
    return sum(a.mode != b.mode for a, b in zip(one.outcomes, unscaled.outcomes, strict=True))


def unscaled_of(found: Sequence[Scaled]) -> Scaled:
    """The one with a scale of 1, which is always there."""
    return next(one for one in found if one.scale == 1.0)


def cells(found: Sequence[Scaled]) -> list[tuple[str, ...]]:
    """Lines of the printed table: label, then the number of shots at each scale; lines that none shows are left out."""
    lines = [one.lines() for one in found]
    rows = [
        (label, *(str(line[label].count) for line in lines))
        for label in lines[0]
        if label == STUCK_LINE or any(line[label].count for line in lines)
    ]
    return [*rows, ("changed their mode", *(str(changed(one, unscaled_of(found))) for one in found))]
