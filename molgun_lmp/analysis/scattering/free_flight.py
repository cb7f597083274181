"""The numbers of one particle in free flight: velocity, angular momentum, and its energies of each kind."""

import dataclasses
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.scattering_records import Flight
from molgun_lmp.units import HBAR, MVV_TO_EV

_LINEAR: Final = 0.02
"""A particle whose least moment of inertia is below this share of its largest turns as a line: motion about its own
axis is bending, and counts as vibration."""
_PHASES: Final = 12
"""Frames of a diatomic whose phases are kept."""


def measure(masses: FloatArray, times_ps: FloatArray, positions: FloatArray, velocities: FloatArray | None) -> Flight:
    """Means over T frames of a particle of n atoms that is whole and feels nothing else.

    `masses` (n,) u, `times_ps` (T,), `positions` (T, n, 3) Å, `velocities` (T, n, 3) Å/ps. Without velocities that of
    the centre of mass is the slope of a straight line through its places, and nothing is said of what goes on within.
    The rotational energy is L I^-1 L / 2 with the moments of inertia of each frame (J. Jellinek and D. H. Li, Phys.
    Rev. Lett. 62, 241 (1989)). Raises `ValueError` for no frame, and for a single one without velocities.
    """
    if len(times_ps) < (1 if velocities is not None else 2):
        raise ValueError("a velocity needs a frame that holds it, or two frames with positions")
    weights = masses / masses.sum()
    centres = np.einsum("a,tax->tx", weights, positions)
    if velocities is None:
        after = times_ps - times_ps.mean()
        velocity = after @ (centres - centres.mean(axis=0)) / (after @ after)
        return _flight(masses, times_ps, velocity)
    drift = np.einsum("a,tax->tx", weights, velocities)
    velocity = drift.mean(axis=0)
    if len(masses) == 1:
        return _flight(masses, times_ps, velocity)
    within, motion = positions - centres[:, None], velocities - drift[:, None]
    momentum = np.einsum("a,tax->tx", masses, np.cross(within, motion))
    moments, axes = np.linalg.eigh(_inertia(masses, within))
    turns = moments > _LINEAR * moments[:, -1:]
    about_axes = np.einsum("tx,txk->tk", momentum, axes)
    rotation = 0.5 * MVV_TO_EV * np.where(turns, about_axes**2 / np.where(turns, moments, 1.0), 0.0).sum(axis=1)
    kinetic = 0.5 * MVV_TO_EV * np.einsum("a,tax,tax->t", masses, motion, motion)
    chosen = _spread(len(times_ps)) if len(masses) == 2 else np.empty(0, dtype=np.int64)
    lengths = np.linalg.norm(positions[chosen, -1] - positions[chosen, 0], axis=1)
    return dataclasses.replace(
        _flight(masses, times_ps, velocity),
        angular_momentum=_vector(momentum.mean(axis=0) / HBAR),
        rotation_ev=float(rotation.mean()),
        vibration_kinetic_ev=max(0.0, float((kinetic - rotation).mean())),
        vibrations=3 * len(masses) - (6 if turns.all() else 5),
        reduced_mass_u=float(masses.prod() / masses.sum()) if len(masses) == 2 else None,
        phases=tuple(zip(lengths.tolist(), kinetic[chosen].tolist(), strict=True)),
    )


def _flight(masses: FloatArray, times_ps: FloatArray, velocity: FloatArray) -> Flight:
    """Of the centre of mass alone."""
    return Flight(
        frames=len(times_ps),
        duration_ps=float(times_ps[-1] - times_ps[0]),
        velocity=_vector(velocity),
        translation_ev=float(0.5 * MVV_TO_EV * masses.sum() * (velocity @ velocity)),
    )


def _inertia(masses: FloatArray, within: FloatArray) -> FloatArray:
    """(T, 3, 3) u Å^2 of atoms at (T, n, 3) Å from the centre of mass."""
    products = np.einsum("a,tax,tay->txy", masses, within, within)
    inertia: FloatArray = np.trace(products, axis1=1, axis2=2)[:, None, None] * np.eye(3) - products
    return inertia


def _spread(frames: int) -> IntArray:
    """Up to `_PHASES` of the frames, evenly."""
    return np.unique(np.linspace(0, frames - 1, min(frames, _PHASES)).round().astype(np.int64))


def _vector(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
