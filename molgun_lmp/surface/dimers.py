"""Dimers, dimer rows and neighbouring dimers in the top layer of a surface."""

import dataclasses
from typing import Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.surface.minimum_image import MinimumImage

# In units of the square root of the area per top-layer atom (Si(001): 3.87 Å, which is also the distance of dimers
# along a row). Neighbours of unreconstructed close-packed and square layers are at 1.0 or more, Si dimers at 0.6.
_LONGEST_DIMER: Final = 0.75
_LONGEST_STEP_ALONG_ROW: Final = 1.5
_LARGEST_OFFSET_ACROSS_ROW: Final = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dimers:
    """D dimers: `pairs` (D, 2) indices into the layer; `row` (D,); `neighbours` (M, 2) dimers; `side` (D, 2) +1 or -1.

    `side` is that of each atom of `pairs` across its row; it compares atoms of one row only.
    """

    pairs: IntArray
    row: IntArray
    neighbours: IntArray
    side: IntArray


def find_dimers(positions: FloatArray, lattice: MinimumImage) -> Dimers:
    """Dimers of a layer's atoms, positions (n, 3) in Å; none where fewer than half of the atoms are paired."""
    area_per_atom = abs(float(np.linalg.det(lattice.vectors))) / len(positions)
    scale = np.sqrt(area_per_atom)
    distances = lattice.distances(positions, positions)
    np.fill_diagonal(distances, np.inf)
    close = distances < _LONGEST_DIMER * scale
    single = close.sum(axis=1) == 1
    partner = np.argmax(close, axis=1)
    pairs = np.array(
        [(a, b) for a, b in enumerate(partner) if a < b and single[a] and single[b]], dtype=np.int64
    ).reshape(-1, 2)
    if 4 * len(pairs) < len(positions):
        pairs = pairs[:0]
    if len(pairs) == 0:
        none = np.empty((0, 2), dtype=np.int64)
        return Dimers(pairs=none, row=np.empty(0, dtype=np.int64), neighbours=none, side=none)
    axes = lattice.shortest(positions[pairs[:, 1]] - positions[pairs[:, 0]])[:, :2]
    middles = positions[pairs[:, 0]].copy()
    middles[:, :2] += axes / 2
    axes = axes / np.linalg.norm(axes, axis=1)[:, None]
    adjacent = _adjacent(axes, middles, lattice, scale)
    first, second = np.nonzero(np.triu(adjacent, 1))
    row: IntArray = connected_components(coo_array(adjacent), directed=False)[1].astype(np.int64)
    return Dimers(
        pairs=pairs, row=row, neighbours=np.stack([first, second], axis=1).astype(np.int64), side=_sides(axes, row)
    )


def _adjacent(axes: FloatArray, middles: FloatArray, lattice: MinimumImage, scale: float) -> BoolArray:
    """(D, D): dimers side by side, the step between them across both axes."""
    steps = lattice.vectors_between(middles, middles)[..., :2]
    along_axis = np.abs(np.einsum("ijk,ik->ij", steps, axes))
    along_other = np.abs(np.einsum("ijk,jk->ij", steps, axes))
    near = np.linalg.norm(steps, axis=-1) < _LONGEST_STEP_ALONG_ROW * scale
    adjacent: BoolArray = near & (np.maximum(along_axis, along_other) < _LARGEST_OFFSET_ACROSS_ROW * scale)
    np.fill_diagonal(adjacent, False)
    return adjacent


def _sides(axes: FloatArray, row: IntArray) -> IntArray:
    # The first dimer of a row gives its direction across; the others differ from it by far less than 90 degrees.
    _, first = np.unique(row, return_index=True)
    turned = np.sign(np.einsum("ij,ij->i", axes, axes[first][row])).astype(np.int64)
    return np.stack([-turned, turned], axis=1)
