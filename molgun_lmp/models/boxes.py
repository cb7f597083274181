"""A cell for structures that are not periodic along all of its vectors, for programs that want three."""

import numpy as np
from ase import Atoms

from molgun_lmp.errors import GeometryError


def boxed(atoms: Atoms, margin_angstrom: float) -> Atoms:
    """The structure with `margin_angstrom` of vacuum on either side of its atoms in each direction without period.

    What stands there as a cell vector, zero as ASE's surface builders leave it, too short, or oblique, is replaced by
    one that is perpendicular to the periodic ones, and the atoms are moved between its ends: with a margin of the
    model's cutoff nothing that a model sees is changed. Periodic in all directions, it is given back as it is. Raises
    `GeometryError` for a periodic direction without a cell vector.
    """
    periodic = np.asarray(atoms.pbc)
    if periodic.all():
        return atoms
    cell = np.where(periodic[:, None], atoms.cell.array, 0.0)
    if np.linalg.matrix_rank(cell) < periodic.sum():
        raise GeometryError(
            f"a structure ({atoms.get_chemical_formula()}) is periodic along cell vectors that are zero or parallel: "
            f"{atoms.cell.array.tolist()} Å, periodic {periodic.tolist()}. Correct `pbc` or the cell."
        )
    moved = atoms.copy()
    moved.set_cell(cell)
    moved.center(vacuum=margin_angstrom, axis=tuple(np.flatnonzero(~periodic).tolist()))
    return moved
