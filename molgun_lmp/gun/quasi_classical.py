"""Quasi-classical molecules: normal modes with quantised energies and random phases, and classical rotation.

    Q = sqrt(2 E) / w cos f,  P = -sqrt(2 E) sin f,  E = (n + 1/2) h w / 2 pi,  P(n) ~ exp(-n h w / 2 pi k T)

for each mode of angular frequency w, f uniform: at T = 0 its zero-point energy, at T its mean energy is that of Bose's
distribution. Source: Hase in Encyclopedia of Computational Chemistry (Wiley 1998), p. 402; Sloane and Hase, J. Chem.
Phys. 66, 1523 (1977). The modes are those of the model's own Hessian at its minimum, taken as harmonic.
"""

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
from ase import Atoms, units
from scipy.spatial.transform import Rotation

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.config import HarmonicStates
from molgun_lmp.errors import GeometryError
from molgun_lmp.units import BOLTZMANN_EV_PER_K

ForceOf = Callable[[FloatArray], FloatArray]
"""Forces (n, 3) eV/Å at positions (n, 3) Å."""

STATES_KEY: Final = (0, 0, 0, 0, 1)
"""Of their random numbers: longer than the keys of all else that is drawn."""
_STEP_ANGSTROM: Final = 0.01
HBAR: Final = units._hbar * units.J * units.s
"""In eV and ASE's unit of time, Å sqrt(u / eV)."""
_LINEAR: Final = 1e-4
"""A moment of inertia below this share of the largest is none."""
_EV_PER_INVERSE_CM: Final = units.invcm
_SOFTEST_EV: Final = 10 * _EV_PER_INVERSE_CM


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class NormalModes:
    """The vibrations of n atoms about a minimum: `positions` (n, 3) Å about the centre of mass, `masses_u` (n,),
    `quanta_ev` (m,) the energy of one quantum of each mode, `vectors` (m, 3n) orthonormal in mass-weighted coordinates,
    3n - 6 of them, or 3n - 5 of a linear molecule."""

    positions: FloatArray
    masses_u: FloatArray
    quanta_ev: FloatArray
    vectors: FloatArray

    @property
    def zero_point_ev(self) -> float:
        """Half a quantum of each."""
        return float(self.quanta_ev.sum()) / 2

    def sentence(self) -> str:
        """Wavenumbers and zero-point energy in words."""
        waves = ", ".join(f"{quantum / _EV_PER_INVERSE_CM:.0f}" for quantum in self.quanta_ev)
        return f"normal modes at {waves} cm^-1, zero-point energy {self.zero_point_ev:.3f} eV"


def hessian(forces: ForceOf, positions: FloatArray) -> FloatArray:
    """Second derivatives (3n, 3n) eV/Å^2 at positions (n, 3) by central differences of the forces, made symmetric."""
    columns = []
    for k in range(positions.size):
        step = np.zeros(positions.size)
        step[k] = _STEP_ANGSTROM
        moved = [forces(positions + sign * step.reshape(-1, 3)).ravel() for sign in (1.0, -1.0)]
        columns.append((moved[1] - moved[0]) / (2 * _STEP_ANGSTROM))
    found = np.array(columns)
    symmetric: FloatArray = (found + found.T) / 2
    return symmetric


def normal_modes(positions: FloatArray, masses_u: FloatArray, second: FloatArray) -> NormalModes:
    """The modes of a Hessian (3n, 3n) eV/Å^2, translations and rotations projected out.

    Raises `GeometryError` where a mode has no restoring force: the structure is no minimum, or turns freely inside.
    """
    centred = positions - masses_u @ positions / masses_u.sum()
    roots = np.sqrt(np.repeat(masses_u, 3))
    whole = _rigid(centred, masses_u)
    inside = np.eye(len(roots)) - whole.T @ whole
    squares, vectors = np.linalg.eigh(inside @ (second / np.outer(roots, roots)) @ inside)
    kept = np.argsort(np.abs(vectors.T @ whole.T).sum(axis=1), kind="stable")[: len(roots) - len(whole)]
    kept = kept[np.argsort(squares[kept])]
    quanta = HBAR * np.sqrt(np.maximum(squares[kept], 0.0))
    if len(quanta) and quanta[0] < _SOFTEST_EV:
        raise GeometryError(
            f"system.molecule.states: the softest mode has {quanta[0] / _EV_PER_INVERSE_CM:.0f} cm^-1 (or turns "
            "downhill) at the model's minimum: it is no vibration about it. Is this the molecule's stable "
            "conformer, and the model in float64? Otherwise equilibrate without `states`."
        )
    return NormalModes(positions=centred, masses_u=masses_u, quanta_ev=quanta, vectors=vectors.T[kept])


def _rigid(centred: FloatArray, masses_u: FloatArray) -> FloatArray:
    """Orthonormal mass-weighted translations and rotations, (6 or 5, 3n); three of an atom."""
    roots = np.sqrt(masses_u)[:, None]
    moves = [roots * np.eye(3)[axis] for axis in range(3)]
    moves += [roots * np.cross(np.eye(3)[axis], centred) for axis in range(3)]
    _, sizes, vectors = np.linalg.svd(np.array(moves).reshape(6, -1), full_matrices=False)
    kept: FloatArray = vectors[sizes > np.sqrt(_LINEAR) * sizes[0] * 0.1]
    return kept


def sample(
    modes: NormalModes, states: HarmonicStates, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Positions (n, 3) Å and velocities (n, 3) in ASE's unit of one molecule, turned at random, and its quanta (m,)."""
    quanta = _quanta(modes.quanta_ev, states.vibrational_temperature_k, rng)
    energies, phases = (quanta + 0.5) * modes.quanta_ev, rng.uniform(0.0, 2 * np.pi, len(quanta))
    roots = np.sqrt(np.repeat(modes.masses_u, 3))
    sizes = np.sqrt(2 * energies)
    moved = (sizes * np.cos(phases) * HBAR / modes.quanta_ev) @ modes.vectors / roots
    velocities = (-sizes * np.sin(phases)) @ modes.vectors / roots
    positions = modes.positions + moved.reshape(-1, 3)
    spinning = _turned(modes, positions, velocities.reshape(-1, 3), states.rotational_temperature_k, rng)
    rotation = Rotation.random(None, rng)
    return rotation.apply(positions), rotation.apply(spinning), quanta


def _quanta(quanta_ev: FloatArray, temperature_k: float, rng: np.random.Generator) -> IntArray:
    if temperature_k == 0.0:
        return np.zeros(len(quanta_ev), dtype=np.int64)
    return rng.geometric(-np.expm1(-quanta_ev / (BOLTZMANN_EV_PER_K * temperature_k))) - 1


def _turned(
    modes: NormalModes, positions: FloatArray, velocities: FloatArray, temperature_k: float, rng: np.random.Generator
) -> FloatArray:
    """Velocities with a thermal angular momentum in place of what the vibration has: L_a ~ N(0, I_a k T) about each
    principal axis that the molecule turns about at rest.

    A linear one turns about two, and what it has about its axis while it is bent is its bends'.
    """
    masses_u, turns = modes.masses_u, 3 * len(positions) - 3 - len(modes.quanta_ev)
    centred = positions - masses_u @ positions / masses_u.sum()
    squares = np.einsum("i,ij,ij->", masses_u, centred, centred)
    inertia, axes = np.linalg.eigh(squares * np.eye(3) - np.einsum("i,ij,ik->jk", masses_u, centred, centred))
    free = np.arange(3) >= 3 - turns  # in rising order: the axis of a linear molecule comes first
    momentum = axes.T @ np.einsum("i,ij->j", masses_u, np.cross(centred, velocities))
    wanted = rng.normal(0.0, np.sqrt(np.maximum(inertia, 0.0) * BOLTZMANN_EV_PER_K * temperature_k))
    spin = axes @ np.where(free, (wanted - momentum) / np.where(free, inertia, 1.0), 0.0)
    turned: FloatArray = velocities + np.cross(spin, centred)
    return turned


def quasi_classical_pool(
    symbols: tuple[str, ...], modes: NormalModes, states: HarmonicStates, rng: np.random.Generator
) -> list[Atoms]:
    """Snapshots for `write_pool`, each independent of the others; `quanta` in the header of each is its state."""
    pool = []
    for number in range(states.snapshots):
        positions, velocities, quanta = sample(modes, states, rng)
        atoms = Atoms(symbols, positions=positions, masses=modes.masses_u)
        atoms.set_velocities(velocities)
        atoms.info = {"snapshot": f"state-{number:06d}", "run": number, "quanta": ".".join(map(str, quanta))}
        pool.append(atoms)
    return pool
