"""The molecule as it was fired: its bonds and its reactive groups."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.analysis.outcomes.smarts import find_group
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import ConfigError
from molgun_lmp.surface.minimum_image import MinimumImage


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoleculeReference:
    """The intact molecule of n atoms.

    `symbols`: n chemical symbols; `bonded` (n, n) bool, its bonds; `groups`: name -> the two atoms of a triple bond.
    """

    symbols: tuple[str, ...]
    bonded: BoolArray
    groups: Mapping[str, tuple[int, int]]

    @classmethod
    def find(
        cls,
        symbols: Sequence[str],
        positions: FloatArray,
        groups: Mapping[str, tuple[int, int]],
        lattice: MinimumImage,
        criteria: OutcomeCriteria,
    ) -> Self:
        """From the molecule's positions (n, 3) in Å far from the surface.

        Raises `ConfigError` for a group whose atoms are not two bonded atoms of the molecule, or one that shares an
        atom with another group.
        """
        limits = BondLimits.of(symbols, (), criteria)
        bonded = limits.bonds(positions, np.empty((0, 3)), lattice).molecule
        seen: dict[int, str] = {}
        for name, pair in groups.items():
            _check_group(name, pair, symbols, bonded)
            for atom in pair:
                if atom in seen:
                    raise ConfigError(
                        f"system.molecule.groups: atom {atom} is in both {seen[atom]} and {name}. "
                        "Give each group two atoms of its own."
                    )
                seen[atom] = name
        return cls(symbols=tuple(symbols), bonded=bonded, groups=dict(groups))

    @classmethod
    def named(
        cls,
        symbols: Sequence[str],
        positions: FloatArray,
        patterns: Mapping[str, str],
        lattice: MinimumImage,
        criteria: OutcomeCriteria,
    ) -> dict[str, tuple[int, int]]:
        """The groups that patterns name in a molecule at `positions` (n, 3) Å. Raises `ConfigError`."""
        bonded = cls.find(symbols, positions, {}, lattice, criteria).bonded
        return {name: find_group(name, pattern, symbols, bonded) for name, pattern in patterns.items()}

    @property
    def hydrogen(self) -> BoolArray:
        """(n,) True for hydrogen."""
        return np.array([atomic_numbers[symbol] == 1 for symbol in self.symbols], dtype=np.bool_)


def binding(bonds: Bonds, molecule: MoleculeReference) -> BoolArray:
    """(n, m) bool: the bonds that hold the molecule to the slab, those of hydrogen on its own carbon left out."""
    on_heavy = (bonds.molecule & ~molecule.hydrogen[None, :]).sum(axis=1) > 0
    holding: BoolArray = bonds.surface & ~(molecule.hydrogen & on_heavy)[:, None]
    return holding


def _check_group(name: str, pair: tuple[int, int], symbols: Sequence[str], bonded: BoolArray) -> None:
    first, second = pair
    inside = all(0 <= atom < len(symbols) for atom in pair)
    if inside and bonded[first, second]:
        return
    what = (
        f"{symbols[first]}{first} and {symbols[second]}{second} are not bonded"
        if inside
        else f"the molecule has atoms 0 to {len(symbols) - 1}"
    )
    raise ConfigError(
        f"system.molecule.groups.{name}: {list(pair)} is not a bond of the molecule ({what}). "
        "Count its atoms from 0 in the order of the molecule's structure file."
    )
