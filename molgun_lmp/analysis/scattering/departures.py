"""Which particles have left the surface at the end of a trajectory, and in which frames each flew freely.

A particle is what bonds hold together, whatever it is made of: the molecule, a fragment, a slab atom that was knocked
out, a molecule that took one along. So nothing here asks for outcome classes.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.sparse.csgraph import breadth_first_order, connected_components

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.scattering.free_flight import measure
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.scattering_records import Flight
from molgun_lmp.surface.minimum_image import MinimumImage

TURN_ANGSTROM: Final = 0.3
"""A bounce is a lowest point from which the centre of mass rises by this: a bound molecule vibrates by less."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snap:
    """One frame: `time_ps` after the first one; `positions` (N, 3) Å, unwrapped; `velocities` (N, 3) Å/ps or None;
    `height` of the cell in Å, 0 where it does not repeat along z."""

    time_ps: float
    positions: FloatArray
    velocities: FloatArray | None
    height: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vicinity:
    """What particles are told apart by.

    `symbols` and `masses` (N,) u of all atoms, the slab's `n_slab` first; `criteria` say what is bonded; `lattice` of
    the surface; `plane_z` Å of its top layer; `reach` Å, beyond which atoms do not feel each other.
    """

    symbols: tuple[str, ...]
    masses: FloatArray
    n_slab: int
    criteria: OutcomeCriteria
    lattice: MinimumImage
    plane_z: float
    reach: float

    @property
    def molecule(self) -> IntArray:
        """Indices of its atoms."""
        return np.arange(self.n_slab, len(self.symbols))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Departed:
    """Atoms that have left together: `atoms` (k,) in order; `shifts` (k, 3) Å that put them together in one image;
    `gap`: how far they are from all other atoms in the last frame, Å."""

    atoms: IntArray
    shifts: FloatArray
    gap: float


def departed(last: Snap, rising: FloatArray, vicinity: Vicinity, beyond: float) -> list[Departed]:
    """The particles that have left the surface in the last frame, by their lowest atom.

    They are above it, rise, and are `beyond` Å from all that stays: the slab with all that hangs on it by steps of up
    to `beyond`. Particles that have left may be near each other. `rising` (N,) Å/ps or Å: which way each atom goes
    along z. What lasts of a bond through the hysteresis is one.
    """
    high = np.flatnonzero(last.positions[:, 2] > vicinity.plane_z)
    limits = BondLimits.of([vicinity.symbols[atom] for atom in high], (), vicinity.criteria)
    lengths = vicinity.lattice.distances(last.positions[high], last.positions)
    _, crowds = connected_components(lengths[:, high] <= beyond, directed=False)
    low = np.delete(lengths, high, axis=1).min(axis=1, initial=np.inf) <= beyond
    stays = np.isin(crowds, crowds[low])
    bonded = lengths[:, high] <= limits.molecule + limits.hysteresis
    np.fill_diagonal(bonded, False)
    number, pieces = connected_components(bonded, directed=False)
    found = []
    for piece in range(number):
        inside = pieces == piece
        atoms = high[inside]
        if not stays[inside].any() and vicinity.masses[atoms] @ rising[atoms] > 0.0:
            shifts = _shifts(last.positions[atoms], bonded[np.ix_(inside, inside)], vicinity.lattice)
            found.append(Departed(atoms=atoms, shifts=shifts, gap=_gap(lengths[inside], atoms)))
    return found


def whole_molecule(last: Snap, vicinity: Vicinity) -> Departed:
    """The molecule, wherever it is."""
    atoms = vicinity.molecule
    lengths = vicinity.lattice.distances(last.positions[atoms], last.positions)
    return Departed(atoms=atoms, shifts=np.zeros((len(atoms), 3)), gap=_gap(lengths, atoms))


def _gap(lengths: FloatArray, atoms: IntArray) -> float:
    """The shortest of the lengths (k, N) from these atoms to any other."""
    return float(np.delete(lengths, atoms, axis=1).min(initial=np.inf))


def _shifts(positions: FloatArray, bonded: BoolArray, lattice: MinimumImage) -> FloatArray:
    """(k, 3) Å: lattice vectors that bring each of k bonded atoms next to the one that it hangs on."""
    shifts = np.zeros_like(positions)
    order, before = breadth_first_order(bonded, 0, directed=False)
    for atom in order[1:].tolist():
        anchor = int(before[atom])
        step = positions[[atom]] - positions[[anchor]]
        shifts[atom] = shifts[anchor] + (lattice.shortest(step) - step)[0]
    return shifts


def is_free(snap: Snap, inside: BoolArray, vicinity: Vicinity) -> bool:
    """Whether the atoms `inside`, (N,) bool, are farther than the reach from all others, through the cell's top too."""
    particle, others = snap.positions[inside], snap.positions[~inside]
    if not len(others):
        return True
    between = others[None, :, :] - particle[:, None, :]
    if snap.height:
        between[..., 2] -= snap.height * np.rint(between[..., 2] / snap.height)
    near = np.abs(between[..., 2]) <= vicinity.reach
    if not near.any():
        return True
    shortest = vicinity.lattice.shortest(between[near])
    return bool((np.einsum("ij,ij->i", shortest, shortest) > vicinity.reach**2).all())


def flight_of(one: Departed, snaps: Sequence[Snap], vicinity: Vicinity) -> Flight | None:
    """The flight of a particle in the last stretch of frames in which it was free and rose; None where it was not."""
    inside = np.zeros(len(vicinity.symbols), dtype=np.bool_)
    inside[one.atoms] = True
    free: list[Snap] = []
    for snap in reversed(snaps):
        if is_free(snap, inside, vicinity):
            free.append(snap)
        elif free:
            break
    flight = measured(free[::-1], one.atoms, vicinity.masses[one.atoms], one.shifts)
    return flight if flight is not None and flight.velocity[2] > 0.0 else None


def measured(snaps: Sequence[Snap], atoms: IntArray, masses: FloatArray, shifts: FloatArray | float) -> Flight | None:
    """The flight of these atoms in some frames; None for no frame, and for a single one without velocities."""
    velocities = [snap.velocities[atoms] for snap in snaps if snap.velocities is not None]
    known = len(velocities) == len(snaps) > 0
    if not known and len(snaps) < 2:
        return None
    return measure(
        masses,
        np.array([snap.time_ps for snap in snaps]),
        np.stack([snap.positions[atoms] for snap in snaps]) + shifts,
        np.stack(velocities) if known else None,
    )


def near_own_image(positions: FloatArray, vicinity: Vicinity) -> bool:
    """Whether a particle at (k, 3) Å, in one piece, may feel its own periodic images."""
    extent = float(np.linalg.norm(np.ptp(positions[:, :2], axis=0)))
    return vicinity.lattice.spacing - extent < vicinity.reach


def bounces(heights: FloatArray, near: BoolArray) -> int:
    """How many lowest points heights (T,) Å have near the surface, `near` (T,) bool.

    From each of them they rise by `TURN_ANGSTROM`, and between two of them they have fallen by as much.
    """
    count, falling = 0, True
    turn, place = np.inf, 0
    for index, height in enumerate(heights.tolist()):
        if falling and height < turn:
            turn, place = height, index
        elif falling and height - turn >= TURN_ANGSTROM:
            count += int(near[place])
            falling, turn = False, height
        elif not falling:
            turn = max(turn, height)
            if turn - height >= TURN_ANGSTROM:
                falling, turn, place = True, height, index
    return count
