"""What CP2K printed of one structure: converged or not, the energy and the forces.

CP2K's energies are in hartree and its forces in hartree/bohr; here they become eV and eV/Å with ASE's hartree and bohr
(CODATA 2014: 27.211386 eV, 0.52917721 Å). CP2K's own, of CODATA 2006, are the same to seven digits.
"""

import re
from typing import Final, NamedTuple

import numpy as np
from ase.calculators.calculator import CalculationFailed, SCFError
from ase.units import Bohr, Hartree

from molgun_lmp.arrays import FloatArray

_NUMBER: Final = r"([-+]?\d+\.\d*(?:[Ee][-+]?\d+)?)"
_ENERGY: Final = re.compile(
    rf"^ ENERGY\| Total FORCE_EVAL \( QS \) energy [(\[](?:a\.u\.|hartree)[)\]]:?\s+{_NUMBER}\s*$", re.MULTILINE
)
_FORCES: Final = (
    # Until 2024: index, kind, element, force; since 2025: index, force, its length.
    re.compile(rf"^\s+\d+\s+\d+\s+[A-Z][a-z]?\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s*$", re.MULTILINE),
    re.compile(rf"^ FORCES\|\s+\d+\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s*$", re.MULTILINE),
)
_FORCES_BEGIN: Final = re.compile(
    r"^ (?:ATOMIC FORCES in \[a\.u\.\]|FORCES\| Atomic forces \[hartree/bohr\])", re.MULTILINE
)
_NOT_CONVERGED: Final = re.compile(r"SCF run NOT converged|outer SCF loop FAILED to converge")
_CONVERGED: Final = "SCF run converged in"
_ABORT: Final = "[ABORT]"
_ART: Final = re.compile(r"^\s*\*(?:\s*(?:/ \\|\[ABORT\]|\\___/|\||O/\||/\| \|)(?=\s))?(.*?)\*?\s*$")


class Cp2kAnswer(NamedTuple):
    """`energy_ev`, and `forces` (N, 3) eV/Å."""

    energy_ev: float
    forces: FloatArray


def read_answer(text: str, number_of_atoms: int) -> Cp2kAnswer:
    """What the output of a run that ended says. Raises `SCFError` where the self-consistent field is not converged
    (CP2K 2023.1 says so in a warning and goes on to forces), `CalculationFailed` where something is missing."""
    if _NOT_CONVERGED.search(text):
        raise SCFError("the self-consistent field did not converge")
    if _CONVERGED not in text:
        raise CalculationFailed("CP2K does not say that its self-consistent field converged")
    energies = _ENERGY.findall(text)
    begin = _FORCES_BEGIN.search(text)
    if not energies or begin is None:
        raise CalculationFailed("CP2K printed no energy or no forces that can be read")
    found = next((rows for layout in _FORCES if (rows := layout.findall(text, begin.end()))), [])
    if len(found) != number_of_atoms:
        raise CalculationFailed(f"CP2K printed forces of {len(found)} atoms that can be read, not of {number_of_atoms}")
    forces = np.array([row[:3] for row in found], dtype=float)
    return Cp2kAnswer(energy_ev=float(energies[-1]) * Hartree, forces=forces * (Hartree / Bohr))


def abort_message(text: str) -> str | None:
    """What stands in the box that CP2K draws where it gives up, as one line; None where there is none."""
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if _ABORT in line), None)
    if start is None:
        return None
    words = []
    for line in lines[start:]:
        if line.strip().startswith("*" * 20):
            break
        match = _ART.match(line)
        words.append(match[1].strip() if match else "")
    return " ".join(" ".join(words).split())
