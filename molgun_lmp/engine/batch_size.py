"""How many trajectories a device should evaluate at once: a short calibration, by memory and by what it gains."""

import time
from collections.abc import Callable
from typing import Any, Final

from molgun_lmp.engine.force_models import ForceModel, ForceModelInput
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

    `device` is the model's: `cpu`, or as torch calls it. `sharing` processes use this machine's memory at once (a GPU
    is taken for this process's own). On GPUs not measured yet.
    """
    free = _free_bytes(device, sharing)

    def measure(together: int) -> Measured:
        many = [structure] * together
        peak = _Peak(device)
        model.evaluate_many(many)  # a first call of its size is slower
        times = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            model.evaluate_many(many)
            times.append(time.perf_counter() - started)
        return min(times), peak.bytes()

    return best_together(measure, most=most, limit_bytes=None if free is None else int(_SHARE * free))


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


class _Peak:
    """Most memory since this was made: the device's own count on a GPU, the process's elsewhere."""

    def __init__(self, device: str) -> None:
        self._cuda: Any = None
        if device.startswith("cuda"):
            import torch  # noqa: PLC0415

            self._cuda, self._device = torch.cuda, device
            torch.cuda.reset_peak_memory_stats(device)
        self._process = PeakMemory()

    def bytes(self) -> int:
        """Bytes."""
        return self._process.bytes() if self._cuda is None else int(self._cuda.max_memory_allocated(self._device))


def _free_bytes(device: str, sharing: int) -> int | None:
    if device.startswith("cuda"):
        import torch  # noqa: PLC0415

        return int(torch.cuda.mem_get_info(device)[0])
    free = free_memory_bytes()
    return None if free is None else free // sharing
