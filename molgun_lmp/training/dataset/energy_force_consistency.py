"""Whether energies change by the work of the forces, which wrong units and kinetic energies betray."""

from typing import Final

import numpy as np

from molgun_lmp.errors import InputFileError
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame

_NEIGHBOURS_ANGSTROM: Final = 0.1
_MIN_PAIRS: Final = 10
_MIN_CHANGE_EV: Final = 1e-3
_FACTORS: Final = {
    "energies in Hartree, forces in eV/Å": 1 / 27.211386,
    "energies in eV, forces in Hartree/Bohr": 51.422067,
    "energies in Hartree, forces in Hartree/Bohr": 51.422067 / 27.211386,
    "energies in kcal/mol, forces in eV/Å": 23.060548,
    "energies in kJ/mol, forces in eV/Å": 96.485332,
    "energies in Rydberg, forces in eV/Å": 1 / 13.605693,
    "energies in eV, forces in Rydberg/Bohr": 25.711033,
    "energies in eV, forces of the opposite sign": -1.0,
}


class EnergyFollowsForces:
    """Compares, for neighbouring frames of a trajectory, the energy difference with the work between them.

    The work is the trapezoid -(F1 + F2)/2 . (x2 - x1), of third order in the displacement. Only frames that follow each
    other and whose atoms all moved less than 0.1 Å are compared; memory holds one frame.
    """

    def __init__(self) -> None:
        self._before: LabelledFrame | None = None
        self._pairs = self._atoms = 0
        self._work = self._energy = self._product = 0.0

    def add(self, frame: LabelledFrame) -> None:
        """Take in the next frame."""
        before, self._before = self._before, frame
        if before is None or before.trajectory != frame.trajectory or before.symbols != frame.symbols:
            return
        moved = frame.positions - before.positions
        if all(frame.pbc):
            if not np.allclose(frame.cell, before.cell, atol=1e-6):
                return
            moved = moved - np.rint(moved @ np.linalg.inv(frame.cell)) @ frame.cell
        if np.abs(moved).max() > _NEIGHBOURS_ANGSTROM:
            return
        work = -0.5 * float(np.sum((before.forces + frame.forces) * moved))
        difference = frame.energy_ev - before.energy_ev
        self._pairs += 1
        self._atoms += len(frame)
        self._work += work**2
        self._energy += difference**2
        self._product += work * difference

    def check(self) -> None:
        """Raise `InputFileError` where the energies do not follow the forces; say nothing where that cannot be told."""
        smallest = self._pairs * _MIN_CHANGE_EV**2
        if self._pairs < _MIN_PAIRS or max(self._work, self._energy) < smallest or self._work == 0.0:
            return
        ratio = np.sqrt(self._energy / self._work)
        correlation = self._product / np.sqrt(self._energy * self._work) if self._energy > 0 else 0.0
        slope = self._product / self._work
        if abs(correlation) > 0.9 and not 0.7 < slope < 1.4:
            factors = {**_FACTORS, "energies per atom": self._pairs / self._atoms}
            meant = min(
                factors, key=lambda name: abs(np.log(factors[name] / slope)) if factors[name] * slope > 0 else np.inf
            )
            what = f"energy differences are {slope:.3g} times the work of the forces, as with {meant}"
        elif abs(correlation) <= 0.9 and ratio < 0.3:
            what = "energies hardly change while the forces do work, as where they include the kinetic energy"
        else:
            return
        raise InputFileError(
            f"over {self._pairs} pairs of neighbouring frames (up to {self._before and self._before.source}) {what}. "
            "Labels must be potential energies in eV and forces in eV/Å: convert them, name other keys, or set "
            "`energies_follow_forces: false` in `limits` where this is meant."
        )
