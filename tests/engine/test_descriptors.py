"""Descriptors of real models: those of mace's own calculator, invariant where they should be."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from campaign_commands import molgun
from engine_cases import TinyModel, structures

from molgun_lmp.errors import InputFileError, ModelError
from molgun_lmp.models.mace_file import load_model
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.descriptors.describe import DescriptorLayout, describe

pytestmark = pytest.mark.engine


def untrained(*heads: str) -> Any:
    """A model in double precision whose first layer has vectors."""
    import torch
    from mace import modules

    from molgun_lmp.models.mace_file import default_dtype

    with default_dtype("float64"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from e3nn import o3

        torch.manual_seed(1)
        block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
        return modules.ScaleShiftMACE(
            r_max=4.0,
            num_bessel=6,
            num_polynomial_cutoff=5,
            max_ell=2,
            interaction_cls=block,
            interaction_cls_first=block,
            num_interactions=2,
            num_elements=3,
            hidden_irreps=o3.Irreps("4x0e + 4x1o"),
            MLP_irreps=o3.Irreps("4x0e"),
            atomic_energies=np.zeros((len(heads), 3)),
            avg_num_neighbors=8.0,
            atomic_numbers=[1, 6, 14],
            correlation=2,
            gate=torch.nn.functional.silu,
            radial_MLP=[8],
            atomic_inter_scale=[1.0] * len(heads),
            atomic_inter_shift=[0.0] * len(heads),
            heads=list(heads),
        )


@pytest.fixture(scope="module")
def equivariant_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    file = tmp_path_factory.mktemp("equivariant") / "equivariant.model"
    torch.save(untrained("Default"), file)
    return file


def structure(atoms: Atoms) -> Structure:
    return Structure(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=atoms.positions,
        cell=np.array(atoms.cell),
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        set_name="s",
        source="s#0",
        trajectory="t",
    )


def calculator(file: Path) -> Any:
    from mace.calculators import MACECalculator

    return MACECalculator(model_paths=str(file), device="cpu", default_dtype="float64")


@pytest.mark.parametrize("which", ["scalars", "vectors"])
def test_they_are_those_of_maces_calculator(tiny_mace: TinyModel, equivariant_model: Path, which: str) -> None:
    file = tiny_mace.model if which == "scalars" else equivariant_model
    model = load_model(file, trust=True, dtype="float64")
    assert DescriptorLayout.of(model).kinds == (("invariant",) if which == "scalars" else ("invariant", "equivariant"))
    cases = list(structures().values())
    described = describe(model, [structure(atoms) for atoms in cases], head="Default", batch_size=2)
    reference = calculator(file)
    for index, atoms in enumerate(cases):
        for kind, features in described.features.items():
            expected = reference.get_descriptors(atoms, invariants_only=kind == "invariant").mean(axis=0)
            np.testing.assert_allclose(features[index], expected, atol=1e-9)
        work = atoms.copy()
        work.calc = reference
        assert described.energy_ev_per_atom[index] == pytest.approx(work.get_potential_energy() / len(atoms), abs=1e-9)


def test_several_heads_in_single_precision() -> None:
    """Which need the process's default dtype to be the model's: the masks of the heads are made with it."""
    model = untrained("Default", "other")
    cases = [structure(atoms) for atoms in structures().values()]
    double = describe(model, cases, head="other")
    single = describe(model.float(), cases, head="other")
    assert single.features.keys() == double.features.keys()
    assert single.features
    for kind, features in single.features.items():
        np.testing.assert_allclose(features, double.features[kind], atol=1e-5)


def test_invariants_do_not_turn_and_equivariants_do(equivariant_model: Path) -> None:
    model = load_model(equivariant_model, trust=True, dtype="float64")
    here = structures()["molecule in vacuum"]
    turned = here.copy()
    turned.rotate(40, (1, 2, 3))
    described = describe(model, [structure(here), structure(turned)], head="Default", element="C")
    invariant, equivariant = described.features["invariant"], described.features["equivariant"]
    np.testing.assert_allclose(invariant[:2], invariant[2:], atol=1e-9)
    assert np.abs(equivariant[:2] - equivariant[2:]).max() > 1e-6


def test_atoms_of_one_element(tiny_mace: TinyModel) -> None:
    model = load_model(tiny_mace.model, trust=True)
    cases = [structures()[name] for name in ("molecule in vacuum", "isolated atom", "molecule on slab")]
    described = describe(model, [structure(atoms) for atoms in cases], head="Default", element="C")
    assert described.structure.tolist() == [0, 0, 2, 2]
    with pytest.raises(InputFileError, match="none of the structures holds O"):
        describe(model, [structure(atoms) for atoms in cases], head="Default", element="O")
    with pytest.raises(ModelError, match="never trained on Au"):
        describe(model, [structure(Atoms("Au2", positions=np.eye(3)[:2] * 2))], head="Default")


def test_json_is_alone_on_standard_output(tiny_mace: TinyModel, tmp_path: Path) -> None:
    """Loading mace greets there."""
    frames = tmp_path / "frames.extxyz"
    molecules = [structures()["molecule on slab"] for _ in range(6)]
    for seed, atoms in enumerate(molecules):
        atoms.rattle(0.1, seed=seed)
    write(frames, molecules, format="extxyz")
    done = molgun(
        *("descriptors", tiny_mace.model, frames, "--training", frames, "--output", tmp_path / "space"),
        *("--trust-model", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert "invariant" in json.loads(done.stdout)["kinds"]


def test_not_even_libraries_of_c_and_children_write_beside_the_json() -> None:
    code = (
        "import os, subprocess, sys; from molgun_lmp.cli.output import json_alone, print_json\n"
        "with json_alone():\n"
        "    print('python', flush=True); os.write(1, b'c\\n'); subprocess.run(['echo', 'child'])\n"
        "    print_json({'alone': True})\n"
        "print('after')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == '{\n  "alone": true\n}\nafter\n'
    assert set(done.stderr.split()) == {"python", "c", "child"}
