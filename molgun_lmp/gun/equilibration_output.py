"""What an equilibration left: its snapshots for the pool, and whether it was long enough."""

import dataclasses
import math
from pathlib import Path

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import Equilibration
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.correlation import correlation_time
from molgun_lmp.gun.equilibration_deck import steps_of
from molgun_lmp.gun.pools import Part
from molgun_lmp.kinetic_temperature import kinetic_ev, temperature_k
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.surface.frozen import moves_as_a_whole
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS, FS_PER_PS


@dataclasses.dataclass(frozen=True, kw_only=True)
class EquilibrationStats:
    """How one run went after its burn-in: mean kinetic temperature of the mobile atoms, integrated autocorrelation time
    of the potential energy, and how many independent snapshots the run is worth by it; `temperature_error_k` is the
    standard error of that mean, by its own autocorrelation."""

    mean_temperature_k: float
    temperature_error_k: float
    correlation_time_ps: float
    independent_snapshots: float


def read_equilibration_dump(
    path: Path,
    part: Part,
    run: int,
    settings: Equilibration,
    *,
    frozen: BoolArray,
    masses_u: FloatArray | None = None,
) -> tuple[Atoms, ...]:
    """The snapshots of one equilibration after its burn-in, with momenta, ready for `write_pool`.

    `frozen` (N,) bool: the atoms that it held; `masses_u` (N,): those of the atoms, where some are isotopes.

    Positions are unwrapped; the centre-of-mass velocity is removed of what has no frozen atom. `info` holds `snapshot`
    (the id), `run`, `time_ps` and `temperature_k`. Raises `InputFileError` for a dump that is missing, cut, or of
    another protocol.
    """
    steps = steps_of(settings.duration_ps, settings.timestep_fs)
    every = steps_of(settings.snapshot_every_ps, settings.timestep_fs)
    try:
        frames = list(read_frames(path))
    except InputFileError as error:
        raise InputFileError(f"{error} Delete the folder of this equilibration and equilibrate again.") from error
    if [frame.step for frame in frames] != list(range(0, steps + 1, every)):
        raise InputFileError(
            f"{path} holds {len(frames)} snapshots and not every {every}th step up to {steps}: the run is not finished "
            "or had another protocol. Delete its folder and equilibrate again."
        )
    free = moves_as_a_whole(frozen)
    snapshots = []
    for frame in frames:
        time_ps = frame.step * settings.timestep_fs / FS_PER_PS
        if time_ps <= settings.burn_in_ps:
            continue
        if frame.velocities is None:
            raise InputFileError(f"{path} holds no velocities: it is no dump of an equilibration. Equilibrate again.")
        # Without the box's lower corner, which is nothing to a pool.
        atoms = Atoms(frame.symbols, positions=frame.positions, cell=frame.cell, pbc=True, masses=masses_u)
        atoms.set_velocities(frame.velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
        velocities = atoms.get_velocities() / ASE_VELOCITY_PER_ANGSTROM_PER_PS
        masses = atoms.get_masses()
        if free:
            velocities = velocities - masses @ velocities / masses.sum()
            atoms.set_velocities(velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
        mobile = ~frozen
        constrained = 3 if free else 0
        atoms.info = {
            "snapshot": f"{part}-{run:02d}-{time_ps:07.3f}ps",
            "run": run,
            "time_ps": time_ps,
            "temperature_k": kinetic_temperature_k(velocities[mobile], masses[mobile], constrained),
        }
        snapshots.append(atoms)
    return tuple(snapshots)


def kinetic_temperature_k(velocities: FloatArray, masses: FloatArray, constrained: int = 0) -> float:
    """2 E_kin / ((3 N - constrained) k) for velocities (N, 3) in Å/ps and masses (N,) in u; 0 without freedom."""
    return temperature_k(kinetic_ev(masses, velocities), velocities.size - constrained)


def equilibration_stats(
    temperature_k: FloatArray, potential_energy_ev: FloatArray, interval_ps: float
) -> EquilibrationStats:
    """Mean temperature and correlation of a run from its thermo output after burn-in, one value per `interval_ps`."""
    time = correlation_time(potential_energy_ev) * interval_ps
    length = interval_ps * len(potential_energy_ev)
    apart = 2.0 * correlation_time(temperature_k) / len(temperature_k)
    return EquilibrationStats(
        mean_temperature_k=float(np.mean(temperature_k)),
        temperature_error_k=float(np.std(temperature_k) * math.sqrt(apart)),
        correlation_time_ps=time,
        independent_snapshots=length / (2.0 * time),
    )
