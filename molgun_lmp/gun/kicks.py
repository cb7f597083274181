"""The kick: how fast and in which direction the molecule's centre of mass is sent down.

One function per law. M is the molecule's mass in u, T a temperature in K, velocities are Å/ps with -z towards the
surface. What the reference paper leaves open about the size of the kick is a choice between these laws.
"""

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import (
    ConeDirection,
    Direction,
    FixedDirection,
    FixedEnergyKick,
    FluxKick,
    IndependentComponents,
    Kick,
    ThermalAllAtomsKick,
    ThermalComKick,
)
from molgun_lmp.records import Vector
from molgun_lmp.units import BOLTZMANN_EV_PER_K, MVV_TO_EV


def draw_kick(kick: Kick, mass_u: float, n_atoms: int, rng: np.random.Generator) -> FloatArray:
    """The centre of mass's velocity, (3,) Å/ps, for any of the campaign file's kicks."""
    match kick:
        case ThermalComKick(axes="z"):
            return thermal_com_normal(mass_u, kick.temperature_k, rng)
        case ThermalComKick():
            return thermal_com(mass_u, kick.temperature_k, rng)
        case FluxKick():
            return flux(mass_u, kick.temperature_k, rng)
        case ThermalAllAtomsKick():
            speed = thermal_all_atoms_speed(mass_u, n_atoms, kick.temperature_k)
            return speed * draw_direction(kick.direction, rng)
        case FixedEnergyKick():
            return speed_of_energy(kick.energy_ev, mass_u) * draw_direction(kick.direction, rng)


def thermal_width(mass_u: float, temperature_k: float) -> float:
    """sigma = sqrt(kT / M), the width of each velocity component of a gas particle, in Å/ps."""
    return float(np.sqrt(BOLTZMANN_EV_PER_K * temperature_k / (mass_u * MVV_TO_EV)))


def thermal_com(mass_u: float, temperature_k: float, rng: np.random.Generator) -> FloatArray:
    """A gas particle that moves down: p(v) ~ exp(-M v^2 / 2kT) with v_z < 0."""
    velocity = rng.normal(0.0, thermal_width(mass_u, temperature_k), 3)
    velocity[2] = -abs(velocity[2])
    return velocity


def thermal_com_normal(mass_u: float, temperature_k: float, rng: np.random.Generator) -> FloatArray:
    """As `thermal_com`, only the component along z: p(v_z) ~ exp(-M v_z^2 / 2kT) with v_z < 0, v_x = v_y = 0."""
    return np.array([0.0, 0.0, -abs(rng.normal(0.0, thermal_width(mass_u, temperature_k)))])


def flux(mass_u: float, temperature_k: float, rng: np.random.Generator) -> FloatArray:
    """What an effusive beam brings to a surface: p(v) ~ |v_z| exp(-M v^2 / 2kT) with v_z < 0.

    Mean energy 2 kT; v_z is Rayleigh distributed (Knudsen's cosine law for the directions).
    """
    width = thermal_width(mass_u, temperature_k)
    velocity = rng.normal(0.0, width, 3)
    velocity[2] = -rng.rayleigh(width)
    return velocity


def thermal_all_atoms_speed(mass_u: float, n_atoms: int, temperature_k: float) -> float:
    """v = sqrt(3 N kT / M): 1/2 M v^2 = (3N/2) kT for N atoms, in Å/ps."""
    return float(np.sqrt(3.0 * n_atoms) * thermal_width(mass_u, temperature_k))


def speed_of_energy(energy_ev: float, mass_u: float) -> float:
    """v = sqrt(2E / M) in Å/ps."""
    return float(np.sqrt(2.0 * energy_ev / (mass_u * MVV_TO_EV)))


def kinetic_energy_ev(velocity: FloatArray, mass_u: float) -> float:
    """E = 1/2 M v^2 in eV."""
    return float(0.5 * mass_u * MVV_TO_EV * (velocity @ velocity))


def polar_and_azimuth_deg(velocity: FloatArray) -> tuple[float, float]:
    """Polar angle from the downward normal (0 is head-on), azimuth from +x towards +y in [0, 360), in degrees."""
    polar = np.degrees(np.arctan2(np.hypot(velocity[0], velocity[1]), -velocity[2]))
    azimuth = np.degrees(np.arctan2(velocity[1], velocity[0])) % 360.0
    return float(polar), float(azimuth)


def draw_direction(direction: Direction, rng: np.random.Generator) -> FloatArray:
    """A unit vector that points down, (3,), for any of the campaign file's directions."""
    match direction:
        case FixedDirection():
            azimuth = rng.uniform(0.0, 360.0) if direction.azimuth_deg == "random" else direction.azimuth_deg
            return unit_vector(np.radians(direction.polar_deg), np.radians(azimuth))
        case ConeDirection(weighting="cosine"):
            return cosine_cone(direction.max_polar_deg, rng)
        case ConeDirection():
            return uniform_cone(direction.max_polar_deg, rng)
        case IndependentComponents():
            return independent_components(rng)
        case _:
            return np.array([0.0, 0.0, -1.0])


def unit_vector(polar: float, azimuth: float) -> FloatArray:
    """(sin t cos f, sin t sin f, -cos t) for the polar angle t and azimuth f in radians."""
    down: Vector = (np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), -np.cos(polar))
    return np.array(down)


def uniform_cone(max_polar_deg: float, rng: np.random.Generator) -> FloatArray:
    """Uniform over the solid angle of the cone: cos t uniform in [cos t_max, 1]."""
    cosine = rng.uniform(np.cos(np.radians(max_polar_deg)), 1.0)
    return unit_vector(np.arccos(cosine), rng.uniform(0.0, 2.0 * np.pi))


def cosine_cone(max_polar_deg: float, rng: np.random.Generator) -> FloatArray:
    """Weighted by cos t, as the flux through a plane: sin^2 t uniform in [0, sin^2 t_max]."""
    sine = np.sqrt(rng.uniform(0.0, np.sin(np.radians(max_polar_deg)) ** 2))
    return unit_vector(np.arcsin(sine), rng.uniform(0.0, 2.0 * np.pi))


def independent_components(rng: np.random.Generator) -> FloatArray:
    """(x, y, z) uniform in [-1, 1] x [-1, 1] x [-1, 0], scaled to length 1."""
    components = rng.uniform((-1.0, -1.0, -1.0), (1.0, 1.0, 0.0))
    unit: FloatArray = components / np.linalg.norm(components)
    return unit
