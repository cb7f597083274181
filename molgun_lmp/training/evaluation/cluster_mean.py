"""A mean of values that come in clusters, and its interval."""

import numpy as np
from scipy import special

from molgun_lmp.arrays import FloatArray, TextArray


def mean_interval(values: FloatArray, clusters: TextArray, confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean of non-negative `values`, (n,) or (n, 3), each of which belongs to one of `clusters` (n,).

    The mean is a ratio of two sums over G clusters (sum of values, number of values); its variance is the linearised
    one (Cochran, Sampling Techniques, 3rd ed., 1977, section 6.3 with no finite population), its quantile Student's
    with G - 1 degrees of freedom. It is taken of the logarithm, since such means are skewed and never negative. None
    for fewer than two clusters, and where all values are zero.
    """
    _, code = np.unique(clusters, return_inverse=True)
    groups = int(code.max()) + 1 if len(code) else 0
    sums = np.bincount(code, weights=values.reshape(len(values), -1).sum(axis=1), minlength=groups)
    numbers = np.bincount(code, minlength=groups) * (values.size // max(len(values), 1))
    total = sums.sum()
    if groups < 2 or not total > 0:
        return None
    mean = total / numbers.sum()
    variance = groups / (groups - 1) * np.square(sums - mean * numbers).sum() / numbers.sum() ** 2
    half = float(special.stdtrit(groups - 1, (1 + confidence) / 2)) * float(np.sqrt(variance)) / mean
    return float(mean * np.exp(-half)), float(mean * np.exp(half))
