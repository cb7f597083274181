"""One device's table: what a step costs with each engine, for each size and number of trajectories at once.

It is for a device that is lent for minutes: cells are measured from small to large, none is begun that would end after
the budget, and those that are left out are named.
"""

import dataclasses
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from ase import Atoms

from molgun_lmp.atomic_files import write_json
from molgun_lmp.bench.cases import BenchModel, demo_model, medium_model, molecule_alone, slab_with_molecule
from molgun_lmp.bench.drivers import ASE_SINGLE, PAPERS_DRIVER, ase_driver, torch_sim_missing
from molgun_lmp.bench.effort import DeviceGrid
from molgun_lmp.bench.machine import machine
from molgun_lmp.bench.many import JointSteps, Measure, Point, point, rounds_after, ways_of_many
from molgun_lmp.engine.gpus import gpus_here
from molgun_lmp.errors import EngineError

Clock = Callable[[], float]
Say = Callable[[str], None]
OpenWay = Callable[[], Measure]

_ONE_AT_A_TIME: Final = frozenset({PAPERS_DRIVER, ASE_SINGLE})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One measurement: a model, a way, a structure, and how many of it at once."""

    model: str
    way: str
    structure: Atoms
    together: int

    @property
    def atoms(self) -> int:
        """Of all structures."""
        return self.together * len(self.structure)

    def named(self) -> dict[str, Any]:
        """As it stands in the document."""
        return {"model": self.model, "way": self.way, "atoms": len(self.structure), "together": self.together}


def measure_table(
    grid: DeviceGrid,
    *,
    device: str,
    threads: int,
    work: Path,
    say: Say,
    keep: Path | None,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """The table of a device, `cpu` or `cuda`, as a JSON document; it is written to the file `keep` after each cell.

    `work` takes the models that are made for it. Times are core time on the CPU with one thread, and else wall time.
    Raises `EngineError` where there is no such device.
    """
    began = clock()
    by_core_time = device == "cpu" and threads == 1
    gpus = gpus_here() if device != "cpu" else ()
    if device != "cpu" and not gpus:
        raise EngineError(
            f"there is no device {device!r} here: `nvidia-smi` shows no GPU that this process may use. Look at its "
            "driver and at CUDA_VISIBLE_DEVICES, or give --device cpu."
        )
    models = [demo_model(), *([medium_model(work)] if grid.medium else [])]
    ways = {(model.name, way): load for model in models for way, load in _ways(model, device).items()}
    document: dict[str, Any] = {
        "device": gpus[0].name if gpus else device,
        "machine": machine(threads),
        "grid": dataclasses.asdict(grid),
        "clock": "core time" if by_core_time else "wall time",
        "points": [],
        "left_out": [],
        "warnings": [why for why in (torch_sim_missing(),) if why is not None],
    }

    def add(kind: str, row: Mapping[str, Any]) -> None:
        document[kind].append(dict(row))
        if keep is not None:
            write_json(document, keep)

    course = Course(ways, ends=began + grid.budget_s, repeat_s=grid.repeat_s, by_core_time=by_core_time, clock=clock)
    with _warnings_into(document["warnings"]):
        for cell in cells_of(grid, ways):
            say(f"{cell.model}, {cell.way}, {cell.together} x {len(cell.structure)} atoms")
            found = course.measure(cell)
            if isinstance(found, str):
                add("left_out", {**cell.named(), "why": found})
            else:
                add("points", dataclasses.asdict(found))
    document["took_s"] = round(clock() - began, 1)
    if keep is not None:
        write_json(document, keep)
    return document


def cells_of(grid: DeviceGrid, ways: Iterable[tuple[str, str]]) -> list[Cell]:
    """The cells of (model, way) in the order in which they are measured: a model after the other, each from few atoms
    to many."""
    structures = [slab_with_molecule(repeats) for repeats in grid.sizes] or [molecule_alone()]
    found: list[Cell] = []
    for _, of_model in itertools.groupby(ways, key=lambda way: way[0]):
        cells = [
            Cell(model=model, way=way, structure=structure, together=together)
            for model, way in of_model
            for structure in structures
            for together in grid.together
            if together == 1 or way not in _ONE_AT_A_TIME
        ]
        found += sorted((cell for cell in cells if cell.atoms <= grid.most_atoms), key=lambda cell: cell.atoms)
    return found


class Course:
    """Measures cells as long as there is time; what failed once is not tried at a larger size."""

    def __init__(
        self,
        ways: Mapping[tuple[str, str], OpenWay],
        *,
        ends: float,
        repeat_s: float,
        by_core_time: bool,
        clock: Clock,
    ) -> None:
        self._ways, self._ends, self._repeat_s, self._clock = ways, ends, repeat_s, clock
        self._threads = 1 if by_core_time else 0  # as `point` reads it
        self._open: dict[tuple[str, str], Measure] = {}
        self._last: dict[tuple[str, str], tuple[Cell, Point, float]] = {}
        self._failed: dict[tuple[str, str], str] = {}

    def measure(self, cell: Cell) -> Point | str:
        """The point of a cell, or why there is none."""
        key = cell.model, cell.way
        if key in self._failed:
            return self._failed[key]
        left_s = self._ends - self._clock()
        expected_s = self._expected_s(key, cell)
        if left_s <= 0.0 or expected_s > left_s:
            return f"it would take about {expected_s:.0f} s, and {max(0.0, left_s):.0f} s are left"
        try:
            if key not in self._open:
                self._open[key] = self._ways[key]()
            began = self._clock()
            last = self._last.get(key)
            rounds = rounds_after(None if last is None else last[1], cell.together, self._repeat_s)
            found = self._open[key](cell.structure, cell.together, rounds)
        except Exception as error:  # of any library, on a device that may not know it: the other ways are measured
            self._failed[key] = f"{type(error).__name__}: {' '.join(str(error).split())[:300].removesuffix('.')}"
            return self._failed[key]
        measured = point(
            cell.model,
            cell.way,
            atoms=len(cell.structure),
            together=cell.together,
            found=found,
            peak=0,
            threads=self._threads,
        )
        self._last[key] = cell, measured, self._clock() - began
        return measured

    def _expected_s(self, key: tuple[str, str], cell: Cell) -> float:
        """At most: of a device that is not full yet, more atoms cost less than in proportion."""
        if key not in self._last:
            return 0.0
        before, _, took_s = self._last[key]
        return took_s * cell.atoms / before.atoms


def _ways(model: BenchModel, device: str) -> dict[str, OpenWay]:
    def ase(dtype: Any) -> Measure:
        driver = ase_driver(model, dtype, device)

        def measure(atoms: Atoms, _: int, rounds: int) -> JointSteps:
            run = driver.prepare(atoms)
            return JointSteps(steps=[run(1) for _ in range(rounds)], evaluations_s=None)

        return measure

    return {
        PAPERS_DRIVER: partial(ase, "float64"),
        ASE_SINGLE: partial(ase, "float32"),
        **ways_of_many(model, device),
    }


@contextmanager
def _warnings_into(said: list[str]) -> Iterator[None]:
    """What is warned of meanwhile, such as that symmetrix evaluates one by one, belongs to the table."""
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("molgun_lmp")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def as_markdown(document: Mapping[str, Any]) -> str:
    """The table for docs/benchmarks.md: ms a step of one trajectory, a column for each number at once."""
    numbers = sorted({point["together"] for point in document["points"]})
    here = document["machine"]
    lines = [
        f"{document['device']} ({here['processor']}, {here['threads']} thread(s)), {document['took_s']:.0f} s in all. "
        f"Milliseconds a step of one trajectory, {document['clock']}, by the number evaluated at once:",
        "",
        f"| model | atoms | way | {' | '.join(str(number) for number in numbers)} | us an atom and step, best |",
        "|---" * (4 + len(numbers)) + "|",
    ]
    found: dict[tuple[str, int, str], dict[int, float]] = {}
    for one in sorted(document["points"], key=lambda one: (one["model"] != "demo", one["atoms"])):
        found.setdefault((one["model"], one["atoms"], one["way"]), {})[one["together"]] = one["ms"]
    for (model, atoms, way), ms in found.items():
        row = [f"{ms[number]:.3g}" if number in ms else "" for number in numbers]
        lines.append(f"| {model} | {atoms} | {way} | {' | '.join(row)} | {1e3 * min(ms.values()) / atoms:.3g} |")
    lines += ["", *(f"- {said}" for said in document["warnings"])]
    by_reason: dict[tuple[str, str, str], list[str]] = {}
    for one in document["left_out"]:
        key = one["model"], one["way"], one["why"]
        by_reason.setdefault(key, []).append(f"{one['together']} x {one['atoms']}")
    lines += [
        f"- Left out: {model}, {way}, {', '.join(cells)} atoms: {why}."
        for (model, way, why), cells in by_reason.items()
    ]
    return "\n".join(lines).rstrip() + "\n"
