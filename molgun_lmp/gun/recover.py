"""The way back: what was fired, measured from a written data file alone."""

import dataclasses

from ase import Atoms

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.cell import wrap
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.kicks import kinetic_energy_ev, polar_and_azimuth_deg


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasuredShot:
    """A shot as its data file has it; names and units are those of `records.Shot`.

    `frame`: all atoms, cell included; `velocities` (N, 3) Å/ps; `internal_energy_ev`: kinetic energy of the molecule's
    atoms about their centre of mass.
    """

    frame: Atoms
    velocities: FloatArray
    kick_velocity: FloatArray
    kick_energy_ev: float
    polar_deg: float
    azimuth_deg: float
    com_start: FloatArray
    com_height_angstrom: float
    clearance_angstrom: float
    impact_xy_angstrom: FloatArray
    internal_energy_ev: float


def recover_shot(data_text: str, top: BoolArray) -> MeasuredShot:
    """Measure the shot in the text of a data file.

    `top` (n,): True for the top layer among the n slab atoms that the file begins with. Raises `InputFileError` for a
    text that is no data file of a shot.
    """
    n_slab = len(top)
    try:
        data = read_data(data_text)
    except ValueError as error:
        raise InputFileError(f"this is not the data file of a shot: {error}. Plan the campaign again.") from error
    velocities = data.velocities
    if data.symbols is None or velocities is None or len(data.symbols) <= n_slab:
        raise InputFileError(
            "this is not the data file of a shot: it lacks elements, velocities or a molecule. Plan the campaign again."
        )
    masses, positions = data.masses_u, data.positions
    slab, molecule = positions[:n_slab], positions[n_slab:]
    weights = masses[n_slab:] / masses[n_slab:].sum()
    mass = float(masses[n_slab:].sum())
    com, kick = weights @ molecule, weights @ velocities[n_slab:]
    plane = float(slab[top, 2].mean())
    polar, azimuth = polar_and_azimuth_deg(kick)
    relative = velocities[n_slab:] - kick
    return MeasuredShot(
        frame=Atoms(data.symbols, positions=positions, masses=masses, cell=data.cell, pbc=True),
        velocities=velocities,
        kick_velocity=kick,
        kick_energy_ev=kinetic_energy_ev(kick, mass),
        polar_deg=polar,
        azimuth_deg=azimuth,
        com_start=com,
        com_height_angstrom=float(com[2]) - plane,
        clearance_angstrom=float(molecule[:, 2].min() - slab[:, 2].max()),
        impact_xy_angstrom=wrap(com + kick * (com[2] - plane) / -kick[2], data.cell)[:2],
        internal_energy_ev=sum(
            kinetic_energy_ev(velocity, float(m)) for velocity, m in zip(relative, masses[n_slab:], strict=True)
        ),
    )
