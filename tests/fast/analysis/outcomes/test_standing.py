"""What a surface holds of several molecules in one frame, by atoms."""

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc100

from molgun_lmp.analysis.outcomes.standing import Standing, standing
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.surface.clean_surface import find_surface

SLAB: Atoms = fcc100("Cu", size=(4, 4, 3), a=3.615, vacuum=8.0, periodic=True)
SURFACE = find_surface(SLAB)
TOP = SLAB.positions[:, 2].max()


def found(
    symbols: Sequence[str], places: Sequence[tuple[float, float, float]], slab: FloatArray | None = None
) -> Standing:
    """Of atoms at places, heights above the top layer."""
    there = np.array(places, dtype=np.float64).reshape(-1, 3) + np.array([0.0, 0.0, TOP])
    positions = np.concatenate([SLAB.positions if slab is None else slab, there])
    return standing((*SLAB.get_chemical_symbols(), *symbols), positions, SURFACE, OutcomeCriteria())


def test_what_hangs_on_the_surface_stays_and_nothing_else() -> None:
    # O on the surface, C on that O, an O above within contact, one on that, and one that flies.
    one = found("OCOOO", [(0, 0, 1.9), (0, 0, 3.2), (5, 5, 3.5), (5, 5, 7.2), (2, 2, 14.0)])
    assert one.bound.tolist() == [True, True, False, False, False]
    assert one.near.tolist() == [False, False, True, True, False]
    assert one.slab_lost == 0


def test_a_piece_is_held_as_a_whole_and_hydrogen_on_its_own_carbon_holds_nothing() -> None:
    down = found("CH", [(0, 0, 3.0), (0, 0, 1.91)])
    assert not down.bound.any() and down.near.all()
    assert found("CH", [(0, 0, 1.91), (0, 0, 3.0)]).bound.all()
    assert found("H", [(0, 0, 1.6)]).bound.all()


def test_a_molecule_through_the_boundary_and_one_that_left_through_the_top() -> None:
    a, b = SLAB.cell[0, 0], SLAB.cell[1, 1]
    assert found("O", [(a, -3 * b, 1.9)]).bound.all(), "in-plane images are the same place"
    assert not found("O", [(0.0, 0.0, 1.9 + SLAB.cell[2, 2])]).bound.any(), "once round the cell it has left"


@pytest.mark.parametrize(("height", "lost"), [(1.9, 0), (9.0, 1)])
def test_a_slab_atom_that_a_molecule_carries_off_is_lost(height: float, lost: int) -> None:
    """Taken up and still on the surface it is not, and the molecule is held through it."""
    slab = SLAB.positions.copy()
    taken = int(np.flatnonzero(SURFACE.top)[5])
    x, y = SLAB.positions[np.flatnonzero(SURFACE.top)[10], :2]
    slab[taken] = (x, y, TOP + height)
    one = found("O", [(x, y, height + 1.8)], slab)
    assert one.slab_lost == lost
    assert one.bound.tolist() == [not lost]


def test_a_clean_surface_holds_nothing() -> None:
    none = found((), [])
    assert none.bound.size == none.near.size == none.slab_lost == 0
