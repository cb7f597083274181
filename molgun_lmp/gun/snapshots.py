"""The snapshots of a campaign's pools as arrays, as the gun draws from them."""

import dataclasses
import functools

import numpy as np

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.surface.clean_surface import Surface


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SlabSnapshots:
    """A slab pool of S snapshots as arrays: `positions` (S, n, 3) Å, lowest atom at z = 1 Å; `velocities` (S, n, 3)
    Å/ps, zero for frozen atoms; `masses_u` (n,); `surface`: what its mean structure is; `frozen`, `bath` (n,) bool:
    atoms that never move, bath's atoms; `ids` and `runs` name each snapshot and the equilibration run that it was taken
    from. Behind the atoms of the `surface` stand those of the `adsorbates`, the same in all snapshots."""

    ids: tuple[str, ...]
    runs: tuple[str, ...]
    symbols: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    masses_u: FloatArray
    surface: Surface
    frozen: BoolArray
    bath: BoolArray
    adsorbates: tuple[Adsorbate, ...] = ()

    @functools.cached_property
    def top(self) -> BoolArray:
        """(n,) True for the atoms of the top layer."""
        return np.append(self.surface.top, np.zeros(len(self.symbols) - len(self.surface.top), dtype=np.bool_))

    @functools.cached_property
    def standing(self) -> float:
        """How far in Å adsorbates reach above the highest atom of the slab's own, over all snapshots; 0 without any."""
        own = self.positions[:, : len(self.surface.top), 2].max(axis=1)
        return float((np.array(self.highest_z) - own).max())

    @functools.cached_property
    def plane_z(self) -> tuple[float, ...]:
        """The surface plane of each snapshot, S heights in Å: the mean of its top layer."""
        return tuple(float(snapshot[self.top, 2].mean()) for snapshot in self.positions)

    @functools.cached_property
    def highest_z(self) -> tuple[float, ...]:
        """The highest atom of each snapshot, S heights in Å."""
        return tuple(float(snapshot[:, 2].max()) for snapshot in self.positions)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MoleculeSnapshots:
    """A molecule pool of S snapshots as arrays: `positions` (S, m, 3) Å and `velocities` (S, m, 3) Å/ps, both relative
    to the centre of mass; `masses_u` (m,) of its atoms; `radius`: the largest distance in Å of any atom of any snapshot
    from its centre of mass; `ids` and `runs` as of the slab's."""

    ids: tuple[str, ...]
    runs: tuple[str, ...]
    symbols: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    masses_u: FloatArray
    radius: float

    @functools.cached_property
    def mass_u(self) -> float:
        """Of the whole molecule, in u."""
        return float(self.masses_u.sum())

    @property
    def is_atom(self) -> bool:
        """Whether it is a single atom, which neither turns nor vibrates."""
        return len(self.symbols) == 1

    @functools.cached_property
    def both(self) -> FloatArray:
        """(S, 2m, 3): the positions and then the velocities of each snapshot, which are turned together."""
        return np.concatenate((self.positions, self.velocities), axis=1)
