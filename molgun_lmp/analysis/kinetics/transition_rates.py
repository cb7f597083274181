"""Rates between modes: how often one followed another, over all the time that was spent in the first.

Time in a mode that the trajectory's end cut short counts as time spent without a transition, which is what censoring
means for a rate. Intervals are those of a Poisson count; shared snapshots make the truth wider than these.
"""

import dataclasses
from collections.abc import Sequence

from scipy import special

from molgun_lmp.analysis.kinetics.survival import transitions
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rate:
    """From one mode to another: `count` transitions in `time_ps` spent in the first, by all trajectories together."""

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
    for outcome in outcomes:
        ends = [*(time for time, _ in outcome.lasting[1:]), outcome.followed_ps]
        for (began, mode), ended in zip(outcome.lasting, ends, strict=False):
            spent[mode] = spent.get(mode, 0.0) + max(0.0, ended - began)
            visits[mode] = visits.get(mode, 0) + 1
        if outcome.lasting:
            last = outcome.lasting[-1][1]
            censored[last] = censored.get(last, 0) + 1
    return tuple(
        Rate(
            before=before,
            after=after,
            count=count,
            visits=visits[before],
            censored=censored.get(before, 0),
            time_ps=spent[before],
            per_ps=count / spent[before] if spent[before] > 0 else None,
            interval=poisson_rate(count, spent[before], confidence),
        )
        for (before, after), count in transitions(outcomes).items()
    )


def poisson_rate(count: int, time: float, confidence: float = 0.95) -> tuple[float, float]:
    """Exact bounds of a Poisson rate from a count in a time; (0, infinity) for no time."""
    if time <= 0:
        return 0.0, float("inf")
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(special.chdtri(2 * count, 1 - tail)) / 2
    return low / time, float(special.chdtri(2 * count + 2, tail)) / 2 / time
