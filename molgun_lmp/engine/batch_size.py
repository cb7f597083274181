"""How many trajectories a device should evaluate at once: a short calibration, by memory and by what it gains."""

import time
from collections.abc import Callable
from typing import Final

from molgun_lmp.engine.force_models import ForceModel, ForceModelInput
from molgun_lmp.engine.gpus import gpus_here
from molgun_lmp.engine.memory import PeakMemory, free_memory_bytes

_SHARE: Final = 0.6
"""Of the free memory: what a joint evaluation may take at the most."""
_GAIN: Final = 0.95
"""Twice as many must bring the cost of one below this, or they are not worth it."""
_REPEATS: Final = 3

Measured = tuple[float, int]
"""Seconds of a joint evaluation, and bytes that it took at the most."""


def fitting_together(model: ForceModel, structure: ForceModelInput, *, device: str, most: int, sharing: int) -> int:
    """The number of structures like this one that are best evaluated at once; a power of two up to `most`.

    `device` is the model's: `cpu`, or as torch calls it. `sharing` processes use its memory at once. On GPUs not
    measured yet.
    """
    free = _free_bytes(device)

    def measure(together: int) -> Measured:
        many = [structure] * together
        peak = PeakMemory()
        model.evaluate_many(many)  # a first call of its size is slower
        times = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            model.evaluate_many(many)
            times.append(time.perf_counter() - started)
        left = None if device == "cpu" else _free_bytes(device)
        # What a library has taken of a GPU it keeps: what is gone since the beginning is what the largest call took.
        return min(times), peak.bytes() if left is None or free is None else max(0, free - left)

    limit = None if free is None else int(_SHARE * free / sharing)
    return best_together(measure, most=most, limit_bytes=limit)


def best_together(measure: Callable[[int], Measured], *, most: int, limit_bytes: int | None) -> int:
    """The last of 1, 2, 4, ... up to `most` that made one cheaper by a twentieth at least.

    One whose memory, twice that of the one before, would be more than `limit_bytes` is not tried.
    """
    together = 1
    of_one, needed = measure(1)
    while 2 * together <= most and (limit_bytes is None or 2 * needed <= limit_bytes):
        seconds, needed = measure(2 * together)
        if seconds / (2 * together) > _GAIN * of_one:
            break
        together *= 2
        of_one = seconds / together
    return together


def _free_bytes(device: str) -> int | None:
    """Of the machine, or of a GPU as its driver counts it, which sees what torch and symmetrix take alike."""
    if device == "cpu":
        return free_memory_bytes()
    number, gpus = int(device.partition(":")[2] or 0), gpus_here()
    return gpus[number].free_bytes if number < len(gpus) else None
