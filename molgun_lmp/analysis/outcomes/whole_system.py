"""Slab and molecule in one piece along z, however a file has folded them into its cell.

Distances take the shortest image in the plane of the surface, and heights as they are. So each atom's height has to be
that of one slab with everything above it: a cell's boundary may cut the slab or the molecule, and either may cross it
while it moves.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.surface.minimum_image import MinimumImage
from molgun_lmp.surface.widest_gap import widest_gap

_UNDOUBTED: Final = 0.25
"""Of the cell's height: what moved less since the frame before crossed the boundary where it seems to have."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeSystem:
    """Puts the frames of one system together.

    `slab` and `molecule`: places in its frames; `reach` (n, n) Å: below it two atoms of the molecule are in one piece;
    `lattice`: the plane's periodicity. What is given for a frame are `turns` (N,): how many times the cell's third
    vector has to be added to `unwrapped` positions.
    """

    slab: IntArray
    molecule: IntArray
    reach: FloatArray
    lattice: MinimumImage

    def turns(self, frame: Frame) -> IntArray:
        """A frame by itself: the slab cut at its vacuum, each piece of the molecule whole, and above the slab's bottom.

        A piece is raised where it is below, and lowered by cells where a file has folded it; coordinates that count the
        crossings of the box know how high it is.
        """
        turns = np.zeros(len(frame.symbols), dtype=np.int64)
        if not _is_periodic(frame):
            return turns
        vector = _upward(frame)
        height = float(vector[2])
        slab = frame.unwrapped[self.slab, 2]
        turns[self.slab] = _slab_turns(slab, height)
        bottom = float((slab + turns[self.slab] * height).min())
        for atoms, inside in self._pieces(frame.unwrapped[self.molecule], vector):
            centre = float((frame.unwrapped[self.molecule[atoms], 2] + inside * height).mean())
            raised = int(np.ceil((bottom - centre) / height))
            turns[self.molecule[atoms]] = inside + (max(0, raised) if frame.counts_crossings else raised)
        return turns * _sense(frame)

    def in_one_piece(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, FloatArray]]:
        """Frames of a trajectory with their positions (N, 3) Å, the first put together, the others as they follow.

        Where coordinates count the crossings of the box, what held for the first frame holds for all. Where they do
        not, an atom is where it moved least from the frame before; a piece of the molecule that moved so far that its
        atoms would not agree goes as a whole, and not through the slab.
        """
        turns: IntArray | None = None
        before: Frame | None = None
        for frame in frames:
            if turns is None or before is None:
                turns = self.turns(frame)
            elif frame.finite and _is_periodic(frame) and not (frame.counts_crossings and before.counts_crossings):
                turns = self._followed(frame, before.unwrapped[:, 2] + turns * before.cell[2, 2], before)
            before = frame
            yield frame, (frame.unwrapped + turns[:, None] * frame.cell[2] if turns.any() else frame.unwrapped)

    def _followed(self, frame: Frame, heights: FloatArray, before: Frame) -> IntArray:
        """The turns of a frame from the heights in the one before, in cells as it was then and as it is now."""
        height = float(frame.cell[2, 2])
        here, there = frame.unwrapped[:, 2] / height, heights / float(before.cell[2, 2])
        turns: IntArray = np.rint(there - here).astype(np.int64)
        moved = np.abs(here + turns - there)[self.molecule]
        if moved.max(initial=0.0) <= _UNDOUBTED:
            return turns
        up = _sense(frame)
        bottom = float((up * (here + turns))[self.slab].min())
        for atoms, inside in self._pieces(frame.unwrapped[self.molecule], _upward(frame)):
            places = self.molecule[atoms]
            centre, last = float((up * here[places] + inside).mean()), float((up * there[places]).mean())
            shift = round(last - centre)
            if centre + shift < bottom <= last:
                shift += 1
            turns[places] = up * (inside + shift)
        return turns

    def _pieces(self, positions: FloatArray, vector: FloatArray) -> Iterator[tuple[IntArray, IntArray]]:
        """Of each piece of a molecule at (n, 3) Å: its atoms, and the turns upward that make it whole."""
        between = positions[None, :, :] - positions[:, None, :]
        crossed = -np.rint(between[..., 2] / vector[2]).astype(np.int64)
        between += crossed[..., None] * vector
        shortest = self.lattice.shortest(between)
        joined = np.sqrt(np.einsum("ijk,ijk->ij", shortest, shortest)) < self.reach
        unseen = np.ones(len(positions), dtype=np.bool_)
        while unseen.any():
            inside = np.zeros(len(positions), dtype=np.int64)
            piece = [int(np.argmax(unseen))]
            unseen[piece[0]] = False
            for atom in piece:  # grows while it is gone through
                new = np.flatnonzero(joined[atom] & unseen)
                inside[new] = inside[atom] + crossed[atom, new]
                unseen[new] = False
                piece.extend(new.tolist())
            atoms = np.array(piece)
            yield atoms, inside[atoms]


def _slab_turns(heights: FloatArray, cell_height: float) -> IntArray:
    """(m,) so that the slab is in one piece, most of it where the file has it."""
    below = widest_gap(heights, cell_height).below
    inside = heights % cell_height
    whole = np.where(inside > below, inside - cell_height, inside)
    turns: IntArray = np.rint((whole - heights) / cell_height).astype(np.int64)
    values, counts = np.unique(turns, return_counts=True)
    turns -= values[np.argmax(counts)]
    return turns


def _is_periodic(frame: Frame) -> bool:
    return frame.pbc[2] and bool(frame.cell[2, 2] != 0)


def _sense(frame: Frame) -> int:
    """Whether the cell's third vector points up."""
    return 1 if frame.cell[2, 2] > 0 else -1


def _upward(frame: Frame) -> FloatArray:
    vector: FloatArray = _sense(frame) * frame.cell[2]
    return vector
