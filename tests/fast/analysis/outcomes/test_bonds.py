"""Bond limits with hand-checked numbers, hysteresis, and distances in general cells."""

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.statistics.sensitivity import pair_limits
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import ConfigError
from molgun_lmp.surface.minimum_image import MinimumImage

LATTICE = MinimumImage.of_cell(np.diag([10.0, 10.0, 30.0]))
NO_SLAB = np.empty((0, 3))


def pair_at(distance: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[9.9, 0.0, 5.0], [9.9 + distance - 10.0, 0.0, 5.0]])  # through the boundary


@pytest.mark.parametrize(
    ("first", "second", "limit"),
    [("Si", "C", 2.47), ("C", "C", 2.12), ("C", "H", 1.67), ("H", "Si", 2.02), ("Si", "Si", 2.82)],
)
def test_default_limits_are_those_of_the_papers_scripts(first: str, second: str, limit: float) -> None:
    limits = BondLimits.of([first], [second], OutcomeCriteria())
    assert limits.surface == pytest.approx(np.array([[limit]]), abs=1e-9)


@pytest.mark.parametrize("name", ["C-Si", "Si-C"])
def test_limit_of_one_pair_replaces_the_default_both_ways(name: str) -> None:
    limits = BondLimits.of(["C", "Si"], ["Si", "C"], OutcomeCriteria(pair_limits_angstrom={name: 2.3}))
    assert limits.surface == pytest.approx(np.array([[2.3, 2.12], [2.82, 2.3]]))
    assert limits.molecule == pytest.approx(np.array([[2.12, 2.3], [2.3, 2.82]]))


def test_limit_between_equal_elements() -> None:
    limits = BondLimits.of(["C", "H"], ["C"], OutcomeCriteria(pair_limits_angstrom={"C-C": 1.9}))
    assert limits.surface == pytest.approx(np.array([[1.9], [1.67]]))


@pytest.mark.parametrize("gas", ["He", "Ne", "Ar", "Kr", "Xe", "Rn"])
def test_a_noble_gas_has_no_bonds_but_those_that_are_asked_for(gas: str) -> None:
    criteria = OutcomeCriteria()
    limits = BondLimits.of([gas, "H"], ["Ni"], criteria)
    positions = np.array([[0.0, 0.0, 1.0], [3.0, 0.0, 1.5]])
    bonds = limits.bonds(positions, np.array([[0.0, 0.0, 0.0]]), LATTICE)
    assert not bonds.surface.any()
    bonds = limits.bonds(positions[[0, 0]], np.array([[0.0, 0.0, 0.0]]), LATTICE, before=bonds)
    assert bonds.surface.tolist() == [[False], [True]]
    assert not bonds.molecule.any()
    assert f"{gas}-Ni" not in pair_limits(criteria, [gas, "H", "Ni"])
    asked = OutcomeCriteria(pair_limits_angstrom={f"{gas}-Ni": 2.5})
    assert BondLimits.of([gas], ["Ni"], asked).surface == pytest.approx(np.array([[2.5]]))


@pytest.mark.parametrize("name", ["SiC", "Si-C-H", "Si-Xx", "-"])
def test_limit_for_no_pair_of_elements_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="not a pair of elements"):
        BondLimits.of(["C"], ["Si"], OutcomeCriteria(pair_limits_angstrom={name: 2.3}))


def test_bond_forms_below_its_limit_and_breaks_beyond_the_hysteresis() -> None:
    limits = BondLimits.of(["C", "C"], [], OutcomeCriteria(hysteresis_angstrom=0.2))
    distances = [2.40, 2.20, 2.13, 2.11, 2.13, 2.31, 2.33, 2.31, 2.11]
    expected = [False, False, False, True, True, True, False, False, True]
    before = None
    seen = []
    for distance in distances:
        before = limits.bonds(pair_at(distance), NO_SLAB, LATTICE, before)
        assert before.lengths[0, 1] == pytest.approx(distance, abs=1e-9)
        seen.append(bool(before.molecule[0, 1]))
    assert seen == expected


def test_bonds_to_the_slab_have_the_same_hysteresis() -> None:
    limits = BondLimits.of(["C"], ["Si"], OutcomeCriteria())
    slab = np.array([[0.2, 9.9, 3.0]])
    near = slab + np.array([9.8, -9.9, 2.4])  # straight above, through the boundary
    between = slab + np.array([9.8, -9.9, 2.6])
    alone = limits.bonds(between, slab, LATTICE)
    after = limits.bonds(between, slab, LATTICE, limits.bonds(near, slab, LATTICE))
    assert (bool(alone.surface[0, 0]), bool(after.surface[0, 0])) == (False, True)
    assert limits.between_thresholds(alone)[1].all()
    assert not limits.between_thresholds(limits.bonds(near, slab, LATTICE))[1].any()


def test_no_atom_is_bonded_to_itself() -> None:
    limits = BondLimits.of(["C", "C"], [], OutcomeCriteria())
    assert not np.diag(limits.bonds(pair_at(1.2), NO_SLAB, LATTICE).molecule).any()


@pytest.mark.parametrize("seed", range(3))
def test_distances_equal_ase_in_a_skewed_cell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = np.array([[8.0, 0.0, 0.0], [rng.uniform(-20, 20), 7.0, 0.0], [0.0, 0.0, 25.0]])
    atoms = Atoms("H40", positions=rng.uniform(-15.0, 15.0, (40, 3)), cell=cell, pbc=[True, True, False])
    expected = get_distances(atoms.positions[:10], atoms.positions[10:], cell=cell, pbc=atoms.pbc)[1]
    found = MinimumImage.of_cell(cell).distances(atoms.positions[:10], atoms.positions[10:])
    assert found == pytest.approx(expected, abs=1e-9)
