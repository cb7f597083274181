"""A SMILES string becomes the isomer that was asked for, in its lowest conformer; a structure tells its string."""

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.config import SmilesStart
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.smiles import build_smiles, smiles_of

needs_rdkit = pytest.mark.skipif(importlib.util.find_spec("rdkit") is None, reason="needs the extra `smiles`")

ECCO = "C#CC1(C)C2CCC#CCCC12"
OF_THE_EXAMPLE = "C#C[C@@]1(C)[C@@H]2CCC#CCC[C@@H]21"


def start(smiles: str, **settings: Any) -> SmilesStart:
    return SmilesStart(kind="smiles", smiles=smiles, **{"conformers": 5, **settings})


@needs_rdkit
def test_a_string_that_leaves_the_isomer_open_is_refused_with_all_of_them() -> None:
    with pytest.raises(ConfigError, match="leaves open which isomer is meant") as refused:
        build_smiles(start(ECCO))
    assert OF_THE_EXAMPLE in str(refused.value)
    assert str(refused.value).count("2CCC#CCC[") == 4  # cis with the ethynyl group on either side, and trans twice
    assert "`any`" in str(refused.value)
    for unmarked in ("CC=CC", "CC(O)F"):  # a double bond, one centre
        with pytest.raises(ConfigError, match="leaves open"):
            build_smiles(start(unmarked))


@needs_rdkit
@pytest.mark.parametrize("seed", [0, 1])
def test_the_isomer_that_is_asked_for_is_built(seed: int, ecco: Atoms) -> None:
    asked = build_smiles(start(ECCO, seed=seed, isomer=OF_THE_EXAMPLE))
    molecule = build_smiles(start(OF_THE_EXAMPLE, seed=seed))
    assert np.array_equal(asked.positions, molecule.positions)
    assert molecule.get_chemical_formula() == "C12H14"
    assert molecule.info["smiles"] == smiles_of(molecule) == smiles_of(ecco) == OF_THE_EXAMPLE
    assert np.array_equal(molecule.positions, build_smiles(start(OF_THE_EXAMPLE, seed=seed)).positions)
    assert molecule.get_all_distances()[np.triu_indices(26, 1)].min() > 1.0


@needs_rdkit
def test_the_isomer_must_be_one_of_the_string() -> None:
    for isomer in ("CC", "C#(", "C/C=C/CC"):
        with pytest.raises(ConfigError, match=r"none of the isomers of 'CC=CC', which are C/C=C.*C/C=C"):
            build_smiles(start("CC=CC", isomer=isomer))


@needs_rdkit
def test_any_takes_the_lowest_isomer_and_says_how_far_the_others_lie() -> None:
    molecule = build_smiles(start("CC=CC", isomer="any"))
    assert molecule.info["smiles"] == smiles_of(molecule) == "C/C=C/C"
    assert r"C/C=C\C 0.0" in molecule.info["chosen"]
    cis = build_smiles(start("CC=CC", isomer=r"C/C=C\C"))
    assert smiles_of(cis) == r"C/C=C\C"


@needs_rdkit
def test_the_lowest_of_many_conformers_is_taken_whatever_the_seed() -> None:
    """Heptane: stretched out, and 0.03 eV higher for each bend."""
    ends = []
    for seed in (0, 1, 2):
        molecule = build_smiles(start("CCCCCCC", seed=seed, conformers=50))
        assert "the lowest of 50 conformers by MMFF94, the others up to 0." in molecule.info["chosen"]
        ends.append(molecule.get_distance(0, 6))
    assert ends == pytest.approx([7.7, 7.7, 7.7], abs=0.2)


@needs_rdkit
def test_isomers_without_a_geometry_are_none() -> None:
    """Norbornene's bridgeheads are stereo centres, of which one arrangement can exist."""
    molecule = build_smiles(start("C1CC2CC1C=C2"))
    assert molecule.get_chemical_formula() == "C7H10"


@needs_rdkit
def test_what_rdkit_cannot_read_or_relax() -> None:
    for wrong in ("C#(", ""):
        with pytest.raises(ConfigError, match="cannot read"):
            build_smiles(start(wrong))
    assert "no parameters" in build_smiles(start("[C-]#[O+]")).info["chosen"]


@needs_rdkit
def test_what_has_no_string_has_none() -> None:
    assert smiles_of(Atoms("Cu4", positions=np.diag([0.0, 2.5, 2.5, 2.5])[:, :3])) is None
    assert smiles_of(Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.13]])) == "[C-]#[O+]"


def test_without_rdkit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit", None)  # what Python finds where it is not installed
    with pytest.raises(ConfigError, match=r"molgun_lmp\[smiles\]"):
        build_smiles(start("C"))
    assert smiles_of(Atoms("H")) is None
