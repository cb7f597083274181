"""LAMMPS's D3 beside the model is the D3 of the dftd3 package, on real frames, under every engine's include."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from engine_cases import ELEMENTS, TinyModel, external, pair_mace, single_point

import molgun_lmp
from molgun_lmp.config import Dispersion
from molgun_lmp.engine.dispersion import with_dispersion
from molgun_lmp.engine.torch_model import TorchScriptModel

pytestmark = pytest.mark.engine

FRAMES = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001" / "data" / "frames.extxyz.xz"
BOHR = 0.529177210903
HARTREE = 27.211386245988
# What the cutoffs of 20 and 15 Å leave out.
FORCE_TOLERANCE = 5e-4
ENERGY_TOLERANCE = 3e-4
"""eV per atom."""


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    return [atoms for atoms in read(FRAMES, ":") if len(atoms) > 100][:60:59]


@pytest.mark.parametrize("damping", ["bj", "zero"])
def test_the_correction_is_that_of_the_reference_program(
    plugin: Path, tiny_mace: TinyModel, frames: list[Atoms], damping: str, tmp_path: Path
) -> None:
    from dftd3.interface import DispersionModel, RationalDampingParam, ZeroDampingParam

    d3 = Dispersion.model_validate({"kind": "d3", "functional": "pbe", "damping": damping})
    parameters = RationalDampingParam if damping == "bj" else ZeroDampingParam
    assert len(frames) == 2
    for number, atoms in enumerate(frames):
        model = DispersionModel(atoms.numbers, atoms.positions / BOHR, np.array(atoms.cell) / BOHR, np.ones(3, bool))
        expected = model.get_dispersion(parameters(method="pbe", atm=False), grad=True)
        without = pair_mace(tiny_mace.deployed["float64"])
        own = single_point(tmp_path / f"{number}-model", atoms, without)
        both = single_point(tmp_path / f"{number}-both", atoms, with_dispersion(without, d3, ELEMENTS))
        energy, forces = both.energy - own.energy, both.forces - own.forces
        assert np.abs(expected["gradient"]).max() * HARTREE / BOHR > 0.03
        assert abs(energy - expected["energy"] * HARTREE) < ENERGY_TOLERANCE * len(atoms)
        assert np.abs(forces + expected["gradient"] * HARTREE / BOHR).max() < FORCE_TOLERANCE


def test_an_engine_in_python_has_the_same_correction(
    plugin: Path, tiny_mace: TinyModel, frames: list[Atoms], tmp_path: Path
) -> None:
    d3 = Dispersion(kind="d3", functional="pbe")
    file, atoms = tiny_mace.deployed["float64"], frames[0]
    style = single_point(tmp_path / "style", atoms, with_dispersion(pair_mace(file), d3, ELEMENTS))
    callback = with_dispersion(external(), d3, ELEMENTS)
    python = single_point(tmp_path / "python", atoms, callback, TorchScriptModel(file))
    assert abs(python.energy - style.energy) < 1e-6 * len(atoms)
    assert np.abs(python.forces - style.forces).max() < 1e-6
