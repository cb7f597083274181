"""One frame of a trajectory, whatever file it comes from."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Self

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of N atoms in the order of their ids.

    `step`: LAMMPS's timestep; `symbols`: N chemical symbols, e.g. ("Si", ..., "C", "H"); `positions` (N, 3) Å as in the
    dump; `images` (N, 3): box crossings, None where not written; `velocities` (N, 3) Å/ps or None; `cell` (3, 3) Å,
    rows are vectors; `origin` (3,) Å, the box's lower corner; `pbc`: periodic along each vector; `cut_after`: the file
    ends in the middle of the frame after this one; `beyond_box`: positions go on through the boundaries of the box, as
    xu yu zu do; `time_ps`: the run's time where the file says it itself, as timesteps that vary need; `counts_steps`:
    `step` is the run's, and not the frame's place in a file that counts none.
    """

    step: int
    symbols: tuple[str, ...]
    positions: FloatArray
    images: IntArray | None
    velocities: FloatArray | None
    cell: FloatArray
    origin: FloatArray
    pbc: tuple[bool, bool, bool]
    cut_after: bool = False
    beyond_box: bool = False
    time_ps: float | None = None
    counts_steps: bool = True

    @property
    def counts_crossings(self) -> bool:
        """Whether `unwrapped` follows an atom through the boundaries, so that nothing has to be guessed."""
        return self.beyond_box or self.images is not None

    @functools.cached_property
    def finite(self) -> bool:
        """Whether all positions are numbers."""
        return bool(np.isfinite(self.positions).all())

    @functools.cached_property
    def unwrapped(self) -> FloatArray:
        """(N, 3) Å: positions with the box crossings undone; those of the dump where it does not count them."""
        if self.images is None:
            return self.positions
        # Most frames have no crossing; a sum with zero still, so that a coordinate of -0 is 0 in all of them.
        return self.positions + (self.images @ self.cell if self.images.any() else 0.0)

    def without(self, atoms: slice) -> "Frame":
        """The frame without some of its atoms; itself where there are none to leave out."""
        if atoms.start == atoms.stop:
            return self
        symbols = list(self.symbols)
        del symbols[atoms]
        return dataclasses.replace(
            self,
            symbols=tuple(symbols),
            positions=np.delete(self.positions, atoms, axis=0),
            images=None if self.images is None else np.delete(self.images, atoms, axis=0),
            velocities=None if self.velocities is None else np.delete(self.velocities, atoms, axis=0),
        )

    def atoms(self) -> Atoms:
        """The frame as ASE's reader gives it: positions as in the dump, `celldisp` the box's lower corner."""
        atoms = Atoms(
            symbols=list(self.symbols), positions=self.positions, cell=self.cell, celldisp=self.origin, pbc=self.pbc
        )
        if self.velocities is not None:
            atoms.set_velocities(self.velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
        return atoms

    @classmethod
    def from_atoms(cls, atoms: Atoms, *, step: int = 0) -> Self:
        """A frame from a structure read elsewhere; its positions are taken as they are, velocities where it has any."""
        velocities = atoms.get_velocities() / ASE_VELOCITY_PER_ANGSTROM_PER_PS if atoms.has("momenta") else None
        return cls(
            step=step,
            symbols=tuple(atoms.get_chemical_symbols()),
            positions=np.array(atoms.positions, dtype=np.float64),
            images=None,
            velocities=velocities,
            cell=np.array(atoms.cell[:], dtype=np.float64),
            origin=np.array(atoms.get_celldisp(), dtype=np.float64).ravel(),
            pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """A simulation box: `cell` (3, 3) Å, rows are vectors; `origin` (3,) Å, its lower corner; `pbc` along each."""

    cell: FloatArray
    origin: FloatArray
    pbc: tuple[bool, bool, bool]

    @classmethod
    def of_bounds(cls, bounds: FloatArray, tilts: Sequence[float], pbc: Sequence[bool]) -> Self:
        """From LAMMPS's bounding box (3, 2) and xy, xz, yz (https://docs.lammps.org/Howto_triclinic.html)."""
        xy, xz, yz = tilts
        low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
        low[:2] -= min(0.0, xy, xz, xy + xz), min(0.0, yz)
        high[:2] -= max(0.0, xy, xz, xy + xz), max(0.0, yz)
        lengths = high - low
        cell = np.array([[lengths[0], 0.0, 0.0], [xy, lengths[1], 0.0], [xz, yz, lengths[2]]])
        return cls(cell=cell, origin=low, pbc=(pbc[0], pbc[1], pbc[2]))

    @classmethod
    def of_text(cls, title: str, lines: Sequence[bytes]) -> Self:
        """From 'BOX BOUNDS [xy xz yz] pp pp pp' and its three lines. Raises `ValueError`."""
        flags = [word for word in title.split()[2:] if set(word) <= set("pfsm")]
        bounds = np.array([[float(word) for word in line.split()] for line in lines])
        if len(flags) != 3 or bounds.ndim != 2 or len(bounds) != 3 or bounds.shape[1] not in {2, 3}:
            raise ValueError(f"box {title!r} is not of the orthogonal or restricted triclinic kind")
        tilts = bounds[:, 2].tolist() if bounds.shape[1] == 3 else (0.0, 0.0, 0.0)
        return cls.of_bounds(bounds[:, :2], tilts, [flag == "pp" for flag in flags])
