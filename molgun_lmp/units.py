"""LAMMPS `metal` units in one place: Å, ps, eV, u, K (https://docs.lammps.org/units.html).

Velocities are Å/ps and energies eV throughout the package. ASE's internal velocity unit is Å/sqrt(u/eV); the
two factors below are the only place where one becomes the other.
"""

from typing import Final

from ase import units as _ase

ASE_VELOCITY_PER_ANGSTROM_PER_PS: Final[float] = 1e-3 / _ase.fs
"""Multiply a velocity in Å/ps by this to get ASE's unit."""

ANGSTROM_PER_PS_PER_ASE_VELOCITY: Final[float] = 1.0 / ASE_VELOCITY_PER_ANGSTROM_PER_PS
"""Multiply an ASE velocity by this to get Å/ps."""

MVV_TO_EV: Final[float] = ASE_VELOCITY_PER_ANGSTROM_PER_PS**2
"""u (Å/ps)^2 in eV: kinetic energy in eV is 0.5 * m * v**2 * MVV_TO_EV (LAMMPS calls it mvv2e)."""

ANGSTROM_PER_PS_PER_M_PER_S: Final[float] = 0.01
"""Multiply a velocity in m/s by this to get Å/ps."""

HBAR: Final[float] = _ase._hbar / (_ase._amu * 1e-8)
"""The reduced Planck constant in u Å^2/ps, the unit of angular momenta and of actions here (1 Å^2/ps = 1e-8 m^2/s)."""

BOLTZMANN_EV_PER_K: Final[float] = _ase.kB
"""Boltzmann constant in eV/K."""

EV_PER_KCAL_PER_MOL: Final[float] = 1.0 / 23.060549
"""As LAMMPS has it between its unit styles `real` and `metal`."""

FS_PER_PS: Final[float] = 1000.0

ROUNDING_PS: Final[float] = 1e-9
"""Times that differ by less are the same: they are sums and products of a timestep."""
