"""How much memory a process took at the most, and how much there still is."""

from pathlib import Path
from typing import Final


def free_memory_bytes() -> int | None:
    """What this machine could still give a process; None where it does not say (it is read from Linux' /proc)."""
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable")


class PeakMemory:
    """How much a process needed at the most since this was made, over what it needed before.

    Linux only: elsewhere it stays at 0, and nothing is left out for want of memory.
    """

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the high-water mark back
        except OSError:
            self._before = None
            return
        self._before = _kilobytes(_STATUS, "VmRSS")

    def bytes(self) -> int:
        """Bytes over what was needed before."""
        peak = _kilobytes(_STATUS, "VmHWM")
        return 0 if self._before is None or peak is None else max(0, peak - self._before)


_STATUS: Final = Path("/proc/self/status")


def _kilobytes(file: Path, key: str) -> int | None:
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{key}:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None
