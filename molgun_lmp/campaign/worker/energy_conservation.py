"""Was the energy conserved? A trajectory's own drift and excursion, from its thermo output."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.config import Dynamics
from molgun_lmp.records import EnergyRecord

_LEAST_LINES: Final = 3
CONSERVED_COLUMN: Final = "Econserve"
"""LAMMPS's name of total energy less what the thermostats have put in (`thermo_style`, keyword `econserve`)."""
NOT_CHECKED: Final = EnergyRecord(drift_ev_per_atom_per_ps=None, excursion_ev_per_atom=None, flagged=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moving:
    """What moves in a trajectory: numbers of all and of mobile atoms, the kick's energy."""

    n_atoms: int
    n_mobile: int
    kick_energy_ev: float


def energy_record(
    thermo: Mapping[str, FloatArray], dynamics: Dynamics, moving: Moving, resumed_at: Sequence[int] = ()
) -> EnergyRecord:
    """Conservation of the energy over the columns (T,) of a thermo output, in metal units.

    In NVE it is the total energy that is conserved; with a thermostat or a bath the total energy less what these have
    put in, where the deck prints it. Where it does not, nothing is known. The drift is the slope of the least-squares
    line; fewer than three values have none. It counts where the line rises or falls by twice what the values scatter
    about it: a run of a few vibrations has a slope that means nothing. A trajectory is flagged where drift or
    excursion are beyond the limits of `dynamics`, or an energy is not a number. At the steps `resumed_at` a thermostat
    begins to count anew what it puts in, and the values go on from those before.
    """
    conserves = dynamics.ensemble == "nve" and dynamics.bath is None
    column = "TotEng" if conserves else CONSERVED_COLUMN
    if not {"Time", column} <= thermo.keys() or len(thermo["Time"]) == 0:
        return NOT_CHECKED
    time_ps, energy = thermo["Time"], np.asarray(thermo[column], dtype=np.float64)
    if not np.isfinite(energy).all():
        return dataclasses.replace(NOT_CHECKED, flagged=True)
    if not conserves and "Step" in thermo:
        energy = _joined(energy, np.searchsorted(thermo["Step"], np.asarray(resumed_at)).tolist())
    change = energy - energy[0]
    excursion, duration = float(np.abs(change).max()), float(np.ptp(time_ps))
    slope, drift = None, 0.0
    if len(change) >= _LEAST_LINES:
        centred = time_ps - np.mean(time_ps)
        slope = float(centred @ change / (centred @ centred))
        scatter = float(np.ptp(change - slope * centred))
        drift = slope * duration if abs(slope) * duration > 2.0 * scatter else 0.0
    if dynamics.limits_per_atom:
        return _per_atom(slope, drift, excursion, dynamics, moving)
    limit = max(dynamics.energy_floor_ev, dynamics.largest_energy_change * moving.kick_energy_ev)
    return EnergyRecord(
        drift_ev_per_atom_per_ps=None if slope is None else slope / moving.n_mobile,
        excursion_ev_per_atom=excursion / moving.n_mobile,
        flagged=excursion > limit or abs(drift) > limit,
        drift_ev=None if slope is None else slope * duration,
        excursion_ev=excursion,
        limit_ev=limit,
    )


def energy_of(
    folder: TrajectoryFolder, work: Work, thermo: Mapping[str, FloatArray], resumed_at: Sequence[int]
) -> EnergyRecord:
    """The record of one trajectory of some work. Raises `CampaignError` where its shot cannot be read."""
    if work.dynamics is None:
        return NOT_CHECKED
    shot = folder.shot()
    standing = sum(len(one.atoms) for one in shot.adsorbates)
    moving = Moving(
        n_atoms=work.n_atoms + standing, n_mobile=work.n_mobile + standing, kick_energy_ev=shot.kick_energy_ev
    )
    return energy_record(thermo, work.dynamics, moving, resumed_at)


def _joined(energy: FloatArray, places: Sequence[int]) -> FloatArray:
    """Each part that begins at one of `places` moved to where the one before has ended."""
    change = np.diff(energy, prepend=energy[0])
    change[[place for place in places if place < len(change)]] = 0.0
    joined: FloatArray = energy[0] + np.cumsum(change)
    return joined


def _per_atom(slope: float | None, drift: float, excursion: float, dynamics: Dynamics, moving: Moving) -> EnergyRecord:
    """By limits per atom, of all atoms."""
    per_atom = None if slope is None else slope / moving.n_atoms
    highest, steepest = dynamics.max_excursion_ev_per_atom, dynamics.max_drift_ev_per_atom_per_ps
    too_far = highest is not None and excursion / moving.n_atoms > highest
    too_steep = steepest is not None and per_atom is not None and drift != 0.0 and abs(per_atom) > steepest
    return EnergyRecord(
        drift_ev_per_atom_per_ps=per_atom,
        excursion_ev_per_atom=excursion / moving.n_atoms,
        flagged=too_far or too_steep,
    )
