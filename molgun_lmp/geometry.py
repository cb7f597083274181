"""What every structure has, wherever it comes from: elements, positions, cell and periodicity."""

import hashlib
from typing import Protocol

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray


class HasAtoms(Protocol):
    """A structure from wherever."""

    def atoms(self) -> Atoms:
        """As ASE atoms."""
        ...


class Geometry(Protocol):
    """What tells one structure from another; the attributes are those of `LabelledFrame`."""

    @property
    def symbols(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def positions(self) -> FloatArray: ...  # noqa: D102
    @property
    def cell(self) -> FloatArray: ...  # noqa: D102
    @property
    def pbc(self) -> tuple[bool, bool, bool]: ...  # noqa: D102


def geometry_digest(structure: Geometry) -> bytes:
    """16 bytes that two structures share when elements, cell, periodicity and positions (to 1e-6 Å) are the same."""
    digest = hashlib.blake2b(" ".join(structure.symbols).encode(), digest_size=16)
    for values in (structure.positions, structure.cell, np.array(structure.pbc, dtype=float)):
        digest.update((np.round(values, 6) + 0.0).tobytes())  # + 0.0 makes -0.0 and 0.0 one
    return digest.digest()
