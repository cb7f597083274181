"""What `molgun analyse` writes of a campaign that fires a grid of energies and angles.

grid.csv               sticking at each point, with intervals
grid_fit.csv           the curves through the points: parameters, standard errors, covariances, bounds
grid_differences.csv   every line of the table at each point less that of the first, shot by shot
figures/sticking.svg   sticking against energy, or angle, with the curves
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from molgun_lmp.analysis.statistics.estimates import Estimate
from molgun_lmp.analysis.statistics.grid import GridSticking, grid_differences, grid_sticking
from molgun_lmp.analysis.statistics.sticking_curve import UNITS
from molgun_lmp.csv_files import write_csv
from molgun_lmp.results.table_files import write_comparison

if TYPE_CHECKING:
    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.plotting.figure_files import FigureFiles
    from molgun_lmp.records import Outcome

GRID_CSV: Final = "grid.csv"
GRID_FIT_CSV: Final = "grid_fit.csv"
GRID_DIFFERENCES_CSV: Final = "grid_differences.csv"
FIGURES_FOLDER: Final = "figures"

_ESTIMATE: Final = (
    "count",
    "shots",
    "fraction",
    "cluster_low",
    "cluster_high",
    "simultaneous_low",
    "simultaneous_high",
)
_NAMES: Final = tuple(UNITS)


def grid_of(store: "Store", outcomes: "Sequence[Outcome]") -> GridSticking | None:
    """Sticking over the campaign's grid; None where its gun has none. The same outcomes give the same numbers."""
    config = store.config()
    if config.gun.grid is None:
        return None
    return grid_sticking(store.scheme, outcomes, config.gun, np.random.default_rng(config.seed))


def write_grid(store: "Store", outcomes: "Sequence[Outcome]", found: GridSticking) -> None:
    """Write the tables and the figure. Raises `OSError`, `InputFileError`."""
    kinds = ("stuck", "stuck_of_contact", "trapped_of_contact")
    header = ["energy_ev", "polar_deg", *(f"{kind}_{name}" for kind in kinds for name in _ESTIMATE), "note"]
    write_csv(
        store.analysis / GRID_CSV,
        header,
        (
            [
                *(point.energy_ev, point.polar_deg),
                *(number for kind in kinds for number in _numbers(getattr(point, kind))),
                point.stuck_of_contact.note,
            ]
            for point in found.points
        ),
    )
    header = [
        *("line", "law", "parameter", "unit", "value", "standard_error", "low", "high", "at_limit"),
        *(f"covariance_with_{name}" for name in _NAMES),
        *("deviance", "freedom", "note"),
    ]
    write_csv(
        store.analysis / GRID_FIT_CSV,
        header,
        (
            [
                *(fit.line, fit.law, one.name, UNITS[one.name]),
                *(one.value, one.standard_error, one.low, one.high, one.at_limit),
                *(_covariances(fit.covariance, row)),
                *(fit.deviance, fit.freedom, fit.note),
            ]
            for fit in found.fits
            for row, one in enumerate(fit.parameters)
        ),
    )
    differences = grid_differences(store.scheme, outcomes, store.config().gun)
    if differences is not None:
        write_comparison(differences, store.analysis / GRID_DIFFERENCES_CSV)
    if outcomes:
        draw_grid(store, found)


def draw_grid(store: "Store", found: GridSticking) -> "FigureFiles":
    """The figure, beside those of the report."""
    from molgun_lmp.analysis.figures.sticking import draw_sticking  # noqa: PLC0415  # matplotlib takes its time

    return draw_sticking(found, store.analysis / FIGURES_FOLDER)


def _numbers(one: Estimate) -> tuple[float | None, ...]:
    return (one.count, one.shots, one.fraction, *one.cluster, *one.simultaneous)


def _covariances(matrix: tuple[tuple[float, ...], ...] | None, row: int) -> list[float | None]:
    """A row of it, in the order of all parameters."""
    known = () if matrix is None else matrix[row]
    return [known[k] if k < len(known) else None for k in range(len(_NAMES))]
