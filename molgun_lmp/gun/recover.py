"""The way back: what was fired, measured from a written data file alone."""

import dataclasses

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.kicks import kinetic_energy_ev, polar_and_azimuth_deg
from molgun_lmp.gun.sampling import wrap


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
        frame, velocities = _parse(data_text)
        if not all(np.isfinite(values).all() for values in (frame.positions, velocities, frame.cell[:])):
            raise ValueError("a number is not finite")
    except (ValueError, KeyError, IndexError) as error:
        raise InputFileError(f"this is not the data file of a shot: {error!r}. Plan the campaign again.") from error
    masses, positions = frame.get_masses(), np.asarray(frame.positions)
    slab, molecule = positions[:n_slab], positions[n_slab:]
    weights = masses[n_slab:] / masses[n_slab:].sum()
    mass = float(masses[n_slab:].sum())
    com, kick = weights @ molecule, weights @ velocities[n_slab:]
    plane = float(slab[top, 2].mean())
    polar, azimuth = polar_and_azimuth_deg(kick)
    relative = velocities[n_slab:] - kick
    return MeasuredShot(
        frame=frame,
        velocities=velocities,
        kick_velocity=kick,
        kick_energy_ev=kinetic_energy_ev(kick, mass),
        polar_deg=polar,
        azimuth_deg=azimuth,
        com_start=com,
        com_height_angstrom=float(com[2]) - plane,
        clearance_angstrom=float(molecule[:, 2].min() - slab[:, 2].max()),
        impact_xy_angstrom=wrap(com + kick * (com[2] - plane) / -kick[2], np.asarray(frame.cell[:]))[:2],
        internal_energy_ev=sum(
            kinetic_energy_ev(velocity, float(m)) for velocity, m in zip(relative, masses[n_slab:], strict=True)
        ),
    )


def _parse(text: str) -> tuple[Atoms, FloatArray]:
    lines = text.splitlines()
    n_atoms, n_types = int(lines[2].split()[0]), int(lines[3].split()[0])
    cell = np.zeros((3, 3))
    tilted = "xy xz yz" in lines[8]
    for axis in range(3):
        low, high = lines[5 + axis].split()[:2]
        cell[axis, axis] = float(high) - float(low)
    if tilted:
        cell[1, 0], cell[2, 0], cell[2, 1] = (float(word) for word in lines[8].split()[:3])
    types = _section(lines, "Masses", n_types)
    element = {row[0]: row[-1] for row in types}
    mass = {row[0]: float(row[1]) for row in types}
    atoms = _section(lines, "Atoms # atomic", n_atoms)
    velocities = np.array(_section(lines, "Velocities", n_atoms))[:, 1:].astype(np.float64)
    frame = Atoms(
        [element[row[1]] for row in atoms],
        positions=np.array([row[2:5] for row in atoms], dtype=np.float64),
        masses=[mass[row[1]] for row in atoms],
        cell=cell,
        pbc=True,
    )
    return frame, velocities


def _section(lines: list[str], title: str, length: int) -> list[list[str]]:
    start = lines.index(title) + 2
    rows = [line.split() for line in lines[start : start + length]]
    if len(rows) != length:
        raise ValueError(f"the section {title} is cut")
    return rows
