"""`molgun report`: the analysis with its figures on one page."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.analysis.figures.binding import draw_binding
from molgun_lmp.analysis.figures.comparison import Compared, draw_mode_comparison
from molgun_lmp.analysis.figures.convergence import draw_settling, read_settling
from molgun_lmp.analysis.figures.coverage import draw_coverage, draw_sampling
from molgun_lmp.analysis.figures.impacts import draw_impacts
from molgun_lmp.analysis.figures.kinetics import draw_flow, draw_waiting
from molgun_lmp.analysis.figures.modes_heights_energy import draw_energy_drift, draw_heights, draw_modes
from molgun_lmp.analysis.figures.scattering import draw_energy_loss, draw_exit_directions
from molgun_lmp.analysis.figures.structures import draw_structures
from molgun_lmp.analysis.figures.temperatures import draw_temperatures
from molgun_lmp.analysis.figures.timelines import draw_timelines
from molgun_lmp.analysis.figures.trust import draw_trust, read_traces
from molgun_lmp.analysis.kinetics.heat import heat_sentence
from molgun_lmp.analysis.kinetics.survival import survival, wait_of
from molgun_lmp.analysis.report.page import ReportContent, write_report
from molgun_lmp.analysis.report.paper import PAPER_COSTS, is_paper_system
from molgun_lmp.analysis.statistics.halves import halves, halves_sentence
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.planned_start import planned_start
from molgun_lmp.errors import CampaignError
from molgun_lmp.geometry import formula_of
from molgun_lmp.models.card import read_card
from molgun_lmp.models.level_of_theory import level_warning
from molgun_lmp.plotting.figure_files import FigureFiles, figures_of, other_figures
from molgun_lmp.results.analyse import Analysis
from molgun_lmp.results.compare import Side, campaign_costs, cost_lines, one_scheme
from molgun_lmp.results.dosing import draw_dosing
from molgun_lmp.results.ended import clean_surface
from molgun_lmp.results.grid import FIGURES_FOLDER, draw_grid
from molgun_lmp.results.replay_verdict import verdicts_of
from molgun_lmp.results.scattering import CameBack
from molgun_lmp.results.shown import Shown, shown
from molgun_lmp.results.table_files import COSTS_NAME, read_trust, write_costs
from molgun_lmp.results.tables import RUNNING_CSV, complete_prefix
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.units import FS_PER_PS

PAGE_NAME: Final = "report.html"


def report(store: Store, analysis: Analysis, references: Sequence[Side] = (), also: Sequence[Path] = ()) -> Path:
    """Draw all figures, write the page, and give its path.

    `references` are drawn beside this campaign; `also` are folders with figures of other commands, besides those that
    the model's folder has. Raises `CampaignError` where no trajectory has ended, `InputFileError` for such a folder
    without a figure.
    """
    others = [*figures_of(store.model), *other_figures(also)]
    if not analysis.ended:
        raise CampaignError(
            f"campaign {store.manifest.name} has no ended trajectory yet: nothing to report. `molgun run {store.root}` "
            "fires them."
        )
    folder = store.analysis / FIGURES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    config = store.config()
    card = read_card(store.model)
    surface = clean_surface(store)
    gathered = shown(store, analysis, surface)
    n_slab = gathered.cast.n_slab
    symbols = gathered.cast.symbols[:n_slab] + gathered.cast.molecule
    of_paper = is_paper_system(symbols, n_slab, gathered.cast.groups)
    costs = [*campaign_costs(store, analysis), *cost_lines(references), *(PAPER_COSTS if of_paper else ())]
    write_costs(costs, folder / COSTS_NAME)
    figures = _figures(store, analysis, surface, gathered, folder)
    if analysis.grid is not None:
        figures.insert(0, draw_grid(store, analysis.grid))
    if analysis.dosing is not None:
        figures[:0] = draw_dosing(folder, store.scheme, analysis.dosing)
    if analysis.minima is not None and analysis.minima.binding:
        figures.append(draw_binding(analysis.minima, folder))
    trust = read_trust(store.analysis)
    traces = (
        read_traces(folder, {one.folder.id: one.outcome.mode for one in analysis.ended}) if trust is not None else []
    )
    if trust is not None and traces:
        figures.append(draw_trust(traces, folder, model=trust.model, border=trust.border))
    scheme = one_scheme([(store.manifest.name, store.scheme), *((one.name, one.scheme) for one in references)])
    own = Compared(store.manifest.name, analysis.summary, store.manifest.level_of_theory)
    sides = [
        own,
        *(Compared(one.name, summarise(scheme, one.outcomes), one.level_of_theory) for one in references),
    ]
    warning = level_warning([(one.name, one.level_of_theory) for one in sides]) if references else ""
    if references:
        figures.insert(1, draw_mode_comparison(sides, folder))
    content = ReportContent(
        title=f"Campaign {store.manifest.name}",
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        summary=analysis.summary,
        warnings=[said for said in (warning, *_scheme_remark(store), analysis.gone.sentence()) if said],
        outcomes=[one.outcome for one in analysis.ended],
        variants=analysis.variants,
        shots=[(one.folder.id, one.shot) for one in analysis.ended],
        results=[one.result for one in analysis.ended],
        figures=[*figures, *others],
        costs=costs,
        minima=analysis.minima,
        doses=() if analysis.dosing is None else analysis.dosing.sentences(),
        trust=trust,
        replays=[verdict.sentence() for verdict in verdicts_of(store)],
        cast=gathered.cast,
        movies=gathered.movies,
        level_of_theory=store.manifest.level_of_theory,
        system=f"{formula_of(symbols[n_slab:])} at {formula_of(symbols[:n_slab])}",
        paper_system=of_paper,
        protocol=config.model_dump(mode="json"),
        model_card=card.model_dump(mode="json", exclude={"versions", "training", "errors", "parity"}),
        provenance=_provenance(store, analysis),
        lammps_files={one.folder.id: str(one.folder.path.relative_to(store.root)) for one in analysis.ended},
    )
    return write_report(store.analysis / PAGE_NAME, content)


def _scheme_remark(store: Store) -> list[str]:
    """What to know where the classes are not those of the campaign's own scheme."""
    if store.scheme.identity == store.own_scheme.identity:
        return []
    return [f"Outcomes are decided by the scheme {store.scheme.name}, not by the campaign's own."]


def _figures(store: Store, analysis: Analysis, surface: Surface, gathered: Shown, folder: Path) -> list[FigureFiles]:
    config = store.config()
    ended = analysis.ended
    outcomes = [one.outcome for one in ended]
    modes = [outcome.mode for outcome in outcomes]
    waits = [wait for wait in map(wait_of, outcomes) if wait is not None]
    settling = read_settling(store.analysis / RUNNING_CSV, store.scheme)
    tested = halves_sentence(halves(store.scheme, complete_prefix(outcomes)))
    start = planned_start(ended[0].folder, surface)
    top, dimers = np.flatnonzero(surface.top), surface.top_dimers
    return [
        draw_modes(analysis.summary, folder),
        draw_structures(gathered.snapshots, folder),
        draw_timelines(outcomes, folder),
        draw_flow(outcomes, folder),
        *([draw_waiting(waits, survival(waits), folder)] if waits else []),
        *([draw_settling(settling, folder, sentence=tested)] if settling else []),
        draw_heights(gathered.traces, folder),
        draw_impacts(
            np.array([one.shot.impact_xy_angstrom for one in ended]),
            modes,
            folder,
            cell=start.cell,
            top_layer=start.positions[top],
            dimers=dimers,
        ),
        *(
            draw_sampling(
                visits,
                modes,
                folder,
                point=point,
                top_layer=start.positions[top],
                dimers=dimers,
                dump_every_ps=config.dynamics.dump_every_steps * config.dynamics.timestep_fs / FS_PER_PS,
                name=f"sampling-{point}",
            )
            for point, visits in gathered.visits.items()
        ),
        draw_coverage(gathered.visits, folder),
        *_scattering(analysis.came_back, folder),
        *([draw_temperatures(gathered.heat, folder, sentence=heat_sentence(outcomes))] if gathered.heat else []),
        draw_energy_drift(
            [one.result for one in ended],
            folder,
            drift_limit=config.dynamics.max_drift_ev_per_atom_per_ps,
            excursion_limit=config.dynamics.max_excursion_ev_per_atom,
        ),
    ]


def _scattering(found: CameBack, folder: Path) -> list[FigureFiles]:
    """The figures of what came back, as far as there is something to draw."""
    drawn = []
    if any(row.polar_deg is not None for row in found.rows):
        drawn.append(draw_exit_directions(found.rows, folder))
    if any(row.translation_lost_ev is not None for row in found.rows):
        drawn.append(draw_energy_loss(found.rows, found.clusters, folder))
    return drawn


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
