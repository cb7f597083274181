"""Does the outcome depend on what was drawn? Fractions in bins of one variable at a time, with intervals and a test.

The test sees strong dependence only. Of campaigns without any it rejects fewer than it may (5 %): 2.7 % where shots of
one snapshot are no more alike than others, and none where they are, for the bins share their snapshots. So each test
comes with the difference that it could have found: a large p says that there is hardly a larger one, and nothing of
smaller ones.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy import special

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
    detectable: float | None
    """See `detectable_difference`; None where no test is possible."""


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
            Estimator.of([line.take(keep) for line in lines.values()], clusters.take(keep), confidence=confidence)
            for keep in inside
        ]
        for line, among in lines.items():
            estimates = [
                estimator.over(among.take(keep), clusters.take(keep))
                for estimator, keep in zip(estimators, inside, strict=True)
            ]
            tests[variable, line] = equal_fractions_p(estimates)
            detectable = detectable_difference(estimates)
            found += [
                Bin(
                    variable=variable,
                    low=float(low),
                    high=float(high),
                    line=line,
                    estimate=estimate,
                    p=tests[variable, line],
                    p_holm=None,
                    detectable=detectable,
                )
                for low, high, estimate in zip(edges[:-1], edges[1:], estimates, strict=True)
            ]
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    return tuple(dataclasses.replace(one, p_holm=adjusted[one.variable, one.line]) for one in found)


def equal_fractions_p(estimates: Sequence[Estimate]) -> float | None:
    """P value of one fraction behind all estimates; 1 where all shots agree, None where one says nothing."""
    if not _tells(estimates):
        return None
    shots, counts = _numbers(estimates)
    overall = counts.sum() / shots.sum()
    if not 0.0 < overall < 1.0:
        return 1.0
    pearson = float((shots * (counts / shots - overall) ** 2).sum() / (overall * (1 - overall)))
    return float(special.chdtrc(len(estimates) - 1, pearson / _effect(estimates)))


def detectable_difference(estimates: Sequence[Estimate], level: float = 0.05, power: float = 0.8) -> float | None:
    """How far the fractions of the first and the last bin would have to be apart, those between them evenly spaced, for
    the test to give p below `level` in a share `power` of such campaigns.

    From the noncentral chi-squared distribution at the test's own design effect (Cohen, Statistical Power Analysis,
    1988, ch. 7). As the test is conservative where bins share snapshots, it may miss this much, too. Beyond 1: it can
    see nothing. None where it says nothing, or where all shots agree.
    """
    if not _tells(estimates):
        return None
    shots, counts = _numbers(estimates)
    overall = counts.sum() / shots.sum()
    if not 0.0 < overall < 1.0:
        return None
    freedom = len(estimates) - 1
    beyond = special.chdtri(freedom, level)
    needed = special.chndtrinc(beyond, freedom, 1 - power)
    place = np.linspace(0.0, 1.0, len(estimates))
    spread = float((shots * (place - np.average(place, weights=shots)) ** 2).sum())
    return float(np.sqrt(needed * overall * (1 - overall) * _effect(estimates) / spread))


def _tells(estimates: Sequence[Estimate]) -> bool:
    return len(estimates) > 1 and all(e.shots > 0 and e.effective_shots > 0 for e in estimates)


def _numbers(estimates: Sequence[Estimate]) -> tuple[FloatArray, FloatArray]:
    """Shots and counts of each bin, these within what a count can be: the audit of settled shots may take more away
    than there was."""
    shots, counts = np.array([(e.shots, e.hits) for e in estimates], dtype=np.float64).T
    return shots, np.clip(counts, 0.0, shots)


def _effect(estimates: Sequence[Estimate]) -> float:
    """Mean design effect within the bins."""
    return max(1.0, float(np.mean([e.shots / e.effective_shots for e in estimates])))
