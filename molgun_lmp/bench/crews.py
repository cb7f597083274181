"""Several processes at once, as the workers of a campaign: what they do together over what one does."""

import dataclasses
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from molgun_lmp.bench.effort import Effort
from molgun_lmp.errors import EngineError
from molgun_lmp.processes import thread_environment


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchCrew:
    """`workers` processes of one thread each: their steps per second over those of one, in interleaved repeats."""

    model: str
    way: str
    atoms: int
    workers: int
    times: float
    lowest: float
    highest: float


_WORKER: Final = """
import sys
from molgun_lmp.bench.cases import demo_model, slab_with_molecule
from molgun_lmp.bench.drivers import fastest
way, atoms = fastest(demo_model()), slab_with_molecule()
run = way.prepare(atoms)
run(2)
print("ready", way.name, flush=True)
for line in sys.stdin:
    print(1.0 / run(int(line)).step_s, flush=True)
"""
_CALIBRATION_STEPS: Final = 20


def crews(effort: Effort, cores: int) -> list[BenchCrew]:
    """The demo's model in the fastest way that this machine has; more workers than cores are left out."""
    numbers = [number for number in effort.workers if number <= cores]
    if len(numbers) < 2:
        return []
    with _processes(max(numbers)) as (running, way):
        per_second = _together(running[:1], _CALIBRATION_STEPS)
        steps = max(_CALIBRATION_STEPS, round(2 * effort.repeat_s * per_second))
        ratios: dict[int, list[float]] = {number: [] for number in numbers}
        for _ in range(effort.repeats):
            alone = _together(running[:1], steps)
            for number in numbers:
                ratios[number].append(_together(running[:number], steps) / alone if number > 1 else 1.0)
    return [
        BenchCrew(
            model="demo",
            way=way,
            atoms=154,
            workers=number,
            times=round(statistics.median(found), 3),
            lowest=round(min(found), 3),
            highest=round(max(found), 3),
        )
        for number, found in ratios.items()
    ]


@contextmanager
def _processes(number: int) -> Iterator[tuple[list["subprocess.Popen[str]"], str]]:
    """Processes that are ready to step, and the name of their way; none outlives the block."""
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **thread_environment(1)},
        )
        for _ in range(number)
    ]
    try:
        ways = [_line(process, "ready ") for process in running]
        yield running, ways[0].removeprefix("ready ").strip()
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _together(running: Sequence["subprocess.Popen[str]"], steps: int) -> float:
    """Steps per second of all of these, stepping at the same time."""
    for process in running:
        assert process.stdin is not None
        process.stdin.write(f"{steps}\n")
        process.stdin.flush()
    return sum(float(_line(process, "")) for process in running)


def _line(process: "subprocess.Popen[str]", beginning: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning) and line.strip():
            return line
    raise EngineError(f"a process of the measurement ended with code {process.wait()} and no figure.")
