"""Interleaved repeats of all ways with one model and structure, and what they come to: medians, spreads, ratios."""

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms

from molgun_lmp.bench.drivers import ASE_SINGLE, PAPERS_DRIVER, Driver, Steps
from molgun_lmp.bench.effort import MEMORY_SHARE, Effort
from molgun_lmp.bench.lammps_way import Timing
from molgun_lmp.engine.memory import PeakMemory, free_memory_bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One way with one model and size. Times in ms a step: median, lowest and highest of `repeats`, the first of one
    step, the others of `steps`. With one thread they are core time, with more they are wall time; `wall_ms` is the
    median by the clock on the wall, which on a busy machine is longer.

    `speedup` over the paper's driver and `over_float32` over ASE in float32, in the same repeats (medians of the
    ratios, None where that driver was left out); `overhead` LAMMPS and the callback as a share of the force call, None
    where it cannot be told; `memory_mb` what the first evaluation needed at most.
    """

    model: str
    atoms: int
    way: str
    median_ms: float
    lowest_ms: float
    highest_ms: float
    wall_ms: float
    repeats: int
    steps: int
    speedup: float | None
    over_float32: float | None
    overhead: float | None
    memory_mb: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What was not measured, and why."""

    model: str
    atoms: int
    way: str
    why: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Ready:
    run: Steps
    once: Timing
    memory_mb: float


def compare(
    model: str,
    ways: Sequence[Driver],
    atoms: Atoms,
    effort: Effort,
    *,
    share_s: float,
    before: Sequence[Row],
    threads: int = 1,
) -> tuple[list[Row], list[LeftOut]]:
    """All ways with one structure, in about `share_s` seconds.

    `before` are the rows of smaller structures, from which is reckoned what a way would cost here: one that would take
    too long, or more memory than there is, is left out.
    """
    ready: dict[str, _Ready] = {}
    left_out: list[LeftOut] = []
    for way in ways:
        why = _too_much(before, way.name, len(atoms), share_s / len(ways))
        if why is not None:
            left_out.append(LeftOut(model=model, atoms=len(atoms), way=way.name, why=why))
            continue
        peak = PeakMemory()
        run = way.prepare(atoms)
        once = run(1)
        ready[way.name] = _Ready(run=run, once=once, memory_mb=peak.bytes() / 1e6)
    return _rows(model, len(atoms), ready, effort, share_s=share_s, threads=threads), left_out


def _too_much(before: Sequence[Row], way: str, atoms: int, share_s: float) -> str | None:
    known = max((row for row in before if row.way == way), key=lambda row: row.atoms, default=None)
    if known is None:
        return None
    growth = atoms / known.atoms
    expected_s = 4 * growth * known.wall_ms * 1e-3  # each repeat of a step begins with an evaluation
    if expected_s > 2 * share_s:
        return f"two steps would take about {expected_s:.0f} s, and its share of the time is {share_s:.0f} s"
    free, needed = free_memory_bytes(), growth * known.memory_mb * 1e6
    if free is not None and needed > MEMORY_SHARE * free:
        return f"it would need about {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
    return None


def _rows(
    model: str, atoms: int, ready: Mapping[str, _Ready], effort: Effort, *, share_s: float, threads: int
) -> list[Row]:
    aim_s = min(effort.repeat_s, share_s / len(ready) / effort.repeats) if ready else 0.0
    steps = {way: max(1, min(500, round(aim_s / one.once.step_s))) for way, one in ready.items()}
    round_s = sum(steps[way] * one.once.step_s for way, one in ready.items())
    repeats = max(1, min(effort.repeats, round(share_s / round_s))) if ready else 0
    found: dict[str, list[Timing]] = {way: [one.once] for way, one in ready.items()}
    started = time.perf_counter()
    for number in range(repeats):  # what else the machine does meets every way alike
        if number and time.perf_counter() - started > 1.5 * share_s:
            break
        for way, one in ready.items():
            found[way].append(one.run(steps[way]))
    return [
        _row(model, atoms, way, timings, found, steps=steps[way], memory_mb=ready[way].memory_mb, threads=threads)
        for way, timings in found.items()
    ]


def _row(
    model: str,
    atoms: int,
    way: str,
    timings: list[Timing],
    found: Mapping[str, list[Timing]],
    **also: Any,
) -> Row:
    def seconds(timing: Timing) -> float:
        return timing.core_s if also["threads"] == 1 else timing.step_s

    times = [1e3 * seconds(timing) for timing in timings]
    shares = [timing.step_s / timing.force_s - 1.0 for timing in timings if timing.force_s]

    def ratio(reference: str) -> float | None:
        ratios = [seconds(r) / seconds(t) for r, t in zip(found.get(reference, []), timings, strict=False)]
        return round(statistics.median(ratios), 2) if ratios else None

    return Row(
        model=model,
        atoms=atoms,
        way=way,
        median_ms=round(statistics.median(times), 4),
        lowest_ms=round(min(times), 4),
        highest_ms=round(max(times), 4),
        wall_ms=round(1e3 * statistics.median(timing.step_s for timing in timings), 4),
        repeats=len(timings),
        steps=also["steps"],
        speedup=ratio(PAPERS_DRIVER),
        over_float32=ratio(ASE_SINGLE),
        overhead=round(statistics.median(shares), 4) if shares else None,
        memory_mb=round(also["memory_mb"], 1),
    )
