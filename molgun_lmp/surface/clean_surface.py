"""The clean surface: layers, surface plane, dimers and rows, found from the slab's geometry alone."""

import dataclasses
import functools
import itertools
from typing import Final

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.errors import GeometryError
from molgun_lmp.surface.dimers import find_dimers
from molgun_lmp.surface.layers import assign_layers
from molgun_lmp.surface.minimum_image import MinimumImage
from molgun_lmp.surface.site_net import SiteNet
from molgun_lmp.surface.terraces import terrace_layers
from molgun_lmp.surface.widest_gap import widest_gap

NO_LAYER: Final = -1
"""Layer of the slab's hydrogen, which saturates it and belongs to no layer."""
NO_DIMER: Final = -1
"""Dimer of an atom that is in none."""
_NEXT_TO: Final = 1.25  # of the shortest distance in the layer; second neighbours of a square layer are at 1.41
_LEAST_VACUUM: Final = 5.0  # Å; less than this between the slab and its own image is no surface


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surface:
    """What the clean slab's N atoms are; +z is up, dimers 0..D-1. Positions in Å.

    `plane_z`: mean z of the top layer; `layer` (N,): 0 for the top layer, `NO_LAYER` for hydrogen; `dimers` (D, 2) slab
    atoms (D = 0 for a surface without dimers); `dimer` (N,): the dimer of each atom or `NO_DIMER`; `row` (D,): the row
    of each dimer; `neighbours` (M, 2): dimers side by side in a row; `side` (N,): +1 or -1, which end of its dimer an
    atom is, comparable within one row, 0 outside dimers; `adjacent` (N, N): atoms of one layer that are next to each
    other; `lattice`: shortest vectors in the slab's cell; `symbols` and `positions` (N, 3): the slab itself.
    """

    symbols: tuple[str, ...]
    positions: FloatArray
    plane_z: float
    layer: IntArray
    dimers: IntArray
    dimer: IntArray
    row: IntArray
    neighbours: IntArray
    side: IntArray
    adjacent: BoolArray
    lattice: MinimumImage

    @property
    def n_layers(self) -> int:
        """Number of layers, hydrogen not counted."""
        return int(self.layer.max()) + 1

    @property
    def top(self) -> BoolArray:
        """(N,) True for the atoms of the top layer."""
        mask: BoolArray = self.layer == 0
        return mask

    @property
    def top_dimers(self) -> IntArray:
        """(D, 2) the dimers' atoms, counted within the top layer."""
        rank = np.cumsum(self.top) - 1
        return rank[self.dimers].reshape(-1, 2)

    @functools.cached_property
    def nets(self) -> tuple[SiteNet, ...]:
        """The sites of the two uppermost layers, such as the rows of oxygen and the plane below them of rutile(110)."""
        layers = [np.flatnonzero(self.layer == number) for number in range(3)]
        return tuple(
            SiteNet.of(self.positions, members, beneath, self.lattice)
            for members, beneath in itertools.pairwise(layers)
            if len(members)
        )

    def moved(self, slab: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far each atom is from its place, (F, N, 3) Å, and the drift of all of them (F, 1, 3) Å, in F frames
        (F, N, 3) Å; the drift is that of most atoms, since a file may have wrapped the lowest to the cell's top."""
        moved: FloatArray = slab - self.positions
        drift = np.median(moved, axis=1, keepdims=True)
        return self.lattice.shortest(moved - drift), drift

    def in_words(self) -> str:
        """Layers and dimers, such as `6 layers, 8 dimers in 2 rows`."""
        dimers, rows = len(self.dimers), len(set(self.row.tolist()))
        found = f"{dimers} dimer{'' if dimers == 1 else 's'} in {rows} row{'' if rows == 1 else 's'}"
        return f"{self.n_layers} layers, {found if dimers else 'no dimers: sites are named by the atoms'}"

    def without_dimers(self) -> "Surface":
        """The same surface, its sites named by atoms alone."""
        return dataclasses.replace(
            self,
            dimers=self.dimers[:0],
            dimer=np.full_like(self.dimer, NO_DIMER),
            row=self.row[:0],
            neighbours=self.neighbours[:0],
            side=np.zeros_like(self.side),
        )

    def are_neighbours(self, first: int, second: int) -> bool:
        """Whether two dimers lie side by side in one row."""
        pair = {first, second}
        return any({int(a), int(b)} == pair for a, b in self.neighbours)


def find_surface(slab: Atoms) -> Surface:
    """Layers, plane, dimers and rows of a clean slab with its vacuum above it along +z.

    Layers are told by heights, and on a stepped surface by neighbours, the terraces together being the top one.
    The order of atoms, periodic shifts (also along z), rotations about z and the choice of in-plane vectors do not
    matter; dimers may be flat or buckled, at rest or at several hundred kelvin. Any slab of one or more elements
    serves; hydrogen saturates and belongs to no layer.

    Raises `GeometryError` for a slab without atoms other than hydrogen, with positions that are not numbers, with an
    in-plane cell that is none, or without a vacuum of 5 Å.
    """
    positions = np.asarray(slab.positions, dtype=np.float64).copy()
    heavy = np.asarray(slab.numbers) != 1
    if not heavy.any():
        raise GeometryError(
            f"no surface in these {len(slab)} atoms: a slab needs atoms other than hydrogen. "
            "Check which atoms of the structure were taken for the slab."
        )
    if not np.isfinite(positions).all():
        raise GeometryError("the slab's positions hold NaN or infinity: take a structure from before the run blew up.")
    lattice = MinimumImage.of_cell(np.asarray(slab.cell[:], dtype=np.float64))
    positions[:, 2] = _unwrapped_heights(positions[:, 2], float(slab.cell[2, 2]))
    layer = np.full(len(slab), NO_LAYER, dtype=np.int64)
    symbols = [symbol for symbol in slab.get_chemical_symbols() if symbol != "H"]
    terraces = terrace_layers(symbols, positions[heavy], np.asarray(slab.cell[:]))
    layer[heavy] = assign_layers(positions[heavy, 2]) if terraces is None else terraces
    top = np.flatnonzero(layer == 0)
    found = find_dimers(positions[top], lattice)
    dimer = np.full(len(slab), NO_DIMER, dtype=np.int64)
    side = np.zeros(len(slab), dtype=np.int64)
    dimers = top[found.pairs]
    dimer[dimers] = np.arange(len(dimers))[:, None]
    side[dimers] = found.side
    return Surface(
        symbols=tuple(slab.get_chemical_symbols()),
        positions=positions,
        plane_z=float(positions[top, 2].mean()),
        layer=layer,
        dimers=dimers,
        dimer=dimer,
        row=found.row,
        neighbours=found.neighbours,
        side=side,
        adjacent=_adjacent(positions, layer, lattice),
        lattice=lattice,
    )


def _adjacent(positions: FloatArray, layer: IntArray, lattice: MinimumImage) -> BoolArray:
    adjacent = np.zeros((len(layer), len(layer)), dtype=np.bool_)
    for number in range(int(layer.max()) + 1):
        members = np.flatnonzero(layer == number)
        distances = lattice.distances(positions[members], positions[members])
        np.fill_diagonal(distances, np.inf)
        nearest = float(np.median(distances.min(axis=1)))
        adjacent[np.ix_(members, members)] = distances < _NEXT_TO * nearest
    return adjacent


def _unwrapped_heights(heights: FloatArray, cell_height: float) -> FloatArray:
    """Heights with the slab in one piece below its vacuum; a dump may have wrapped its lowest atoms to the top."""
    if cell_height <= 0:
        return heights
    inside = heights % cell_height
    gap = widest_gap(heights, cell_height)
    if gap.width < _LEAST_VACUUM:
        raise GeometryError(
            f"no surface: the largest gap along z is {gap.width:.2f} Å in a cell {cell_height:.2f} Å high, and "
            f"a slab needs a vacuum of {_LEAST_VACUUM:g} Å or more above it. Make the cell higher."
        )
    whole = np.where(inside > gap.below, inside - cell_height, inside)
    turns = np.rint((whole - heights) / cell_height)
    # The top layer stays where the structure has it, so that the plane is in the structure's own coordinates.
    unwrapped: FloatArray = heights + (turns - turns[np.argmax(whole)]) * cell_height
    return unwrapped
