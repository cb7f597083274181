"""Are two answers to one question the same but for rounding? What a device, or a joint evaluation, is judged by.

Two evaluations of one structure do the same arithmetic in another order at most: atomic additions on a GPU, other tiles
for a larger graph. That moves a sum by a few units of rounding of its largest term. Measured with the example's model
(154 atoms, symmetrix): between float32 and float64, where each operation rounds otherwise and not its order alone, 3
units of the largest force, and less than one of each atom's energy. The limits lie far above and yet, in float32, at a
thousandth of an eV/Å, a tenth of what the best models err by; a bad memory cell, kernels of another architecture or a
race are orders beyond.
"""

from typing import Final, Protocol

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.model_formats import Dtype

_FORCE_UNITS: Final = 1024
"""Units of rounding of the largest force, or of 1 eV/Å where that is more."""
_ENERGY_UNITS: Final = 128
"""Units of rounding of an atom's mean energy, or of 1 eV where that is more, for each atom."""


class Answer(Protocol):
    """Whatever has an energy and forces."""

    @property
    def energy_ev(self) -> float:
        """Of all atoms."""
        ...

    @property
    def forces(self) -> FloatArray:
        """(N, 3) eV/Å."""
        ...


def beyond_rounding(one: Answer, other: Answer, dtype: Dtype) -> str | None:
    """What two answers to one question differ by, in words; None where that may be rounding in `dtype`.

    An answer that is not a number differs from any other, and from itself.
    """
    unit = float(np.finfo(dtype).eps)
    if one.forces.shape != other.forces.shape:
        return f"forces of {len(one.forces)} atoms and of {len(other.forces)}"
    numbers = (one.energy_ev, other.energy_ev, one.forces.sum(), other.forces.sum())
    if not np.isfinite(numbers).all():
        return "energies or forces that are not numbers"
    atoms = max(1, len(one.forces))
    force = float(np.abs(one.forces - other.forces).max(initial=0.0))
    force_limit = _FORCE_UNITS * unit * max(1.0, float(np.abs(one.forces).max(initial=0.0)))
    energy = abs(one.energy_ev - other.energy_ev) / atoms
    energy_limit = _ENERGY_UNITS * unit * max(1.0, abs(one.energy_ev) / atoms)
    found = []
    if force > force_limit:
        found.append(f"a force differs by {force:.1e} eV/Å (rounding in {dtype}: below {force_limit:.0e})")
    if energy > energy_limit:
        found.append(f"the energy differs by {energy:.1e} eV/atom (rounding in {dtype}: below {energy_limit:.0e})")
    return " and ".join(found) or None
