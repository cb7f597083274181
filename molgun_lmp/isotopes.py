"""Isotopes: their names and masses, and the atom types of LAMMPS that they need.

LAMMPS keeps masses by atom type, so an element with isotopes has a type for each of its masses. The model is asked by
element and does not know them.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError

ISOTOPES: Final[Mapping[str, tuple[str, float]]] = {
    "1H": ("H", 1.00782503223),
    "D": ("H", 2.01410177812),
    "T": ("H", 3.0160492779),
    "3He": ("He", 3.0160293201),
    "12C": ("C", 12.0),
    "13C": ("C", 13.00335483507),
    "14C": ("C", 14.0032419884),
    "14N": ("N", 14.00307400443),
    "15N": ("N", 15.00010889888),
    "16O": ("O", 15.99491461957),
    "17O": ("O", 16.99913175650),
    "18O": ("O", 17.99915961286),
    "22Ne": ("Ne", 21.991385114),
    "28Si": ("Si", 27.97692653465),
    "29Si": ("Si", 28.97649466490),
    "30Si": ("Si", 29.973770136),
    "34S": ("S", 33.967867004),
    "35Cl": ("Cl", 34.968852682),
    "37Cl": ("Cl", 36.965902602),
}
"""Name -> element and mass in u (NIST, Atomic Weights and Isotopic Compositions, version 4.1, 2015)."""


class AtomTypes(NamedTuple):
    """LAMMPS's types 1, 2, ...: the chemical symbol and the mass in u of each, by atomic number and mass."""

    elements: tuple[str, ...]
    masses_u: tuple[float, ...]

    @classmethod
    def of(cls, symbols: Sequence[str], masses: FloatArray) -> "AtomTypes":
        """Of atoms with these symbols and masses (N,)."""
        kinds = set(zip(symbols, masses.tolist(), strict=True))
        pairs = sorted(kinds, key=lambda kind: (int(atomic_numbers[kind[0]]), kind[1]))
        return cls(elements=tuple(symbol for symbol, _ in pairs), masses_u=tuple(mass for _, mass in pairs))

    @classmethod
    def standard(cls, elements: Sequence[str]) -> "AtomTypes":
        """Of these elements, in their order, with standard masses."""
        return cls(elements=tuple(elements), masses_u=tuple(standard_masses_u(elements).tolist()))

    def numbers(self, symbols: Sequence[str], masses: FloatArray | None = None) -> list[int]:
        """The type of each of N atoms; without masses (N,) any of its element."""
        if masses is None:
            of_element = {symbol: number for number, symbol in enumerate(self.elements, start=1)}
            return [of_element[symbol] for symbol in symbols]
        of_kind = {kind: number for number, kind in enumerate(zip(self.elements, self.masses_u, strict=True), start=1)}
        return [of_kind[kind] for kind in zip(symbols, masses.tolist(), strict=True)]

    def in_words(self) -> str:
        """Such as `1 H (2.014 u), 2 C (12.011 u)`."""
        both = enumerate(zip(self.elements, self.masses_u, strict=True), start=1)
        return ", ".join(f"{number} {symbol} ({mass:.3f} u)" for number, (symbol, mass) in both)


def standard_masses_u(symbols: Sequence[str]) -> FloatArray:
    """Standard atomic masses in u, (N,)."""
    masses: FloatArray = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in symbols], dtype=np.float64)
    return masses


def isotopic_masses_u(symbols: Sequence[str], isotopes: Mapping[str, str | float]) -> FloatArray:
    """Masses in u, (N,), of atoms of which some are isotopes: element or index from 0 -> name or mass in u.

    An atom's own entry comes before its element's; what is not named has its standard atomic mass. Raises `ConfigError`
    for an element or atom that is not there, and for an isotope of another element.
    """
    masses = standard_masses_u(symbols)
    for key, isotope in sorted(isotopes.items(), key=lambda entry: entry[0].isdecimal()):
        atoms = [int(key)] if key.isdecimal() else [k for k, symbol in enumerate(symbols) if symbol == key]
        if not atoms or max(atoms) >= len(symbols):
            raise ConfigError(
                f"system.molecule.isotopes names {key}, which the molecule does not have: its {len(symbols)} atoms are "
                f"of {', '.join(dict.fromkeys(symbols))}, counted from 0."
            )
        if isinstance(isotope, str) and ISOTOPES[isotope][0] != symbols[atoms[0]]:
            raise ConfigError(
                f"system.molecule.isotopes: {key} is {symbols[atoms[0]]}, and {isotope} an isotope of "
                f"{ISOTOPES[isotope][0]}."
            )
        masses[atoms] = ISOTOPES[isotope][1] if isinstance(isotope, str) else isotope
    return masses
