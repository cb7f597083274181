"""Where a shot was aimed and how its molecule was turned, as numbers that the surface's symmetry leaves alone."""

from typing import TYPE_CHECKING

import numpy as np

from molgun_lmp.arrays import FloatArray

if TYPE_CHECKING:
    from molgun_lmp.surface.clean_surface import Surface


def to_top_atom(aimed_at: FloatArray, surface: "Surface", positions: FloatArray) -> FloatArray:
    """(N,) Å in the surface plane from each aim (N, 2) to the nearest atom of the top layer.

    `positions` (n, 3) Å are those of the clean slab that `surface` was found in.
    """
    nearest: FloatArray = surface.lattice.distances(_flat(aimed_at), _flat(positions[surface.top, :2])).min(axis=1)
    return nearest


def to_dimer(aimed_at: FloatArray, surface: "Surface", positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each aim (N, 2) folded onto its nearest dimer: (N,) Å along the dimer's axis and (N,) Å along its row.

    Both count from the dimer's middle without sign, so that dimers of all rows and both halves of each add up: (0, 0)
    is the middle of a dimer, far along the axis is the trough between two rows, far along the row is between two
    dimers. Needs a surface with dimers.
    """
    first, second = (positions[surface.dimers[:, end]] for end in (0, 1))
    bond = surface.lattice.shortest(second - first)
    axis = bond[:, :2] / np.linalg.norm(bond[:, :2], axis=1)[:, None]
    between = surface.lattice.vectors_between(_flat((first + bond / 2)[:, :2]), _flat(aimed_at))
    nearest = np.argmin((between**2).sum(axis=-1), axis=0)
    offset = between[nearest, np.arange(len(aimed_at)), :2]
    along_axis = np.abs((offset * axis[nearest]).sum(axis=1))
    along_row = np.abs(offset[:, 0] * axis[nearest, 1] - offset[:, 1] * axis[nearest, 0])
    return along_axis, along_row


def tilt_deg(molecule: FloatArray, group: tuple[int, int]) -> float:
    """Angle between the downward normal and the line from the molecule's centroid to the group's middle.

    0 is group first, 180 group last; `molecule` (n, 3) Å, in one piece.
    """
    line = molecule[list(group)].mean(axis=0) - molecule.mean(axis=0)
    length = float(np.linalg.norm(line))
    return float(np.degrees(np.arccos(np.clip(-line[2] / length, -1.0, 1.0)))) if length > 0 else float("nan")


def _flat(points: FloatArray) -> FloatArray:
    return np.column_stack([points, np.zeros(len(points))])
