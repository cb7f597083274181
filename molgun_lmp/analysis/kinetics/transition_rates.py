"""Rates between modes: how often one followed another, over all the time that was spent in the first.

Time in a mode that the trajectory's end cut short counts as time spent without a transition, which is what censoring
means for a rate. Intervals are those of a Poisson count; shared snapshots make the truth wider than these. Times and
transitions after a shot has settled are those of the audit, with its weight (`weighted_parts`), and the interval is
that of as many equal counts as they are worth.
"""

import dataclasses
from collections.abc import Sequence

from scipy import special

from molgun_lmp.analysis.kinetics.survival import transitions, weighted_parts
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rate:
    """From one mode to another: `count` transitions in `time_ps` spent in the first, by all trajectories together.
    Where shots settled, time and rate are weighted, and the count is what was seen."""

    before: Mode
    after: Mode
    count: int
    visits: int
    """To the first mode, the first frames' included."""
    censored: int
    """Of these, how many the end of the trajectory cut short."""
    time_ps: float
    per_ps: float | None
    """None where no time was spent."""
    interval: tuple[float, float]
    """Garwood's exact bounds of the rate per ps, Biometrika 28, 437 (1936)."""


def rates(outcomes: Sequence[Outcome], confidence: float = 0.95) -> tuple[Rate, ...]:
    """The rates of all transitions that were seen, in the order of their scheme."""
    spent: dict[Mode, float] = {}
    visits: dict[Mode, int] = {}
    censored: dict[Mode, int] = {}
    weights: dict[tuple[Mode, Mode], list[float]] = {}
    for outcome in outcomes:
        ends = [*outcome.lasting[1:], (outcome.followed_ps, None)]
        for (began, mode), (ended, after) in zip(outcome.lasting, ends, strict=False):
            parts = weighted_parts(outcome, began, ended)
            for start, end, weight in parts:
                spent[mode] = spent.get(mode, 0.0) + weight * max(0.0, end - start)
            visits[mode] = visits.get(mode, 0) + 1
            if after is not None:
                weights.setdefault((mode, after), []).append(parts[-1][2])
        if outcome.lasting:
            last = outcome.lasting[-1][1]
            censored[last] = censored.get(last, 0) + 1
    found = []
    for (before, after), count in transitions(outcomes).items():
        each = weights[before, after]
        weighted = sum(each)
        worth = weighted**2 / sum(one**2 for one in each)
        found.append(
            Rate(
                before=before,
                after=after,
                count=count,
                visits=visits[before],
                censored=censored.get(before, 0),
                time_ps=spent[before],
                per_ps=weighted / spent[before] if spent[before] > 0 else None,
                interval=poisson_rate(worth, spent[before] * (worth / weighted), confidence),
            )
        )
    return tuple(found)


def poisson_rate(count: float, time: float, confidence: float = 0.95) -> tuple[float, float]:
    """Exact bounds of a Poisson rate from a count in a time; (0, infinity) for no time."""
    if time <= 0:
        return 0.0, float("inf")
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(special.chdtri(2 * count, 1 - tail)) / 2
    return low / time, float(special.chdtri(2 * count + 2, tail)) / 2 / time
