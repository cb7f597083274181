"""Molecule and surface told apart by bonds and composition, whatever their order and position in the cell."""

import collections

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from labelled_cases import above, labelled, slab, slab_and_molecule

from molgun_lmp.errors import ConfigError
from molgun_lmp.surface.partition import Group, MoleculeChoice, endless_atoms, group_atoms


def counts(atoms: Atoms, choice: str | None = None) -> dict[str, int] | str:
    grouping = group_atoms([labelled(atoms)], MoleculeChoice.parse(choice) if choice else None)
    (groups,) = grouping.groups
    if groups is None:
        (why,) = grouping.undecided.values()
        return why
    return dict(collections.Counter(str(group) for group in groups))


def test_a_molecule_above_a_slab_is_what_ends() -> None:
    assert counts(slab_and_molecule(4.0)) == {"surface": 8, "surface hydrogen": 2, "molecule": 4}


def test_a_bonded_molecule_is_told_by_its_elements() -> None:
    atoms = slab_and_molecule(1.5)
    assert endless_atoms(atoms).all()
    assert counts(atoms) == {"surface": 8, "surface hydrogen": 2, "molecule": 4}


@pytest.mark.parametrize("shift", [0.0, 2.7, -9.0])
def test_groups_know_neither_order_nor_periodic_shifts(shift: float) -> None:
    atoms = slab_and_molecule(4.0)
    before = group_atoms([labelled(atoms)]).groups[0]
    assert before is not None
    order = np.random.default_rng(0).permutation(len(atoms))
    moved = atoms[order]
    moved.positions += [shift, 0.3 * shift, -shift]
    moved.wrap()
    after = group_atoms([labelled(moved)]).groups[0]
    assert after == tuple(before[index] for index in order)


def test_a_frame_in_flight_decides_for_those_where_the_molecule_is_bonded() -> None:
    # Silane has no element of its own: only the frame in which it is apart tells it from the slab.
    flying, bonded = slab_and_molecule(4.0, "SiH4"), slab_and_molecule(1.5, "SiH4")
    assert endless_atoms(bonded).all()
    both = group_atoms([labelled(bonded), labelled(flying)])
    assert both.groups[0] == both.groups[1]
    assert both.groups[0] is not None
    assert [group is Group.MOLECULE for group in both.groups[0]] == [False] * 10 + [True] * 5


def test_a_lone_hydrogen_atom_is_not_taken_for_the_molecule() -> None:
    flying, bonded = slab_and_molecule(4.0), slab_and_molecule(1.5)
    bonded.positions[8] -= [0.0, 0.0, 2.5]  # hydrogen leaves the slab in two frames of three
    grouping = group_atoms([labelled(atoms) for atoms in (bonded, bonded, flying)])
    assert grouping.groups[0] is not None
    assert [group is Group.MOLECULE for group in grouping.groups[0]] == [False] * 10 + [True] * 4


def test_pure_cases() -> None:
    assert counts(slab()) == {"surface": 8, "surface hydrogen": 2}
    assert counts(molecule("C2H4")) == {"molecule": 6}
    in_a_box = molecule("C2H4")
    in_a_box.center(vacuum=6.0)
    in_a_box.pbc = True
    assert counts(in_a_box) == {"molecule": 6}


def test_what_cannot_be_told_is_said_and_left_out() -> None:
    oxide = bulk("MgO", "rocksalt", a=4.2, cubic=True)
    oxide.cell[2, 2] = 18.0
    oxide.pbc = True
    water = molecule("H2O")
    water.rotate(180, "x")  # oxygen first
    both = above(oxide, water, 1.8)
    why = counts(both)
    assert isinstance(why, str)
    assert "--molecule" in why
    assert counts(both, "8-10") == {"surface": 8, "molecule": 3}
    assert "give indices" in str(counts(both, "H2O"))


def test_the_molecule_can_be_named() -> None:
    atoms = slab_and_molecule(1.5)
    assert counts(atoms, "C2H2") == counts(atoms, "10-13") == counts(atoms, "10,11,12-13") == counts(atoms)
    assert "C2H2" in str(counts(atoms, "C2H4"))
    assert counts(slab(), "10-13") == counts(slab(), "C2H2") == {"surface": 8, "surface hydrogen": 2}


@pytest.mark.parametrize("text", ["", "H2", "Xx3", "4-", "a-b", "-3"])
def test_what_names_no_molecule_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="names no molecule"):
        MoleculeChoice.parse(text)
