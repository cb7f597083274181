"""`molgun map`: where a group of the molecule went, over the surface cell, with the bins and the folding asked for."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.analysis.figures.coverage import draw_coverage, draw_sampling
from molgun_lmp.analysis.maps.coverage import Coverage, Grid, Visits, require_symmetry
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.results.analyse import Analysis
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.one_pass import points_of
from molgun_lmp.results.tracks import Tracks
from molgun_lmp.units import FS_PER_PS

_BUCKLING: Final = 1.0
"""Å."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapRequest:
    """What to map. `point`: a group of the campaign, or atoms of the molecule, such as `7,8`; None for its first group.

    `mirror`: at the middle of the first dimer, along the cell's vectors; `below`: coverage counts only what is lower
    than this above the topmost atom of the clean slab, Å; `sizes`: numbers of shots, the first ones.
    """

    point: str | None = None
    bin_area: float
    fold: tuple[int, int] = (1, 1)
    mirror: tuple[bool, bool] = (False, False)
    sizes: tuple[int, ...] = ()
    below: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mapped:
    """The two figures and what they say."""

    point: str
    grid: Grid
    figures: tuple[FigureFiles, FigureFiles]
    coverage: tuple[Coverage, ...]


def map_campaign(
    store: Store, analysis: Analysis, request: MapRequest, folder: Path, advance: Callable[[int], None] | None = None
) -> Mapped:
    """Draw the maps into a folder, from the tracks that the analysis left; of other atoms the dumps are read.

    Raises `CampaignError` where nothing has ended, `ConfigError` for a point that is none, for bins that do not fit,
    for a folding that is no symmetry of the clean surface, and for a size beyond what has ended.
    """
    ended = analysis.ended
    if not ended:
        raise CampaignError(f"campaign {store.manifest.name} has no ended trajectory yet: nothing to map.")
    too_many = [size for size in request.sizes if not 0 < size <= len(ended)]
    if too_many:
        raise ConfigError(f"--size {too_many[0]}: {len(ended)} trajectories have ended. Name a number from 1 to that.")
    name, atoms = _point(store, request.point)
    surface = clean_surface(store)
    slab = store.clean_slab
    dimers, sites, cell = surface.top_dimers, slab.positions[surface.top], slab.cell[:]
    origin = _mirror_origin(sites, dimers, cell)
    grid = Grid.of(
        cell, bin_area=request.bin_area, fold=request.fold, mirror=request.mirror,
        origin=origin if any(request.mirror) else (0.0, 0.0),
    )  # fmt: skip
    require_symmetry(grid, sites)
    visited, tracks, top_z = [], Tracks.of(store), np.array([0.0, 0.0, slab.positions[:, 2].max()])
    for number, (one, key) in enumerate(zip(ended, analysis.keys, strict=True)):
        visited.append(grid.visit(tracks.track(one, key, {name: atoms}).points[name] - top_z))
        if advance is not None:
            advance(number + 1)
    visits = Visits.of(grid, visited)
    dynamics = store.config().dynamics
    maps = draw_sampling(
        visits,
        [one.outcome.mode for one in ended],
        folder,
        point=name,
        top_layer=sites,
        dimers=dimers,
        sizes=request.sizes,
        dump_every_ps=dynamics.dump_every_steps * dynamics.timestep_fs / FS_PER_PS,
        name=f"map-{name}",
    )
    coverage = draw_coverage({name: visits}, folder, below=request.below, name=f"coverage-{name}")
    sizes = request.sizes or (len(ended),)
    found = visits.coverage(sizes, np.inf if request.below is None else request.below)
    return Mapped(point=name, grid=grid, figures=(maps, coverage), coverage=found)


def _point(store: Store, asked: str | None) -> tuple[str, tuple[int, ...]]:
    groups = points_of(store.config(), store.manifest.n_atoms - store.manifest.n_slab)
    if asked is None:
        return next(iter(groups.items()))
    if asked in groups:
        return asked, groups[asked]
    size = store.manifest.n_atoms - store.manifest.n_slab
    words = asked.split(",")
    if all(word.strip().isdecimal() and int(word) < size for word in words):
        return "atoms-" + "-".join(word.strip() for word in words), tuple(int(word) for word in words)
    raise ConfigError(
        f"--group {asked}: neither a group of the campaign ({', '.join(groups)}) nor atoms of the molecule (0 to "
        f"{size - 1}, such as 7,8)."
    )


def _mirror_origin(sites: FloatArray, dimers: IntArray, cell: FloatArray) -> tuple[float, float]:
    """Where the first dimer's middle would be without its buckling, in fractions of the cell's vectors.

    Buckling moves middles to either side, so along each vector it is the mean of all that lie within 1 Å of the first.
    Without dimers it is the first atom of the top layer.
    """
    scaled = np.linalg.solve(cell[:2, :2].T, sites[:, :2].T).T
    if not len(dimers):
        return float(scaled[0, 0]), float(scaled[0, 1])
    steps = scaled[dimers[:, 1]] - scaled[dimers[:, 0]]
    middles = scaled[dimers[:, 0]] + (steps - np.rint(steps)) / 2
    away = middles - middles[0]
    away -= np.rint(away)
    near = np.abs(away) * np.linalg.norm(cell[:2, :2], axis=1) < _BUCKLING
    u, v = middles[0] + (away * near).sum(axis=0) / near.sum(axis=0)
    return float(u), float(v)
