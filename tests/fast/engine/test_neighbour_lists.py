"""Kept neighbour lists against lists of one frame alone, and against matscipy's."""

from typing import Any

import numpy as np
import pytest
from matscipy.neighbours import neighbour_list

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.neighbour_lists import NeighbourLists, NeighbourPairs
from molgun_lmp.errors import GeometryError

CUTOFF = 3.0
ALL = (True, True, True)
TILTED = np.array([[9.0, 0.0, 0.0], [4.0, 8.0, 0.0], [-3.0, 2.5, 10.0]])
SMALL = np.array([[2.7, 0.0, 0.0], [0.6, 2.5, 0.0], [0.0, 0.4, 2.9]])  # an atom is its own neighbour, several times
ARRAYS = ("centres", "neighbours", "images", "vectors", "distances", "shifts")


def same_bits(one: NeighbourPairs, other: NeighbourPairs) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


def fresh(positions: FloatArray, cell: FloatArray, pbc: tuple[bool, bool, bool]) -> NeighbourPairs:
    return NeighbourLists(0.0).pairs(positions, cell, pbc, CUTOFF)


@pytest.mark.parametrize(
    ("cell", "pbc", "atoms"),
    [
        (TILTED, ALL, 60),
        (SMALL, ALL, 2),
        (TILTED, (True, True, False), 60),
        (np.diag([9.0, 0.0, 0.0]), (True, False, False), 30),
        (np.zeros((3, 3)), (False, False, False), 20),
        (20.0 * np.eye(3), ALL, 1),
    ],
)
def test_pairs_are_those_of_a_list_of_this_frame_alone(
    cell: FloatArray, pbc: tuple[bool, bool, bool], atoms: int
) -> None:
    """Along a walk in which atoms are put back into the box, as LAMMPS does, or leave it by several cells."""
    rng = np.random.default_rng(atoms)
    box = np.where(np.array(pbc)[:, None], cell, 9.0 * np.eye(3))
    positions = rng.uniform(0.0, 1.0, (atoms, 3)) @ box
    drift = rng.normal(0.0, 0.04, (atoms, 3))
    lists = NeighbourLists(0.6)
    for step in range(40):
        positions += drift + rng.normal(0.0, 0.02, (atoms, 3))
        if step % 4 == 3:
            jumped = rng.integers(-2, 3, (atoms, 3)) * np.array(pbc)
            positions += jumped @ box
        found, expected = lists.pairs(positions, cell, pbc, CUTOFF), fresh(positions, cell, pbc)
        assert same_bits(found, expected)
        first, second, images, lengths = neighbour_list("ijSd", positions=positions, cell=box, pbc=pbc, cutoff=CUTOFF)
        order = np.lexsort((images[:, 2], images[:, 1], images[:, 0], second, first))
        assert np.array_equal(found.centres, first[order])
        assert np.array_equal(found.neighbours, second[order])
        assert np.array_equal(found.images, images[order])
        assert np.abs(found.distances - lengths[order]).max(initial=0.0) < 1e-9
    assert 1 < lists.built <= 20


def test_only_what_moves_has_a_list_built_anew() -> None:
    rng = np.random.default_rng(1)
    positions = rng.uniform(0.0, 9.0, (30, 3))
    lists = NeighbourLists(0.6)

    def built_after(where: FloatArray, cell: FloatArray = TILTED) -> int:
        assert same_bits(lists.pairs(where, cell, ALL, CUTOFF), fresh(where, cell, ALL))
        return lists.built

    assert built_after(positions) == 1
    assert built_after(positions + rng.integers(-3, 4, (30, 3)) @ TILTED) == 1, "a jump by cell vectors is none"
    assert built_after(positions + 0.17) == 1
    moved = positions.copy()
    moved[7] += [0.0, 0.31, 0.0]
    assert built_after(moved) == 2
    assert built_after(moved, TILTED * 1.001) == 3
    lists.pairs(moved, TILTED * 1.001, ALL, 2.5)
    assert built_after(moved, TILTED * 1.001) == 4, "one list for each cutoff"
    moved[7] += [0.0, 0.31, 0.0]  # the caller's own array
    assert built_after(moved, TILTED * 1.001) == 5
    assert built_after(moved[:20], TILTED * 1.001) == 6


def test_an_atom_that_is_nowhere_is_named() -> None:
    positions = np.random.default_rng(1).uniform(0.0, 9.0, (30, 3))
    lists = NeighbourLists()
    lists.pairs(positions, TILTED, ALL, CUTOFF)
    for value in (np.nan, np.inf):
        lost = positions.copy()
        lost[6, 1] = value
        with pytest.raises(GeometryError, match="positions of 1 atoms are not finite, the first is number 7"):
            lists.pairs(lost, TILTED, ALL, CUTOFF)
    assert same_bits(lists.pairs(positions, TILTED, ALL, CUTOFF), fresh(positions, TILTED, ALL))


def test_what_has_no_pairs() -> None:
    found = fresh(np.zeros((1, 3)), 20.0 * np.eye(3), ALL)
    shapes: dict[str, Any] = {name: getattr(found, name).shape for name in ARRAYS}
    assert shapes == {name: (0, 3) if name in ("images", "vectors", "shifts") else (0,) for name in ARRAYS}
    with pytest.raises(GeometryError, match="periodic along cell vectors that are zero or parallel"):
        fresh(np.zeros((1, 3)), np.diag([9.0, 0.0, 9.0]), (True, True, False))
