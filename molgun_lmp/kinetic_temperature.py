"""Kinetic energies and temperatures of groups of atoms, from velocities in Å/ps and masses in u."""

from molgun_lmp.arrays import FloatArray
from molgun_lmp.units import BOLTZMANN_EV_PER_K, MVV_TO_EV


def kinetic_ev(masses_u: FloatArray, velocities: FloatArray) -> float:
    """Kinetic energy in eV of N atoms with velocities (N, 3)."""
    return 0.5 * MVV_TO_EV * float(masses_u @ (velocities**2).sum(axis=1))


def temperature_k(energy_ev: float, freedom: int) -> float:
    """2 E / (f k), as LAMMPS's compute temp; 0 without freedom."""
    return 2.0 * energy_ev / (freedom * BOLTZMANN_EV_PER_K) if freedom > 0 else 0.0
