"""Layers of a stepped surface, whose terraces stand across the heights: by neighbours."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from ase.neighborlist import primitive_neighbor_list
from scipy.spatial import cKDTree

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray

# Of the nearest distance, which heat makes too short; second neighbours of an fcc metal are at 1.41.
_NEIGHBOURS: Final = 1.28
# The rise of a bond is the sine of its angle with the surface.
_LEVEL: Final = 0.16  # heat tilts the bonds of a flat layer by 0.06; fcc(322), with terraces of five rows, has 0.171
_STEEPEST: Final = 0.45  # between a terrace of fcc(311) (0.426) and two layers of fcc(110) (0.5)
_STEEP: Final = 0.65  # no bond of a terrace; one of fcc(110), hot, is still below it
_LACKING: Final = 0.5  # of the sum of rises upward: less than what any terrace atom lacks
_FULL: Final = 75  # percentile of the sum of rises, which is the bulk's in a slab of two layers, too
_MOST: Final = 0.5  # of the exposed atoms lie in rows beside other rows
_REST: Final = 1.25  # of the top layer's number of atoms: what is left of a slab at the end is its last layer


def terrace_layers(symbols: Sequence[str], positions: FloatArray, cell: FloatArray) -> IntArray | None:
    """Layer of each of N atoms at (N, 3) Å, 0 for the top one, on a stepped surface; None on any other.

    Steps run along rows of neighbours at one height. Where most atoms that lack neighbours above stand in such rows,
    with other such rows beside them a little lower, these are terraces, and a layer is what lacks neighbours above
    once the layers over it are taken away. Terraces of two to five rows are found, on a surface without kinks.
    """
    if len(positions) < 2:
        return None
    bonds = _Bonds.of(positions, cell)
    elements = np.array(symbols)
    upward = bonds.upward(np.ones(len(positions), dtype=np.bool_))
    full = np.zeros(len(positions))
    for element in set(symbols):
        full[elements == element] = np.percentile(upward[elements == element], _FULL)
    exposed = upward < full - _LACKING
    if not bonds.stepped(exposed):
        return None
    layers = np.full(len(positions), -1, dtype=np.int64)
    layers[exposed] = 0
    number = 1
    while (left := layers < 0).any():
        peeled = left & (bonds.upward(left) < full - _LACKING)
        is_last = left.sum() <= _REST * exposed.sum() or not peeled.any()
        layers[left if is_last else peeled] = number
        number += 1
    return layers


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Bonds:
    """Nearest neighbours through the boundaries, each pair both ways: (B,) atoms, and the rise from first to second."""

    size: int
    first: IntArray
    second: IntArray
    rise: FloatArray

    @classmethod
    def of(cls, positions: FloatArray, cell: FloatArray) -> Self:
        box = np.array(cell, dtype=np.float64)
        box[2] = [0.0, 0.0, float(np.ptp(positions[:, 2])) + 20.0]
        tiled = np.concatenate([positions + i * box[0] + j * box[1] for i in (0, -1, 1) for j in (0, -1, 1)])
        nearest = float(np.median(cKDTree(tiled).query(positions, k=2)[0][:, 1]))
        first, second, lengths, vectors = primitive_neighbor_list(
            "ijdD", (True, True, False), box, positions, _NEIGHBOURS * nearest
        )
        return cls(size=len(positions), first=first, second=second, rise=vectors[:, 2] / lengths)

    def upward(self, left: BoolArray) -> FloatArray:
        """(N,) the sum of the rises to those neighbours above that are `left`."""
        weights = np.where(left[self.second], np.maximum(self.rise, 0.0), 0.0)
        return np.bincount(self.first, weights=weights, minlength=self.size).astype(np.float64)

    def stepped(self, exposed: BoolArray) -> bool:
        """Whether most of the atoms that are `exposed` lie in level rows beside others a little higher or lower."""
        if not exposed.any():
            return False
        both = exposed[self.first] & exposed[self.second]
        slope = np.abs(self.rise)
        level, slanted = both & (slope < _LEVEL), both & (slope >= _LEVEL) & (slope < _STEEP)
        rows = np.bincount(self.first[level], minlength=self.size) >= 2
        beside = np.bincount(self.first[slanted], minlength=self.size) >= 1
        if (rows & beside)[exposed].mean() <= _MOST:
            return False
        return bool(slope[slanted].mean() < _STEEPEST)
