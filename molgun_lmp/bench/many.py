"""Many trajectories at once: real LAMMPS instances that meet at one evaluation, and TorchSim's batch."""

import dataclasses
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ase import Atoms

from molgun_lmp.bench.cases import BenchModel, molecule_alone
from molgun_lmp.bench.drivers import torch_sim_missing, torch_sim_steps
from molgun_lmp.bench.effort import MEMORY_SHARE, Effort
from molgun_lmp.bench.lammps_way import LammpsWay, Timing, lammps_ways, run_in_lammps
from molgun_lmp.bench.measuring import LeftOut
from molgun_lmp.engine.device_check import check_device
from molgun_lmp.engine.force_models import (
    AskedForModel,
    Evaluation,
    ForceModel,
    ForceModelInput,
)
from molgun_lmp.engine.joint_evaluation import JointEvaluation
from molgun_lmp.engine.memory import PeakMemory, free_memory_bytes
from molgun_lmp.errors import EngineError

_ROUNDS: Final = 3
"""Joint steps that are timed at the least."""
_CHECKED: Final = 4
"""Structures in the one evaluation of which a GPU is asked before it is measured."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """`together` trajectories of one way: `ms` of a step of one of them (median of `rounds` joint steps over their
    number; core time with one thread, else `wall_ms`); `beside_ms` of it outside the evaluation, None where it cannot
    be told; `memory_mb` at the most."""

    model: str
    way: str
    atoms: int
    together: int
    ms: float
    wall_ms: float
    beside_ms: float | None
    rounds: int
    memory_mb: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class JointSteps:
    """Of joint steps: their times, and the core time of their evaluations."""

    steps: list[Timing]
    evaluations_s: list[float] | None


Measure = Callable[[Atoms, int, int], JointSteps]
"""`measure(atoms, together, rounds)`."""


def ways_of_many(model: BenchModel, device: str = "cpu") -> dict[str, Callable[[], Measure]]:
    """Name -> what loads the way onto a device, `cpu` or `cuda`, and gives its measurement."""

    def lammps(way: LammpsWay) -> Measure:
        loaded = way.load(device)
        if loaded is None:
            raise EngineError(f"{way.name} takes one trajectory at a time.")
        if device != "cpu":
            frame = structure_of(molecule_alone())
            check_device(loaded, frame, device=device, dtype=way.dtype, together=_CHECKED)
        return partial(_in_lammps_together, way, loaded)

    def torch_sim() -> Measure:
        prepare = torch_sim_steps(model, device)

        def measure(atoms: Atoms, together: int, rounds: int) -> JointSteps:
            run = prepare(atoms, together)
            return JointSteps(steps=[run(1) for _ in range(rounds)], evaluations_s=None)

        return measure

    found: dict[str, Callable[[], Measure]] = {
        way.name: partial(lammps, way)
        for way in lammps_ways(model)
        if way.engine.runs_as == "fix_external" and way.dtype == "float32" and device in way.engine.devices
    }
    return {**found, **({"TorchSim float32": torch_sim} if torch_sim_missing() is None else {})}


def curve(
    model: BenchModel, atoms: Atoms, effort: Effort, *, share_s: float, threads: int = 1
) -> tuple[list[Point], list[LeftOut]]:
    """Cost against the number of trajectories at once, of each way as far as its share of the time and memory goes."""
    points: list[Point] = []
    left_out: list[LeftOut] = []
    ways = {name: load() for name, load in ways_of_many(model).items()}
    for way, measure in ways.items():
        ends = time.perf_counter() + share_s / len(ways)
        before: Point | None = None
        for together in effort.together:
            why = _too_much(before, together, ends - time.perf_counter())
            if why is not None:
                left_out.append(LeftOut(model=model.name, atoms=len(atoms), way=f"{way}, {together} at once", why=why))
                break
            peak = PeakMemory()
            rounds = rounds_after(before, together, effort.repeat_s)
            found = measure(atoms, together, rounds)
            before = point(
                model.name, way, atoms=len(atoms), together=together, found=found, peak=peak.bytes(), threads=threads
            )
            points.append(before)
    return points, left_out


def point(model: str, way: str, *, atoms: int, together: int, found: JointSteps, peak: int, threads: int) -> Point:
    """What joint steps came to; with one thread by core time."""
    core_s = statistics.median(step.core_s for step in found.steps)
    wall_s = statistics.median(step.step_s for step in found.steps)
    beside_s = None if found.evaluations_s is None else core_s - statistics.median(found.evaluations_s)
    return Point(
        model=model,
        way=way,
        atoms=atoms,
        together=together,
        ms=round(1e3 * (core_s if threads == 1 else wall_s) / together, 4),
        wall_ms=round(1e3 * wall_s / together, 4),
        beside_ms=None if beside_s is None else round(1e3 * beside_s / together, 4),
        rounds=len(found.steps),
        memory_mb=round(peak / 1e6, 1),
    )


def rounds_after(before: Point | None, together: int, repeat_s: float) -> int:
    """How many joint steps take about `repeat_s`, by a measurement of fewer at once; a few at least."""
    if before is None:
        return _ROUNDS
    return max(_ROUNDS, min(50, round(repeat_s / (1e-3 * before.wall_ms * together))))


def _too_much(before: Point | None, together: int, left_s: float) -> str | None:
    if before is None:
        return None
    expected_s = (_ROUNDS + 2) * 1e-3 * before.wall_ms * together
    if expected_s > left_s:
        return f"it and more at once would take {expected_s:.0f} s and more, and {max(0.0, left_s):.0f} s are left"
    free, needed = free_memory_bytes(), before.memory_mb * 1e6 * together / before.together
    if free is not None and needed > MEMORY_SHARE * free:
        return f"it and more at once would need {needed / 1e9:.1f} GB and more, and {free / 1e9:.1f} GB are free"
    return None


def structure_of(atoms: Atoms) -> ForceModelInput:
    """As a force model sees it, periodic in all directions."""
    return ForceModelInput(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=(True, True, True)
    )


class _Watched(AskedForModel):
    """A force model, and when its joint calls began and ended by core time, and ended on the wall."""

    def __init__(self, model: ForceModel) -> None:
        super().__init__(model)
        self.wall: list[float] = []
        self.core: list[tuple[float, float]] = []

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """Energies and forces of several structures."""
        began = time.process_time()
        found = self._model.evaluate_many(structures)
        self.core.append((began, time.process_time()))
        self.wall.append(time.perf_counter())
        return found


def _in_lammps_together(
    way: LammpsWay, force_model: ForceModel, atoms: Atoms, together: int, rounds: int
) -> JointSteps:
    """As a worker does it with `engine.together`."""
    watched = _Watched(force_model)
    joint = JointEvaluation(watched)
    all_there = threading.Barrier(together)
    errors: list[BaseException] = []

    def fire() -> None:
        try:
            with joint.member(at_once=True) as member:
                all_there.wait()
                run_in_lammps(way, atoms, steps=rounds, force_model=member)
        except BaseException as error:
            errors.append(error)
            all_there.abort()

    threads = [threading.Thread(target=fire) for _ in range(together)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, threading.BrokenBarrierError)), errors[0])
    if len(watched.wall) > rounds + 1:
        raise EngineError(f"there is no memory to evaluate {together} structures of {len(atoms)} atoms at once.")
    return JointSteps(
        steps=[
            Timing(step_s=later - earlier, core_s=after[1] - before[1])
            for (earlier, later), (before, after) in zip(
                itertools.pairwise(watched.wall), itertools.pairwise(watched.core), strict=True
            )
        ],
        evaluations_s=[ended - began for began, ended in watched.core[1:]],
    )
