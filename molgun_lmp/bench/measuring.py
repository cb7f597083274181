"""Interleaved repeats of all ways, and what they come to: medians, spreads, ratios."""

import dataclasses
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ase import Atoms

from molgun_lmp.bench.cases import BenchModel, molecule_alone, slab_with_molecule
from molgun_lmp.bench.drivers import Driver, Timing, drivers, many_at_once
from molgun_lmp.engine.torch_model import TorchScriptModel
from molgun_lmp.errors import EngineError
from molgun_lmp.provenance import versions
from molgun_lmp.threads import thread_environment

PAPERS_DRIVER: Final = "ASE + MACECalculator float64"

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured: repeats of each way, seconds that one repeat aims at, and how far the curves go."""

    repeats: int
    repeat_s: float
    sizes: tuple[tuple[int, int], ...]
    together: tuple[int, ...]
    workers: bool


FULL: Final = Effort(
    repeats=3, repeat_s=1.0, sizes=((1, 1), (2, 1), (2, 2), (4, 3)), together=(1, 2, 4, 8, 16, 32, 64), workers=True
)
QUICK: Final = Effort(repeats=2, repeat_s=0.05, sizes=(), together=(1, 2), workers=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One way with one model and size. Times in ms a step: median, lowest and highest of the repeats.

    `speedup` over the paper's driver in the same repeats (median of the ratios); `overhead` LAMMPS and the callback as
    a share of the force call, None where it cannot be told.
    """

    model: str
    atoms: int
    way: str
    median_ms: float
    lowest_ms: float
    highest_ms: float
    speedup: float | None
    overhead: float | None


def compare(model: BenchModel, structures: Sequence[Atoms], effort: Effort, say: Say) -> list[Row]:
    """All ways with one model. Beyond the first structure the slow float64 driver is left out."""
    ways = drivers(model)
    rows: list[Row] = []
    for number, atoms in enumerate(structures):
        chosen = [way for way in ways if number == 0 or way.name != PAPERS_DRIVER]
        say(f"{model.name}, {len(atoms)} atoms")
        rows += _rows(model.name, len(atoms), _interleaved(chosen, atoms, effort))
    return rows


def structures_of(effort: Effort) -> list[Atoms]:
    """The slab with its molecule first, then the molecule alone and the larger slabs."""
    first = slab_with_molecule()
    if not effort.sizes:
        return [molecule_alone()]
    return [first, molecule_alone(), *(slab_with_molecule(repeats) for repeats in effort.sizes if repeats != (1, 1))]


def together_curve(model: BenchModel, atoms: Atoms, effort: Effort, say: Say) -> list[dict[str, float]]:
    """Cost of a joint TorchScript evaluation against the number of structures: ms per trajectory and step."""
    force_model = TorchScriptModel(model.torchscript)
    found = []
    for together in effort.together:
        say(f"{model.name}, {together} at once")
        repeats = [1e3 * many_at_once(force_model, atoms, together, 1) for _ in range(min(3, effort.repeats))]
        found.append({"together": together, "ms": round(statistics.median(repeats), 4)})
    return found


def workers_ratio(effort: Effort, say: Say) -> dict[str, Any] | None:
    """Steps per second of two processes of one thread each over those of one, in interleaved repeats."""
    if not effort.workers or _cores() < 2:
        return None
    ratios = []
    for _ in range(effort.repeats):
        say("one worker and two")
        one, two = sum(_processes(1)), sum(_processes(2))
        ratios.append(two / one)
    return {
        "median": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    names = [line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": _cores(),
        "load_before": round(os.getloadavg()[0], 2),
        "threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "system": platform.platform(),
        "versions": versions(),
    }


def _interleaved(ways: Sequence[Driver], atoms: Atoms, effort: Effort) -> dict[str, list[Timing]]:
    steps = {}
    for way in ways:
        once = way.measure(atoms, 1).step_s  # warms up, too
        steps[way.name] = max(2, min(500, round(effort.repeat_s / once)))
    found: dict[str, list[Timing]] = {way.name: [] for way in ways}
    for _ in range(effort.repeats):  # what else the machine does meets every way alike
        for way in ways:
            found[way.name].append(way.measure(atoms, steps[way.name]))
    return found


def _rows(model: str, atoms: int, found: dict[str, list[Timing]]) -> list[Row]:
    reference = found.get(PAPERS_DRIVER)
    rows = []
    for way, timings in found.items():
        times = [1e3 * timing.step_s for timing in timings]
        shares = [timing.step_s / timing.force_s - 1.0 for timing in timings if timing.force_s is not None]
        ratios = [r.step_s / t.step_s for r, t in zip(reference, timings, strict=True)] if reference else []
        rows.append(
            Row(
                model=model,
                atoms=atoms,
                way=way,
                median_ms=round(statistics.median(times), 4),
                lowest_ms=round(min(times), 4),
                highest_ms=round(max(times), 4),
                speedup=round(statistics.median(ratios), 2) if ratios else None,
                overhead=round(statistics.median(shares), 4) if shares else None,
            )
        )
    return rows


_WORKER: Final = """
import sys, time
from molgun_lmp.bench.cases import demo_model, slab_with_molecule
from molgun_lmp.bench.drivers import drivers
way, atoms = drivers(demo_model())[-1], slab_with_molecule()
way.measure(atoms, 5)
print("ready", flush=True)
sys.stdin.readline()
print(1.0 / way.measure(atoms, 300).step_s, flush=True)
"""


def _processes(count: int) -> list[float]:
    """Steps per second of each of `count` processes that step at the same time."""
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **thread_environment(1)},
        )
        for _ in range(count)
    ]
    for process in running:
        _line(process, "ready")
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [float(_line(process, "")) for process in running]
    for process in running:
        process.communicate()
    return answers


def _line(process: "subprocess.Popen[str]", beginning: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if beginning in line and line.strip():
            return line
    raise EngineError(f"a process of the measurement ended with code {process.wait()} and no figure.")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
