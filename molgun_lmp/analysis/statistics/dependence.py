"""Does the outcome depend on what was drawn? Fractions in bins of one variable at a time, with intervals and a test."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy import stats

from molgun_lmp.analysis.statistics.estimates import Estimate, Estimator, clusters_of, lines_of
from molgun_lmp.analysis.statistics.multiple_testing import holm
from molgun_lmp.arrays import FloatArray
from molgun_lmp.records import Outcome

BINS: Final = 5
FEWEST_IN_BIN: Final = 10
"""Bins are made fewer where they would hold fewer shots than this."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bin:
    """One line of the table among the shots whose `variable` lies from `low` to `high` (the last bin includes it)."""

    variable: str
    low: float
    high: float
    line: str
    estimate: Estimate
    p: float | None
    """Of equal fractions in all bins of this variable, the same for each of them; None where no test is possible."""
    p_holm: float | None
    """The same adjusted for the number of variables and lines that were tested (Holm)."""


def bin_edges(values: FloatArray, bins: int = BINS, fewest: int = FEWEST_IN_BIN) -> FloatArray:
    """Edges of at most `bins` bins with about equal numbers of the values (N,), none narrower than a rounding.

    Fewer than two edges mean that there is nothing to bin: all values alike, or too few of them.
    """
    finite = values[np.isfinite(values)]
    number = min(bins, len(finite) // fewest)
    if number < 2:
        return np.empty(0)
    edges = np.quantile(finite, np.linspace(0, 1, number + 1))
    distinct = np.concatenate([[True], np.diff(edges) > 1e-9 * max(1.0, float(np.abs(edges).max()))])
    kept: FloatArray = edges[distinct]
    return kept if len(kept) > 2 else np.empty(0)


def dependence(
    variables: Mapping[str, FloatArray], outcomes: Sequence[Outcome], confidence: float = 0.95
) -> tuple[Bin, ...]:
    """Every line that was seen, in bins of each variable: name -> (N,) values, one per outcome, NaN where unknown.

    A variable that does not vary is left out. The test is Pearson's for equal fractions, divided by the mean design
    effect within the bins (Rao and Scott, Ann. Stat. 12, 46 (1984), first order). As bins share their snapshots, which
    moves them together, it finds too little rather than too much.
    """
    clusters, lines = clusters_of(outcomes), lines_of(outcomes)
    found: list[Bin] = []
    tests: dict[tuple[str, str], float | None] = {}
    for variable, values in variables.items():
        edges = bin_edges(values)
        if not len(edges):
            continue
        place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        place[~np.isfinite(values)] = -1
        inside = [place == number for number in range(len(edges) - 1)]
        estimators = [
            Estimator.of([hit[keep] for hit in lines.values()], clusters.take(keep), confidence=confidence)
            for keep in inside
        ]
        for line, hit in lines.items():
            estimates = [
                estimator.over(hit[keep], clusters.take(keep))
                for estimator, keep in zip(estimators, inside, strict=True)
            ]
            tests[variable, line] = equal_fractions_p(estimates)
            found += [
                Bin(
                    variable=variable,
                    low=float(low),
                    high=float(high),
                    line=line,
                    estimate=estimate,
                    p=tests[variable, line],
                    p_holm=None,
                )
                for low, high, estimate in zip(edges[:-1], edges[1:], estimates, strict=True)
            ]
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    return tuple(dataclasses.replace(one, p_holm=adjusted[one.variable, one.line]) for one in found)


def equal_fractions_p(estimates: Sequence[Estimate]) -> float | None:
    """P value of one fraction behind all estimates; 1 where all shots agree, None where one says nothing."""
    if len(estimates) < 2 or any(e.shots == 0 or not e.effective_shots > 0 for e in estimates):
        return None
    shots = np.array([e.shots for e in estimates], dtype=np.float64)
    counts = np.array([e.count for e in estimates], dtype=np.float64)
    overall = counts.sum() / shots.sum()
    if overall in (0.0, 1.0):
        return 1.0
    pearson = float((shots * (counts / shots - overall) ** 2).sum() / (overall * (1 - overall)))
    effect = float(np.mean([e.shots / e.effective_shots for e in estimates]))
    return float(stats.chi2.sf(pearson / max(1.0, effect), len(estimates) - 1))
