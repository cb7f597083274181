"""The line that force errors follow, and what they keep below: fitted on frames that training did not see.

What is known of a structure without labels, its distance from the training set or the spread of a committee, is `x`
here; why a line through logarithms, and a conformal bound, is said in `calibration`.
"""

import dataclasses
import math
from typing import Final, Self

import numpy as np
from scipy.stats import spearmanr

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError

CONFIDENCE: Final = 0.9
FEWEST_FRAMES: Final = 20
FEWEST_TRAJECTORIES: Final = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """Held-out frames, F of them: `distance` (F,) of the farthest atom in units of `AtomSpaces.typical`, or the largest
    spread of a committee's forces in eV/Å; `error` (F,) eV/Å of the force farthest off; `trajectories`: F names.
    """

    distance: FloatArray
    error: FloatArray
    trajectories: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorLine:
    """The straight line through the logarithms of errors against those of distances."""

    intercept: float
    slope: float

    @classmethod
    def fit(cls, distance: FloatArray, error: FloatArray) -> Self:
        """By least squares; never falling: a farther structure is not trusted more."""
        x, y = np.log(distance), np.log(error)
        centred = x - x.mean()
        slope = max(0.0, float(centred @ y / max(float(centred @ centred), 1e-12)))
        return cls(intercept=float(y.mean() - slope * x.mean()), slope=slope)

    def residuals(self, distance: FloatArray, error: FloatArray) -> FloatArray:
        """(F,) logarithms of the errors over the line's."""
        found: FloatArray = np.log(error) - self.intercept - self.slope * np.log(distance)
        return found


def border_of(checked: Checked, limit: float, confidence: float = CONFIDENCE) -> float:
    """The distance beyond which a frame that is wrong by more than `limit` lies with `confidence`.

    With too few such frames for that the nearest of them; where there is none, the farthest frame of all: what lies
    beyond was never checked.
    """
    wrong = np.sort(checked.distance[checked.error > limit])
    if not len(wrong):
        return float(checked.distance.max())
    place = max(1, math.floor((1 - confidence) * (len(wrong) + 1) + 1e-9))
    # Beyond means farther than the border, and the frame at this place is to be found as well.
    return float(np.nextafter(wrong[place - 1], 0.0))


def bound_factor_of(checked: Checked, confidence: float = CONFIDENCE) -> float:
    """By which the line is to be multiplied so that the error of a frame of a new trajectory is below it."""
    names = np.array(checked.trajectories)
    left_out = np.empty(len(names))
    for name in np.unique(names):
        of = names == name
        line = ErrorLine.fit(checked.distance[~of], checked.error[~of])
        left_out[of] = line.residuals(checked.distance[of], checked.error[of])
    place = min(len(names), math.ceil(confidence * (len(names) + 1)))
    return math.exp(max(0.0, float(np.sort(left_out)[place - 1])))


def require_enough(checked: Checked) -> None:
    """Raise `InputFileError` for fewer than 20 held-out frames or fewer than three trajectories."""
    if len(checked.error) < FEWEST_FRAMES or len(set(checked.trajectories)) < FEWEST_TRAJECTORIES:
        raise InputFileError(
            f"{len(checked.error)} labelled frames of {len(set(checked.trajectories))} trajectories were held out of "
            f"the training: a calibration needs {FEWEST_FRAMES} of {FEWEST_TRAJECTORIES} at least. Name files with "
            "validation or test frames, too."
        )


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's; 0 where one of them is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
