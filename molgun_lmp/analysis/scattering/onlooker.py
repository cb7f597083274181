"""Looks on while a trajectory's frames go by, and says at the end what left the surface and how."""

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.scattering.departures import (
    Departed,
    Snap,
    Vicinity,
    bounces,
    departed,
    flight_of,
    is_free,
    measured,
    near_own_image,
    whole_molecule,
)
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.geometry import formula_of
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.scattering_records import Flight, Particle, Scattering
from molgun_lmp.surface.clean_surface import Surface

_KEPT: Final = 256
"""Frames of each flight that are averaged at most, the first and the last ones of the trajectory."""
_BATCH: Final = 64
"""Frames whose places are kept, and distances worked out, together."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Passage:
    """F frames: `molecule` (F, n, 3) Å and the atoms of the slab that may be near it in some of them, `near` (k,) and
    `slab` (F, k, 3) Å. Most molecules stay, and of those no distance is asked."""

    near: IntArray
    slab: FloatArray
    molecule: FloatArray


class ScatteringObserver:
    """Shown every frame of a trajectory of N atoms, those of the `surface` first, with masses (N,) in u.

    `reach` Å: atoms do not feel each other beyond it; `timestep_ps` between two of LAMMPS's steps.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        masses: FloatArray,
        surface: Surface,
        *,
        criteria: OutcomeCriteria,
        reach: float,
        timestep_ps: float,
    ) -> None:
        self._vicinity = Vicinity(
            symbols=tuple(symbols),
            masses=masses,
            n_slab=len(surface.layer),
            criteria=criteria,
            lattice=surface.lattice,
            plane_z=surface.plane_z,
            reach=reach,
        )
        self._timestep_ps = timestep_ps
        self._first_step: int | None = None
        self._incoming: list[Snap] | None = []
        """While the molecule has not come within reach."""
        self._arrival: Flight | None = None
        self._last: deque[Snap] = deque(maxlen=_KEPT)
        self._batch: list[Snap] = []
        self._times: list[float] = []
        self._passed: list[_Passage] = []
        self._lost = False

    def frame(self, frame: Frame) -> None:
        """The next frame."""
        self._lost = self._lost or not frame.finite
        if self._lost:
            return
        self._first_step = frame.step if self._first_step is None else self._first_step
        snap = Snap(
            time_ps=(frame.step - self._first_step) * self._timestep_ps,
            positions=frame.unwrapped,
            velocities=frame.velocities,
            height=float(frame.cell[2, 2]) if frame.pbc[2] else 0.0,
        )
        self._come_in(snap)
        self._last.append(snap)
        self._batch.append(snap)
        if len(self._batch) == _BATCH:
            self._take_batch()

    def result(self, *, left: bool) -> Scattering | None:
        """What left, None where nothing did or the run blew up; `left`: the molecule did, by its outcome."""
        if self._batch:
            self._take_batch()
        if self._lost or not self._last:
            return None
        vicinity, last = self._vicinity, self._last[-1]
        beyond = min(vicinity.criteria.departed_angstrom, vicinity.reach)
        gone = departed(last, self._rising(), vicinity, beyond)
        if not left:
            gone = [one for one in gone if not np.array_equal(one.atoms, vicinity.molecule)]
        elif all(one.atoms[-1] < vicinity.n_slab for one in gone):
            # By the course of the trajectory, which its last frame need not show.
            gone.append(whole_molecule(last, vicinity))
        if not gone:
            return None
        if self._incoming is not None:  # it never came within reach
            self._arrive(self._incoming)
        return Scattering(incidence=self._arrival, particles=tuple(map(self._particle, gone)))

    def _come_in(self, snap: Snap) -> None:
        if self._incoming is None:
            return
        if not self._is_clear(snap):
            self._arrive(self._incoming)
        elif len(self._incoming) < _KEPT:
            self._incoming.append(snap)

    def _arrive(self, incoming: Sequence[Snap]) -> None:
        atoms = self._vicinity.molecule
        self._arrival, self._incoming = measured(incoming, atoms, self._vicinity.masses[atoms], 0.0), None

    def _is_clear(self, snap: Snap) -> bool:
        n_slab, reach = self._vicinity.n_slab, self._vicinity.reach
        slab, molecule = snap.positions[:n_slab, 2], snap.positions[n_slab:, 2]
        above = slab.min() + snap.height - molecule.max() > reach if snap.height else True
        if molecule.min() - slab.max() > reach and above:
            return True
        inside = np.arange(len(self._vicinity.symbols)) >= n_slab
        return is_free(snap, inside, self._vicinity)

    def _rising(self) -> FloatArray:
        """(N,) which way each atom goes along z in the last frame."""
        last = self._last[-1]
        if last.velocities is not None:
            rising: FloatArray = last.velocities[:, 2]
            return rising
        before = self._last[-2] if len(self._last) > 1 else last
        moved: FloatArray = last.positions[:, 2] - before.positions[:, 2]
        return moved

    def _take_batch(self) -> None:
        batch, self._batch = self._batch, []
        n_slab = self._vicinity.n_slab
        positions = np.stack([snap.positions for snap in batch])
        slab, molecule = positions[:, :n_slab], positions[:, n_slab:]
        lowest = molecule[..., 2].min() - self._vicinity.criteria.departed_angstrom
        near = np.flatnonzero(slab[..., 2].max(axis=0) > lowest)
        self._times += [snap.time_ps for snap in batch]
        # Copies: a view would keep every frame of the whole slab.
        self._passed.append(_Passage(near=near, slab=slab[:, near], molecule=molecule.copy()))

    def _nearest(self, passage: _Passage, atoms: IntArray, own: IntArray) -> FloatArray:
        """(F,) Å from the nearest of the molecule's atoms `own` to slab atoms that are not among `atoms`; infinite
        beyond what is asked of it."""
        others = ~np.isin(passage.near, atoms)
        if not others.any() or not len(own):
            return np.full(len(passage.molecule), np.inf)
        between = passage.slab[:, None, others] - passage.molecule[:, own, None]
        shortest = self._vicinity.lattice.shortest(between)
        nearest: FloatArray = np.sqrt(np.einsum("fnmx,fnmx->fnm", shortest, shortest).min(axis=(1, 2)))
        return nearest

    def _particle(self, one: Departed) -> Particle:
        vicinity, criteria = self._vicinity, self._vicinity.criteria
        own = one.atoms[one.atoms >= vicinity.n_slab] - vicinity.n_slab
        flight = flight_of(one, list(self._last), vicinity)
        note = ""
        if flight is None:
            note = f"not in free flight: {one.gap:.1f} Å from other atoms, which are felt up to {vicinity.reach:.1f} Å"
        elif len(one.atoms) > 1 and near_own_image(self._last[-1].positions[one.atoms] + one.shifts, vicinity):
            note = "it may feel its own periodic images, which change its rotation"
        nearest = np.concatenate([self._nearest(passage, one.atoms, own) for passage in self._passed])
        touching = np.flatnonzero(nearest < criteria.contact_angstrom)
        weights = vicinity.masses[vicinity.n_slab + own]
        turns = None
        if len(own):
            heights = np.concatenate([passage.molecule[:, own, 2] for passage in self._passed])
            heights = heights @ weights / weights.sum()
            turns = bounces(heights, nearest < criteria.departed_angstrom)
        return Particle(
            atoms=tuple(one.atoms.tolist()),
            formula=formula_of([vicinity.symbols[atom] for atom in one.atoms]),
            of_slab=len(one.atoms) - len(own),
            intact=np.array_equal(one.atoms, vicinity.molecule),
            flight=flight,
            note=note,
            first_contact_ps=self._times[touching[0]] if len(touching) else None,
            last_contact_ps=self._times[touching[-1]] if len(touching) else None,
            bounces=turns,
        )
