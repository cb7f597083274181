"""Bonds from distances: limits for each pair of elements, and a hysteresis between forming and breaking."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, Self

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import ConfigError
from molgun_lmp.surface.minimum_image import MinimumImage

_NOBLE: Final = ("He", "Ne", "Ar", "Kr", "Xe", "Rn")
NO_BOND: Final = -100.0
"""Å; the limit of a pair that is never bonded: no distance is less, and no hysteresis reaches from it to one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bonds:
    """Bonds of one frame: n molecule atoms, m slab atoms; indices count from 0 in each.

    `molecule` (n, n) bool, symmetric; `surface` (n, m) bool; `lengths` (n, n) Å and `surface_lengths` (n, m) Å, bonded
    or not; `places` (n, 3) and `slab` (m, 3) Å, None where only the bonds are known. Bonds within the slab are not
    looked for here.
    """

    molecule: BoolArray
    surface: BoolArray
    lengths: FloatArray
    surface_lengths: FloatArray
    places: FloatArray | None = None
    slab: FloatArray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class BondLimits:
    """The distance below which each pair of atoms is bonded, and how much farther a bond lasts once formed.

    `molecule` (n, n) Å, `surface` (n, m) Å, `hysteresis` Å.
    """

    molecule: FloatArray
    surface: FloatArray
    hysteresis: float

    @classmethod
    def of(cls, molecule: Sequence[str], slab: Sequence[str], criteria: OutcomeCriteria) -> Self:
        """Limits for the chemical symbols of molecule and slab.

        The default is the sum of ASE's covalent radii (Cordero et al., Dalton Trans. 2008, 2832) plus the slack; a
        noble gas has no bonds by default, however near it is pressed.
        Raises `ConfigError` for a pair of `pair_limits_angstrom` that is not two elements.
        """
        pairs = {_pair(name): limit for name, limit in criteria.pair_limits_angstrom.items()}
        return cls(
            molecule=_matrix(molecule, molecule, criteria.slack_angstrom, pairs),
            surface=_matrix(molecule, slab, criteria.slack_angstrom, pairs),
            hysteresis=criteria.hysteresis_angstrom,
        )

    def bonds(
        self, molecule: FloatArray, slab: FloatArray, lattice: MinimumImage, before: Bonds | None = None
    ) -> Bonds:
        """Bonds between positions (n, 3) and (m, 3) in Å; those bonded `before` last through the hysteresis."""
        lengths = lattice.distances(molecule, molecule)
        surface_lengths = lattice.distances(molecule, slab)
        bonded = lengths < self.molecule
        to_surface = surface_lengths < self.surface
        if before is not None:
            bonded |= before.molecule & (lengths <= self.molecule + self.hysteresis)
            to_surface |= before.surface & (surface_lengths <= self.surface + self.hysteresis)
        np.fill_diagonal(bonded, False)
        return Bonds(
            molecule=bonded,
            surface=to_surface,
            lengths=lengths,
            surface_lengths=surface_lengths,
            places=molecule,
            slab=slab,
        )

    def between_thresholds(self, bonds: Bonds) -> tuple[BoolArray, BoolArray]:
        """(n, n) and (n, m) True where a length is between forming and breaking, so that only history tells."""
        molecule = (bonds.lengths >= self.molecule) & (bonds.lengths <= self.molecule + self.hysteresis)
        surface = (bonds.surface_lengths >= self.surface) & (bonds.surface_lengths <= self.surface + self.hysteresis)
        return molecule, surface


def _pair(name: str) -> frozenset[str]:
    elements = name.split("-")
    if len(elements) != 2 or not set(elements) <= atomic_numbers.keys():
        raise ConfigError(
            f"outcomes.pair_limits_angstrom: {name!r} is not a pair of elements. Write two symbols with a dash, "
            "such as Si-C."
        )
    return frozenset(elements)


def _matrix(
    first: Sequence[str], second: Sequence[str], slack: float, pairs: Mapping[frozenset[str], float]
) -> FloatArray:
    radii_first = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in first])
    radii_second = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in second])
    limits: FloatArray = radii_first[:, None] + radii_second[None, :] + slack
    symbols_first, symbols_second = np.array(first), np.array(second)
    limits[np.isin(symbols_first, _NOBLE)[:, None] | np.isin(symbols_second, _NOBLE)[None, :]] = NO_BOND
    for pair, limit in pairs.items():
        one, other = (*pair, *pair)[:2]
        limits[np.ix_(symbols_first == one, symbols_second == other)] = limit
        limits[np.ix_(symbols_first == other, symbols_second == one)] = limit
    return limits
