"""Which atoms of a slab it still holds: what was carried off, sputtered or moved is told by index, not by element."""

import dataclasses
from typing import Self

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import LEFT_ITS_PLACE


@dataclasses.dataclass(frozen=True, kw_only=True)
class SlabState:
    """Judges a slab of m atoms against the clean one.

    `surface`: the clean slab; `limits` (m, m) Å: below them two of its atoms are bonded, as they are to the molecule.
    """

    surface: Surface
    limits: FloatArray

    @classmethod
    def of(cls, surface: Surface, criteria: OutcomeCriteria) -> Self:
        """With the limits of the criteria."""
        return cls(surface=surface, limits=BondLimits.of(surface.symbols, (), criteria).molecule)

    def displaced(self, slab: FloatArray) -> BoolArray:
        """(F, m) True for atoms that have left their places, in F frames (F, m, 3) Å."""
        apart = slab - self.surface.positions
        left: BoolArray = np.einsum("fij,fij->fi", apart, apart) > LEFT_ITS_PLACE**2
        some = left.any(axis=1)
        if some.any():  # it is rare, and what has drifted or was wrapped is told apart only then
            moved, _ = self.surface.moved(slab[some])
            left[some] = np.einsum("fij,fij->fi", moved, moved) > LEFT_ITS_PLACE**2
        return left

    def loose(self, slab: FloatArray) -> BoolArray:
        """(F, m) True for atoms that no chain of bonds holds to those in their places, in F frames (F, m, 3) Å.

        Only atoms that have left their places are looked at: a layer that others hold by no bond, as in graphite, is
        the slab all the same.
        """
        loose = self.displaced(slab)
        for frame in np.flatnonzero(loose.any(axis=1)).tolist():
            loose[frame] = self._unheld(slab[frame], np.flatnonzero(loose[frame]))
        return loose

    def _unheld(self, slab: FloatArray, displaced: IntArray) -> BoolArray:
        size = len(slab)
        lengths = self.surface.lattice.distances(slab[displaced], slab)
        row, other = np.nonzero(lengths < self.limits[displaced])
        held = np.ones(size, dtype=np.bool_)
        held[displaced] = False
        graph = coo_array((np.ones(len(row)), (displaced[row], other)), shape=(size, size))
        _, piece = connected_components(graph, directed=False)
        unheld: BoolArray = ~np.isin(piece, piece[held])
        return unheld if held.any() else np.zeros(size, dtype=np.bool_)
