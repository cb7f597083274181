"""What every structure has, wherever it comes from: elements, positions, cell and periodicity."""

import hashlib
from typing import Protocol

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray


class Geometry(Protocol):
    """A structure of N atoms, whatever else its type holds: labels, a step, where it was read."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """N chemical symbols."""
        ...

    @property
    def positions(self) -> FloatArray:
        """(N, 3) Å."""
        ...

    @property
    def cell(self) -> FloatArray:
        """(3, 3) Å, rows are vectors."""
        ...

    @property
    def pbc(self) -> tuple[bool, bool, bool]:
        """Along which of them it is periodic."""
        ...

    def atoms(self) -> Atoms:
        """As ASE atoms, without labels."""
        ...


def geometry_digest(structure: Geometry) -> bytes:
    """16 bytes that two structures share when elements, cell, periodicity and positions (to 1e-6 Å) are the same."""
    digest = hashlib.blake2b(" ".join(structure.symbols).encode(), digest_size=16)
    for values in (structure.positions, structure.cell, np.array(structure.pbc, dtype=float)):
        digest.update((np.round(values, 6) + 0.0).tobytes())  # + 0.0 makes -0.0 and 0.0 one
    return digest.digest()
