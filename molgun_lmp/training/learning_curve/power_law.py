"""The law of learning curves, error = a N^-b, fitted with its standard errors, and the same with a floor.

No model of a given size and no labels with noise get better for ever: error = a N^-b + c (Hestness et al.,
arXiv:1712.00409). Over a decade of sizes a floor and a smaller exponent look alike, so the floor comes with its upper
bound and with a test of whether there is one.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import stats
from scipy.stats import linregress

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config.section import Section

_FEWEST_SIZES: Final = 3
_FLOORS: Final = 200
"""At which the fit is profiled, from none to just below the smallest error."""
_STEPS: Final = 60
"""Of the fit; it settles within twenty."""


class Floor(Section):
    """error(N) = `prefactor` N^-`exponent` + `value`, with a floor of 0 or more."""

    value: float
    """As all of these in the unit of the error that was fitted."""
    high: float
    """The largest floor that the errors allow at 95 % (profile likelihood)."""
    prefactor: float
    exponent: float
    p: float
    """Of no floor, by the F test between the two laws."""


class PowerLaw(Section):
    """error(N) = `prefactor` N^-`exponent`; the errors are one standard error."""

    prefactor: float
    """The unit of the error that was fitted."""
    prefactor_error: float
    exponent: float
    exponent_error: float
    points: int
    floor: Floor | None = None
    """The law with a floor; None for fewer than four sizes, and in curves of earlier versions."""

    def at(self, frames: float) -> float:
        """The fitted error for so many frames."""
        return float(self.prefactor * frames**-self.exponent)


def fit_power_law(sizes: Sequence[int], errors: Sequence[float]) -> PowerLaw | None:
    """A straight line through the logarithms by least squares (`scipy.stats.linregress`), every training one point.

    So the scatter is relative and the same for all sizes; standard errors are those of that regression with n - 2
    degrees of freedom, repeats taken as independent. None for fewer than three sizes,
    through which any line would go, and for errors that are not positive.
    """
    if len(set(sizes)) < _FEWEST_SIZES or min(errors) <= 0:
        return None
    line = linregress(np.log(sizes), np.log(errors))
    prefactor = float(np.exp(line.intercept))
    return PowerLaw(
        prefactor=prefactor,
        prefactor_error=prefactor * float(line.intercept_stderr),
        exponent=-float(line.slope),
        exponent_error=float(line.stderr),
        points=len(sizes),
        floor=_fit_floor(np.log(sizes), np.array(errors)) if len(set(sizes)) > _FEWEST_SIZES else None,
    )


def _fit_floor(log_sizes: FloatArray, errors: FloatArray) -> Floor:
    """Least squares of the logarithms over prefactor and exponent for each of many floors; the best of them."""
    freedom = len(errors) - 3
    floors = np.linspace(0.0, float(errors.min()), _FLOORS, endpoint=False)
    squares, law = _above_floors(log_sizes, errors, floors)
    best = int(np.argmin(squares))
    scale = max(float(squares[best]), np.finfo(np.float64).eps * len(errors)) / freedom
    allowed = squares - squares[best] <= scale * stats.f.isf(0.05, 1, freedom)
    return Floor(
        value=float(floors[best]),
        high=float(floors[allowed].max()),
        prefactor=float(np.exp(law[best, 0])),
        exponent=float(law[best, 1]),
        p=float(stats.f.sf((squares[0] - squares[best]) / scale, 1, freedom)),
    )


def _above_floors(log_sizes: FloatArray, errors: FloatArray, floors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each of F floors the sum of squares (F,), and the logarithm of the prefactor and the exponent (F, 2).

    Levenberg's and Marquardt's steps for all floors at once, from the law without a floor: two parameters are few, and
    one call of an optimiser for each floor takes seconds.
    """
    start = linregress(log_sizes, np.log(errors))
    law = np.tile([float(start.intercept), -float(start.slope)], (len(floors), 1))
    damping = np.full(len(floors), 1e-3)

    def model(of: FloatArray) -> tuple[FloatArray, FloatArray]:
        power = np.exp(np.clip(of[:, :1] - of[:, 1:] * log_sizes, -200.0, 200.0))
        return power, np.log(power + floors[:, None]) - np.log(errors)

    power, off = model(law)
    squares = (off**2).sum(axis=1)
    for _ in range(_STEPS):
        share = power / (power + floors[:, None])
        slopes = np.stack([share, -share * log_sizes], axis=2)
        normal = np.einsum("fni,fnj->fij", slopes, slopes)
        normal += (damping[:, None] * np.einsum("fii->fi", normal) + 1e-12)[:, :, None] * np.eye(2)
        tried = law - np.linalg.solve(normal, np.einsum("fni,fn->fi", slopes, off)[:, :, None])[:, :, 0]
        power_then, off_then = model(tried)
        squares_then = (off_then**2).sum(axis=1)
        better = squares_then < squares
        law[better], power[better], off[better] = tried[better], power_then[better], off_then[better]
        squares = np.where(better, squares_then, squares)
        damping = np.where(better, damping / 5.0, damping * 5.0)
    return squares, law
