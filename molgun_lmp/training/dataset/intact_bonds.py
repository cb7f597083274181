"""Bonds of the molecule that every frame must still have."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.geometry import find_mic

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.common.reference_frame import FoundFrame

_SLACK_ANGSTROM = 0.6


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntactBonds:
    """The bonds of one list of atoms that must hold.

    `pairs` (B, 2) atom indices; `limits` (B,) Å; `counts` bonds of each kind; `reference` the frame that they are from.
    """

    pairs: IntArray
    limits: FloatArray
    kinds: tuple[str, ...]
    reference: str

    @property
    def counts(self) -> dict[str, int]:
        """Number of bonds of each kind."""
        return {kind: self.kinds.count(kind) for kind in dict.fromkeys(self.kinds)}

    def broken(self, frame: FoundFrame) -> str | None:
        """The bond that is longest beyond its limit, as a text; None where all hold."""
        if not len(self.pairs):
            return None
        lengths = _lengths(frame, self.pairs)
        worst = int(np.argmax(lengths - self.limits))
        if lengths[worst] <= self.limits[worst]:
            return None
        first, second = self.pairs[worst]
        return (
            f"{self.kinds[worst]} of atoms {first} and {second} (from 0) is {lengths[worst]:.2f} Å long, "
            f"limit {self.limits[worst]:.2f} Å, bonded in {self.reference}"
        )


def bond_limits(wanted: Mapping[str, float | None]) -> dict[str, float]:
    """Limit of each kind of bond in Å, where none is given the sum of the covalent radii and 0.6 Å (C-H: 1.67 Å).

    Radii are ASE's (Cordero et al., Dalton Trans. 2008, 2832). Raises `ConfigError` for what is no pair of elements.
    """
    limits = {}
    for kind, limit in wanted.items():
        elements = kind.split("-")
        if len(elements) != 2 or not all(element in atomic_numbers for element in elements):
            raise ConfigError(f"{kind!r} is not a pair of elements. Write two symbols with a dash, such as C-H.")
        radii = float(sum(covalent_radii[atomic_numbers[element]] for element in elements))
        limits[kind] = limit if limit is not None else round(radii + _SLACK_ANGSTROM, 3)
    return limits


def bonds_of(frame: FoundFrame, limits: Mapping[str, float], name: str) -> IntactBonds:
    """The bonds of the wanted kinds that a frame has."""
    symbols = np.array(frame.symbols)
    pairs: list[IntArray] = [np.empty((0, 2), dtype=np.int64)]
    kinds: list[str] = []
    for kind, limit in limits.items():
        one, other = kind.split("-")
        grid = np.stack(np.meshgrid(np.flatnonzero(symbols == one), np.flatnonzero(symbols == other)), axis=-1)
        candidates = grid.reshape(-1, 2)
        if one == other:
            candidates = candidates[candidates[:, 0] < candidates[:, 1]]
        bonded = candidates[_lengths(frame, candidates) <= limit]
        pairs.append(bonded)
        kinds += [kind] * len(bonded)
    return IntactBonds(
        pairs=np.concatenate(pairs),
        limits=np.array([limits[kind] for kind in kinds]),
        kinds=tuple(kinds),
        reference=name,
    )


def _lengths(frame: FoundFrame, pairs: IntArray) -> FloatArray:
    vectors = frame.positions[pairs[:, 1]] - frame.positions[pairs[:, 0]]
    if not len(vectors):
        return np.empty(0)
    if any(frame.pbc):
        _, lengths = find_mic(vectors, frame.cell, frame.pbc)
        return np.asarray(lengths, dtype=np.float64)
    return np.asarray(np.linalg.norm(vectors, axis=1))
