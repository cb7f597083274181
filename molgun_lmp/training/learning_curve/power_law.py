"""The law of learning curves, error = a N^-b, fitted with its standard errors."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import linregress

from molgun_lmp.config.section import Section

_FEWEST_SIZES = 3


class PowerLaw(Section):
    """error(N) = `prefactor` N^-`exponent`; the errors are one standard error."""

    prefactor: float
    """The unit of the error that was fitted."""
    prefactor_error: float
    exponent: float
    exponent_error: float
    points: int

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
    )
