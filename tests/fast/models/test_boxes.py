"""A cell for what is not periodic along all of its vectors changes no distance below the margin."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from molgun_lmp.errors import GeometryError
from molgun_lmp.models.boxes import boxed

A, B, C = [4.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.5, -0.7, 6.0]
NONE = [0.0, 0.0, 0.0]
CELLS = {
    "slab as ASE's builders leave it": ([A, B, NONE], (True, True, False)),
    "slab in a cell that is too low": ([A, B, [0.0, 0.0, 0.5]], (True, True, False)),
    "slab with an oblique third vector": ([A, B, [3.0, 3.0, 9.0]], (True, True, False)),
    "slab with its normal along x": ([NONE, B, C], (False, True, True)),
    "slab with its normal along y": ([A, NONE, C], (True, False, True)),
    "wire": ([NONE, NONE, C], (False, False, True)),
    "molecule without a cell": ([NONE, NONE, NONE], (False, False, False)),
    "molecule in a cell": ([A, B, C], (False, False, False)),
}


@pytest.mark.parametrize("name", CELLS)
def test_the_neighbours_stay_what_they_were(name: str) -> None:
    cell, pbc = CELLS[name]
    rng = np.random.default_rng(0)
    atoms = Atoms("H9", positions=rng.uniform(-7.0, 7.0, (9, 3)), cell=cell, pbc=pbc)
    box = boxed(atoms, 4.5)
    assert abs(np.linalg.det(box.cell.array)) > 1.0
    np.testing.assert_array_equal(box.cell.array[np.array(pbc)], atoms.cell.array[np.array(pbc)])
    for periodic in (pbc, True):  # a program may take all three for periodic
        box.pbc = periodic
        for one, other in zip(_distances(atoms), _distances(box), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)
    inside = box.get_scaled_positions(wrap=False)[:, ~np.array(pbc)]
    assert ((inside > 0.0) & (inside < 1.0)).all()


def _distances(atoms: Atoms) -> list[np.ndarray]:
    first, distances = neighbor_list("id", atoms, 4.5)
    return [np.sort(distances[first == atom]) for atom in range(len(atoms))]


def test_what_is_periodic_in_all_directions_stays_as_it_is() -> None:
    atoms = Atoms("H", cell=[A, B, C], pbc=True)
    assert boxed(atoms, 5.0) is atoms


def test_a_direction_that_is_periodic_along_nothing_is_refused() -> None:
    for cell, pbc in (([A, NONE, NONE], (True, True, False)), ([A, A, C], (True, True, False))):
        with pytest.raises(GeometryError, match="zero or parallel"):
            boxed(Atoms("H", cell=cell, pbc=pbc), 5.0)
