"""What an even spread of the shots has gained: how scrambled Sobol replicates differ, against independent shots."""

import dataclasses
from typing import Final

import numpy as np
from pydantic import ConfigDict
from scipy import special

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.records import JsonRecord

FEWEST_OF_EACH: Final = 8
"""Shots of each replicate: their mean is then near enough to Gaussian for the interval."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingGain(JsonRecord):
    """How many independent shots one evenly spread shot is worth, for one line of the table, the pools as they are.

    Replicates are independent of each other, so that the variance of their fractions is an honest one (Owen, J.
    Complexity 14, 466 (1998)), known from few of them: the bounds are those of a chi-squared variance.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    line: str
    replicates: int
    shots: int
    """That were used: as many of each replicate."""
    gain: float
    low: float
    high: float
    half_width: float
    """Of the fraction's 95 % interval by the replicates alone, what other snapshots would do left out."""

    def sentence(self) -> str:
        """The same in words."""
        return (
            f"Sobol: for `{self.line}` {self.shots} shots in {self.replicates} scrambles are worth {self.gain:.2g} "
            f"times as many independent ones (95 %: {self.low:.2g} to {self.high:.2g}); on these pools the fraction is "
            f"known to ±{100 * self.half_width:.1f} % by the replicates. Intervals over snapshots do not count on it."
        )


def sampling_gain(line: str, hit: BoolArray | FloatArray, number: IntArray, replicates: int) -> SamplingGain | None:
    """Of shots (N,) with hits (or what they count) and numbers; shot k, of which a grid has one at each point, is of
    replicate k mod R.

    None for fewer than `FEWEST_OF_EACH` whole rounds, and where all shots or all replicates agree. A grid's shots of
    one number share their point, and count as one with their mean.
    """
    rounds = int(number.max()) + 1 if len(number) else 0
    shots = np.bincount(number)
    rounds = int(np.argmax(shots < shots.max())) if len(shots) and (shots < shots.max()).any() else rounds
    rounds //= replicates
    if rounds < FEWEST_OF_EACH:
        return None
    share = (np.bincount(number, hit) / np.maximum(shots, 1))[: rounds * replicates]
    means = share.reshape(rounds, replicates).mean(axis=0)
    independent, between = float(share.var(ddof=1)) / len(share), float(means.var(ddof=1)) / replicates
    if independent == 0.0 or between == 0.0:
        return None
    freedom = replicates - 1
    low, high = (float(special.chdtri(freedom, tail)) / freedom for tail in (0.975, 0.025))
    return SamplingGain(
        line=line,
        replicates=replicates,
        shots=len(share),
        gain=independent / between,
        low=independent / between * low,
        high=independent / between * high,
        half_width=float(special.stdtrit(freedom, 0.975)) * between**0.5,
    )
