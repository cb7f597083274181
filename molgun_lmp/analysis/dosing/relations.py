"""What binds the molecules of a shot to the slab and to each other, frame by frame, and what of that lasts.

The bonds are those of the outcomes: the same limits, the same hysteresis, and hydrogen counts only where it has left
every heavier atom of its own molecule. Atoms keep the molecule that they came with.
"""

import dataclasses
from typing import Final

import numpy as np

from molgun_lmp.analysis.dosing.layout import Occupant, ShotLayout
from molgun_lmp.analysis.outcomes.bond_tracking import BondState, Stretch, stretches
from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference, binding
from molgun_lmp.analysis.outcomes.mode_history import ModeHistory
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import SHORT
from molgun_lmp.units import FS_PER_PS

_BATCH: Final = 64
_ROUNDING: Final = 1e-6
"""Å, or of a vector of the cell: a place on the cell's edge is on the side of the origin."""
Pair = tuple[int, int]
"""Two molecules, by their place among those of the shot, the lower first."""
Passed = tuple[int, int]
"""An atom, counted behind the slab's, and the molecule that it is bonded to instead of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """One frame's relations: slab atoms that hold each molecule, pairs that are bonded, and atoms passed on."""

    partners: tuple[frozenset[int], ...]
    joined: frozenset[Pair]
    passed: frozenset[Passed]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lasting:
    """What lasted, in ps from the first frame.

    `partners`: for each molecule the slab atoms that hold it, (time, atoms) from then on, the first frame's first;
    `held`: whether any have for long now, whichever, and `now`: which do in the last frame;
    `joined` and `passed`: each pair, or atom, with when that began, and whether it still is so at the end.
    """

    partners: tuple[tuple[tuple[float, frozenset[int]], ...], ...]
    held: tuple[bool, ...]
    now: tuple[frozenset[int], ...]
    joined: tuple[tuple[Pair, float, bool], ...]
    passed: tuple[tuple[Passed, float, bool], ...]


class Relations:
    """Follows the frames of one shot. Frames whose positions are no numbers have to be left out."""

    def __init__(self, layout: ShotLayout, surface: Surface, criteria: OutcomeCriteria, timestep_fs: float) -> None:
        symbols, n_slab = layout.symbols, layout.n_slab
        self._n_slab, self._lattice, self._timestep_ps = n_slab, surface.lattice, timestep_fs / FS_PER_PS
        self._limits = BondLimits.of(symbols[n_slab:], symbols[:n_slab], criteria)
        self._state = BondState.none(self._limits)
        none = np.zeros((len(symbols) - n_slab,) * 2, dtype=np.bool_)
        self._all = MoleculeReference(symbols=tuple(symbols[n_slab:]), bonded=none, groups={})
        self._members = [one.atoms - n_slab for one in layout.molecules]
        self._owner = _owner(layout.molecules, n_slab)
        self._persistence_ps = criteria.persistence_fs / FS_PER_PS
        self._partners: list[ModeHistory[frozenset[int]]] = [
            ModeHistory(persistence_ps=self._persistence_ps) for _ in layout.molecules
        ]
        self._held: list[ModeHistory[bool]] = [
            ModeHistory(persistence_ps=self._persistence_ps) for _ in layout.molecules
        ]
        self._joined: dict[Pair, ModeHistory[bool]] = {}
        self._passed: dict[Passed, ModeHistory[bool]] = {}
        self._now: Seen | None = None
        self._first_step: int | None = None
        self._batch: list[Frame] = []

    def frame(self, frame: Frame) -> None:
        """The next frame."""
        self._batch.append(frame)
        if len(self._batch) == _BATCH:
            self._take_batch()

    def result(self) -> Lasting:
        """What lasted so far."""
        if self._batch:
            self._take_batch()
        return Lasting(
            partners=tuple(tuple(one.events) for one in self._partners),
            held=tuple(bool(one.events) and one.events[-1][1] for one in self._held),
            now=() if self._now is None else self._now.partners,
            joined=tuple(_begun(self._joined)),
            passed=tuple(_begun(self._passed)),
        )

    def _take_batch(self) -> None:
        batch, self._batch = self._batch, []
        self._first_step = batch[0].step if self._first_step is None else self._first_step
        times_ps = np.array([(frame.step - self._first_step) * self._timestep_ps for frame in batch])
        positions = np.stack([frame.unwrapped for frame in batch])
        molecules, slab = positions[:, self._n_slab :], positions[:, : self._n_slab]
        for part in stretches(molecules):
            stretch = Stretch.of(molecules[part], slab[part], self._lattice, self._limits)
            changed = {
                frame: self._seen(stretch.bonds(frame, self._state, self._lattice))
                for frame in self._state.advance(stretch, self._limits, times_ps[part])
            }
            for frame, time_ps in enumerate(times_ps[part].tolist()):
                nothing = Seen(partners=(frozenset(),) * len(self._members), joined=frozenset(), passed=frozenset())
                self._now = changed.get(frame, self._now or nothing)
                self._add(self._now, time_ps)

    def _add(self, seen: Seen, time_ps: float) -> None:
        for history, held, atoms in zip(self._partners, self._held, seen.partners, strict=True):
            history.add(time_ps, atoms)
            held.add(time_ps, bool(atoms))
        first = not self._partners[0].time_ps
        for known, there in ((self._joined, seen.joined), (self._passed, seen.passed)):
            for one in there - known.keys():
                known[one] = ModeHistory(persistence_ps=self._persistence_ps)
                if not first:
                    known[one].add(0.0, state=False)
            for one, so in known.items():
                so.add(time_ps, one in there)

    def _seen(self, bonds: Bonds) -> Seen:
        to_slab = binding(bonds, self._all)
        shortest = np.where(to_slab, bonds.surface_lengths, np.inf).min(axis=1, keepdims=True)
        near = to_slab & (bonds.surface_lengths <= SHORT * shortest)
        own = bonds.molecule & (self._owner[:, None] == self._owner[None, :])
        free = ~(self._all.hydrogen & (own & ~self._all.hydrogen[None, :]).any(axis=1))
        between = bonds.molecule & ~own & free[:, None] & free[None, :]
        pairs = {(int(self._owner[a]), int(self._owner[b])) for a, b in np.argwhere(between)}
        return Seen(
            partners=tuple(frozenset(np.flatnonzero(near[atoms].any(axis=0)).tolist()) for atoms in self._members),
            joined=frozenset(pair for pair in pairs if pair[0] < pair[1]),
            passed=frozenset(_passed_on(own, between, self._owner, self._members)),
        )


def _passed_on(own: BoolArray, between: BoolArray, owner: IntArray, members: list[IntArray]) -> list[Passed]:
    """Atoms that no bond holds to their own molecule, of which they are not all, with the molecule that one does."""
    several = np.array([len(one) > 1 for one in members])[owner]
    left = several & ~own.any(axis=1)
    return [(int(a), int(owner[b])) for a, b in np.argwhere(between & left[:, None])]


def _owner(members: tuple[Occupant, ...], n_slab: int) -> IntArray:
    owner = np.empty(sum(len(one.atoms) for one in members), dtype=np.int64)
    for number, one in enumerate(members):
        owner[one.atoms - n_slab] = number
    return owner


def _begun(histories: "dict[tuple[int, int], ModeHistory[bool]]") -> list[tuple[tuple[int, int], float, bool]]:
    """Those that lasted at some time and were not so at first, or are so still."""
    found = []
    for one, history in sorted(histories.items()):
        since = next((time for time, so in history.events if so), None)
        if since is not None:
            found.append((one, since, history.events[-1][1]))
    return found


def place_of(atoms: FloatArray, surface: Surface) -> FloatArray:
    """(2,) Å: the centre of places (k, 3) Å in the plane, around the first of them by the shortest images, in the cell
    of reduced vectors whose corner is the origin."""
    centre = atoms[0, :2] + surface.lattice.shortest(atoms - atoms[0])[:, :2].mean(axis=0)
    fractions = centre @ surface.lattice.inverse
    fractions -= np.floor(fractions + _ROUNDING)
    found: FloatArray = fractions @ surface.lattice.vectors
    found[np.abs(found) < _ROUNDING] = 0.0
    return found
