"""symmetrix asked for several structures at once: one graph that falls apart into them, or a reason why not."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import ELEMENTS, external, head, run_text, structures, write_data
from waiting import PATIENCE_S

from molgun_lmp.engine import force_models
from molgun_lmp.engine.force_models import AskedForModel, Evaluation, ForceModel, ForceModelInput, SymmetrixModel
from molgun_lmp.engine.joint_evaluation import JointEvaluation
from molgun_lmp.engine.symmetrix_graph import pairs_by_matscipy
from molgun_lmp.errors import EngineError
from molgun_lmp.model_formats import Dtype

pytestmark = [pytest.mark.engine, pytest.mark.slow]  # compiles symmetrix' kernels

SEEN = [
    ForceModelInput(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=(bool(atoms.pbc.all()),) * 3
    )
    for atoms in structures().values()
]
"""Of different elements, cells and periodicity, some of them on top of each other in space."""


@pytest.fixture
def joint(tiny_symmetrix: Path) -> Callable[[Dtype], SymmetrixModel]:
    return lambda dtype: SymmetrixModel(tiny_symmetrix, dtype=dtype, joint=True)


def assert_each_as_alone(model: SymmetrixModel, seen: list[ForceModelInput]) -> None:
    """Bit for bit."""
    for structure, found in zip(seen, model.evaluate_many(seen), strict=True):
        alone = model.evaluate(structure)
        assert found.energy_ev == alone.energy_ev
        assert np.array_equal(found.forces, alone.forces)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_gets_the_bits_that_it_gets_alone(
    joint: Callable[[Dtype], SymmetrixModel], dtype: Dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = joint(dtype)
    # In float32 symmetrix 0.1.1 takes no graph without any pair: an isolated atom.
    seen = SEEN if dtype == "float64" else [one for one in SEEN if len(one.numbers) > 1]
    assert_each_as_alone(model, seen)
    assert model._graph is not None
    assert model._graph.refused is None
    asked: list[int] = []
    compute = model._calculator._compute_mace

    def counted(graph: Any, **also: Any) -> Any:
        asked.append(graph[0])
        return compute(graph, **also)

    monkeypatch.setattr(model._calculator, "_compute_mace", counted)
    model.evaluate_many(seen[::-1])
    assert asked == [sum(len(structure.numbers) for structure in seen)], "one evaluation, of all atoms"


def test_trajectories_are_the_same_bits_however_they_are_grouped(
    joint: Callable[[Dtype], SymmetrixModel], tmp_path: Path
) -> None:
    """One by one, all three in one evaluation, and as two feeders have them; each is 60 steps of NVE in LAMMPS."""
    model = joint("float32")
    slab, turn = structures()["molecule on slab"], threading.Lock()

    def fire(folder: Path, shot: int, ask: ForceModel) -> None:
        atoms = slab.copy()
        atoms.positions += np.random.default_rng(shot).normal(0.0, 0.02, atoms.positions.shape)
        write_data(folder, atoms, ELEMENTS)
        deck = (
            f"{head(atoms)}{external()}timestep 0.0005\nfix nve all nve\n"
            "dump d all custom 10 ${dir}/run.dump id x y z\n"
            'dump_modify d sort id format line "%d %.17g %.17g %.17g"\nrun 60\n'
        )
        assert run_text(folder, deck, ask).error is None

    def fire_together(folder: Path, shots: tuple[int, ...]) -> None:
        meeting, there = JointEvaluation(InTurn(model, turn)), threading.Barrier(len(shots))

        def take_part(shot: int) -> None:
            with meeting.member(at_once=True) as member:
                there.wait(PATIENCE_S)
                fire(folder / str(shot), shot, member)

        crew = [threading.Thread(target=take_part, args=(shot,), daemon=True) for shot in shots]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join(PATIENCE_S)
        assert meeting.sizes
        assert set(meeting.sizes) == {len(shots)}

    for shot in range(3):
        fire(tmp_path / "alone" / str(shot), shot, model)
    fire_together(tmp_path / "all", (0, 1, 2))
    feeders = [
        threading.Thread(target=fire_together, args=(tmp_path / "feeders", shots), daemon=True)
        for shots in ((0, 2), (1,))
    ]
    for feeder in feeders:
        feeder.start()
    for feeder in feeders:
        feeder.join(PATIENCE_S)
    for shot in range(3):
        alone = (tmp_path / "alone" / str(shot) / "run.dump").read_bytes()
        for way in ("all", "feeders"):
            assert (tmp_path / way / str(shot) / "run.dump").read_bytes() == alone, (way, shot)
    assert model._graph is not None
    assert model._graph.refused is None


class InTurn(AskedForModel):
    """A model that two ask, one at a time, as it wants to be asked."""

    def __init__(self, model: ForceModel, turn: threading.Lock) -> None:
        super().__init__(model)
        self._turn = turn

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        with self._turn:
            return self._model.evaluate_many(structures)


def test_the_backend_of_this_process_is_taken_or_said(tiny_symmetrix: Path) -> None:
    """A wheel for CPUs is what there is here; on them structures are evaluated one by one."""
    for device in ("cpu", None):
        assert SymmetrixModel(tiny_symmetrix, dtype="float64", device=device)._graph is None
    with pytest.raises(EngineError, match=r"computes on cpu in this process, and was asked for cuda:0"):
        SymmetrixModel(tiny_symmetrix, device="cuda:0")


def another_release(model: SymmetrixModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its call wants no more atoms than one structure has."""
    compute = model._calculator._compute_mace

    def asking(graph: Any) -> Any:
        if graph[0] > max(len(structure.numbers) for structure in SEEN):
            raise ValueError("atoms and graph differ")
        return compute(graph)

    monkeypatch.setattr(model._calculator, "_compute_mace", asking)


def another_answer(model: SymmetrixModel, monkeypatch: pytest.MonkeyPatch) -> None:
    collect = model._calculator._collect_mace_results

    def pushed(atoms: Any, graph: Any, *given: Any) -> Any:
        results = collect(atoms, graph, *given)
        if graph[0] > max(len(structure.numbers) for structure in SEEN):
            results["forces"][-1] += 0.01
        return results

    monkeypatch.setattr(model._calculator, "_collect_mace_results", pushed)


def pairs_lost(_: SymmetrixModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the list that is not ours."""
    monkeypatch.setattr(force_models, "pairs_by_matscipy", lambda *given: pairs_by_matscipy(*given) + 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (another_release, "ValueError: atoms and graph differ"),
        (another_answer, "a force differs by 1.0e-02"),
        (pairs_lost, "and matscipy finds"),
    ],
)
def test_calls_that_are_not_what_they_were_are_said_and_not_used(
    joint: Callable[[Dtype], SymmetrixModel],
    change: Callable[[SymmetrixModel, pytest.MonkeyPatch], None],
    why: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first answers and the later ones are those of one by one, and one sentence says so."""
    model = joint("float64")
    alone = [model.evaluate(structure).energy_ev for structure in SEEN]
    change(model, monkeypatch)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert [found.energy_ev for found in model.evaluate_many(SEEN)] == alone
    (record,) = caplog.records
    assert "one by one" in record.getMessage()
    assert why in record.getMessage()


def test_no_memory_says_nothing_of_the_calls(
    joint: Callable[[Dtype], SymmetrixModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised, for fewer to be asked at once; then they are joint after all."""
    model = joint("float64")

    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(model._calculator, "_collect_mace_results", full)
        with pytest.raises(MemoryError):
            model.evaluate_many(SEEN)
    model.evaluate_many(SEEN)
    assert model._graph is not None
    assert model._graph.refused is None
