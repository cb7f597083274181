"""symmetrix through fix external: the forces of mace, and no memory of earlier calls."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from engine_cases import ELEMENTS, TinyModel, external, head, run_text, single_point, structures, write_data

from molgun_lmp.engine.force_models import ForceModelInput, SymmetrixModel
from molgun_lmp.engine.multistep import MultistepModel
from molgun_lmp.engine.neighbour_lists import NeighbourLists
from molgun_lmp.engine.symmetrix_pairs import SymmetrixPairs
from molgun_lmp.engine.torch_model import TorchScriptModel
from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.models.symmetrix import read_symmetrix_head, symmetrix_calculator

pytestmark = pytest.mark.engine

STRUCTURES = structures()
SLAB = STRUCTURES["molecule on slab"]


@pytest.fixture(scope="module")
def model(tiny_symmetrix: Path) -> SymmetrixModel:
    return SymmetrixModel(tiny_symmetrix, dtype="float64")


@pytest.mark.slow  # compiles symmetrix' kernels
@pytest.mark.parametrize("name", STRUCTURES)
def test_forces_are_those_of_mace(model: SymmetrixModel, tiny_mace: TinyModel, name: str, tmp_path: Path) -> None:
    from mace.calculators import MACECalculator

    atoms = STRUCTURES[name]
    point = single_point(tmp_path, atoms, external(), model)
    reference = MACECalculator(model_paths=str(tiny_mace.model), default_dtype="float64", device="cpu")
    reference.calculate(atoms, ["energy", "forces"])
    expected = reference.results["forces"]
    assert np.abs(point.forces - expected).max() < max(1e-4 * np.abs(expected).max(), 1e-6)
    assert abs(point.energy - reference.results["energy"]) < 1e-4 * len(atoms)


@pytest.mark.slow
def test_an_evaluation_remembers_nothing(model: SymmetrixModel) -> None:
    """The same structure gives the same bits after another one, whatever its neighbour list was built of."""
    first = ForceModelInput(numbers=SLAB.numbers, positions=SLAB.positions, cell=SLAB.cell.array, pbc=(True,) * 3)
    before = model.evaluate(first)
    lists = NeighbourLists()
    for seed in range(3):
        away = np.random.default_rng(seed).normal(0.0, 0.1, SLAB.positions.shape)
        model.evaluate(dataclasses.replace(first, positions=SLAB.positions + away, lists=lists))
        after = model.evaluate(dataclasses.replace(first, lists=lists))
        assert before.energy_ev == after.energy_ev
        assert np.array_equal(before.forces, after.forces)
    assert lists.built == 1


@pytest.mark.slow
def test_a_symmetrix_that_takes_pairs_otherwise_is_refused(tiny_symmetrix: Path) -> None:
    calculator = symmetrix_calculator(tiny_symmetrix, "float64", read_symmetrix_head(tiny_symmetrix))
    compute = calculator._compute_mace

    def backwards(graph: tuple[Any, ...], atoms: Atoms | None = None) -> int:
        return int(compute(graph if atoms is not None else (*graph[:5], -graph[5], *graph[6:]), atoms=atoms))

    calculator._compute_mace = backwards
    with pytest.raises(EngineError, match=r"does not take neighbours as version 0\.1\.1 does \(forces differ by"):
        SymmetrixPairs(calculator, 4.0)
    calculator._compute_mace = lambda graph, atoms: int(compute(graph, atoms=atoms))
    with pytest.raises(EngineError, match=r"does \(TypeError.* Install symmetrix-xl==0\.1\.1"):
        SymmetrixPairs(calculator, 4.0)


@pytest.mark.slow
def test_what_it_knows(model: SymmetrixModel) -> None:
    assert model.elements == frozenset(ELEMENTS)
    assert model.cutoff_angstrom == 4.0
    oxygen = ForceModelInput(numbers=np.array([8]), positions=np.zeros((1, 3)), cell=9.0 * np.eye(3), pbc=(True,) * 3)
    with pytest.raises(ModelError, match="was not trained on O; it knows C, H, Si"):
        model.evaluate(oxygen)


@pytest.mark.slow
def test_inner_and_full_model_may_be_of_either_engine(
    model: SymmetrixModel, tiny_mace: TinyModel, tmp_path: Path
) -> None:
    """Where both are the same function the impulses vanish, and the trajectory is that of single steps."""
    torchscript = TorchScriptModel(tiny_mace.deployed["float64"])
    write_data(tmp_path, SLAB, ELEMENTS)
    deck = (
        f"{head(SLAB)}{external()}timestep 0.0005\nvelocity all create 300 1\nfix nve all nve\nthermo 4\n"
        "thermo_style custom step pe etotal\nthermo_modify format float %.17g\nrun 12\n"
    )
    plain = run_text(tmp_path, deck, model).thermo["PotEng"]
    assert np.ptp(plain) > 0.01
    for full, inner in ((model, model), (model, torchscript), (torchscript, model)):
        run = run_text(tmp_path, deck, MultistepModel(full, inner, every=4))
        assert run.error is None, run.error
        change = run.thermo["PotEng"] - run.thermo["PotEng"][0]
        assert np.abs(change - plain + plain[0]).max() < 0.01 * np.ptp(plain)


def test_files_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.json cannot be read"):
        SymmetrixModel(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text('{"atomic_numbers": [1]}')
    with pytest.raises(ModelError, match=r"other\.json is not a symmetrix model \(KeyError"):
        SymmetrixModel(tmp_path / "other.json")
