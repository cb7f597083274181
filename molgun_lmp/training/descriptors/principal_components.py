"""Principal components of a training set, and how far from it other points are, in units of its own spread."""

import dataclasses
from typing import Final, Self

import numpy as np
from scipy.spatial import cKDTree

from molgun_lmp.arrays import FloatArray, TextArray
from molgun_lmp.errors import InputFileError

_KEPT_VARIANCE: Final = 0.999
_FEWEST: Final = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSpace:
    """The training set's principal components, K of them, which hold 99.9 % of its variance.

    `mean` (F,); `axes` (K, F), orthonormal rows; `spread` (K,): standard deviations along them; `explained` (K,): their
    shares of the variance; `rest`: standard deviation of what the K leave over, 0 for nothing; `scores` (M, K): the
    training points, `trajectories` (M,) theirs.
    """

    mean: FloatArray
    axes: FloatArray
    spread: FloatArray
    explained: FloatArray
    rest: float
    scores: FloatArray
    trajectories: TextArray

    @classmethod
    def fit(cls, features: FloatArray, trajectories: TextArray) -> Self:
        """From the training points' features (M, F). Raises `InputFileError` for fewer than three different points."""
        mean = features.mean(axis=0)
        _, singular, axes = np.linalg.svd(features - mean, full_matrices=False)
        variance = singular**2
        if len(features) < _FEWEST or variance[1] <= 1e-24 * max(variance[0], 1e-300):
            raise InputFileError(
                f"the training set has {len(features)} points that hardly differ: principal components need at least "
                f"{_FEWEST} different structures."
            )
        shares = variance / variance.sum()
        kept = max(2, int(np.searchsorted(np.cumsum(shares), _KEPT_VARIANCE)) + 1)
        kept = min(kept, int((variance > 1e-24 * variance[0]).sum()))
        degrees = len(features) - 1
        space = cls(
            mean=mean,
            axes=axes[:kept],
            spread=np.sqrt(variance[:kept] / degrees),
            explained=shares[:kept],
            rest=float(np.sqrt(variance[kept:].sum() / degrees)),
            scores=(features - mean) @ axes[:kept].T,
            trajectories=trajectories,
        )
        # What rounding leaves over is no spread.
        return dataclasses.replace(space, rest=space.rest if space.rest > 1e-9 * space.spread[0] else 0.0)

    def project(self, features: FloatArray) -> FloatArray:
        """(M, K) scores of points (M, F)."""
        scores: FloatArray = (features - self.mean) @ self.axes.T
        return scores

    def distance(self, features: FloatArray) -> FloatArray:
        """(M,) root mean square of a point's distances from the centre along the components, in standard deviations.

        1 is typical of the training set itself (Mahalanobis' distance per root of the number of components). What the
        components do not hold counts as one more of them, so that features the training set never had are noticed.
        """
        scores = self.project(features)
        terms = np.square(scores / self.spread)
        if self.rest:
            left = features - self.mean - scores @ self.axes
            terms = np.column_stack([terms, np.square(left).sum(axis=1) / self.rest**2])
        return np.asarray(np.sqrt(terms.mean(axis=1)))

    def nearest(self, features: FloatArray) -> FloatArray:
        """(M,) distance to the nearest training point, in units of the median of the training points' own.

        Own neighbours are those of other trajectories, where there are several: frames of one are alike.
        """
        tree = cKDTree(self.scores / self.spread)
        found, _ = tree.query(self.project(features) / self.spread)
        return np.asarray(found) / self._own_neighbour()

    def _own_neighbour(self) -> float:
        points = self.scores / self.spread
        names = np.unique(self.trajectories)
        if len(names) < 2:
            found, _ = cKDTree(points).query(points, k=2)
            return float(np.median(found[:, 1]))
        lengths = []
        for name in names:
            here = self.trajectories == name
            found, _ = cKDTree(points[~here]).query(points[here])
            lengths.append(found)
        return float(np.median(np.concatenate(lengths)))
