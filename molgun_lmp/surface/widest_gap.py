"""Where a slab ends along z: the widest gap between the heights of its atoms, whichever way a file has wrapped them."""

from typing import NamedTuple

import numpy as np

from molgun_lmp.arrays import FloatArray


class WidestGap(NamedTuple):
    """The vacuum of a slab, in Å; heights are those within the cell, from 0 to its height."""

    below: float
    """The height of the slab's highest atom."""
    above: float
    """The height of the slab's lowest atom, beyond the gap and perhaps beyond the cell's boundary."""
    width: float


def widest_gap(heights: FloatArray, cell_height: float) -> WidestGap:
    """The widest gap between heights (N,) Å, periodic in `cell_height` Å, which is not 0."""
    ordered = np.sort(heights % cell_height)
    gaps = np.diff(ordered, append=ordered[0] + cell_height)
    widest = int(np.argmax(gaps))
    return WidestGap(
        below=float(ordered[widest]), above=float(ordered[(widest + 1) % len(ordered)]), width=float(gaps[widest])
    )
