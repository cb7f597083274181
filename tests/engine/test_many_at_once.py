"""Several structures in one evaluation, and several LAMMPS instances that meet at it."""

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from engine_cases import ELEMENTS, TinyModel, external, head, run_text, single_point, structures, write_data
from waiting import PATIENCE_S

from molgun_lmp.engine.force_models import AskedForModel, Evaluation, ForceModelInput
from molgun_lmp.engine.joint_evaluation import JointEvaluation
from molgun_lmp.engine.neighbour_lists import NeighbourLists
from molgun_lmp.engine.session import DeckRun
from molgun_lmp.engine.torch_model import TorchScriptModel
from molgun_lmp.errors import ModelError
from molgun_lmp.records import Cause

pytestmark = pytest.mark.engine

STRUCTURES = structures()
STEPS = 200


def seen(atoms: Atoms) -> ForceModelInput:
    periodic = bool(atoms.pbc.all())
    return ForceModelInput(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=(periodic, periodic, periodic)
    )


@pytest.fixture(scope="module")
def model(tiny_mace: TinyModel) -> TorchScriptModel:
    return TorchScriptModel(tiny_mace.deployed["float64"])


@pytest.mark.parametrize("name", STRUCTURES)
def test_forces_are_those_of_mace(model: TorchScriptModel, tiny_mace: TinyModel, name: str, tmp_path: Path) -> None:
    from mace.calculators import MACECalculator

    atoms = STRUCTURES[name]
    point = single_point(tmp_path, atoms, external(), model)
    reference = MACECalculator(model_paths=str(tiny_mace.model), default_dtype="float64", device="cpu")
    reference.calculate(atoms, ["energy", "forces"])
    assert np.abs(point.forces - reference.results["forces"]).max() < 1e-8
    assert abs(point.energy - reference.results["energy"]) < 1e-7


def test_none_sees_a_neighbour_in_another(model: TorchScriptModel) -> None:
    """All structures at once, some of them on top of each other in space, and each alone."""
    all_of_them = [seen(atoms) for atoms in STRUCTURES.values()]
    together = model.evaluate_many(all_of_them)
    for structure, joint in zip(all_of_them, together, strict=True):
        alone = model.evaluate(structure)
        assert abs(joint.energy_ev - alone.energy_ev) < 1e-9
        assert np.abs(joint.forces - alone.forces).max() < 1e-10


def test_what_is_not_finite_leaves_the_others_untouched(model: TorchScriptModel) -> None:
    good = seen(STRUCTURES["molecule on slab"])
    broken = dataclasses.replace(good, positions=np.where(np.arange(3) == 1, np.nan, good.positions))
    before, nan, after = model.evaluate_many([good, broken, good])
    alone = model.evaluate(good)
    assert np.isnan(nan.energy_ev)
    assert np.isnan(nan.forces).all()
    for found in (before, after):
        assert np.abs(found.forces - alone.forces).max() < 1e-10


def test_an_evaluation_remembers_nothing(model: TorchScriptModel) -> None:
    first, other = seen(STRUCTURES["molecule on slab"]), seen(STRUCTURES["triclinic"])
    before = model.evaluate(first)
    model.evaluate_many([other, first, other])
    after = model.evaluate(first)
    assert before.energy_ev == after.energy_ev
    assert np.array_equal(before.forces, after.forces)


class Forgetful(AskedForModel):
    """Is asked each frame as if it were the first."""

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return super().evaluate(dataclasses.replace(structure, lists=NeighbourLists(0.0)))


def test_kept_neighbour_lists_change_no_bit(model: TorchScriptModel, tmp_path: Path) -> None:
    """Hot enough that lists are built several times, and that atoms are put back into the box."""
    atoms = STRUCTURES["molecule on slab"].copy()
    atoms.positions[:, :2] -= 0.05
    frames = []
    for name, asked in (("kept", model), ("fresh", Forgetful(model))):
        write_data(tmp_path / name, atoms, ELEMENTS)
        hot = deck(atoms, 60).replace("fix nve", "velocity all create 6000 1\nneighbor 0.3 bin\nfix nve")
        assert run_text(tmp_path / name, hot, asked).error is None
        frames.append((tmp_path / name / "run.dump").read_text())
    assert frames[0] == frames[1]


def test_files_that_are_no_model_and_elements_that_it_lacks(model: TorchScriptModel, tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_text("nothing")
    with pytest.raises(ModelError, match=r"other\.pt is not a MACE for `pair_style mace`"):
        TorchScriptModel(tmp_path / "other.pt")
    oxygen = ForceModelInput(numbers=np.array([8]), positions=np.zeros((1, 3)), cell=9.0 * np.eye(3), pbc=(True,) * 3)
    with pytest.raises(ModelError, match="was not trained on O; it knows C, H, Si"):
        model.evaluate(oxygen)


def shots(count: int) -> list[Atoms]:
    """The molecule on its slab, each a little different."""
    found = []
    for seed in range(count):
        atoms = STRUCTURES["molecule on slab"].copy()
        atoms.positions += np.random.default_rng(seed).normal(0.0, 0.02, atoms.positions.shape)
        found.append(atoms)
    return found


def deck(atoms: Atoms, steps: int) -> str:
    return (
        head(atoms) + external() + "timestep 0.0005\nfix nve all nve\n"
        "thermo_style custom step pe etotal\nthermo_modify format float %.17g\nthermo 10\n"
        'dump d all custom 10 ${dir}/run.dump id x y z\ndump_modify d sort id format line "%d %.17g %.17g %.17g"\n'
        f"run {steps}\n"
    )


def positions(folder: Path, atoms: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    lines = (folder / "run.dump").read_text().splitlines()
    return np.loadtxt(lines[-atoms:])[:, 1:]


def run_together(joint: JointEvaluation, jobs: Sequence[tuple[Path, Atoms, int]], threads: int) -> dict[Path, DeckRun]:
    """As a worker does it: each thread takes the next job when its last one has ended.

    The first ones wait for each other, so that they are at work together on any machine.
    """
    waiting, found, lock, all_there = list(jobs), {}, threading.Lock(), threading.Barrier(threads)

    def work() -> None:
        is_first = True
        while True:
            with lock:
                if not waiting:
                    return
                folder, atoms, steps = waiting.pop(0)
            write_data(folder, atoms, ELEMENTS)
            with joint.member(at_once=is_first) as member:
                if is_first:
                    all_there.wait(PATIENCE_S)
                    is_first = False
                found[folder] = run_text(folder, deck(atoms, steps), member)

    crew = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in crew), "a deadlock"
    return found


def test_one_by_one_and_together_agree(model: TorchScriptModel, tmp_path: Path) -> None:
    """Five trajectories in three threads, of different lengths, so that two are refills."""
    lengths = (STEPS, STEPS // 2, STEPS, STEPS // 4, STEPS)
    alone, jobs = {}, []
    for number, (atoms, steps) in enumerate(zip(shots(5), lengths, strict=True)):
        folder = tmp_path / "alone" / str(number)
        write_data(folder, atoms, ELEMENTS)
        alone[number] = run_text(folder, deck(atoms, steps), model)
        jobs.append((tmp_path / "together" / str(number), atoms, steps))
    joint = JointEvaluation(model)
    together = run_together(joint, jobs, threads=3)
    assert max(joint.sizes) == 3
    assert sum(joint.sizes) == sum(lengths) + len(lengths)  # each step once, and each setup
    for number, (folder, atoms, steps) in enumerate(jobs):
        assert together[folder].error is None
        assert together[folder].steps == steps
        moved = positions(folder, len(atoms))
        assert np.abs(moved - positions(tmp_path / "alone" / str(number), len(atoms))).max() < 1e-7
        assert np.abs(together[folder].thermo["TotEng"] - alone[number].thermo["TotEng"]).max() < 1e-6


class Spoiled:
    """The real model, but what begins at one structure's first atom is answered by `answer`."""

    def __init__(self, model: TorchScriptModel, first: float, answer: Callable[[ForceModelInput], Evaluation]) -> None:
        self._model, self._first, self._answer = model, first, answer
        self.elements, self.cutoff_angstrom = model.elements, model.cutoff_angstrom

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        found = self._model.evaluate_many(structures)
        guilty = [abs(structure.positions[0, 0] - self._first) < 1e-6 for structure in structures]
        return [self._answer(s) if bad else e for s, e, bad in zip(structures, found, guilty, strict=True)]


def nan(structure: ForceModelInput) -> Evaluation:
    return Evaluation(energy_ev=0.0, forces=np.full(structure.positions.shape, np.nan))


def broken(structure: ForceModelInput) -> Evaluation:
    raise RuntimeError(f"no answer for {len(structure.numbers)} atoms")


@pytest.mark.parametrize(("answer", "cause"), [(nan, Cause.NAN_FORCE), (broken, Cause.FORCE_MODEL_ERROR)])
def test_one_that_fails_leaves_the_others_untouched(
    model: TorchScriptModel, tmp_path: Path, answer: Callable[[ForceModelInput], Evaluation], cause: Cause
) -> None:
    atoms = shots(3)
    atoms[1].positions[0, 0] = 0.123
    spoiled = Spoiled(model, 0.123, answer)
    jobs = [(tmp_path / str(number), one, 20) for number, one in enumerate(atoms)]
    found = run_together(JointEvaluation(spoiled), jobs, threads=3)
    assert found[jobs[1][0]].cause is cause
    for number in (0, 2):
        folder = tmp_path / f"alone-{number}"
        write_data(folder, atoms[number], ELEMENTS)
        run_text(folder, deck(atoms[number], 20), model)
        assert found[jobs[number][0]].error is None
        assert found[jobs[number][0]].steps == 20
        size = len(atoms[number])
        assert np.abs(positions(jobs[number][0], size) - positions(folder, size)).max() < 1e-9


class SmallDevice(AskedForModel):
    """The real model on a device that holds so many structures; it fails in the words of torch."""

    def __init__(self, model: TorchScriptModel, room: int, error: Exception) -> None:
        super().__init__(model)
        self.room, self.error = room, error
        self.tried: list[int] = []

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        self.tried.append(len(structures))
        if len(structures) > self.room:
            raise self.error
        return self._model.evaluate_many(structures)


OUT_OF_MEMORY = (
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("The following operation failed in the TorchScript interpreter.\nRuntimeError: CUDA out of memory."),
    MemoryError("std::bad_alloc"),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_a_device_that_is_too_small_for_all_of_them_takes_fewer_at_once(
    model: TorchScriptModel, error: Exception
) -> None:
    """No GPU is needed for its errors: they are raised on the processor."""
    device = SmallDevice(model, 2, error)
    joint = JointEvaluation(device)
    structures = [seen(atoms) for atoms in shots(5)]
    answers: dict[int, Evaluation] = {}

    def ask(number: int, there: threading.Barrier) -> None:
        with joint.member(at_once=True) as member:
            there.wait(PATIENCE_S)
            for _ in range(3):
                answers[number] = member.evaluate(structures[number])

    five = threading.Barrier(5)
    threads = [threading.Thread(target=ask, args=(number, five)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(joint.sizes) == [5, 5, 5]
    assert device.tried == [5, 3, 2, 1, 2, *[2, 2, 1] * 2], "only the first time is too much asked of it"
    for number, structure in enumerate(structures):
        assert np.abs(answers[number].forces - model.evaluate(structure).forces).max() < 1e-10


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_one_that_has_no_room_even_alone_is_out_of_memory(
    model: TorchScriptModel, tmp_path: Path, error: Exception
) -> None:
    (atoms,) = shots(1)
    write_data(tmp_path, atoms, ELEMENTS)
    with JointEvaluation(SmallDevice(model, 0, error)).member() as member:
        run = run_text(tmp_path, deck(atoms, 5), member)
    assert run.cause is Cause.OUT_OF_MEMORY
    assert run.error is not None
    assert str(error).splitlines()[-1] in run.error
