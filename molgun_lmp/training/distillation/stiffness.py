"""How stiff a force is: the largest curvature of its potential, in coordinates weighted by mass."""

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from molgun_lmp.arrays import FloatArray
from molgun_lmp.units import FS_PER_PS, MVV_TO_EV

Forces = Callable[[FloatArray], FloatArray]
"""Positions (N, 3) Å -> forces (N, 3) eV/Å."""

_LONGEST_MOVE_ANGSTROM: Final = 0.01
"""Of an atom in a finite difference. Single precision rounds forces by 1e-5 eV/Å, the third derivative of a C-H
stretch (200 eV/Å^3) changes a difference by 1e-5 of it."""
_TOLERANCE: Final = 0.01
"""Relative, of the eigenvalue."""
_VECTORS: Final = 10
"""That Lanczos's method keeps."""
_EV_PER_SQUARE_ANGSTROM_PER_U: Final = 1.0 / (MVV_TO_EV * FS_PER_PS**2)
"""In 1/fs^2."""


def largest_curvature(forces: Forces, positions: FloatArray, masses_u: FloatArray, rng: np.random.Generator) -> float:
    """The eigenvalue of largest size of the mass-weighted Hessian at `positions` (N, 3) Å, in 1/fs²; it has a sign.

    A positive one is the square of an angular frequency. Lanczos's method (ARPACK's, through scipy), whose products
    of the Hessian and a vector are central differences of the forces along it: some twenty pairs of evaluations.
    `masses_u` (N,), `rng` for the vector to begin with.
    """
    root = np.sqrt(np.repeat(masses_u, 3))

    def product(vector: FloatArray) -> FloatArray:
        move = vector.ravel() / root
        step = _LONGEST_MOVE_ANGSTROM / float(np.linalg.norm(move.reshape(-1, 3), axis=1).max())
        shift = step * move.reshape(-1, 3)
        slope = (forces(positions - shift) - forces(positions + shift)).ravel() / (2.0 * step)
        return np.asarray(slope / root)

    size = positions.size
    hessian = LinearOperator((size, size), matvec=product, dtype=np.float64)
    start, vectors = rng.normal(size=size), min(size, _VECTORS)
    (value,) = eigsh(hessian, k=1, which="LM", tol=_TOLERANCE, ncv=vectors, v0=start, return_eigenvectors=False)
    return float(value) * _EV_PER_SQUARE_ANGSTROM_PER_U
