"""Bonds along a stretch of frames at once: only the pairs that can matter in it, the others proven to be too far."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final, Self

import numpy as np

from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.surface.minimum_image import MinimumImage

_REACH: Final = 1.5  # Å that an atom of the molecule may move within one stretch: with less there are fewer pairs in it


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stretch:
    """F frames of a molecule of n atoms over a slab of m atoms.

    `molecule` (F, n, 3) and `slab` (F, m, 3) Å; `pairs` (2, P) in the molecule, each once, and `surface_pairs` (2, Q)
    of molecule and slab: all that could be bonded, or between forming and breaking, or nearest, in any of the frames;
    `lengths` (F, P) and `surface_lengths` (F, Q) Å.
    """

    molecule: FloatArray
    slab: FloatArray
    pairs: IntArray
    surface_pairs: IntArray
    lengths: FloatArray
    surface_lengths: FloatArray

    @classmethod
    def of(cls, molecule: FloatArray, slab: FloatArray, lattice: MinimumImage, limits: BondLimits) -> Self:
        """Distances by the shortest image, and the pairs that need them.

        An atom's displacement since the first frame bounds how much nearer a pair can come: a pair is left out where
        even so it stays beyond its limit with the hysteresis, and beyond what some other pair is at most.
        """
        moved, slab_moved = _farthest(molecule), _farthest(slab)
        apart = lattice.distances(molecule[0], molecule[0])
        nearer = apart - (moved[:, None] + moved[None, :])
        pairs = np.array(np.nonzero(np.triu(nearer <= limits.molecule + limits.hysteresis, 1)))
        apart = lattice.distances(molecule[0], slab[0])
        moves = moved[:, None] + slab_moved[None, :]
        relevant = np.maximum(limits.surface + limits.hysteresis, (apart + moves).min())
        surface_pairs = np.array(np.nonzero(apart - moves <= relevant))
        return cls(
            molecule=molecule,
            slab=slab,
            pairs=pairs,
            surface_pairs=surface_pairs,
            lengths=_lengths(molecule, molecule, pairs, lattice),
            surface_lengths=_lengths(molecule, slab, surface_pairs, lattice),
        )

    @property
    def nearest(self) -> FloatArray:
        """(F,) Å: the shortest distance between molecule and slab."""
        shortest: FloatArray = self.surface_lengths.min(axis=1)
        return shortest

    def nearest_held(
        self, loose: BoolArray, lattice: MinimumImage, others: Sequence[FloatArray | None] = ()
    ) -> FloatArray:
        """(F,) Å: the shortest distance to what the slab still holds, `loose` (F, m) being what not, and to `others`,
        atoms (k, 3) Å in each frame."""
        nearest = self.nearest
        for frame in np.flatnonzero(loose.any(axis=1)).tolist():
            nearest[frame] = lattice.distances(self.molecule[frame], self.slab[frame, ~loose[frame]]).min()
        for frame, beside in enumerate(others):
            if beside is not None and len(beside):
                nearest[frame] = min(nearest[frame], lattice.distances(self.molecule[frame], beside).min())
        return nearest

    def bonds(self, frame: int, state: "BondState", lattice: MinimumImage) -> Bonds:
        """All lengths of one frame with the bonds of a state."""
        molecule, slab = self.molecule[frame], self.slab[frame]
        return Bonds(
            molecule=state.molecule,
            surface=state.surface,
            lengths=lattice.distances(molecule, molecule),
            surface_lengths=lattice.distances(molecule, slab),
            places=molecule,
            slab=slab,
        )


@dataclasses.dataclass(kw_only=True)
class BondState:
    """Bonds of the frame before with what is remembered of them: `molecule` (n, n) and `surface` (n, m) bool.

    `settled` (n, n) and `surface_settled` (n, m) ps: when each length was last outside the range between forming and
    breaking.
    """

    molecule: BoolArray
    surface: BoolArray
    settled: FloatArray
    surface_settled: FloatArray

    @classmethod
    def none(cls, limits: BondLimits) -> Self:
        """Before the first frame: nothing is bonded."""
        return cls(
            molecule=np.zeros(limits.molecule.shape, dtype=np.bool_),
            surface=np.zeros(limits.surface.shape, dtype=np.bool_),
            settled=np.full(limits.molecule.shape, -np.inf),
            surface_settled=np.full(limits.surface.shape, -np.inf),
        )

    def advance(
        self, stretch: Stretch, limits: BondLimits, times_ps: FloatArray, also: BoolArray | None = None
    ) -> Iterator[int]:
        """Go through a stretch, and stop at each frame whose bonds are not those of the frame before, and at those that
        are True in `also` (F,)."""
        first, second = stretch.pairs
        atom, partner = stretch.surface_pairs
        inside = _Scan.of(
            stretch.lengths, limits.molecule[first, second], limits.hysteresis, self.molecule[first, second]
        )
        outside = _Scan.of(
            stretch.surface_lengths, limits.surface[atom, partner], limits.hysteresis, self.surface[atom, partner]
        )
        stops = inside.changes | outside.changes | self._lost(stretch)
        for frame in np.flatnonzero(stops if also is None else stops | also).tolist():
            self._set(stretch, inside.bonded[frame], outside.bonded[frame])
            yield frame
        since = _since(self.settled[first, second], inside.between, times_ps)
        self.settled.fill(times_ps[-1])
        self.settled[first, second] = self.settled[second, first] = since
        since = _since(self.surface_settled[atom, partner], outside.between, times_ps)
        self.surface_settled.fill(times_ps[-1])
        self.surface_settled[atom, partner] = since

    def _lost(self, stretch: Stretch) -> BoolArray:
        """(F,) True for the first frame where a bond is not among the stretch's pairs: it is broken there."""
        kept = np.zeros(len(stretch.molecule), dtype=np.bool_)
        first, second = stretch.pairs
        atom, partner = stretch.surface_pairs
        inside, outside = 2 * int(self.molecule[first, second].sum()), int(self.surface[atom, partner].sum())
        kept[0] = inside != int(self.molecule.sum()) or outside != int(self.surface.sum())
        return kept

    def _set(self, stretch: Stretch, inside: BoolArray, outside: BoolArray) -> None:
        first, second = stretch.pairs
        self.molecule, self.surface = np.zeros_like(self.molecule), np.zeros_like(self.surface)
        self.molecule[first, second] = self.molecule[second, first] = inside
        self.surface[tuple(stretch.surface_pairs)] = outside


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Scan:
    """`bonded` (F, P); `between` (F, P): between forming and breaking; `changes` (F,): not as in the frame before."""

    bonded: BoolArray
    between: BoolArray
    changes: BoolArray

    @classmethod
    def of(cls, lengths: FloatArray, limits: FloatArray, hysteresis: float, before: BoolArray) -> Self:
        """From lengths (F, P) of pairs with some limits (P,), some of which were bonded `before` (P,)."""
        bonded = lengths < limits
        between = (lengths <= limits + hysteresis) & ~bonded
        last = before
        if between.any():
            for frame, undecided in enumerate(between):
                bonded[frame] |= last & undecided
                last = bonded[frame]
        changes = np.empty(len(lengths), dtype=np.bool_)
        changes[0] = (bonded[0] != before).any()
        changes[1:] = (bonded[1:] != bonded[:-1]).any(axis=1)
        return cls(bonded=bonded, between=between, changes=changes)


def stretches(molecule: FloatArray) -> Iterator[slice]:
    """Parts of F frames (F, n, 3) in each of which no atom of the molecule moves far from where it is at first."""
    start = 0
    while start < len(molecule):
        far = (np.abs(molecule[start:] - molecule[start]) > _REACH).any(axis=(1, 2))
        length = int(np.argmax(far)) if far.any() else len(far)
        yield slice(start, start + length)
        start += length


def _farthest(positions: FloatArray) -> FloatArray:
    """(n,) Å: how far each atom gets from where it is in the first of F frames (F, n, 3)."""
    steps = positions - positions[0]
    farthest: FloatArray = np.sqrt(np.einsum("fij,fij->fi", steps, steps).max(axis=0))
    return farthest


def _lengths(first: FloatArray, second: FloatArray, pairs: IntArray, lattice: MinimumImage) -> FloatArray:
    between = lattice.shortest(second[:, pairs[1]] - first[:, pairs[0]])
    lengths: FloatArray = np.sqrt(np.einsum("fij,fij->fi", between, between))
    return lengths


def _since(before: FloatArray, between: BoolArray, times_ps: FloatArray) -> FloatArray:
    """(P,) ps: when each of P lengths was last outside the range between forming and breaking."""
    outside = ~between
    last = len(outside) - 1 - np.argmax(outside[::-1], axis=0)
    since: FloatArray = np.where(outside.any(axis=0), times_ps[last], before)
    return since
