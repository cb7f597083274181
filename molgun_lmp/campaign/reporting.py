"""`molgun report`: the analysis with its figures on one page."""

import datetime
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.analysis.figures import HeightTrace, draw_energy_drift, draw_heights, draw_modes
from molgun_lmp.analysis.impact_map import draw_impacts
from molgun_lmp.analysis.pictures import Snapshot, draw_structures
from molgun_lmp.analysis.plotting import FigureFiles
from molgun_lmp.analysis.report import ReportContent, write_report
from molgun_lmp.analysis.timelines import draw_timelines
from molgun_lmp.campaign.analysing import Analysis, Ended, clean_surface, frames_of, planned_start
from molgun_lmp.campaign.store import Store
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.surface import Surface
from molgun_lmp.training.card import read_card

PAGE_NAME: Final = "report.html"
FIGURES_FOLDER: Final = "figures"

_PICTURES: Final = 12
_POINTS: Final = 400


def report(store: Store, analysis: Analysis) -> Path:
    """Draw all figures, write the page, and give its path. Raises `CampaignError` where no trajectory has ended."""
    if not analysis.ended:
        raise CampaignError(
            f"campaign {store.manifest.name} has no ended trajectory yet: nothing to report. `molgun run {store.root}` "
            "fires them."
        )
    folder = store.analysis / FIGURES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    config = store.config()
    card = read_card(store.model)
    content = ReportContent(
        title=f"Campaign {store.manifest.name}",
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        summary=analysis.summary,
        outcomes=[one.outcome for one in analysis.ended],
        shots=[(one.folder.id, one.shot) for one in analysis.ended],
        results=[one.result for one in analysis.ended],
        figures=_figures(store, analysis, folder),
        level_of_theory=store.manifest.level_of_theory,
        protocol=config.model_dump(mode="json"),
        model_card=card.model_dump(mode="json", exclude={"versions", "training", "errors", "parity"}),
        provenance=_provenance(store, analysis),
        lammps_files={one.folder.id: str(one.folder.path.relative_to(store.root)) for one in analysis.ended},
    )
    return write_report(store.analysis / PAGE_NAME, content)


def _figures(store: Store, analysis: Analysis, folder: Path) -> list[FigureFiles]:
    config = store.config()
    ended = analysis.ended
    surface = clean_surface(store)
    traces, snapshots = _paths(store, ended, surface)
    start = planned_start(ended[0].folder, surface)
    top = np.flatnonzero(surface.top)
    place = {int(atom): rank for rank, atom in enumerate(top)}
    dimers = np.array([[place[int(atom)] for atom in pair] for pair in surface.dimers], dtype=np.int64)
    conserves = config.dynamics.ensemble == "nve" and config.dynamics.bath is None
    return [
        draw_modes(analysis.summary, folder),
        draw_structures(snapshots, folder),
        draw_timelines([one.outcome for one in ended], folder),
        draw_heights(traces, folder),
        draw_impacts(
            np.array([one.shot.impact_xy_angstrom for one in ended]),
            [one.outcome.mode for one in ended],
            folder,
            cell=start.cell,
            top_layer=start.positions[top],
            dimers=dimers.reshape(-1, 2),
        ),
        draw_energy_drift(
            [one.result for one in ended],
            folder,
            drift_limit=config.dynamics.max_drift_ev_per_atom_per_ps if conserves else None,
            excursion_limit=config.dynamics.max_excursion_ev_per_atom if conserves else None,
        ),
    ]


def _paths(store: Store, ended: tuple[Ended, ...], surface: Surface) -> tuple[list[HeightTrace], list[Snapshot]]:
    """Height against time of every trajectory, and the last structure of the first few."""
    n_slab, timestep_ps = store.manifest.n_slab, store.config().dynamics.timestep_fs / 1000.0
    traces: list[HeightTrace] = []
    snapshots: list[Snapshot] = []
    for one in ended:
        times: list[float] = []
        heights: list[float] = []
        last = None
        for last in frames_of(one.folder, one.result):
            times.append(last.step * timestep_ps)
            heights.append(float(last.unwrapped[n_slab:, 2].min()) - surface.plane_z)
        if last is None:
            continue
        stride = max(1, len(times) // _POINTS)
        traces.append(
            HeightTrace(
                trajectory_id=one.folder.id,
                mode=one.outcome.mode,
                time_ps=np.array(times[::stride]),
                height_angstrom=np.array(heights[::stride]),
            )
        )
        if len(snapshots) < _PICTURES and np.isfinite(last.positions).all():
            snapshots.append(
                Snapshot(
                    title=one.folder.id,
                    mode=one.outcome.mode,
                    symbols=last.symbols,
                    positions=last.unwrapped,
                    cell=last.cell,
                    n_slab=n_slab,
                    surface_z_angstrom=surface.plane_z,
                    bonds=tuple((atom, site) for atom, site, _ in one.outcome.bonds),
                )
            )
    return traces, snapshots


def _provenance(store: Store, analysis: Analysis) -> dict[str, object]:
    manifest = store.manifest
    results = [one.result for one in analysis.ended]
    return {
        "planned": manifest.created,
        "engine": f"{manifest.engine}, {manifest.engine.threads} thread(s) a worker",
        "ran on": sorted({result.host for result in results}),
        "wall time of all trajectories": f"{sum(result.wall_s for result in results):.0f} s",
        "versions at planning": manifest.versions,
        "SHA-256": {**manifest.files, "slab pool": manifest.pools["slab"], "molecule pool": manifest.pools["molecule"]},
        "deck template SHA-256": manifest.template,
    }
