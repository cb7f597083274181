"""Trajectories as small movies for the page: few frames, coordinates in hundredths of an Ångström."""

import base64
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from molgun_lmp.arrays import FloatArray
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.palette import BLUE, GREEN, ORANGE, PURPLE
from molgun_lmp.plotting.element_colours import element_colours

_UNIT_ANGSTROM: Final = 0.01
_BYTES: Final = 1_500_000
"""Of all movies of a page together, before they are written as text."""
_MOST_FRAMES: Final = 60
_FEWEST_FRAMES: Final = 8
_GROUP_COLOURS: Final = (BLUE, GREEN, PURPLE, ORANGE)
"""Told apart with any colour vision."""

ItemT = TypeVar("ItemT")


class Thinned(Generic[ItemT]):
    """An even selection of a stream of unknown length: between `fewest` and twice as many, the last one among them."""

    def __init__(self, fewest: int) -> None:
        self._fewest = max(1, fewest)
        self._every = 1
        self._seen = 0
        self._kept: list[ItemT] = []
        self._last: list[ItemT] = []

    def add(self, item: ItemT) -> None:
        """The next of the stream."""
        if self._seen % self._every == 0:
            self._kept.append(item)
            self._last = []
        else:
            self._last = [item]
        self._seen += 1
        if len(self._kept) == 2 * self._fewest:
            self._last = self._last or self._kept[-1:]
            self._kept = self._kept[::2]
            self._every *= 2

    def items(self) -> list[ItemT]:
        """Those that were kept, in order."""
        return self._kept + self._last


@dataclasses.dataclass(frozen=True, kw_only=True)
class Movie:
    """Some frames of one trajectory: `times_ps` (T,), `positions` (T, N, 3) Å with no jumps across the boundary, NaN
    for atoms that are not there.

    `events`: (time in ps at which each mode began, mode). `chain`: one frame for each dose of a chain, and times are
    numbers of doses.
    """

    trajectory_id: str
    mode: Mode
    times_ps: FloatArray
    positions: FloatArray
    events: tuple[tuple[float, Mode], ...] = ()
    chain: bool = False

    @property
    def heading(self) -> str:
        """What it is an example of."""
        return "chains, dose by dose" if self.chain else self.mode.label


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cast:
    """What all movies of a campaign share: N atoms, the slab's `n_slab` first, then those of `molecules` alike.

    `cell` (3, 3) Å; `groups`: name -> atoms of the molecule, counted within it; `across`: (element, element) -> length
    in Å below which an atom of the molecule and one of the slab are drawn as bonded; `surface_z` Å.
    """

    symbols: tuple[str, ...]
    n_slab: int
    cell: FloatArray
    surface_z: float
    groups: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    across: Mapping[tuple[str, str], float] = dataclasses.field(default_factory=dict)
    molecules: int = 1

    @property
    def molecule(self) -> tuple[str, ...]:
        """The symbols of one of them."""
        return self.symbols[self.n_slab : self.n_slab + (len(self.symbols) - self.n_slab) // self.molecules]


def frames_for(movies: int, n_atoms: int) -> int:
    """How many frames each of some movies may have, so that the page stays small."""
    fitting = _BYTES // max(1, movies * n_atoms * 6)
    return int(min(_MOST_FRAMES, max(_FEWEST_FRAMES, fitting)))


def viewer_data(cast: Cast, movies: Sequence[Movie]) -> dict[str, Any]:
    """What the page's viewer reads, JSON-ready.

    Each movie is turned into little-endian 16-bit numbers of 0.01 Å (base64), the molecule in the middle of the cell
    at the end, z counted from the surface plane.
    """
    elements = sorted(set(cast.symbols), key=atomic_numbers.__getitem__)
    colours = element_colours(cast.symbols)
    tinted = list(zip(_GROUP_COLOURS, _tinted(cast), strict=False))
    tints = {
        cast.n_slab + number * len(cast.molecule) + atom: colour
        for colour, name in tinted
        for atom in cast.groups[name]
        for number in range(cast.molecules)
    }
    return {
        "unit": _UNIT_ANGSTROM,
        "slab": cast.n_slab,
        "cell": cast.cell[:2, :2].round(5).tolist(),
        "elements": [
            {"symbol": symbol, "radius": float(covalent_radii[atomic_numbers[symbol]]), "colour": colours[symbol]}
            for symbol in elements
        ],
        "atoms": [elements.index(symbol) for symbol in cast.symbols],
        "across": [[cast.across.get((one, other), 0.0) for other in elements] for one in elements],
        "tints": {str(atom): colour for atom, colour in tints.items()},
        "groups": [{"name": name, "colour": colour} for colour, name in tinted],
        "movies": [_packed(movie, cast) for movie in movies],
    }


def _tinted(cast: Cast) -> list[str]:
    """The groups that a colour of their own tells from the rest: all of one element, of which the molecule has more.
    Any other would only hide what its atoms are."""
    molecule = cast.molecule
    found = []
    for name, atoms in cast.groups.items():
        elements = {molecule[atom] for atom in atoms}
        rest = {symbol for atom, symbol in enumerate(molecule) if atom not in atoms}
        if len(elements) == 1 and elements <= rest:
            found.append(name)
    return found


def _packed(movie: Movie, cast: Cast) -> dict[str, Any]:
    units = np.rint(_centred(movie.positions, cast) / _UNIT_ANGSTROM)
    largest = np.iinfo(np.int16).max
    there = np.where(np.isfinite(units), np.clip(units, -largest, largest), np.iinfo(np.int16).min)
    return {
        "id": movie.trajectory_id,
        "mode": movie.mode.label,
        "times": [round(time, 4) for time in movie.times_ps.tolist()],
        "events": [[round(time, 4), mode.label] for time, mode in movie.events],
        **({"chain": True} if movie.chain else {}),
        "data": base64.b64encode(there.astype("<i2").tobytes()).decode("ascii"),
    }


def _centred(positions: FloatArray, cast: Cast) -> FloatArray:
    """The last frame's molecule around x = y = 0, slab atoms in the cell around it, one shift for all frames."""
    plane = cast.cell[:2, :2]
    molecule = positions[-1, cast.n_slab :, :2]
    centre = np.nanmean(molecule if np.isfinite(molecule).any() else positions[-1, :, :2], axis=0)
    moved = positions - np.array([*centre, cast.surface_z])
    scaled = np.linalg.solve(plane.T, moved[-1, : cast.n_slab, :2].T).T
    moved[:, : cast.n_slab, :2] -= np.rint(scaled) @ plane
    for atoms in np.split(np.arange(cast.n_slab, positions.shape[1]), cast.molecules) if cast.molecules > 1 else ():
        there = np.isfinite(moved[:, atoms, 0]).any(axis=1)
        if there.any():  # each in the cell, as it was last
            middle = np.nanmean(moved[np.flatnonzero(there)[-1], atoms, :2], axis=0)
            moved[:, atoms, :2] -= np.rint(np.linalg.solve(plane.T, middle)) @ plane
    return np.asarray(moved)


def examples(modes: Iterable[Mode], number: int) -> list[int]:
    """Which of the trajectories with these modes are shown: the first of each mode, then the second of each, ...

    Their indices, in order, `number` at most; failed ones come last.
    """
    seen: dict[Mode, int] = {}
    ranked = []
    for index, mode in enumerate(modes):
        seen[mode] = seen.get(mode, 0) + 1
        ranked.append((mode.kind is Kind.FAILED, seen[mode], mode.rank, index))
    return sorted(index for *_, index in sorted(ranked)[:number])
