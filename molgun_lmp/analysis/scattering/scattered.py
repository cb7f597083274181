"""The rows of the table of what came back: one particle each, with the energies that its shot gave away."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from molgun_lmp.analysis.scattering.diatomic import Curve, fit_curve, rotational_number, vibrational_number
from molgun_lmp.analysis.scattering.directions import exit_direction
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome, Shot
from molgun_lmp.scattering_records import Flight, Particle


class Species(NamedTuple):
    """A kind of diatomic: isotopes differ in their reduced mass, u."""

    formula: str
    reduced_mass_u: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scattered:
    """One particle that left. Energies in eV, angles in degrees, times in ps, angular momenta in ħ; None where unknown.

    The names are the columns of scattered.csv, and docs/scattering.md says how each is measured.
    """

    trajectory: str
    mode: Mode
    particle: int
    """Counted from 0 within the trajectory."""
    formula: str
    atoms: int
    of_slab: int
    """How many of them are the slab's."""
    intact: bool
    """It is the molecule that was fired, with all its atoms and no other."""
    frames: int
    """Of free flight, over which all is averaged; 0 where it has not reached it."""
    flight_ps: float | None
    incidence_ev: float
    incidence_polar_deg: float
    incidence_azimuth_deg: float
    incidence_rotation_ev: float | None
    incidence_vibration_ev: float | None
    incidence_j: float | None
    incidence_v: float | None
    translation_ev: float | None
    polar_deg: float | None
    azimuth_deg: float | None
    in_plane_deg: float | None
    out_of_plane_deg: float | None
    rotation_ev: float | None
    vibration_ev: float | None
    vibration_error_ev: float | None
    vibration_by: str
    """`curve` of a diatomic, or `virial`: twice its kinetic energy; empty for atoms and where it is unknown."""
    angular_momentum: float | None
    angular_momentum_x: float | None
    angular_momentum_y: float | None
    angular_momentum_z: float | None
    j: float | None
    v: float | None
    translation_lost_ev: float | None
    fraction_lost: float | None
    """Of the translational energy at incidence."""
    to_surface_ev: float | None
    first_contact_ps: float | None
    last_contact_ps: float | None
    residence_ps: float | None
    bounces: int | None
    slab_k: float | None
    """Temperature of the slab's mobile atoms before contact, K."""
    note: str


class _Internal(NamedTuple):
    rotation: float | None = None
    vibration: float | None = None
    error: float | None = None
    by: str = ""
    j: float | None = None
    v: float | None = None
    note: str = ""


def curves_of(outcomes: Sequence[Outcome]) -> dict[Species, Curve]:
    """The potential curve of every diatomic that flew freely often enough, in whatever shot, on its way in or out."""
    flights: dict[Species, list[Flight]] = {}
    for outcome in outcomes:
        if outcome.scattering is None:
            continue
        for formula, flight in _flights(outcome):
            if flight.reduced_mass_u is not None:
                flights.setdefault(Species(formula, flight.reduced_mass_u), []).append(flight)
    found = {one: fit_curve(one.formula, one.reduced_mass_u, many) for one, many in flights.items()}
    return {one: curve for one, curve in found.items() if curve is not None}


def _flights(outcome: Outcome) -> list[tuple[str, Flight]]:
    if outcome.scattering is None:
        return []
    found = [(one.formula, one.flight) for one in outcome.scattering.particles if one.flight is not None]
    whole = next((one.formula for one in outcome.scattering.particles if one.intact), None)
    if whole is not None and outcome.scattering.incidence is not None:
        found.append((whole, outcome.scattering.incidence))
    return found


def scattered(
    shots: Sequence[tuple[Outcome, Shot]], curves: Mapping[Species, Curve], *, held: bool = False
) -> tuple[Scattered, ...]:
    """All particles that left, shot by shot; `held`: a thermostat acts on the molecule in flight."""
    return tuple(
        _row(outcome, shot, number, particle, curves, held=held)
        for outcome, shot in shots
        if outcome.scattering is not None
        for number, particle in enumerate(outcome.scattering.particles)
    )


def _row(
    outcome: Outcome, shot: Shot, number: int, particle: Particle, curves: Mapping[Species, Curve], *, held: bool
) -> Scattered:
    incidence = None if outcome.scattering is None else outcome.scattering.incidence
    came = shot.kick_velocity if incidence is None else incidence.velocity
    came_ev = shot.kick_energy_ev if incidence is None else incidence.translation_ev
    mirrored = exit_direction((came[0], came[1], -came[2]), came)
    before = _internal(incidence, particle, curves) if particle.intact else _Internal()
    flight = particle.flight
    after = _internal(flight, particle, curves)
    leaves = None if flight is None else exit_direction(flight.velocity, came)
    momentum = (None, None, None) if flight is None or flight.angular_momentum is None else flight.angular_momentum
    lost = came_ev - flight.translation_ev if flight is not None and particle.intact else None
    notes = [particle.note, after.note, "under a thermostat in flight" if held and flight is not None else ""]
    return Scattered(
        trajectory=outcome.trajectory_id,
        mode=outcome.mode,
        particle=number,
        formula=particle.formula,
        atoms=len(particle.atoms),
        of_slab=particle.of_slab,
        intact=particle.intact,
        frames=0 if flight is None else flight.frames,
        flight_ps=None if flight is None else flight.duration_ps,
        incidence_ev=came_ev,
        incidence_polar_deg=mirrored.polar,
        incidence_azimuth_deg=mirrored.azimuth,
        incidence_rotation_ev=before.rotation,
        incidence_vibration_ev=before.vibration,
        incidence_j=before.j,
        incidence_v=before.v,
        translation_ev=None if flight is None else flight.translation_ev,
        polar_deg=None if leaves is None else leaves.polar,
        azimuth_deg=None if leaves is None else leaves.azimuth,
        in_plane_deg=None if leaves is None else leaves.in_plane,
        out_of_plane_deg=None if leaves is None else leaves.out_of_plane,
        rotation_ev=after.rotation,
        vibration_ev=after.vibration,
        vibration_error_ev=after.error,
        vibration_by=after.by,
        angular_momentum=_size(flight),
        angular_momentum_x=momentum[0],
        angular_momentum_y=momentum[1],
        angular_momentum_z=momentum[2],
        j=after.j,
        v=after.v,
        translation_lost_ev=lost,
        fraction_lost=None if lost is None or came_ev <= 0.0 else lost / came_ev,
        to_surface_ev=_to_surface(lost, before, after) if len(particle.atoms) > 1 else lost,
        first_contact_ps=particle.first_contact_ps,
        last_contact_ps=particle.last_contact_ps,
        residence_ps=(
            None
            if particle.first_contact_ps is None or particle.last_contact_ps is None
            else particle.last_contact_ps - particle.first_contact_ps
        ),
        bounces=particle.bounces,
        slab_k=None if outcome.heat is None else outcome.heat.slab_before_k,
        note="; ".join(filter(None, notes)),
    )


def _internal(flight: Flight | None, particle: Particle, curves: Mapping[Species, Curve]) -> _Internal:
    """What goes on within a particle in one of its flights; nothing is said of an atom."""
    if flight is None or flight.rotation_ev is None or flight.vibration_kinetic_ev is None:
        return _Internal()
    momentum = _size(flight) or 0.0
    if flight.reduced_mass_u is None:
        vibration = 2.0 * flight.vibration_kinetic_ev
        return _Internal(flight.rotation_ev, vibration, vibration * _scatter(flight), "virial")
    j = rotational_number(momentum)
    curve = curves.get(Species(particle.formula, flight.reduced_mass_u))
    inside = None if curve is None else curve.internal_ev(flight)
    if curve is None or inside is None:
        vibration = 2.0 * flight.vibration_kinetic_ev
        return _Internal(flight.rotation_ev, vibration, vibration * _scatter(flight), "virial", j)
    v = vibrational_number(curve, inside, momentum)
    vibration = max(0.0, inside - flight.rotation_ev)
    note = "its vibration goes beyond what was seen of its curve" if curve.extrapolates(vibration) else ""
    return _Internal(flight.rotation_ev, vibration, curve.rms_ev, "curve", j, v, note)


def _scatter(flight: Flight) -> float:
    """Relative error of twice the kinetic energy for the energy, of harmonic vibrations with as much energy in each.

    In one frame that of a single vibration is E (1 + cos 2 phi), whose variance is E^2 / 2; frames are taken as
    independent.
    """
    return 1.0 / math.sqrt(2.0 * max(1, flight.vibrations) * flight.frames)


def _size(flight: Flight | None) -> float | None:
    return None if flight is None or flight.angular_momentum is None else math.hypot(*flight.angular_momentum)


def _to_surface(lost: float | None, before: _Internal, after: _Internal) -> float | None:
    """What the molecule gave away in all: translation, and rotation and vibration where both flights say them."""
    parts = (lost, before.rotation, before.vibration, after.rotation, after.vibration)
    if lost is None or any(part is None for part in parts):
        return None
    return lost + sum(part or 0.0 for part in parts[1:3]) - sum(part or 0.0 for part in parts[3:])
