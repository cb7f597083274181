"""What every structure has, wherever it comes from: elements, positions, cell, periodicity; molecules made whole."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from ase import Atoms
from ase.formula import Formula

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


def make_whole(molecule: Atoms) -> None:
    """Undo, in place, the wrapping of one connected molecule into its periodic cell.

    Each atom joins, nearest first, those already placed; right while every atom's nearest neighbour is closer than
    half the cell. A molecule without a periodic cell is left alone.
    """
    if not molecule.pbc.any() or molecule.cell.rank < 3:
        return
    distances = molecule.get_all_distances(mic=True)
    placed = [0]
    waiting = set(range(1, len(molecule)))
    while waiting:
        rest = sorted(waiting)
        among = distances[np.ix_(placed, rest)]
        row, column = np.unravel_index(int(np.argmin(among)), among.shape)
        anchor, atom = placed[int(row)], rest[int(column)]
        vector = molecule.get_distance(anchor, atom, mic=True, vector=True)
        molecule.positions[atom] = molecule.positions[anchor] + vector
        placed.append(atom)
        waiting.remove(atom)


def formula_of(symbols: Iterable[str]) -> str:
    """The formula of some chemical symbols in Hill's order, such as `C2H4`."""
    return str(Formula("".join(symbols)).format("hill"))
