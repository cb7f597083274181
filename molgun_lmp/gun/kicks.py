"""The kick: how fast and in which direction the molecule's centre of mass is sent down.

One function per law. M is the molecule's mass in u, T a temperature in K, velocities are Å/ps with -z towards the
surface. What the reference paper leaves open about the size of the kick is a choice between these laws.
"""

import functools

import numpy as np
from scipy import special

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import (
    ConeDirection,
    Direction,
    FixedDirection,
    FixedEnergyKick,
    FluxKick,
    IndependentComponents,
    Kick,
    SupersonicKick,
    ThermalAllAtomsKick,
    ThermalComKick,
)
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.quasi_random import RandomSource
from molgun_lmp.records import Vector
from molgun_lmp.units import ANGSTROM_PER_PS_PER_M_PER_S, BOLTZMANN_EV_PER_K, MVV_TO_EV


def draw_kick(kick: Kick, mass_u: float, n_atoms: int, rng: RandomSource) -> FloatArray:
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
        case SupersonicKick():
            # One number for the speed: where a grid's points share it, the faster beam has the faster shot.
            speed = supersonic_speed(*supersonic_beam(kick, mass_u), rng.random())
            return speed * draw_direction(kick.direction, rng)


def thermal_width(mass_u: float, temperature_k: float) -> float:
    """sigma = sqrt(kT / M), the width of each velocity component of a gas particle, in Å/ps."""
    return float(np.sqrt(BOLTZMANN_EV_PER_K * temperature_k / (mass_u * MVV_TO_EV)))


def thermal_com(mass_u: float, temperature_k: float, rng: RandomSource) -> FloatArray:
    """A gas particle that moves down: p(v) ~ exp(-M v^2 / 2kT) with v_z < 0."""
    velocity = rng.normal(0.0, thermal_width(mass_u, temperature_k), 3)
    velocity[2] = -abs(velocity[2])
    return velocity


def thermal_com_normal(mass_u: float, temperature_k: float, rng: RandomSource) -> FloatArray:
    """As `thermal_com`, only the component along z: p(v_z) ~ exp(-M v_z^2 / 2kT) with v_z < 0, v_x = v_y = 0."""
    return np.array([0.0, 0.0, -abs(rng.normal(0.0, thermal_width(mass_u, temperature_k)))])


def flux(mass_u: float, temperature_k: float, rng: RandomSource) -> FloatArray:
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


@functools.lru_cache(maxsize=128)
def supersonic_beam(kick: SupersonicKick, mass_u: float) -> tuple[float, float]:
    """Stream velocity v0 and width a in Å/ps, whichever of them, of the mean energy and of S = v0 / a are given.

    Raises `ConfigError` for a mean energy that a beam of this width exceeds even at rest.
    """
    width, ratio = kick.width_m_per_s, kick.speed_ratio
    if kick.stream_velocity_m_per_s is not None:
        stream = kick.stream_velocity_m_per_s * ANGSTROM_PER_PS_PER_M_PER_S
        return stream, stream / ratio if ratio is not None else (width or 0.0) * ANGSTROM_PER_PS_PER_M_PER_S
    square = speed_of_energy(kick.energy_ev or 0.0, mass_u) ** 2
    if ratio is None:
        a = (width or 0.0) * ANGSTROM_PER_PS_PER_M_PER_S
        if square <= a**2 * _mean_square(0.0):
            least = kinetic_energy_ev(np.array([a * np.sqrt(_mean_square(0.0)), 0.0, 0.0]), mass_u)
            raise ConfigError(
                f"gun.kick: a beam with a width of {width:g} m/s has {least:.3g} eV at least, so {kick.energy_ev:g} eV "
                "cannot be its mean energy. Give a smaller width_m_per_s, or a speed_ratio."
            )
        from scipy import optimize  # noqa: PLC0415 - slow to load, and only supersonic beams need it

        ratio = optimize.brentq(lambda s: a**2 * _mean_square(s) - square, 0.0, np.sqrt(square) / a)
    a = float(np.sqrt(square / _mean_square(ratio)))
    return ratio * a, a


def supersonic_speed(stream: float, width: float, chance: float) -> float:
    """The speed v > 0 below which a share `chance` of the beam lies, p(v) ~ v^3 exp(-((v - v0) / a)^2), any one unit.

    Source: D. J. Auerbach in Atomic and Molecular Beam Methods, ed. G. Scoles, vol. 1 (Oxford 1988), ch. 14: the flux
    of a gas with a Maxwellian of one temperature about its stream velocity.
    """
    from scipy import optimize  # noqa: PLC0415 - as in `supersonic_beam`

    ratio = stream / width
    whole = _moment(3, ratio)
    far = ratio + 10.0  # beyond a the share is below 1e-40
    x = optimize.brentq(lambda t: _moment(3, ratio, t) - chance * whole, -min(ratio, 10.0), far, xtol=1e-14)
    return float(stream + width * x)


def _mean_square(ratio: float) -> float:
    """<v^2> / a^2 of the flux of a beam with S = `ratio`; 2 for a gas at rest."""
    return _moment(5, ratio) / _moment(3, ratio)


def _moment(power: int, ratio: float, up_to: float = np.inf) -> float:
    """The integral of (t + S)^n exp(-t^2) from -S to `up_to`, by parts from that of n - 1 and n - 2; n is 1 or more."""
    edge = np.exp(-(up_to**2)) if np.isfinite(up_to) else 0.0
    high = up_to + ratio if np.isfinite(up_to) else 0.0
    below = np.sqrt(np.pi) / 2 * (special.erf(up_to) + special.erf(ratio))
    here = ratio * below + (np.exp(-(ratio**2)) - edge) / 2
    for n in range(1, power):
        below, here = here, ratio * here + n / 2 * below - edge * high**n / 2
    return float(here)


def kinetic_energy_ev(velocity: FloatArray, mass_u: float) -> float:
    """E = 1/2 M v^2 in eV."""
    return float(0.5 * mass_u * MVV_TO_EV * (velocity @ velocity))


def polar_and_azimuth_deg(velocity: FloatArray) -> tuple[float, float]:
    """Polar angle from the downward normal (0 is head-on), azimuth from +x towards +y in [0, 360), in degrees."""
    polar = np.degrees(np.arctan2(np.hypot(velocity[0], velocity[1]), -velocity[2]))
    azimuth = np.degrees(np.arctan2(velocity[1], velocity[0])) % 360.0
    return float(polar), float(azimuth)


def draw_direction(direction: Direction, rng: RandomSource) -> FloatArray:
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


def uniform_cone(max_polar_deg: float, rng: RandomSource) -> FloatArray:
    """Uniform over the solid angle of the cone: cos t uniform in [cos t_max, 1]."""
    cosine = rng.uniform(np.cos(np.radians(max_polar_deg)), 1.0)
    return unit_vector(np.arccos(cosine), rng.uniform(0.0, 2.0 * np.pi))


def cosine_cone(max_polar_deg: float, rng: RandomSource) -> FloatArray:
    """Weighted by cos t, as the flux through a plane: sin^2 t uniform in [0, sin^2 t_max]."""
    sine = np.sqrt(rng.uniform(0.0, np.sin(np.radians(max_polar_deg)) ** 2))
    return unit_vector(np.arcsin(sine), rng.uniform(0.0, 2.0 * np.pi))


def independent_components(rng: RandomSource) -> FloatArray:
    """(x, y, z) uniform in [-1, 1] x [-1, 1] x [-1, 0], scaled to length 1."""
    components = rng.uniform((-1.0, -1.0, -1.0), (1.0, 1.0, 0.0))
    unit: FloatArray = components / np.linalg.norm(components)
    return unit
