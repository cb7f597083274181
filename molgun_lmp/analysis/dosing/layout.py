"""Which atoms of a shot's frames are which molecule's, and each molecule by itself on the slab."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Self

import numpy as np

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.trajectory import Frame

_FAR: Final = 1000.0
"""Å above where the newcomer starts: where atoms are that an adsorbate has lost, out of reach of all else."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Occupant:
    """One molecule: the `dose` by which it came, the places of its `atoms` in the frame, and which of the molecule's
    own atoms these are, `own`; both (k,)."""

    dose: int
    atoms: IntArray
    own: IntArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShotLayout:
    """The slab's `n_slab` atoms first, then the molecules by dose, the newcomer last.

    `symbols`: of all N atoms; `intact` (n, 3) Å: the newcomer at the start, whole as the molecule was fired.
    """

    n_slab: int
    symbols: tuple[str, ...]
    molecules: tuple[Occupant, ...]
    intact: FloatArray

    @classmethod
    def of(
        cls, *, adsorbates: Sequence[Adsorbate], symbols: Sequence[str], positions: FloatArray, n_slab: int, dose: int
    ) -> Self:
        """From a shot's first frame (N, 3) Å. Raises `InputFileError` where the atoms are not those that its record
        says."""
        places = np.arange(n_slab, len(symbols))
        members = []
        for left in adsorbates:
            atoms, places = places[: len(left.atoms)], places[len(left.atoms) :]
            members.append(Occupant(dose=left.dose, atoms=atoms, own=np.array(left.atoms, dtype=np.int64)))
        newcomer = Occupant(dose=dose, atoms=places, own=np.arange(len(places)))
        kind = np.array(symbols)[places]
        for one in members:
            fits = len(places) and len(one.atoms) == len(one.own) and one.own.max(initial=0) < len(places)
            if not fits or (np.array(symbols)[one.atoms] != kind[one.own]).any():
                raise InputFileError(
                    f"dose {dose}: the atoms behind the slab's are not those of {len(members)} adsorbates and one "
                    "molecule as shot.json says. Plan the campaign again."
                )
        return cls(
            n_slab=n_slab, symbols=tuple(symbols), molecules=(*members, newcomer), intact=positions[places].copy()
        )

    @property
    def newcomer(self) -> Occupant:
        """The molecule that was fired."""
        return self.molecules[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """Symbols of the slab and one whole molecule."""
        return self.symbols[: self.n_slab] + tuple(self.symbols[atom] for atom in self.newcomer.atoms)

    def alone(self, frame: Frame, member: Occupant, names: tuple[str, ...]) -> Frame:
        """The slab and one molecule of a frame, all of its atoms: those that it has lost lie far away, in the shape
        that the intact molecule has. `names` are the layout's, so that a frame's are the same object."""
        n_slab, size = self.n_slab, len(self.intact)
        positions = np.concatenate([frame.unwrapped[:n_slab], self.intact + np.array([0.0, 0.0, _FAR])])
        positions[n_slab + member.own] = frame.unwrapped[member.atoms]
        velocities = None
        if frame.velocities is not None:
            velocities = np.concatenate([frame.velocities[:n_slab], np.zeros((size, 3))])
            velocities[n_slab + member.own] = frame.velocities[member.atoms]
        return dataclasses.replace(
            frame,
            symbols=names,
            positions=positions,
            images=None,
            beyond_box=frame.counts_crossings,
            velocities=velocities,
        )

    def others(self, frame: Frame, member: Occupant) -> FloatArray:
        """(k, 3) Å: the atoms of all other molecules."""
        return np.concatenate(
            [np.empty((0, 3)), *(frame.unwrapped[one.atoms] for one in self.molecules if one is not member)]
        )
