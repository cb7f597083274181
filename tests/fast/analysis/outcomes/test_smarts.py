"""Groups by pattern: the example's molecules, and patterns that fit nothing, too much, or are none."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule as build

import molgun_lmp
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.surface.minimum_image import MinimumImage

LATTICE = MinimumImage.of_cell(np.diag([30.0, 30.0, 30.0]))
EXAMPLES = Path(molgun_lmp.__file__).parent / "examples"


def named(atoms: Atoms, pattern: str) -> tuple[int, int]:
    symbols = atoms.get_chemical_symbols()
    return MoleculeReference.named(symbols, atoms.positions, {"G": pattern}, LATTICE, OutcomeCriteria())["G"]


@pytest.mark.parametrize(
    ("pattern", "pair"),
    [
        ("[CX2;R][CX2;R]", (7, 8)),
        ("[CX2r8]~[CX2r8]", (7, 8)),
        ("[CX2;R0][CX2;H1]", (0, 1)),
        ("[CX2H1]-[CX2]", (0, 1)),
        ("[CH1X2:1][C:2]", (0, 1)),
    ],
)
def test_the_two_triple_bonds_of_ecco(ecco: Atoms, pattern: str, pair: tuple[int, int]) -> None:
    assert named(ecco, pattern) == pair


@pytest.mark.parametrize("seed", range(5))
def test_found_again_in_any_order_of_atoms(ecco: Atoms, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(ecco))
    place = np.argsort(order)
    shuffled = ecco[order]
    assert set(named(shuffled, "[CX2;R][CX2;R]")) == {int(place[7]), int(place[8])}
    assert set(named(shuffled, "[CX2H1][CX2H0]")) == {int(place[0]), int(place[1])}


def test_other_molecules() -> None:
    cyclooctyne = read_structure(EXAMPLES / "cyclooctyne-si001" / "cyclooctyne.xyz")
    first, second = named(cyclooctyne, "[CX2][CX2]")
    assert cyclooctyne.get_distance(first, second) < 1.25
    assert named(build("CO"), "CO") == (0, 1)
    ethanol = build("CH3CH2OH")
    oxygen = ethanol.get_chemical_symbols().index("O")
    pair = named(ethanol, "[CH3][CH2:1][OX2H1:2]")
    assert oxygen in pair
    assert ethanol.get_distance(*pair) < 1.6
    with pytest.raises(ConfigError, match="no atoms"):
        named(ethanol, "[C;R][C;R]")


def test_rings_by_their_smallest_size() -> None:
    bicyclobutane = build("bicyclobutane")
    with pytest.raises(ConfigError, match="fits C"):
        named(bicyclobutane, "[Cr3][Cr3]")
    with pytest.raises(ConfigError, match="no atoms"):
        named(bicyclobutane, "[Cr4][Cr4]")
    with pytest.raises(ConfigError, match="fits C"):
        named(build("cyclobutane"), "[Cr4][Cr4]")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("C#C", "no bond orders"),
        ("[CX2]=[CX2]", "no bond orders"),
        ("", "names no pair"),
        ("[CX2]", "names no pair"),
        ("[C:1][C]", "names no pair"),
        ("[CX2", "not understood"),
        ("[Qq][C]", "not understood"),
        ("[CZ2][C]", "not understood"),
        ("C(C)C", "not understood"),
        ("CC", "fits C0-C1, "),
        ("[NX3][C]", "no atoms"),
    ],
)
def test_what_is_no_pattern_of_one_pair(ecco: Atoms, pattern: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        named(ecco, pattern)
    assert "patterns.G" in str(caught.value)
