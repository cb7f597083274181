"""What was measured of the particles that left the surface, as it is kept with a trajectory's outcome."""

import dataclasses

from pydantic import ConfigDict

_STRICT = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flight:
    """Means over the frames of one stretch of free flight, in which a particle feels nothing but itself.

    Velocity and angular momentum are conserved in it, so that averaging takes rounding away; rotational and vibrational
    energies of a molecule that vibrates are not.
    """

    __pydantic_config__ = _STRICT

    frames: int
    duration_ps: float
    """From the first of them to the last."""
    velocity: tuple[float, float, float]
    """Of the centre of mass, Å/ps."""
    translation_ev: float
    angular_momentum: tuple[float, float, float] | None = None
    """About the centre of mass, in units of ħ; None for an atom, and where frames hold no velocities."""
    rotation_ev: float | None = None
    vibration_kinetic_ev: float | None = None
    """Kinetic energy about the centre of mass less that of rotation."""
    vibrations: int = 0
    """How many vibrational degrees of freedom the particle has."""
    reduced_mass_u: float | None = None
    """Of two atoms."""
    phases: tuple[tuple[float, float], ...] = ()
    """Of two atoms, in some of the frames: distance in Å and kinetic energy about the centre of mass in eV. Their
    potential curve is found from these."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Particle:
    """One particle that left: the molecule, a fragment of it, or atoms of the slab, also bonded to each other.

    Times are those of the outcome, in ps after the first frame, of stored frames.
    """

    __pydantic_config__ = _STRICT

    atoms: tuple[int, ...]
    """Indices into the trajectory, the slab's atoms first."""
    formula: str
    of_slab: int
    """How many of its atoms are the slab's."""
    intact: bool
    """It is the molecule with all its atoms and no other."""
    flight: Flight | None
    """None where it has not reached free flight."""
    note: str = ""
    """Why not, or what limits the numbers."""
    first_contact_ps: float | None
    """When one of its atoms that the molecule brought first came within `outcomes.contact_angstrom` of the slab; None
    where none did."""
    last_contact_ps: float | None
    bounces: int | None
    """Turning points of the height of its centre of mass near the surface; None for atoms of the slab alone."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scattering:
    """What left in one trajectory, and how the molecule came in: `incidence` is None where it began within reach."""

    __pydantic_config__ = _STRICT

    incidence: Flight | None
    particles: tuple[Particle, ...]
