"""Tracks of particles that come, meet a surface and leave, with answers that are known exactly."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from molgun_lmp.analysis.scattering.onlooker import ScatteringObserver
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.scattering_records import Particle, Scattering
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.units import MVV_TO_EV

CELL = np.array([[9.0, 0.0, 0.0], [3.0, 8.0, 0.0], [0.0, 0.0, 40.0]])
"""Å; oblique, so that an image is not what it is in a box."""
REACH = 6.0
DUMP_PS = 0.01
STEPS = 20
"""Between two frames."""


def slab(rows: int = 3) -> Atoms:
    """One flat layer of nickel at z = 2 Å."""
    places = [(i / rows, j / rows, 0.05) for i in range(rows) for j in range(rows)]
    return Atoms(f"Ni{rows * rows}", scaled_positions=places, cell=CELL, pbc=True)


def masses_of(symbols: Sequence[str]) -> FloatArray:
    """Standard masses, u."""
    return np.array([atomic_masses[atomic_numbers[symbol]] for symbol in symbols])


def speed(energy_ev: float, mass: float) -> float:
    """Å/ps."""
    return float(np.sqrt(2.0 * energy_ev / (mass * MVV_TO_EV)))


def frames(
    symbols: Sequence[str], positions: Sequence[FloatArray], velocities: Sequence[FloatArray] | None
) -> list[Frame]:
    """Frames of atoms at unwrapped positions, each (N, 3) Å, folded into the cell with the crossings counted."""
    found = []
    for index, here in enumerate(positions):
        images = np.floor(np.linalg.solve(CELL.T, here.T).T).astype(np.int64)
        found.append(
            Frame(
                step=STEPS * index,
                symbols=tuple(symbols),
                positions=here - images @ CELL,
                images=images,
                velocities=None if velocities is None else velocities[index],
                cell=CELL,
                origin=np.zeros(3),
                pbc=(True, True, True),
            )
        )
    return found


def looked_at(shown: Sequence[Frame], *, left: bool, **different: Any) -> Scattering | None:
    """What the observer says of these frames over `slab()`."""
    usual: dict[str, Any] = {"criteria": OutcomeCriteria(), "reach": REACH, "timestep_ps": DUMP_PS / STEPS}
    observer = ScatteringObserver(
        shown[0].symbols,
        masses_of(shown[0].symbols),
        find_surface(slab()),
        **(usual | different),
    )
    for frame in shown:
        observer.frame(frame)
    return observer.result(left=left)


def only(found: Scattering | None) -> Particle:
    """The single particle that left."""
    assert found is not None
    (particle,) = found.particles
    return particle


def over_resting_slab(
    molecule: Sequence[str],
    path: Callable[[float], tuple[FloatArray, FloatArray]],
    *,
    count: int,
    velocities: bool = True,
) -> list[Frame]:
    """Frames of a slab that does not move and a molecule that goes `path`: time in ps to its (n, 3) Å and Å/ps."""
    rest = slab()
    ways = [path(index * DUMP_PS) for index in range(count)]
    symbols = [*rest.get_chemical_symbols(), *molecule]
    still = np.zeros((len(rest), 3))
    return frames(
        symbols,
        [np.concatenate((rest.positions, where)) for where, _ in ways],
        [np.concatenate((still, how)) for _, how in ways] if velocities else None,
    )


def verlet(
    masses: FloatArray,
    positions: FloatArray,
    velocities: FloatArray,
    force: Callable[[FloatArray], FloatArray],
    *,
    step_ps: float,
    count: int,
    every: int,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Every so many steps of Newton's equations for N atoms: positions Å, velocities Å/ps; `force` in eV/Å."""
    here, how, pull = positions.copy(), velocities.copy(), force(positions)
    places, speeds = [here.copy()], [how.copy()]
    weights = 1.0 / (masses[:, None] * MVV_TO_EV)
    for index in range(1, count + 1):
        how = how + 0.5 * step_ps * pull * weights
        here = here + step_ps * how
        pull = force(here)
        how = how + 0.5 * step_ps * pull * weights
        if index % every == 0:
            places.append(here)
            speeds.append(how)
    return places, speeds
