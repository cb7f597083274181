"""One walk over the stored trajectories, which gathers everything that the report draws of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import ase.io
import numpy as np

from molgun_lmp.analysis.bonds import BondLimits
from molgun_lmp.analysis.dumps import Frame
from molgun_lmp.analysis.figures import HeightTrace
from molgun_lmp.analysis.movies import Cast, Movie, Thinned, examples, frames_for
from molgun_lmp.analysis.pictures import Snapshot
from molgun_lmp.analysis.sampling import Grid, Visits
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.campaign.analysing import Ended, frames_of, planned_start
from molgun_lmp.campaign.store import Store
from molgun_lmp.gun.surface import Surface
from molgun_lmp.units import FS_PER_PS

_SHOWN: Final = 12
_POINTS: Final = 400

Advance = Callable[[int], None]
"""Called with the number of trajectories read."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Walk:
    """What was gathered, trajectories in order; pictures and movies of the first ones of each mode.

    `visits`: name of a point of the molecule -> where it was, its z from the clean slab's highest atom.
    """

    traces: tuple[HeightTrace, ...]
    snapshots: tuple[Snapshot, ...]
    movies: tuple[Movie, ...]
    cast: Cast
    visits: Mapping[str, Visits]


def walk(store: Store, ended: Sequence[Ended], surface: Surface, advance: Advance | None = None) -> Walk:
    """Read every dump once. Raises `InputFileError` for a damaged one."""
    cast = _cast(store, ended[0], surface)
    shown = set(examples([one.outcome.mode for one in ended], _SHOWN))
    kept = frames_for(len(shown), len(cast.symbols))
    timestep_ps = store.config().dynamics.timestep_fs / FS_PER_PS
    top, points = highest_z(store), points_of(store)
    traces: list[HeightTrace] = []
    snapshots: list[Snapshot] = []
    movies: list[Movie] = []
    grid = Grid.of(cast.cell)
    visited: dict[str, list[tuple[IntArray, FloatArray]]] = {name: [] for name in points}
    for index, one in enumerate(ended):
        thinned = Thinned[Frame](kept)
        times: list[float] = []
        heights: list[float] = []
        followed: dict[str, list[FloatArray]] = {name: [] for name in points}
        for frame in frames_of(one.folder, one.result):
            if not np.isfinite(frame.positions).all():
                break
            molecule = frame.unwrapped[cast.n_slab :]
            times.append(frame.step * timestep_ps)
            heights.append(float(molecule[:, 2].min()) - cast.surface_z)
            for name, atoms in points.items():
                followed[name].append(molecule[list(atoms)].mean(axis=0) - [0.0, 0.0, top])
            if index in shown:
                thinned.add(frame)
        for name, path in followed.items():
            visited[name].append(grid.visit(np.array(path).reshape(-1, 3)))
        if times:
            traces.append(_trace(one, times, heights))
        frames = thinned.items()
        if frames:
            snapshots.append(_snapshot(one, frames[-1], cast))
            movies.append(_movie(one, frames, timestep_ps))
        if advance is not None:
            advance(index + 1)
    return Walk(
        traces=tuple(traces),
        snapshots=tuple(snapshots),
        movies=tuple(movies),
        cast=cast,
        visits={name: Visits.of(grid, visited[name]) for name in points},
    )


def points_of(store: Store) -> dict[str, tuple[int, ...]]:
    """The points that the maps follow, each the centre of some atoms (counted within the molecule): the centres of the
    campaign's groups, or of the whole molecule where it has none."""
    groups = {name: tuple(pair) for name, pair in store.config().system.molecule.groups.items()}
    return groups or {"molecule": tuple(range(store.manifest.n_atoms - store.manifest.n_slab))}


def highest_z(store: Store) -> float:
    """z of the clean slab's highest atom, Å."""
    return float(np.asarray(ase.io.read(store.slab, format="extxyz").positions)[:, 2].max())


def _cast(store: Store, one: Ended, surface: Surface) -> Cast:
    config, n_slab = store.config(), store.manifest.n_slab
    start = planned_start(one.folder, surface)
    molecule, slab = (tuple(dict.fromkeys(part)) for part in (start.symbols[n_slab:], start.symbols[:n_slab]))
    limits = BondLimits.of(molecule, slab, config.outcomes).surface
    return Cast(
        symbols=start.symbols,
        n_slab=n_slab,
        cell=start.cell,
        surface_z=surface.plane_z,
        groups=config.system.molecule.groups,
        across={(a, b): float(limits[i, j]) for i, a in enumerate(molecule) for j, b in enumerate(slab)},
    )


def _trace(one: Ended, times: Sequence[float], heights: Sequence[float]) -> HeightTrace:
    stride = max(1, len(times) // _POINTS)
    return HeightTrace(
        trajectory_id=one.folder.id,
        mode=one.outcome.mode,
        time_ps=np.array(times[::stride]),
        height_angstrom=np.array(heights[::stride]),
    )


def _snapshot(one: Ended, last: Frame, cast: Cast) -> Snapshot:
    return Snapshot(
        title=one.folder.id,
        mode=one.outcome.mode,
        symbols=last.symbols,
        positions=last.unwrapped,
        cell=last.cell,
        n_slab=cast.n_slab,
        surface_z_angstrom=cast.surface_z,
        bonds=tuple((atom, site) for atom, site, _ in one.outcome.bonds),
    )


def _movie(one: Ended, frames: Sequence[Frame], timestep_ps: float) -> Movie:
    first = frames[0].step
    return Movie(
        trajectory_id=one.folder.id,
        mode=one.outcome.mode,
        times_ps=np.array([(frame.step - first) * timestep_ps for frame in frames]),
        positions=np.array([frame.unwrapped for frame in frames]),
        events=one.outcome.events,
    )
