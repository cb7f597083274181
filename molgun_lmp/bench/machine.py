"""What figures are measured on."""

import os
import platform
from pathlib import Path
from typing import Any

from molgun_lmp.provenance import versions


def machine(threads: int) -> dict[str, Any]:
    """What the figures are measured on."""
    names = [line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": cores(),
        "threads": threads,
        "system": platform.platform(),
        "versions": versions(),
    }


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
