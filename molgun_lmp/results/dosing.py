"""What `molgun analyse` writes of a campaign of chains of doses.

doses.csv            one line per shot: how many molecules it met, what became of its own and of the others
dose_molecules.csv   one line per molecule and shot: class, hold and site of each at both ends
dose_changes.csv     each thing that happened among the molecules, with its time
dose_coverage.csv    sticking, holds, outcomes, sites and changes at each coverage, with intervals over chains
uptake.csv           the coverage after each dose
uptake_fit.csv       the laws of sticking against coverage
dose_sites.csv       the sites of what the chains ended with
dose_neighbours.csv  how far from others molecules settled, and how far at random
dose_tendency.csv    whether the next molecule settles beside the others or away from them
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from molgun_lmp.analysis.dosing.answers import Dosing, OccupiedSite, dosing_of
from molgun_lmp.analysis.dosing.coverage import AtCoverage
from molgun_lmp.analysis.dosing.neighbours import NeighbourRow, Tendency
from molgun_lmp.analysis.dosing.uptake import UptakeFit, UptakePoint
from molgun_lmp.csv_files import write_csv
from molgun_lmp.dosing_records import Change

if TYPE_CHECKING:
    from pathlib import Path

    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.outcome_scheme import OutcomeScheme
    from molgun_lmp.plotting.figure_files import FigureFiles
    from molgun_lmp.records import Outcome
    from molgun_lmp.surface.clean_surface import Surface

DOSES_CSV: Final = "doses.csv"
DOSE_MOLECULES_CSV: Final = "dose_molecules.csv"
DOSE_CHANGES_CSV: Final = "dose_changes.csv"
DOSE_COVERAGE_CSV: Final = "dose_coverage.csv"
UPTAKE_CSV: Final = "uptake.csv"
UPTAKE_FIT_CSV: Final = "uptake_fit.csv"
DOSE_SITES_CSV: Final = "dose_sites.csv"
DOSE_NEIGHBOURS_CSV: Final = "dose_neighbours.csv"
DOSE_TENDENCY_CSV: Final = "dose_tendency.csv"
DoseTable = Literal[
    "doses",
    "dose_molecules",
    "dose_changes",
    "dose_coverage",
    "uptake",
    "uptake_fit",
    "dose_sites",
    "dose_neighbours",
    "dose_tendency",
]
"""Each without its `.csv`."""

DOSES_COLUMNS: Final = (
    *("trajectory", "chain", "dose", "met", "monolayers", "per_dimer"),
    *("outcome", "mode", "detail", "hold", "site", "bonded_to", "taken_up"),
    *(change.value for change in Change),
)
DOSE_MOLECULES_COLUMNS: Final = (
    *("trajectory", "chain", "dose", "came_by", "mode_at_start", "mode", "detail", "hold_at_start", "hold"),
    *("site_at_start", "site", "x_at_start_angstrom", "y_at_start_angstrom", "x_angstrom", "y_angstrom"),
    *("bonded_to", "reason"),
)
DOSE_CHANGES_COLUMNS: Final = ("trajectory", "chain", "dose", "came_by", "change", "time_ps", "other", "detail")


def dosing(store: "Store", surface: "Surface", outcomes: "Sequence[Outcome]") -> Dosing | None:
    """What the chains say; None for a campaign without. The same outcomes give the same numbers."""
    config = store.config()
    if config.dose is None:
        return None
    rng = np.random.default_rng(config.seed)
    return dosing_of(
        outcomes, config.dose.molecules, surface, rng, physisorbed_stay=config.dose.keep == "bound_and_physisorbed"
    )


def write_dosing(folder: "Path", outcomes: "Sequence[Outcome]", found: Dosing) -> None:
    """Write the tables. Raises `OSError`."""
    doses = found.doses_of_a_chain
    write_csv(folder / DOSES_CSV, DOSES_COLUMNS, _shots(outcomes, doses, found))
    write_csv(folder / DOSE_MOLECULES_CSV, DOSE_MOLECULES_COLUMNS, _molecules(outcomes, doses))
    write_csv(folder / DOSE_CHANGES_CSV, DOSE_CHANGES_COLUMNS, _changes(outcomes, doses))
    write_records(folder / DOSE_COVERAGE_CSV, AtCoverage, found.coverage)
    write_records(folder / UPTAKE_CSV, UptakePoint, found.uptake)
    write_records(folder / UPTAKE_FIT_CSV, UptakeFit, found.fits)
    write_records(folder / DOSE_SITES_CSV, OccupiedSite, found.sites)
    write_records(folder / DOSE_NEIGHBOURS_CSV, NeighbourRow, found.neighbours)
    write_records(folder / DOSE_TENDENCY_CSV, Tendency, found.tendencies)


def draw_dosing(folder: "Path", scheme: "OutcomeScheme", found: Dosing) -> "list[FigureFiles]":
    """The figures, into a folder. Raises `InputFileError`."""
    from molgun_lmp.analysis.figures.dosing import draw_order, draw_uptake  # noqa: PLC0415  # matplotlib takes its time

    if not len(found.doses.dose):
        return []
    return [draw_uptake(found, folder), draw_order(found, scheme, folder)]


def write_records(path: "Path", record: type, rows: Iterable[Any]) -> None:
    """A table with the fields of a record for columns. Raises `OSError`."""
    names = [field.name for field in dataclasses.fields(record)]
    write_csv(path, names, ([getattr(row, name) for name in names] for row in rows))


def _shots(outcomes: "Sequence[Outcome]", doses: int, found: Dosing) -> Iterable[list[object]]:
    for one in outcomes:
        if one.company is not None:
            it, met = one.company.newcomer, one.company.before
            yield [
                *(one.trajectory_id, *divmod(int(one.trajectory_id), doses)),
                *(met, found.places.per_atom(met), found.places.per_dimer(met)),
                *(it.label, it.mode, it.detail, it.hold, it.site, _listed(it.bonded_to), it.hold in found.stays),
                *(one.company.count(change) for change in Change),
            ]


def _molecules(outcomes: "Sequence[Outcome]", doses: int) -> Iterable[list[object]]:
    for one in outcomes:
        for it in one.company.molecules if one.company is not None else ():
            yield [
                *(one.trajectory_id, *divmod(int(one.trajectory_id), doses), it.dose),
                *(it.mode_at_start, it.mode, it.detail, it.hold_at_start, it.hold, it.site_at_start, it.site),
                *(*it.place_at_start_angstrom, *it.place_angstrom, _listed(it.bonded_to), it.reason),
            ]


def _changes(outcomes: "Sequence[Outcome]", doses: int) -> Iterable[list[object]]:
    for one in outcomes:
        for it in one.company.events if one.company is not None else ():
            place = divmod(int(one.trajectory_id), doses)
            yield [one.trajectory_id, *place, it.dose, it.change, it.time_ps, it.other, it.detail]


def _listed(doses: "Sequence[int]") -> str:
    return " ".join(map(str, doses))
