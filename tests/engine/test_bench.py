"""`molgun bench`: its course, its figure and its parts. The pages' own command is tried, and what it measured, in
tests/slow/test_docs_commands.py."""

import dataclasses
import json
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ase import Atoms

from molgun_lmp.bench import course, drivers
from molgun_lmp.bench.cases import BenchInner, demo_model, molecule_alone, slab_with_molecule
from molgun_lmp.bench.crews import crews
from molgun_lmp.bench.drivers import PAPERS_DRIVER, Driver, fastest
from molgun_lmp.bench.effort import QUICK, Effort
from molgun_lmp.bench.figure import bench_figure
from molgun_lmp.bench.lammps_way import Timing, in_lammps
from molgun_lmp.bench.many import curve
from molgun_lmp.bench.measuring import Row, compare
from molgun_lmp.engine.memory import PeakMemory
from molgun_lmp.models.card import load_card

pytestmark = pytest.mark.engine


@pytest.mark.slow
def test_an_inner_model_is_a_way_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is timed over whole periods, whatever number of steps is asked for."""
    own = demo_model().model.parent
    way = fastest(demo_model(BenchInner(folder=own, card=load_card(own), every=4)))
    assert way.name == f"LAMMPS + symmetrix float32 every 4 steps, {load_card(own).name} between"
    done: list[int] = []

    def recorded(*given: Any, steps: int, **also: Any) -> Timing:
        done.append(steps)
        return in_lammps(*given, steps=steps, **also)

    monkeypatch.setattr(drivers, "in_lammps", recorded)
    timing = way.prepare(molecule_alone())(6)
    assert done == [8]
    assert timing.core_s > 0.0


class Interrupted(BaseException):
    """As Ctrl-C is."""


def a_row(model: str, atoms: int) -> Row:
    return Row(
        model=model,
        atoms=atoms,
        way=PAPERS_DRIVER,
        median_ms=2.0,
        lowest_ms=1.0,
        highest_ms=3.0,
        wall_ms=4.0,
        repeats=5,
        steps=7,
        speedup=1.0,
        over_float32=None,
        overhead=None,
        memory_mb=10.0,
    )


def test_what_was_done_before_an_interruption_is_kept_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts themselves are stand-ins here: what is tried is their course."""
    asked: list[int] = []
    known: list[list[int]] = []

    def compared(model: str, ways: Any, atoms: Atoms, *_: Any, **also: Any) -> tuple[list[Row], list[Any]]:
        asked.append(len(atoms))
        known.append([row.atoms for row in also["before"]])
        if len(asked) == 2:
            raise Interrupted
        return [a_row(model, len(atoms))], []

    monkeypatch.setattr(course, "compare", compared)
    monkeypatch.setattr(course, "curve", lambda *_, **__: ([], []))
    monkeypatch.setattr(course, "drivers", lambda _: [])
    effort = dataclasses.replace(QUICK, sizes=((1, 1), (2, 1)))

    def measure(effort: Effort) -> dict[str, Any]:
        return course.measure_all(effort, threads=1, work=tmp_path, folder=tmp_path / "out", say=lambda _: None)

    with pytest.raises(Interrupted):
        measure(effort)
    kept = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert [row["atoms"] for row in kept["steps"]] == [154]
    document = measure(effort)
    assert asked == [154, 26, 26, 308]
    assert known == [[], [154], [154], [154, 26]]
    assert [row["atoms"] for row in document["steps"]] == [154, 26, 308]
    assert [row["kind"] for row in document["reading"]] == ["text", "binary"]
    assert json.loads((tmp_path / "out" / "bench.json").read_text()) == document
    measure(effort)
    assert len(asked) == 7, "a whole one is measured anew"
    measure(dataclasses.replace(effort, repeats=4))
    assert len(asked) == 10, "another measurement does not go on from this one"


def never(_: Atoms) -> NoReturn:
    raise AssertionError("this way must be left out")


@pytest.mark.parametrize(("median_ms", "memory_mb", "why"), [(9e3, 0.0, r"take about"), (2.0, 1e9, r"would need")])
def test_what_takes_too_long_or_too_much_memory_is_left_out_and_said(
    median_ms: float, memory_mb: float, why: str
) -> None:
    if PeakMemory().bytes() == 0 and not Path("/proc/self/clear_refs").exists():
        pytest.skip("MEMORY IS NOT TESTED: this system does not say how much is free")
    before = dataclasses.replace(a_row("demo", 154), wall_ms=median_ms, memory_mb=memory_mb)
    rows, (left_out,) = compare(
        "demo", [Driver(name=PAPERS_DRIVER, prepare=never)], slab_with_molecule(), QUICK, share_s=10.0, before=[before]
    )
    assert rows == []
    assert why in left_out.why


def test_the_workers_of_a_crew_step_at_the_same_time() -> None:
    effort = dataclasses.replace(QUICK, workers=(1, 2), repeats=1)
    one, two = crews(effort, cores=2)
    assert (one.workers, one.times) == (1, 1.0)
    assert two.workers == 2
    assert 0.0 < two.lowest <= two.times <= two.highest
    assert crews(effort, cores=1) == []


def test_a_curve_ends_where_its_time_does() -> None:
    points, left_out = curve(
        demo_model(), molecule_alone(), dataclasses.replace(QUICK, together=(1, 10**6)), share_s=1000.0
    )
    assert {point.together for point in points} == {1}
    assert {one.way.partition(",")[2] for one in left_out} == {" 1000000 at once"}


def test_a_figure_of_one_part_and_of_none_at_once(tmp_path: Path) -> None:
    document = {
        "steps": [dataclasses.asdict(a_row("demo", 154))],
        "together": [],
        "machine": {"processor": "P", "threads": 1},
    }
    files = bench_figure(document, tmp_path)
    assert files.png.stat().st_size > 1000
    assert f"demo,{PAPERS_DRIVER},154,1,2.0,1.0,3.0" in files.csv.read_text()


def test_the_structure_has_room_below_and_above_it() -> None:
    atoms = slab_with_molecule((2, 1))
    assert len(atoms) == 2 * 154
    spread = atoms.positions[:, 2].max() - atoms.positions[:, 2].min()
    assert atoms.cell[2, 2] - spread > 10.0
    distances = atoms.get_all_distances(mic=True)
    distances[range(len(atoms)), range(len(atoms))] = 9.0
    assert distances.min() > 0.9
