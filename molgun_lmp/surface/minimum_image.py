"""Shortest vectors between atoms of a slab cell: periodic in its two in-plane vectors, open along z."""

import dataclasses
import functools
from typing import Self

import numpy as np
from ase.geometry import minkowski_reduce

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import GeometryError

_PARALLEL = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class MinimumImage:
    """The in-plane lattice, prepared once and used for every frame.

    `vectors` (2, 2) Å: Minkowski-reduced in-plane vectors as rows; `inverse` (2, 2) 1/Å; `shifts` (S, 2) Å: lattice
    vectors among which the shortest image lies once both fractions are in [-1/2, 1/2] (only zero for a rectangle,
    its eight neighbours besides for any other reduced cell).
    """

    vectors: FloatArray
    inverse: FloatArray
    shifts: FloatArray

    @classmethod
    def of_cell(cls, cell: FloatArray) -> Self:
        """From a (3, 3) cell in Å whose first two vectors lie in the xy-plane.

        Raises `GeometryError` where they do not, or where they span no area.
        """
        cell = np.asarray(cell, dtype=np.float64)
        if cell.shape != (3, 3) or not np.isfinite(cell).all() or np.abs(cell[:2, 2]).max() > _PARALLEL:
            raise GeometryError(
                f"the slab's cell is {cell.tolist()}: its first two vectors must lie in the xy-plane. "
                "Rotate the structure so that the surface normal is +z."
            )
        if abs(np.linalg.det(cell[:2, :2])) < _PARALLEL * max(1.0, float(np.abs(cell).max()) ** 2):
            raise GeometryError(
                f"the slab's in-plane vectors {cell[:2].tolist()} span no area: "
                "give the periodic cell with the structure."
            )
        flat = np.eye(3)
        flat[:2, :2] = cell[:2, :2]
        reduced, _ = minkowski_reduce(flat, pbc=[True, True, False])
        vectors = np.asarray(reduced[:2, :2], dtype=np.float64)
        rectangular = abs(float(vectors[0] @ vectors[1])) < _PARALLEL * float(np.abs(vectors).max()) ** 2
        steps = (0,) if rectangular else (0, -1, 1)
        shifts = np.array([i * vectors[0] + j * vectors[1] for i in steps for j in steps])
        inverse: FloatArray = np.linalg.inv(vectors).astype(np.float64)
        return cls(vectors=vectors, inverse=inverse, shifts=shifts)

    @functools.cached_property
    def spacing(self) -> float:
        """The least distance in Å between neighbouring lattice lines: what is narrower does not meet its own image."""
        return 1.0 / float(np.linalg.norm(self.inverse, axis=0).max())

    def shortest(self, vectors: FloatArray) -> FloatArray:
        """The shortest periodic image of each vector: (..., 3) Å in, (..., 3) Å out; z is not touched."""
        # By components: a matrix product of two columns costs several times as much.
        images = vectors.copy()
        x, y = images[..., 0], images[..., 1]
        first = np.rint(x * self.inverse[0, 0] + y * self.inverse[1, 0])
        second = np.rint(x * self.inverse[0, 1] + y * self.inverse[1, 1])
        x -= first * self.vectors[0, 0] + second * self.vectors[1, 0]
        y -= first * self.vectors[0, 1] + second * self.vectors[1, 1]
        if len(self.shifts) == 1:
            return images
        near_x, near_y = x.copy(), y.copy()
        shortest = near_x**2 + near_y**2
        for shift_x, shift_y in self.shifts[1:]:
            other_x, other_y = x + shift_x, y + shift_y
            length = other_x**2 + other_y**2
            shorter = length < shortest
            np.copyto(near_x, other_x, where=shorter)
            np.copyto(near_y, other_y, where=shorter)
            np.copyto(shortest, length, where=shorter)
        x[...], y[...] = near_x, near_y
        return images

    def vectors_between(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Shortest vectors from each of `a` (n, 3) to each of `b` (m, 3), as (n, m, 3) in Å."""
        return self.shortest(b[None, :, :] - a[:, None, :])

    def distances(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Shortest distances between each of `a` (n, 3) and each of `b` (m, 3), as (n, m) in Å."""
        between = self.vectors_between(a, b)
        lengths: FloatArray = np.sqrt(np.einsum("ijk,ijk->ij", between, between))
        return lengths
