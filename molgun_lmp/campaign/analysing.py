"""`molgun analyse`: the outcome of every ended trajectory from its dump, and the campaign's table."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import ase.io

from molgun_lmp.analysis.dumps import Frame, read_frames
from molgun_lmp.analysis.following import Reference
from molgun_lmp.analysis.outcomes import decide
from molgun_lmp.analysis.quench import Minima
from molgun_lmp.analysis.summary import Summary, summarise, write_summary
from molgun_lmp.analysis.variants import Variant, variants, write_variants
from molgun_lmp.arrays import FloatArray
from molgun_lmp.atomic_files import json_bytes, replace_file
from molgun_lmp.campaign.deciding import decide_all
from molgun_lmp.campaign.minima import kept_minima, write_minima
from molgun_lmp.campaign.statistics_files import write_statistics
from molgun_lmp.campaign.store import Store, TrajectoryFolder
from molgun_lmp.campaign.until import counted, read_stopping, standing
from molgun_lmp.config import Campaign
from molgun_lmp.csv_files import csv_text
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.gun.surface import Surface, find_surface
from molgun_lmp.records import Outcome, Shot, TrajectoryResult

OUTCOMES_JSON: Final = "outcomes.json"
OUTCOMES_CSV: Final = "outcomes.csv"
SUMMARY_JSON: Final = "summary.json"
TABLE_CSV: Final = "table.csv"
VARIANTS_CSV: Final = "variants.csv"

_CSV_HEADER: Final = (
    *("trajectory", "mode", "detail", "stuck", "contact", "first_contact_ps", "first_bond_ps", "time_ps"),
    *("lowest_clearance_angstrom", "stop", "cause", "drift_ev_per_atom_per_ps", "energy_flagged"),
    *("minimum", "binding_energy_ev"),
    *("kick_energy_ev", "polar_deg", "azimuth_deg", "impact_x_angstrom", "impact_y_angstrom"),
    *("slab_snapshot", "molecule_snapshot", "reason"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """One ended trajectory: what was drawn, how its dynamics ended, what came of it."""

    folder: TrajectoryFolder
    shot: Shot
    result: TrajectoryResult
    outcome: Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Analysis:
    """A campaign's ended trajectories in order, and their table."""

    ended: tuple[Ended, ...]
    summary: Summary

    @functools.cached_property
    def variants(self) -> tuple[Variant, ...]:
        """How the bound molecules sit there, within their classes."""
        return variants([one.outcome for one in self.ended])

    def to_json(self) -> dict[str, Any]:
        """The table, how the bound molecules sit, and every outcome."""
        return {
            "summary": self.summary.to_json(),
            "variants": [one.to_json() for one in self.variants],
            "outcomes": [one.outcome.to_json() for one in self.ended],
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """The first frame of a trajectory as planned: `positions` (N, 3) and `cell` (3, 3) in Å."""

    symbols: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray


def analyse(store: Store, advance: Callable[[int], None] | None = None, *, processes: int | None = None) -> Analysis:
    """Decide all outcomes and store them in the campaign's `analysis/`; no dynamics is run, so it can be repeated.

    What was decided before from the same dumps, criteria and code is not decided again. `processes` read at a time,
    None for as many as there are cores and work for them. `advance` is called with the number of trajectories read.
    Raises `CampaignError` for a damaged result, `InputFileError` for a damaged dump.
    """
    config, surface = store.config(), clean_surface(store)
    results = [(folder, result) for folder in store.trajectories() if (result := folder.result()) is not None]
    ids = [folder.id for folder, _ in results]
    stopping = standing(read_stopping(store), ids)
    results = results[counted(stopping, store.manifest.trajectories, ids)]
    found = decide_all(store, results, partial(_outcome, config, surface), processes=processes, advance=advance)
    ended = [
        Ended(folder=folder, shot=folder.shot(), result=result, outcome=outcome)
        for (folder, result), outcome in zip(results, found, strict=True)
    ]
    outcomes = [one.outcome for one in ended]
    summary = summarise(outcomes, [one.result for one in ended], planned=store.manifest.trajectories, stopping=stopping)
    analysis = Analysis(ended=tuple(ended), summary=summary)
    _write(store, surface, analysis)
    return analysis


def clean_surface(store: Store) -> Surface:
    """Layers, dimers and rows of the campaign's slab, the same for all its trajectories. Raises `CampaignError`."""
    try:
        return find_surface(ase.io.read(store.slab, format="extxyz"))
    except (OSError, ValueError) as error:
        raise CampaignError(f"cannot read {store.slab}: {error}. Copy the campaign folder again.") from error


def planned_start(folder: TrajectoryFolder, surface: Surface) -> Start:
    """The start of a trajectory from its data file. Raises `CampaignError` where that is missing."""
    file = folder.path / DATA_NAME
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise CampaignError(f"cannot read {file}: {error.strerror}. Copy the campaign folder again.") from error
    frame = recover_shot(text, surface.top).frame
    return Start(
        symbols=tuple(frame.get_chemical_symbols()),
        positions=frame.positions,
        cell=frame.cell[:],
    )


def frames_of(folder: TrajectoryFolder, result: TrajectoryResult, *, velocities: bool = True) -> Iterator[Frame]:
    """The whole frames of a trajectory that counts; none where it failed before its first."""
    dump = folder.dump(result)
    if result.state == "failed" and (not dump.is_file() or dump.stat().st_size == 0):
        return iter(())
    return read_frames(dump, velocities=velocities)


def decided(config: Campaign, surface: Surface, folder: TrajectoryFolder, result: TrajectoryResult) -> Ended:
    """What came of one trajectory by the criteria of `config`. Raises as `analyse`."""
    start, shot = planned_start(folder, surface), folder.shot()
    reference = Reference.of(
        symbols=start.symbols,
        positions=start.positions,
        surface=surface,
        n_slab=len(surface.layer),
        groups=config.system.molecule.groups,
        criteria=config.outcomes,
    )
    outcome = decide(
        folder.id,
        frames_of(folder, result, velocities=False),
        reference,
        config.outcomes,
        result,
        timestep_fs=config.dynamics.timestep_fs,
        slab_snapshot=shot.slab_snapshot,
        molecule_snapshot=shot.molecule_snapshot,
    )
    return Ended(folder=folder, shot=shot, result=result, outcome=outcome)


def _outcome(config: Campaign, surface: Surface, folder: TrajectoryFolder, result: TrajectoryResult) -> Outcome:
    return decided(config, surface, folder, result).outcome


def _write(store: Store, surface: Surface, analysis: Analysis) -> None:
    folder = store.analysis
    try:
        folder.mkdir(exist_ok=True)
        outcomes = {"outcomes": [one.outcome.to_json() for one in analysis.ended]}
        replace_file(folder / OUTCOMES_JSON, json_bytes(outcomes))
        write_outcomes(store, analysis.ended)
        replace_file(folder / SUMMARY_JSON, json_bytes(analysis.summary.to_json()))
        write_summary(analysis.summary, folder / TABLE_CSV)
        write_variants(analysis.variants, folder / VARIANTS_CSV)
        write_statistics(store, surface, analysis.ended)
    except OSError as error:
        raise CampaignError(f"cannot write the analysis to {folder}: {error}. Make room and analyse again.") from error


def write_outcomes(store: Store, ended: Sequence[Ended]) -> None:
    """`outcomes.csv`, with what is kept of the minima below the ends, and their tables. Raises `OSError`."""
    minima = kept_minima(store, ended)
    replace_file(store.analysis / OUTCOMES_CSV, _csv(ended, minima).encode())
    write_minima(store, minima)


def _csv(ended: Sequence[Ended], minima: Minima | None) -> str:
    """One line per trajectory, numbers unrounded; no binding energy of a minimum that did not converge."""
    below = {} if minima is None else {one.trajectory_id: one for one in minima.quenched}
    rows = []
    for one in ended:
        o, r, s, minimum = one.outcome, one.result, one.shot, below.get(one.folder.id)
        rows.append(
            [
                *(o.trajectory_id, o.mode, o.detail, o.stuck, o.contact),
                *(o.first_contact_ps, o.first_bond_ps, o.time_ps),
                *(o.lowest_clearance_angstrom, r.stop, r.cause, r.energy.drift_ev_per_atom_per_ps, r.energy.flagged),
                *(
                    (None, None)
                    if minimum is None
                    else (minimum.mode, minimum.binding_energy_ev if minimum.converged else None)
                ),
                *(s.kick_energy_ev, s.polar_deg, s.azimuth_deg, *s.impact_xy_angstrom),
                *(s.slab_snapshot, s.molecule_snapshot, o.reason),
            ]
        )
    return csv_text(_CSV_HEADER, rows)
