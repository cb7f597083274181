"""Neighbour lists of one trajectory: built with a skin, kept while they hold, and read in an order of their own.

A Verlet list (Phys. Rev. 159, 98 (1967)): what lies within cutoff + skin is a candidate until an atom has moved by half
the skin. When a list was built shows nowhere: of the candidates those within the cutoff now are given, by atom,
neighbour and image, with vectors that are worked out from the positions as they are. So pairs are a function of the
positions alone, to the last bit, whatever the list remembers, and trajectories go on from checkpoints as they were.
"""

import dataclasses
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import GeometryError
from molgun_lmp.models.boxes import boxed

SKIN_ANGSTROM: Final = 1.0
"""The cheapest, or within a tenth of it, for 154 and 1,848 atoms, straight and tilted cells, cutoffs of 3.5 and 5 Å: a
list lasts 27 steps of 0.5 fs in a shot at 400 K, until a hydrogen has moved. Skins of 0.3, 0.5, 1.0 and 1.3 Å cost 133,
128, 98 and 107 µs an evaluation for 154 atoms and 3.5 Å; 364, 282, 177 and 170 µs for 5 Å."""
_HAIR_ANGSTROM: Final = 1e-6
"""By which a list reaches farther than its rule asks, so that no rounding counts."""
_LOST_ANGSTROM: Final = 1e6
"""An atom that has moved so far is not followed across cells."""
_BLOCK: Final = 4096
"""Pairs that are worked on at once: their arrays stay in the cache, and malloc need not ask the kernel for each."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Candidates:
    """P pairs in the order of `NeighbourPairs`, arrays as (3, P), which numpy adds and compares fastest."""

    centres: IntArray
    neighbours: IntArray
    images: IntArray
    shifts: FloatArray
    positions: FloatArray
    """(N, 3) Å, those that the list was built of."""
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    to_cell_vectors: FloatArray
    """(3, 3): a displacement @ this counts periodic cell vectors, 0 along the others."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class NeighbourPairs:
    """Each atom with each neighbour within the cutoff, own images too: E pairs, by atom, then neighbour, then image."""

    centres: IntArray
    """(E,) the atoms, ascending."""
    neighbours: IntArray
    """(E,) the atoms beside them."""
    vectors: FloatArray
    """(E, 3) from atom to neighbour, in Å."""
    distances: FloatArray
    """(E,) in Å."""
    chosen: IntArray
    """(E,) which of the candidates."""
    candidates: _Candidates

    @property
    def images(self) -> IntArray:
        """(E, 3) in cell vectors: vector = position of the neighbour - that of the atom + images @ cell."""
        return self.candidates.images.take(self.chosen, axis=1).T

    @property
    def shifts(self) -> FloatArray:
        """(E, 3) images @ cell, in Å."""
        return self.candidates.shifts.take(self.chosen, axis=1).T


class NeighbourLists:
    """What one trajectory remembers of its neighbours, for each cutoff that is asked; one caller at a time."""

    def __init__(self, skin_angstrom: float = SKIN_ANGSTROM) -> None:
        self._skin = skin_angstrom
        self._kept: dict[float, _Candidates] = {}
        self.built = 0
        """How often a list was built."""

    def pairs(
        self, positions: FloatArray, cell: FloatArray, pbc: tuple[bool, bool, bool], cutoff_angstrom: float
    ) -> NeighbourPairs:
        """The pairs of atoms at `positions` (N, 3) Å, not necessarily inside the `cell` (3, 3) Å, rows are vectors.

        Raises `GeometryError` for a periodic direction without a cell vector, and for positions that are not finite.
        """
        kept = self._kept.get(cutoff_angstrom)
        candidates = None if kept is None else _followed(kept, positions, cell, pbc, self._skin)
        if candidates is None:
            candidates = _build(positions, cell, pbc, cutoff_angstrom + self._skin + _HAIR_ANGSTROM)
            self.built += 1
        self._kept[cutoff_angstrom] = candidates
        return _within(candidates, positions, cutoff_angstrom)


def _build(positions: FloatArray, cell: FloatArray, pbc: tuple[bool, bool, bool], reach: float) -> _Candidates:
    from matscipy.neighbours import neighbour_list  # noqa: PLC0415 - a library for those who evaluate

    lost = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(lost):
        raise GeometryError(
            f"the positions of {len(lost)} atoms are not finite, the first is number {lost[0] + 1}. The run blew up: "
            "its timestep is too long, or the structure is far outside of what the model was trained on."
        )
    atoms = boxed(Atoms(positions=positions, cell=cell, pbc=pbc), reach)
    box = atoms.cell.array
    found = neighbour_list("ijS", positions=atoms.positions, cell=box, pbc=atoms.pbc, cutoff=reach)
    centres, neighbours, images = (array.astype(np.int64) for array in found)
    low = images.min(axis=0, initial=0)
    first, second, third = (images - low).T
    _, many, more = images.max(axis=0, initial=0) - low + 1
    order = np.lexsort(((first * many + second) * more + third, centres * len(positions) + neighbours))
    images = images.T.take(order, axis=1)
    return _Candidates(
        centres=centres.take(order),
        neighbours=neighbours.take(order),
        images=images,
        shifts=_shifts(images, cell),
        positions=positions.copy(),
        cell=cell.copy(),
        pbc=pbc,
        to_cell_vectors=np.where(pbc, np.linalg.inv(box), 0.0),
    )


def _followed(
    kept: _Candidates, positions: FloatArray, cell: FloatArray, pbc: tuple[bool, bool, bool], skin: float
) -> _Candidates | None:
    """The candidates of a later frame; None where they may lack a pair.

    An atom that was put back into the box by cell vectors has not moved: its images follow it.
    """
    periodic = np.array(pbc)
    if (
        pbc != kept.pbc
        or positions.shape != kept.positions.shape
        or not np.array_equal(cell[periodic], kept.cell[periodic])
    ):
        return None
    moved = positions - kept.positions
    farthest = _farthest(moved)
    if farthest <= 0.5 * skin:
        return kept
    if not farthest < _LOST_ANGSTROM:
        return None
    crossed = np.rint(moved @ kept.to_cell_vectors)
    jumps = crossed @ kept.cell
    if not crossed.any() or not _farthest(moved - jumps) <= 0.5 * skin:
        return None
    steps = crossed.T.astype(np.int64)
    images = kept.images + steps.take(kept.centres, axis=1) - steps.take(kept.neighbours, axis=1)
    return dataclasses.replace(kept, images=images, shifts=_shifts(images, kept.cell), positions=kept.positions + jumps)


def _within(kept: _Candidates, positions: FloatArray, cutoff: float) -> NeighbourPairs:
    """The candidates within the cutoff."""
    places = np.ascontiguousarray(positions.T)
    chosen, vectors, squared = [], [], []
    for start in range(0, max(len(kept.centres), 1), _BLOCK):
        block = slice(start, start + _BLOCK)
        apart = places.take(kept.neighbours[block], axis=1)
        apart -= places.take(kept.centres[block], axis=1)
        apart += kept.shifts[:, block]
        squares = apart * apart  # no matrix product: its rounding depends on what stands beside a pair
        summed = squares[0] + squares[1] + squares[2]
        near = np.flatnonzero(summed < cutoff * cutoff)
        vectors.append(apart.take(near, axis=1).T)
        squared.append(summed.take(near))
        chosen.append(near + start)
    where = np.concatenate(chosen)
    return NeighbourPairs(
        centres=kept.centres.take(where),
        neighbours=kept.neighbours.take(where),
        vectors=np.concatenate(vectors),
        distances=np.sqrt(np.concatenate(squared)),
        chosen=where,
        candidates=kept,
    )


def _shifts(images: IntArray, cell: FloatArray) -> FloatArray:
    """(3, P) in Å."""
    first, second, third = images
    return np.stack([first * cell[0, k] + second * cell[1, k] + third * cell[2, k] for k in range(3)])


def _farthest(displacements: FloatArray) -> float:
    """In Å; nan where one is."""
    return float(np.sqrt((displacements * displacements).sum(axis=1).max(initial=0.0)))
