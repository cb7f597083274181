"""`molgun analyse`: the outcome of every ended trajectory from its dump, and the campaign's table."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from molgun_lmp.analysis.outcomes.minima import Minima
from molgun_lmp.analysis.statistics.estimates import STUCK_LINE, line_of
from molgun_lmp.analysis.statistics.grid import GridSticking
from molgun_lmp.analysis.statistics.sampling_gain import SamplingGain, sampling_gain
from molgun_lmp.analysis.statistics.summary import Summary, summarise
from molgun_lmp.analysis.statistics.variants import Variant, variants
from molgun_lmp.atomic_files import replace_file, write_json
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.left_out import read_left_out
from molgun_lmp.campaign.store.stop_rule import counted, read_stopping, standing
from molgun_lmp.csv_files import csv_text
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import INPUT_NAME
from molgun_lmp.gun.noise import resumed_noise
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome, TrajectoryResult
from molgun_lmp.results.decide_all import decide_all
from molgun_lmp.results.decided import Ended, Gone, doses_of_a_chain
from molgun_lmp.results.grid import grid_of, write_grid
from molgun_lmp.results.kept_minima import kept_minima, write_minima
from molgun_lmp.results.kept_work import kept_particles
from molgun_lmp.results.scattering import CameBack, came_back, write_scattering
from molgun_lmp.results.table_files import write_left_out, write_summary, write_variants
from molgun_lmp.results.tables import complete_prefix, write_statistics

if TYPE_CHECKING:
    from molgun_lmp.analysis.dosing.answers import Dosing
    from molgun_lmp.surface.clean_surface import Surface

OUTCOMES_JSON: Final = "outcomes.json"
OUTCOMES_CSV: Final = "outcomes.csv"
SUMMARY_JSON: Final = "summary.json"
TABLE_CSV: Final = "table.csv"
VARIANTS_CSV: Final = "variants.csv"
LEFT_OUT_CSV: Final = "left_out.csv"

_CSV_HEADER: Final = (
    *("trajectory", "mode", "detail", "stuck", "contact", "first_contact_ps", "first_touch_ps", "first_bond_ps"),
    *("time_ps", "lowest_clearance_angstrom", "stop", "cause", "drift_ev_per_atom_per_ps", "energy_flagged"),
    *("drift_ev", "excursion_ev"),
    *("minimum", "binding_energy_ev"),
    *("kick_energy_ev", "energy_at_contact_ev", "polar_deg", "azimuth_deg", "impact_x_angstrom", "impact_y_angstrom"),
    *("settled_ps", "settled_mode", "audited"),
    *("slab_snapshot", "molecule_snapshot", "slab_run", "molecule_run", "reason"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Analysis:
    """A campaign's ended trajectories in order, and their table.

    `keys`: what each one's outcome and track are kept under; `gone`: what cannot be read again; `minima`: what is kept
    of the minima below the ends, None where nobody asked for any; `came_back`: the particles that left the surface.
    """

    ended: tuple[Ended, ...]
    summary: Summary
    keys: tuple[str, ...]
    gone: Gone
    minima: Minima | None
    came_back: CameBack
    grid: GridSticking | None = None
    """Sticking over the gun's grid; None where it has none."""
    dosing: "Dosing | None" = None
    """What chains of doses say; None where shots are by themselves."""
    gain: SamplingGain | None = None
    """What Sobol sequences have gained; None without them, or for too few shots."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each."""
        return tuple(one.outcome for one in self.ended)

    @functools.cached_property
    def variants(self) -> tuple[Variant, ...]:
        """How the bound molecules sit there and what the broken ones became, within their classes."""
        return variants([one.outcome for one in self.ended])

    def to_json(self) -> dict[str, Any]:
        """The table, the variants within classes, what came back, and every outcome."""
        return {
            "summary": self.summary.to_json(),
            "variants": [one.to_json() for one in self.variants],
            **({} if self.grid is None else {"grid": self.grid.to_json()}),
            **({} if self.dosing is None else {"dosing": self.dosing.to_json()}),
            **({} if self.gain is None else {"sampling_gain": self.gain.to_json()}),
            "came_back": self.came_back.to_json(),
            "dumps_gone": dataclasses.asdict(self.gone),
            "outcomes": [one.outcome.to_json() for one in self.ended],
        }


def analyse(store: Store, advance: Callable[[int], None] | None = None, *, processes: int | None = None) -> Analysis:
    """Decide all outcomes and store them in the campaign's `analysis/`; no dynamics is run, so it can be repeated.

    What was decided before from the same dumps, criteria and code is not decided again; dumps that are gone need not
    be there for it. `processes` read at a time, None for as many as there are cores and work for them. `advance` is
    called with the number of trajectories read.
    Raises `CampaignError` for a damaged result, `InputFileError` for a damaged dump.
    """
    surface = functools.cache(functools.partial(_clean_surface, store))
    results = store.fired()
    ids = [folder.id for folder, _ in results]
    stopping = standing(read_stopping(store), ids)
    results = results[counted(stopping, store.manifest.trajectories, ids)]
    known = decide_all(store, surface, results, processes=processes, advance=advance)
    keys = [one.key for one in known]
    ended = [
        Ended(folder=folder, shot=folder.shot(), result=result, outcome=one.outcome)
        for (folder, result), one in zip(results, known, strict=True)
    ]
    outcomes = [one.outcome for one in ended]
    summary = summarise(
        store.scheme,
        outcomes,
        [_with_noise(store, one) for one in ended],
        planned=store.manifest.trajectories,
        stopping=stopping,
        left_out=read_left_out(store),
        grid_points=len(store.config().gun.points),
        steps=store.config().dynamics.steps,
    )
    analysis = Analysis(
        ended=tuple(ended),
        summary=summary,
        keys=tuple(keys),
        gone=Gone(dumps=sum(one.dump_gone for one in known), earlier_code=sum(one.earlier_code for one in known)),
        minima=kept_minima(store, ended),
        came_back=came_back(store.config(), ended, kept_particles(store, ended, keys)),
        grid=grid_of(store, outcomes),
        dosing=_dosing(store, surface, outcomes),
        gain=_gain(store, outcomes),
    )
    _write(store, surface, analysis)
    return analysis


def _clean_surface(store: Store) -> "Surface":
    from molgun_lmp.results.ended import clean_surface  # noqa: PLC0415 - slow to load, and often not asked for

    return clean_surface(store)


def _dosing(store: Store, surface: "Callable[[], Surface]", outcomes: Sequence[Outcome]) -> "Dosing | None":
    if doses_of_a_chain(store.config()) is None:
        return None
    from molgun_lmp.results.dosing import dosing  # noqa: PLC0415 - slow to load, and few campaigns have chains

    return dosing(store, surface(), outcomes)


def _gain(store: Store, outcomes: Sequence[Outcome]) -> SamplingGain | None:
    """Of the fraction that is stuck, over the complete prefix of the shots."""
    gun, prefix = store.config().gun, complete_prefix(outcomes)
    if gun.sampling != "sobol":
        return None
    from molgun_lmp.gun.quasi_random import REPLICATES  # noqa: PLC0415 - slow to load, and few campaigns draw so

    hit = line_of(prefix, lambda one: one.stuck).values
    number = np.array([gun.aimed(int(one.trajectory_id))[1] for one in prefix], dtype=np.int64)
    return sampling_gain(STUCK_LINE, hit, number, REPLICATES)


def _with_noise(store: Store, one: Ended) -> TrajectoryResult:
    """The result; one of an earlier version does not say what noise it had after a checkpoint, but its deck does."""
    result = one.result
    if result.noise_resumed is not None or not result.resumed_at:
        return result
    noise = resumed_noise(one.folder.path / INPUT_NAME, store.config().dynamics, result.resumed_at)
    return dataclasses.replace(result, noise_resumed=noise)


def outcomes_of(store: Store) -> list[Outcome]:
    """What became of the trajectories that have ended, in their order. Raises as `analyse`."""
    return [one.outcome for one in analyse(store).ended]


def _write(store: Store, surface: "Callable[[], Surface]", analysis: Analysis) -> None:
    folder = store.analysis
    try:
        folder.mkdir(exist_ok=True)
        outcomes = {"outcomes": [one.outcome.to_json() for one in analysis.ended]}
        write_json(outcomes, folder / OUTCOMES_JSON)
        write_outcomes(store, analysis.ended, analysis.minima)
        write_json(analysis.summary.to_json(), folder / SUMMARY_JSON)
        write_summary(analysis.summary, folder / TABLE_CSV)
        write_variants(analysis.variants, folder / VARIANTS_CSV)
        write_left_out(analysis.summary.left_out, folder / LEFT_OUT_CSV)
        write_statistics(store, surface, analysis.ended, analysis.keys)
        if analysis.grid is not None:
            write_grid(store, [one.outcome for one in analysis.ended], analysis.grid)
        write_scattering(analysis.came_back, folder)
        if analysis.dosing is not None:
            from molgun_lmp.results.dosing import write_dosing  # noqa: PLC0415 - as above

            write_dosing(folder, [one.outcome for one in analysis.ended], analysis.dosing)
    except OSError as error:
        raise CampaignError(f"cannot write the analysis to {folder}: {error}. Make room and analyse again.") from error


def write_outcomes(store: Store, ended: Sequence[Ended], minima: Minima | None) -> None:
    """`outcomes.csv`, with the minima below the ends, and their tables. Raises `OSError`."""
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
                *(o.first_contact_ps, o.first_touch_ps, o.first_bond_ps, o.time_ps),
                *(o.lowest_clearance_angstrom, r.stop, r.cause, r.energy.drift_ev_per_atom_per_ps, r.energy.flagged),
                *(r.energy.drift_ev, r.energy.excursion_ev),
                *(
                    (None, None)
                    if minimum is None
                    else (minimum.mode, minimum.binding_energy_ev if minimum.converged else None)
                ),
                *(s.kick_energy_ev, o.energy_at_contact_ev, s.polar_deg, s.azimuth_deg, *s.impact_xy_angstrom),
                *_settling(o),
                *(s.slab_snapshot, s.molecule_snapshot, s.slab_run, s.molecule_run, o.reason),
            ]
        )
    return csv_text(_CSV_HEADER, rows)


def _settling(outcome: Outcome) -> tuple[float | None, Mode | None, bool | None]:
    """When it had settled, as what, and whether it ran on."""
    if outcome.audit_share is None:
        return None, None, None
    first = outcome.first_phase
    return first.time_ps, first.mode, outcome.as_settled is not None
