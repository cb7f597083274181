"""Scrambled Sobol sequences in place of independent random numbers: place, orientation and kick spread evenly.

There are `REPLICATES` sequences, each scrambled by itself, and shots take the next point of one after the other. Any
point of any scramble is uniform, so that every fraction stays unbiased; how the replicates differ says what the even
spread has gained (Owen, J. Complexity 14, 466 (1998); scrambling as in scipy.stats.qmc).
"""

import functools
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, overload

import numpy as np
from scipy import special
from scipy.spatial.transform import Rotation

from molgun_lmp.arrays import FloatArray

REPLICATES: Final = 16
Evenly: TypeAlias = Literal["place", "orientation", "kick"]
COORDINATES: Final[Mapping[Evenly, slice]] = {
    "place": slice(0, 2),
    "orientation": slice(2, 5),
    "kick": slice(5, 9),
}
"""Which of a point's nine coordinates each thing takes; a kick takes four at most."""

_DIMENSIONS: Final = 9
_BLOCK: Final = 256
_EDGE: Final = 2.0**-31
_KEY_OF_SCRAMBLES: Final = (0, 0, 0)
"""Behind the replicate's number: longer than the keys of trajectories and equilibrations, so that none is shared."""


class UnitPoint:
    """Draws from some coordinates of one point, each used once, by inverse distribution functions.

    The same calls as of `numpy.random.Generator`; a law takes the same number of coordinates for every shot.
    """

    def __init__(self, coordinates: FloatArray) -> None:
        self._left = list(np.clip(coordinates, _EDGE, 1 - _EDGE).tolist())

    def _next(self, number: int) -> FloatArray:
        taken, self._left = self._left[:number], self._left[number:]
        if len(taken) < number:
            raise IndexError(f"a law takes more than the coordinates of one point ({_DIMENSIONS})")
        return np.array(taken)

    @overload
    def random(self) -> float: ...
    @overload
    def random(self, size: int) -> FloatArray: ...
    def random(self, size: int | None = None) -> float | FloatArray:
        """Uniform in (0, 1)."""
        return float(self._next(1)[0]) if size is None else self._next(size)

    @overload
    def uniform(self, low: float, high: float) -> float: ...
    @overload
    def uniform(self, low: tuple[float, ...], high: tuple[float, ...]) -> FloatArray: ...
    def uniform(self, low: float | tuple[float, ...], high: float | tuple[float, ...]) -> float | FloatArray:
        """Uniform between bounds."""
        if isinstance(low, tuple):
            between: FloatArray = np.array(low) + (np.array(high) - np.array(low)) * self._next(len(low))
            return between
        return low + (float(np.asarray(high)) - low) * float(self._next(1)[0])

    @overload
    def normal(self, loc: float, scale: float) -> float: ...
    @overload
    def normal(self, loc: float, scale: float, size: int) -> FloatArray: ...
    def normal(self, loc: float, scale: float, size: int | None = None) -> float | FloatArray:
        """Gaussian."""
        drawn: FloatArray = loc + scale * special.ndtri(self._next(size or 1))
        return float(drawn[0]) if size is None else drawn

    def rayleigh(self, scale: float) -> float:
        """p(x) ~ x exp(-x^2 / 2 scale^2)."""
        return float(scale * np.sqrt(-2.0 * np.log(self._next(1)[0])))

    def rotation(self) -> Rotation:
        """Uniform over all rotations (Shoemake in Graphics Gems III (1992), p. 124)."""
        share, first, second = self._next(3)
        inner, outer = np.sqrt(1 - share), np.sqrt(share)
        angles = 2 * np.pi * np.array([first, second])
        return Rotation.from_quat(
            [
                *(inner * np.sin(angles[0]), inner * np.cos(angles[0])),
                *(outer * np.sin(angles[1]), outer * np.cos(angles[1])),
            ]
        )


RandomSource: TypeAlias = np.random.Generator | UnitPoint
"""What a law is drawn from."""


def replicate_of(number: int) -> int:
    """The scramble that shot `number` takes its point from."""
    return number % REPLICATES


def unit_point(campaign_seed: int, number: int, name: Evenly) -> UnitPoint:
    """The coordinates of one thing of shot `number`: a function of (campaign seed, number) alone."""
    block, place = divmod(number // REPLICATES, _BLOCK)
    return UnitPoint(_points(campaign_seed, replicate_of(number), block)[place, COORDINATES[name]])


@functools.lru_cache(maxsize=4 * REPLICATES)
def _points(campaign_seed: int, replicate: int, block: int) -> FloatArray:
    """(256, 9) consecutive points of a scramble."""
    from scipy.stats import qmc  # noqa: PLC0415  # takes a second, and campaigns without Sobol need none

    seeds = np.random.SeedSequence(campaign_seed, spawn_key=(replicate, *_KEY_OF_SCRAMBLES))
    sequence = qmc.Sobol(_DIMENSIONS, scramble=True, seed=np.random.default_rng(seeds))
    if block:
        sequence.fast_forward(block * _BLOCK)
    points: FloatArray = sequence.random(_BLOCK)
    return points
