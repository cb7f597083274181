"""Campaigns of chains side by side at equal coverage: what their molecules meet is the same, whatever came before."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.dosing.coverage import Doses, Places, What, lines_of_doses
from molgun_lmp.analysis.statistics.clustered_intervals import pooled_design_effect
from molgun_lmp.analysis.statistics.comparison import difference_interval, difference_p
from molgun_lmp.analysis.statistics.estimates import Estimate, Estimator
from molgun_lmp.analysis.statistics.multiple_testing import holm
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import BoolArray
from molgun_lmp.records import Outcome

RANGES: Final = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chains:
    """A campaign of chains by its name: its shots, and the lines (N,) bool of these."""

    name: str
    doses: Doses
    places: Places
    lines: dict[tuple[What, str], BoolArray]

    @classmethod
    def of(cls, name: str, outcomes: Sequence[Outcome], doses: Doses, places: Places) -> "Chains":
        """From what was found of them."""
        return cls(name=name, doses=doses, places=places, lines=lines_of_doses(outcomes, doses))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoverageDifference:
    """A campaign's fraction less the reference's, of shots that met between two coverages, the lower one included."""

    what: What
    line: str
    reference: str
    campaign: str
    monolayers_low: float
    monolayers_high: float
    reference_count: int
    reference_shots: int
    count: int
    shots: int
    difference: float
    low: float
    high: float
    simultaneous_low: float
    simultaneous_high: float
    """At a level so strict that all differences of this campaign hold at once."""
    p: float | None
    p_holm: float | None


def coverage_differences(sides: Sequence[Chains], ranges: int = RANGES) -> list[CoverageDifference]:
    """Each campaign less the first, for what sticks and every outcome, in ranges of coverage that both have met.

    Campaigns are taken as independent, and so are chains; the intervals are made of those of both fractions
    (`difference_interval`).
    """
    found: list[CoverageDifference] = []
    for other in sides[1:]:
        found += _between(sides[0], other, ranges)
    return found


def _between(reference: Chains, other: Chains, ranges: int) -> list[CoverageDifference]:
    if not (len(reference.doses.before) and len(other.doses.before)):
        return []
    met = [one.doses.before / one.places.top_atoms for one in (reference, other)]
    step = 1 / max(reference.places.top_atoms, other.places.top_atoms)
    highest = min(float(one.max()) for one in met)
    steps = max(1, math.ceil((round(highest / step) + 1) / ranges))  # a range is whole molecules of the larger slab
    edges = np.arange(0.0, highest + step, steps * step)
    lines = [key for key in reference.lines | other.lines if key[0] in {"sticking", "outcome"}]
    cells: list[CoverageDifference] = []
    for low, high in zip(edges, edges + steps * step, strict=True):
        there = [(one >= low - step / 4) & (one < high - step / 4) for one in met]
        if not all(one.any() for one in there):
            continue
        for key in lines:
            pairs = [
                [_estimate(side, key, inside, many) for side, inside in zip((reference, other), there, strict=True)]
                for many in (1, len(lines) * len(edges))
            ]
            cells.append(_difference(key, (reference.name, other.name), (low, high), pairs))
    adjusted = holm([one.p for one in cells])
    return [dataclasses.replace(one, p_holm=p) for one, p in zip(cells, adjusted, strict=True)]


def _estimate(side: Chains, key: tuple[What, str], inside: BoolArray, lines: int) -> Estimate:
    hit = side.lines.get(key, np.zeros(len(inside), dtype=np.bool_))
    clusters = side.doses.clusters
    pooled = pooled_design_effect([hit], clusters)
    level = 1 - 0.05 / lines
    return Estimator(confidence=level, lines=1, pooled=pooled).over(Line.of_all(hit[inside]), clusters.take(inside))


def _difference(
    key: tuple[What, str], names: tuple[str, str], ends: tuple[float, float], pairs: list[list[Estimate]]
) -> CoverageDifference:
    (ours, theirs), (strict_ours, strict_theirs) = pairs
    low, high = difference_interval(theirs, ours)
    lowest, highest = difference_interval(strict_theirs, strict_ours)
    return CoverageDifference(
        what=key[0],
        line=key[1],
        reference=names[0],
        campaign=names[1],
        monolayers_low=float(ends[0]),
        monolayers_high=float(ends[1]),
        reference_count=ours.count,
        reference_shots=ours.shots,
        count=theirs.count,
        shots=theirs.shots,
        difference=theirs.count / theirs.shots - ours.count / ours.shots,
        low=low,
        high=high,
        simultaneous_low=lowest,
        simultaneous_high=highest,
        p=difference_p(theirs, ours),
        p_holm=None,
    )
