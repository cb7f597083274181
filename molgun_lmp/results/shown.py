"""What the report draws of the trajectories themselves: heights, temperatures and maps from their tracks, pictures and
movies from a few frames of a few of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.figures.modes_heights_energy import HeightTrace
from molgun_lmp.analysis.figures.structures import Snapshot
from molgun_lmp.analysis.figures.temperatures import HeatTrace
from molgun_lmp.analysis.maps.coverage import Grid, Visits
from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.report.movies import Cast, Movie, Thinned, examples, frames_for
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.planned_start import adsorbed, planned_start
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.results.analyse import Analysis
from molgun_lmp.results.chain_movies import ChainMovies, in_cast, with_all_doses
from molgun_lmp.results.decided import Ended, doses_of_a_chain, own_dose
from molgun_lmp.results.ended import chosen_frames, has_dump
from molgun_lmp.results.one_pass import Track
from molgun_lmp.results.tracks import Tracks
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.units import FS_PER_PS

_SHOWN: Final = 12
_POINTS: Final = 400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown:
    """What was gathered, trajectories in order; pictures and movies of the first ones of each mode.

    `visits`: name of a point of the molecule -> where it was, its z from the clean slab's highest atom.
    """

    traces: tuple[HeightTrace, ...]
    snapshots: tuple[Snapshot, ...]
    movies: tuple[Movie, ...]
    cast: Cast
    visits: Mapping[str, Visits]
    heat: tuple[HeatTrace, ...]
    """Of those that came into contact, where velocities were stored."""


def shown(store: Store, analysis: Analysis, surface: Surface) -> Shown:
    """Gather it. A dump is read for the few frames that are shown of it, and where no track of it is kept; those that
    are gone are not shown.

    Raises `InputFileError` for a damaged one.
    """
    ended, config = analysis.ended, store.config()
    cast = with_all_doses(store, _cast(store, ended[0], surface))
    there = [index for index, one in enumerate(ended) if has_dump(one.folder, one.result)]
    chosen = {there[place] for place in examples([ended[index].outcome.mode for index in there], _SHOWN)}
    kept = frames_for(len(chosen), len(cast.symbols))
    timestep_ps = config.dynamics.timestep_fs / FS_PER_PS
    top = np.array([0.0, 0.0, store.clean_slab.positions[:, 2].max()])
    tracks, grid = Tracks.of(store), Grid.of(cast.cell)
    traces: list[HeightTrace] = []
    heat: list[HeatTrace] = []
    snapshots: list[Snapshot] = []
    movies: list[Movie] = []
    chains = ChainMovies(cast, doses_of_a_chain(config))
    visited: dict[str, list[tuple[IntArray, FloatArray]]] = {name: [] for name in tracks.points}
    for index, (one, key) in enumerate(zip(ended, analysis.keys, strict=True)):
        track = tracks.track(one, key)
        for name, path in track.points.items():
            visited[name].append(grid.visit(path - top))
        if not len(track.steps):
            continue
        traces.append(_trace(one, track, timestep_ps, cast.surface_z))
        heat += _heat(one, track, timestep_ps)
        if index in chosen:
            frames = _thinned(one, len(track.steps), kept)
            snapshots.append(_snapshot(one, frames[-1], cast))
            movies.append(_movie(one, frames, timestep_ps, cast, own_dose(config, one.shot)))
        chains.add(one, len(track.steps))
    return Shown(
        traces=tuple(traces),
        snapshots=tuple(snapshots),
        movies=(*chains.result(), *movies),
        cast=cast,
        visits={name: Visits.of(grid, paths) for name, paths in visited.items()},
        heat=tuple(heat),
    )


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


def _thinned(one: Ended, frames: int, kept: int) -> list[Frame]:
    """An even selection of a trajectory's first frames, the last of these among them."""
    places = Thinned[int](kept)
    for place in range(frames):
        places.add(place)
    return list(chosen_frames(one.folder, one.result, frozenset(places.items()), velocities=False))


def _trace(one: Ended, track: Track, timestep_ps: float, surface_z: float) -> HeightTrace:
    stride = max(1, len(track.steps) // _POINTS)
    return HeightTrace(
        trajectory_id=one.folder.id,
        mode=one.outcome.mode,
        time_ps=np.asarray(track.steps[::stride] * timestep_ps, dtype=np.float64),
        height_angstrom=track.lowest_z[::stride] - surface_z,
    )


def _heat(one: Ended, track: Track, timestep_ps: float) -> list[HeatTrace]:
    contact = one.outcome.first_contact_ps
    if track.temperatures is None or contact is None:
        return []
    times_ps = (track.steps - track.steps[0]) * timestep_ps - contact
    return [
        HeatTrace(
            trajectory_id=one.folder.id,
            mode=one.outcome.mode,
            stuck=one.outcome.stuck,
            after_contact_ps=np.asarray(times_ps, dtype=np.float64),
            temperatures=track.temperatures,
        )
    ]


def _snapshot(one: Ended, last: Frame, cast: Cast) -> Snapshot:
    others = adsorbed(one.folder, cast.n_slab)
    n_adsorbed = others.stop - others.start
    return Snapshot(
        title=one.folder.id,
        mode=one.outcome.mode,
        symbols=last.symbols,
        positions=last.unwrapped,
        cell=last.cell,
        n_slab=cast.n_slab,
        surface_z_angstrom=cast.surface_z,
        bonds=tuple((atom + n_adsorbed, site) for atom, site, _ in one.outcome.bonds),
        n_adsorbed=n_adsorbed,
    )


def _movie(one: Ended, frames: Sequence[Frame], timestep_ps: float, cast: Cast, dose: int) -> Movie:
    first = frames[0].step
    return Movie(
        trajectory_id=one.folder.id,
        mode=one.outcome.mode,
        times_ps=np.array([(frame.step - first) * timestep_ps for frame in frames]),
        positions=np.array([in_cast(frame, one, cast, dose) for frame in frames]),
        events=one.outcome.events,
    )
