"""`molgun bench --device`: the course of its cells by a clock of its own, and a small table that is really measured."""

import itertools
import json
from pathlib import Path

import pytest
from ase import Atoms
from typer.testing import CliRunner

from molgun_lmp.bench.cases import slab_with_molecule
from molgun_lmp.bench.device_table import Cell, Course, as_markdown, cells_of
from molgun_lmp.bench.drivers import ASE_SINGLE, PAPERS_DRIVER
from molgun_lmp.bench.effort import FULL_GRID
from molgun_lmp.bench.lammps_way import Timing
from molgun_lmp.bench.many import JointSteps, Measure, Point
from molgun_lmp.cli.app import app
from molgun_lmp.errors import EngineError

pytestmark = pytest.mark.engine

SLAB = slab_with_molecule()


class Device:
    """One that needs `launch_s` for each evaluation and `atom_s` for each atom, and its clock; larger than `holds` it
    has no memory for."""

    def __init__(self, *, launch_s: float, atom_s: float, loading_s: float = 0.0, holds: int = 10**9) -> None:
        self.now_s = 0.0
        self._launch_s, self._atom_s, self._loading_s, self._holds = launch_s, atom_s, loading_s, holds
        self.loaded = 0

    def open(self) -> Measure:
        self.loaded += 1
        self.now_s += self._loading_s
        return self.measure

    def measure(self, atoms: Atoms, together: int, rounds: int) -> JointSteps:
        if together > self._holds:
            raise RuntimeError("CUDA out of memory")
        step_s = self._launch_s + self._atom_s * together * len(atoms)
        self.now_s += (1 + rounds) * step_s
        return JointSteps(steps=[Timing(step_s=step_s, core_s=0.0)] * rounds, evaluations_s=None)

    def course(self, budget_s: float) -> tuple[list[Point], dict[int, str]]:
        course = Course(
            {("demo", "way"): self.open}, ends=budget_s, repeat_s=0.5, by_core_time=False, clock=lambda: self.now_s
        )
        points, left_out = [], {}
        for together in (1, 4, 16, 64, 256):
            found = course.measure(Cell(model="demo", way="way", structure=SLAB, together=together))
            if isinstance(found, str):
                left_out[together] = found
            else:
                points.append(found)
        return points, left_out


@pytest.mark.parametrize("budget_s", [0.0, 1.0, 3.0, 10.0, 30.0, 100.0])
def test_no_cell_is_begun_that_would_end_after_the_budget(budget_s: float) -> None:
    device = Device(launch_s=0.01, atom_s=1e-4, loading_s=0.5)
    points, left_out = device.course(budget_s)
    assert [point.together for point in points] + list(left_out) == [1, 4, 16, 64, 256], "each is measured or named"
    assert all("s are left" in why for why in left_out.values())
    assert device.now_s <= budget_s
    for point in points:
        assert point.ms == pytest.approx(1e3 * (0.01 / point.together + 1e-4 * len(SLAB)), abs=1e-3)
    assert (left_out == {}) == (budget_s >= 30.0)


def test_what_failed_is_named_and_not_tried_at_a_larger_size() -> None:
    device = Device(launch_s=0.01, atom_s=1e-6, holds=16)
    points, left_out = device.course(1e6)
    assert [point.together for point in points] == [1, 4, 16]
    assert left_out == dict.fromkeys((64, 256), "RuntimeError: CUDA out of memory")
    broken = Device(launch_s=0.01, atom_s=1e-6)

    def no_backend() -> Measure:
        broken.loaded += 1
        raise EngineError("symmetrix computes on cpu in this process, and was asked for cuda.")

    broken.open = no_backend  # type: ignore[method-assign]
    points, left_out = broken.course(1e6)
    assert points == []
    assert len(left_out) == 5
    assert broken.loaded == 1, "it is not loaded again and again"


def test_the_cells_go_from_small_to_large_a_model_after_the_other() -> None:
    ways = [("demo", PAPERS_DRIVER), ("demo", "joint"), ("medium", ASE_SINGLE), ("medium", "joint")]
    cells = cells_of(FULL_GRID, ways)
    assert [model for model, _ in itertools.groupby(cell.model for cell in cells)] == ["demo", "medium"]
    for model in ("demo", "medium"):
        atoms = [cell.atoms for cell in cells if cell.model == model]
        assert atoms == sorted(atoms)
    assert {cell.together for cell in cells if cell.way != "joint"} == {1}
    assert {len(cell.structure) for cell in cells} == {154, 616, 1848}
    assert max(cell.atoms for cell in cells) <= FULL_GRID.most_atoms


@pytest.mark.slow
def test_a_small_table_of_this_machine(tmp_path: Path) -> None:
    """With time enough on any machine."""
    done = CliRunner().invoke(app, ["bench", "--device", "cpu", "--quick", "--budget", "600", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "bench-cpu.json").read_text())
    measured = {(row["way"], row["together"]) for row in document["points"]}
    assert measured >= {(PAPERS_DRIVER, 1), (ASE_SINGLE, 1), ("LAMMPS + TorchScript float32", 2)}
    assert document["left_out"] == []
    assert {row["atoms"] for row in document["points"]} == {26}
    text = (tmp_path / "bench-cpu.md").read_text()
    assert text == as_markdown(document)
    for row in document["points"]:
        assert f"| demo | 26 | {row['way']} | " in text
    gone = {"model": "demo", "way": "W", "atoms": 154, "why": "20 s are left"}
    left_out = [{**gone, "together": together} for together in (4, 16)]
    assert "- Left out: demo, W, 4 x 154, 16 x 154 atoms: 20 s are left." in as_markdown(
        document | {"left_out": left_out}
    )


def test_a_gpu_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(app, ["bench", "--device", "cuda", "--quick"])
    assert isinstance(done.exception, EngineError) or done.exit_code == EngineError.exit_code
