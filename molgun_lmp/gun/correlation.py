"""Integrated autocorrelation times: how far apart samples of one run are as good as independent."""

from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray

_WINDOW: Final = 5.0
"""The autocorrelation is summed up to this many correlation times (A. Sokal's automatic windowing)."""


def correlation_time(values: FloatArray) -> float:
    """Integrated autocorrelation time 1/2 + sum of rho(t), in samples; at least 1/2, that of independent samples.

    The sum ends at the first t beyond five times its own value, or with the samples. Samples are as good as independent
    when two of these times apart.
    """
    n = len(values)
    if n < 2 or np.ptp(values) == 0.0:
        return 0.5
    deviations = np.asarray(values, dtype=np.float64) - np.mean(values)
    variance = float(deviations @ deviations)
    spectrum = np.fft.rfft(deviations, 2 * n)
    correlation = np.fft.irfft(spectrum * np.conj(spectrum), 2 * n)[:n] / variance
    time = integrated_time(correlation)
    return max(0.5, float(np.sum(correlation) - 0.5)) if time is None else time


def integrated_time(correlation: FloatArray) -> float | None:
    """The same from rho(t) at t = 0, 1, ... samples (n,), rho(0) = 1; None where it lasts too long for them to tell."""
    times = np.cumsum(correlation) - 0.5
    beyond = np.flatnonzero(np.arange(len(correlation)) >= _WINDOW * times)
    return max(0.5, float(times[beyond[0]])) if len(beyond) else None
