"""A diatomic in one rovibrational state (v, J), by semiclassical quantisation of its radial motion.

The action over one vibration in the effective potential V(r) + J (J + 1) h^2 / (8 pi^2 m r^2), m the reduced mass, is

    2 integral sqrt(2 m (E - V_eff)) dr = (v + 1/2) h

(Einstein, Brillouin, Keller), which gives E; the distance is that of a random time of the vibration, and the angular
momentum sqrt(J (J + 1)) h / 2 pi about a random axis across the bond. Source: Porter, Raff and Miller, J. Chem. Phys.
63, 2214 (1975).
"""

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
from ase import Atoms
from scipy import optimize
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import DiatomicStates
from molgun_lmp.errors import GeometryError
from molgun_lmp.gun.quasi_classical import HBAR

_SHORTEST, _LONGEST, _POINTS = 0.45, 3.0, 400
"""Of the distance at the minimum: between which the curve is asked, and how often."""
_ANGLES: Final = 2000
_NEAR: Final = (0.7, 1.7)
"""Of the distance at the minimum, within which the bottom of the well with its rotation lies; a model may have holes at
distances that it was never taught."""
_SHALLOWEST_EV: Final = 1e-6
_TINY_EV: Final = 1e-12


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DiatomicState:
    """The radial motion of one state: `lengths` (k,) Å from the inner turning point to the outer one, `speeds` (k,) of
    the bond there, in ASE's unit, and `times` (k,) at which it passes them, from 0 to half a period."""

    masses_u: FloatArray
    energy_ev: float
    """Above the minimum of the curve, rotation included."""
    angular_momentum: float
    lengths: FloatArray
    speeds: FloatArray
    times: FloatArray

    def sentence(self, states: DiatomicStates) -> str:
        """Quantum numbers, energy and turning points in words."""
        return (
            f"v = {states.v}, J = {states.j}: {self.energy_ev:.4f} eV above the minimum, bond of "
            f"{self.lengths[0]:.3f} to {self.lengths[-1]:.3f} Å"
        )


def bond_angstrom(positions: FloatArray) -> float:
    """The distance of two atoms (2, 3) in Å."""
    return float(np.linalg.norm(positions[1] - positions[0]))


def diatomic_state(
    curve: Callable[[float], float], equilibrium: float, masses_u: FloatArray, v: int, j: int
) -> DiatomicState:
    """State (v, J) on a curve, eV at a distance in Å, with its minimum at `equilibrium`.

    Raises `GeometryError` where the curve binds no such state, within three times the distance of the minimum.
    """
    mass = float(masses_u.prod() / masses_u.sum())
    momentum = HBAR * np.sqrt(j * (j + 1.0))
    grid = np.linspace(_SHORTEST * equilibrium, _LONGEST * equilibrium, _POINTS)
    potential = np.array([curve(float(r)) for r in grid])
    potential -= potential.min()
    effective = CubicSpline(grid, potential + momentum**2 / (2 * mass * grid**2))
    fine = np.linspace(grid[0], grid[-1], 20 * _POINTS)
    values = effective(fine)
    near = (fine > _NEAR[0] * equilibrium) & (fine < _NEAR[1] * equilibrium)
    bottom = int(np.argmin(np.where(near, values, np.inf)))
    lowest = float(values[bottom])
    barrier = float(values[bottom:].max())
    top = min(barrier, float(values[:bottom].max(initial=lowest)))

    def turning(energy: float) -> tuple[float, float]:
        below, above = np.flatnonzero(values[:bottom] > energy), np.flatnonzero(values[bottom:] > energy)
        inner, outer = int(below[-1]), bottom + int(above[0])
        ends = [
            float(optimize.brentq(lambda r: float(effective(r)) - energy, fine[k], fine[k + 1], xtol=1e-13))
            for k in (inner, outer - 1)
        ]
        return ends[0], ends[1]

    def motion(energy: float) -> tuple[FloatArray, FloatArray]:
        """Distances, and sqrt(2 m (E - V)) there, at even angles of r = middle - half cos a."""
        inner, outer = turning(energy)
        angles = (np.arange(_ANGLES) + 0.5) * np.pi / _ANGLES
        lengths = (inner + outer) / 2 - (outer - inner) / 2 * np.cos(angles)
        return lengths, np.sqrt(2 * mass * np.maximum(energy - effective(lengths), _TINY_EV))

    def action(energy: float) -> float:
        lengths, momenta = motion(energy)
        half = (lengths[-1] - lengths[0]) / 2 / np.cos(np.pi / _ANGLES / 2)
        angles = (np.arange(_ANGLES) + 0.5) * np.pi / _ANGLES
        return 2 * float(np.sum(momenta * half * np.sin(angles)) * np.pi / _ANGLES)

    wanted = 2 * np.pi * HBAR * (v + 0.5)
    highest = lowest + (top - lowest) * (1 - 1e-6)
    if top - lowest < _SHALLOWEST_EV or action(highest) < wanted:
        raise GeometryError(
            f"system.molecule.states: the model's curve binds no state v = {v}, J = {j}: {top - lowest:.2f} eV are not "
            "enough for it. Take lower quantum numbers, or a model that holds the molecule together."
        )
    energy = float(optimize.brentq(lambda e: action(e) - wanted, lowest + 1e-9, highest, xtol=1e-12))
    lengths, momenta = motion(energy)
    speeds = momenta / mass
    angles = (np.arange(_ANGLES) + 0.5) * np.pi / _ANGLES
    half = (lengths[-1] - lengths[0]) / 2 / np.cos(np.pi / _ANGLES / 2)
    times = np.cumsum(half * np.sin(angles) / speeds) * np.pi / _ANGLES
    return DiatomicState(
        masses_u=masses_u,
        energy_ev=energy,
        angular_momentum=float(momentum),
        lengths=lengths,
        speeds=speeds,
        times=times - times[0] / 2,
    )


def sample_diatomic(state: DiatomicState, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Positions (2, 3) Å about the centre of mass and velocities (2, 3) in ASE's unit, at a random phase and turned at
    random."""
    when = rng.uniform(-1.0, 1.0) * state.times[-1]
    length = float(np.interp(abs(when), state.times, state.lengths))
    speed = float(np.sign(when) * np.interp(abs(when), state.times, state.speeds))
    mass = state.masses_u.prod() / state.masses_u.sum()
    angle = rng.uniform(0.0, 2 * np.pi)
    across = state.angular_momentum / (mass * length)
    bond = np.array([0.0, 0.0, length])
    relative = np.array([across * np.cos(angle), across * np.sin(angle), speed])
    shares = np.array([-state.masses_u[1], state.masses_u[0]]) / state.masses_u.sum()
    turned = Rotation.random(None, rng)
    return turned.apply(shares[:, None] * bond), turned.apply(shares[:, None] * relative)


def diatomic_pool(
    symbols: tuple[str, ...], state: DiatomicState, states: DiatomicStates, rng: np.random.Generator
) -> list[Atoms]:
    """Snapshots for `write_pool`, each independent of the others; `quanta` in the header of each is v.J."""
    pool = []
    for number in range(states.snapshots):
        positions, velocities = sample_diatomic(state, rng)
        atoms = Atoms(symbols, positions=positions, masses=state.masses_u)
        atoms.set_velocities(velocities)
        atoms.info = {"snapshot": f"state-{number:06d}", "run": number, "quanta": f"v{states.v}.J{states.j}"}
        pool.append(atoms)
    return pool
