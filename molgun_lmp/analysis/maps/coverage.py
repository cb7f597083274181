"""How densely trajectories sampled the space above the surface: the lowest point of a group in each bin of the cell.

After Weiske et al., Digital Discovery 2026, 5, 1501, Fig. 6. There a bin is "one thousandth of the unit cell,
corresponding to an area of 0.0015 Å²", which do not agree; the area is taken here, and it can be chosen.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final, Self

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.surface.minimum_image import MinimumImage

PAPER_BIN_AREA: Final = 0.0015
"""Å²."""
_SAME_SITE_ANGSTROM: Final = 1.0
_ORDERS: Final = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grid:
    """Bins of the surface cell, or of the part of it that symmetry leaves.

    `plane` (2, 2) Å, rows are the cell's vectors; `shape`: bins along each; `fold`: into how many equal parts each
    vector is cut, which are laid on each other; `mirror`: whether also halves of a part are, at `origin` (fractional).
    """

    plane: FloatArray
    shape: tuple[int, int]
    fold: tuple[int, int] = (1, 1)
    mirror: tuple[bool, bool] = (False, False)
    origin: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(
        cls,
        cell: FloatArray,
        *,
        bin_area: float = PAPER_BIN_AREA,
        fold: tuple[int, int] = (1, 1),
        mirror: tuple[bool, bool] = (False, False),
        origin: tuple[float, float] = (0.0, 0.0),
    ) -> Self:
        """The grid whose bins have equal sides and come nearest to `bin_area` Å².

        Raises `ConfigError` for a mirror in a cell without right angles, and for bins without area or larger than
        the cell.
        """
        plane = np.array(cell[:2, :2], dtype=np.float64)
        lengths = np.linalg.norm(plane, axis=1)
        if any(mirror) and abs(plane[0] @ plane[1]) > 1e-6 * lengths.prod():
            raise ConfigError("a mirror needs a rectangular surface cell, and this one is none: fold without it.")
        parts = [count * (2 if flip else 1) for count, flip in zip(fold, mirror, strict=True)]
        if not bin_area > 0.0:
            raise ConfigError(f"a bin of {bin_area:g} Å²: its area has to be above 0.")
        if min(parts) < 1 or not bin_area <= lengths.prod() / np.prod(parts):
            raise ConfigError(
                f"a bin of {bin_area:g} Å² does not fit the cell's part of {lengths[0] / parts[0]:.2f} x "
                f"{lengths[1] / parts[1]:.2f} Å: use smaller bins, or fold less."
            )
        side = float(bin_area * lengths.prod() / abs(np.linalg.det(plane))) ** 0.5
        along = [max(1, round(float(length) / part / side)) for length, part in zip(lengths, parts, strict=True)]
        return cls(plane=plane, shape=(along[0], along[1]), fold=fold, mirror=mirror, origin=origin)

    @property
    def bins(self) -> int:
        """Number of bins."""
        return self.shape[0] * self.shape[1]

    @property
    def area(self) -> float:
        """Of one bin, Å²."""
        parts = np.prod(self._parts)
        return float(abs(np.linalg.det(self.plane)) / parts / self.bins)

    def bin_of(self, xy: FloatArray) -> IntArray:
        """(M,) the bin of each point (M, 2) in Å, wrapped into the cell and folded."""
        part = (np.linalg.solve(self.plane.T, xy.T).T - self.origin) * self.fold % 1.0
        for axis, flip in enumerate(self.mirror):
            if flip:
                part[:, axis] = 2.0 * np.minimum(part[:, axis], 1.0 - part[:, axis])
        index = np.minimum((part * self.shape).astype(np.int64), np.array(self.shape) - 1)
        return np.asarray(index[:, 0] * self.shape[1] + index[:, 1])

    def visit(self, path: FloatArray) -> tuple[IntArray, FloatArray]:
        """The bins that a path (T, 3) Å touches, and the lowest z in each."""
        return _lowest(self.bin_of(path[:, :2]), path[:, 2])

    def middle_of(self, bins: IntArray) -> FloatArray:
        """(M, 2) Å: the middles of bins, in the part of the cell that the grid covers, which begins at its corner."""
        index = np.column_stack([bins // self.shape[1], bins % self.shape[1]])
        return np.asarray((index + 0.5) / self.shape / self._parts @ self.plane)

    def corner(self) -> FloatArray:
        """(2,) Å: where the covered part begins in the cell."""
        return np.asarray(np.array(self.origin) @ self.plane)

    @property
    def covered(self) -> FloatArray:
        """(2, 2) Å: the vectors of the covered part, as rows."""
        return np.asarray(self.plane / self._parts[:, None])

    @property
    def _parts(self) -> IntArray:
        return np.array([n * (2 if flip else 1) for n, flip in zip(self.fold, self.mirror, strict=True)])


def require_symmetry(grid: Grid, sites: FloatArray) -> None:
    """Raise `ConfigError` where folding would lay unlike things on each other.

    `sites` (M, 3) Å, the atoms of the top layer: every one must come to lie within 1 Å (in the plane) of another, since
    dimers buckle to either side.
    """
    lattice = MinimumImage.of_cell(np.block([[grid.plane, np.zeros((2, 1))], [0.0, 0.0, 1.0]]))
    flat = np.column_stack([sites[:, :2], np.zeros(len(sites))])
    steps = {f"1/{n} of vector {axis + 1}": (axis, 1.0 / n) for axis, n in enumerate(grid.fold) if n > 1}
    moved = {name: flat + np.append(share * grid.plane[axis], 0.0) for name, (axis, share) in steps.items()}
    for axis, flip in enumerate(grid.mirror):
        if flip:
            along = grid.plane[axis] / np.linalg.norm(grid.plane[axis])
            away = (flat[:, :2] - grid.corner()) @ along
            mirrored = flat[:, :2] - 2.0 * away[:, None] * along
            moved[f"the mirror along vector {axis + 1}"] = np.column_stack([mirrored, np.zeros(len(flat))])
    for name, points in moved.items():
        farthest = float(lattice.distances(points, flat).min(axis=1).max())
        if farthest > _SAME_SITE_ANGSTROM:
            raise ConfigError(
                f"{name} is no symmetry of the top layer: it puts an atom {farthest:.2f} Å from the nearest other. "
                "Fold by what is one."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Visits:
    """Where one point of the molecule was: K triples of `trajectory` (rank among all), `bin` and lowest `z` (Å)."""

    grid: Grid
    trajectories: int
    trajectory: IntArray
    bin: IntArray
    z: FloatArray

    @classmethod
    def of(cls, grid: Grid, visited: Sequence[tuple[IntArray, FloatArray]]) -> Self:
        """From what `Grid.visit` gave for each trajectory, in order; z is counted from wherever the paths count it."""
        return cls(
            grid=grid,
            trajectories=len(visited),
            trajectory=np.repeat(np.arange(len(visited)), [len(bins) for bins, _ in visited]),
            bin=np.concatenate([np.empty(0, dtype=np.int64), *(bins for bins, _ in visited)]),
            z=np.concatenate([np.empty(0), *(z for _, z in visited)]),
        )

    def lowest(self, first: int) -> "Lowest":
        """The lowest visit of each bin by the first trajectories."""
        here = np.flatnonzero(self.trajectory < first)
        order = here[np.lexsort((self.trajectory[here], self.z[here], self.bin[here]))]
        _, starts = np.unique(self.bin[order], return_index=True)
        chosen = order[starts]
        return Lowest(bin=self.bin[chosen], z=self.z[chosen], trajectory=self.trajectory[chosen])

    def coverage(self, numbers: Sequence[int], below: float = np.inf) -> tuple["Coverage", ...]:
        """Share of the bins visited by so many trajectories: by the first ones, and over twenty random orders.

        `below`: only visits lower than this count, Å. A shuffled order says what the order of the shots adds by chance.
        """
        low = self.z < below
        rank, bins = self.trajectory[low], self.bin[low]
        rng = np.random.default_rng(0)
        shares = [self._shares(np.arange(self.trajectories), rank, bins, numbers)]
        shares += [self._shares(rng.permutation(self.trajectories), rank, bins, numbers) for _ in range(_ORDERS)]
        table = np.array(shares)
        return tuple(
            Coverage(
                trajectories=number,
                share=float(table[0, i]),
                lowest=float(table[1:, i].min()),
                mean=float(table[1:, i].mean()),
                highest=float(table[1:, i].max()),
            )
            for i, number in enumerate(numbers)
        )

    def _shares(self, place: IntArray, rank: IntArray, bins: IntArray, numbers: Sequence[int]) -> list[float]:
        """`place` (trajectories,): when each trajectory comes."""
        _, first_place = _lowest(bins, place[rank].astype(np.float64))
        return [float((first_place < number).sum()) / self.grid.bins for number in numbers]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lowest:
    """Visited bins (M,), the lowest z (M,) Å in each, and whose it was (M,)."""

    bin: IntArray
    z: FloatArray
    trajectory: IntArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coverage:
    """Share of the bins that a number of trajectories visited, in order, and over random orders of all."""

    trajectories: int
    share: float
    lowest: float
    mean: float
    highest: float


def nested_sizes(total: int) -> tuple[int, ...]:
    """10, 100, 1000, ... below the total, and the total."""
    sizes = [10**power for power in range(1, 9) if 10**power < total]
    return (*sizes, total)


def _lowest(keys: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """The different keys in order, and the smallest value of each."""
    order = np.lexsort((values, keys))
    found, starts = np.unique(keys[order], return_index=True)
    smallest: FloatArray = values[order][starts]
    return found, smallest
