"""Figures of where a model errs: error against force size, errors of elements, groups, files and trajectories.

As in `evaluation_figures`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.models.error_reports import ErrorReport, Errors
from molgun_lmp.palette import FADED, INK
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, footnote, house_style, new_figure, plain_log, series_style, store
from molgun_lmp.training.evaluation.comparison import ModelComparison

_MEV: Final = 1000.0
_MOST_ROWS: Final = 40
_FEWEST_ATOMS: Final = 5
"""In a bin of forces; quantiles of fewer say nothing."""


def draw_error_by_force(
    comparison: ModelComparison, folder: Path, *, labels: str, name: str = "error-by-force"
) -> FigureFiles:
    """Length of the force error against length of the force, median and 95th percentile of logarithmic bins."""
    size = np.linalg.norm(comparison.reference_forces, axis=1)
    error = np.linalg.norm(comparison.force_error, axis=1)
    largest = max(float(size.max()), 0.2)
    edges = np.concatenate([[0.0], np.geomspace(0.05, largest * 1.0001, 14)])
    rows: list[tuple[str, float, float, int, float, float]] = []
    with house_style():
        figure = new_figure(PAGE_INCHES * 0.75, 3.3)
        axes = figure.subplots()
        for rank, element in enumerate(sorted(set(comparison.symbols.tolist()))):
            style, of = series_style(rank), comparison.symbols == element
            table = list(_quantiles(size[of], error[of], edges))
            rows += [(element, *row) for row in table]
            if not table:
                continue
            low, high, _, median, upper = (np.array(column) for column in zip(*table, strict=True))
            middle = np.where(low > 0, np.sqrt(low * high), high / 2)
            look: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "marker": style.marker}
            axes.plot(middle, median, label=element, markersize=4.0, **look)
            axes.plot(middle, upper, alpha=0.45, markersize=2.0, **look)
        axes.set_xscale("log")
        axes.set_yscale("log")
        plain_log(axes.xaxis)
        plain_log(axes.yaxis)
        axes.plot(edges[[1, -1]], 0.1 * edges[[1, -1]], color=FADED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate("10 %", (edges[-1], 0.1 * edges[-1]), color=FADED, ha="left", va="center", fontsize=7)
        axes.grid(axis="both")
        axes.set_xlabel("length of the label's force / (eV/Å)")
        axes.set_ylabel("length of the error / (eV/Å)")
        axes.set_title("Error against force")
        if rows:
            axes.legend(title="median; pale: 95th percentile", loc="upper left", ncols=3)
        footnote(figure, f"labels: {labels}")
        caption = (
            "Length of the force error against the length of the label's force: median and (pale) 95th percentile of "
            f"the atoms in each bin, {_FEWEST_ATOMS} atoms or more; dotted: a tenth of the force. Labels: {labels}."
        )
        header = (
            *("element", "force_from_ev_per_angstrom", "force_to_ev_per_angstrom", "atoms"),
            *("median_error_ev_per_angstrom", "percentile_95_error_ev_per_angstrom"),
        )
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def draw_errors_of_parts(
    report: ErrorReport, folder: Path, *, labels: str, name: str = "errors-of-parts"
) -> FigureFiles:
    """Force MAE of everything, elements, groups, files and trajectories, and energy MAE where frames have one."""
    rows: list[tuple[str, str, Errors, Errors | None]] = [
        ("all", "all", report.forces_ev_per_angstrom, report.energy_ev_per_atom),
        *(("element", part, errors, None) for part, errors in report.forces_by_element.items()),
        *(("group", part, errors, None) for part, errors in report.forces_by_group.items()),
        *(("file", part, of.forces_ev_per_angstrom, of.energy_ev_per_atom) for part, of in report.by_file.items()),
    ]
    trajectories = [
        ("trajectory", part, of.forces_ev_per_angstrom, of.energy_ev_per_atom)
        for part, of in sorted(report.by_trajectory.items(), key=lambda item: -item[1].forces_ev_per_angstrom.mae)
    ]
    drawn = [*rows, *trajectories][:_MOST_ROWS]
    kinds = list(dict.fromkeys(kind for kind, *_ in drawn))
    with house_style():
        figure = new_figure(PAGE_INCHES, 0.7 + 0.17 * len(drawn))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        for y, (kind, _, forces, energy) in enumerate(drawn):
            style = series_style(kinds.index(kind))
            left.barh(y, _MEV * forces.mae, height=0.7, color=style.colour)
            left.plot(_MEV * forces.rmse, y, "|", color=INK, markersize=5)
            if energy is not None:
                right.barh(y, _MEV * energy.mae, height=0.7, color=style.colour)
                right.plot(_MEV * energy.rmse, y, "|", color=INK, markersize=5)
        left.set_yticks(range(len(drawn)), [f"{kind} {part}" if kind != part else kind for kind, part, *_ in drawn])
        for label in left.get_yticklabels():
            label.set_parse_math(False)
        left.tick_params(axis="y", length=0)
        left.set_ylim(len(drawn) - 0.4, -0.6)
        left.grid(axis="x")
        right.grid(axis="x")
        right.tick_params(axis="y", length=0)
        left.set_xlabel("force error / (meV/Å)")
        right.set_xlabel("energy error / (meV/atom)")
        left.set_title("MAE (bars) and RMSE (strokes)")
        footnote(figure, f"labels: {labels}")
        hidden = len(rows) + len(trajectories) - len(drawn)
        caption = (
            "Mean absolute (bars) and root-mean-square (strokes) errors of forces and energies by element, group and "
            f"source, trajectories from worst to best{f'; {hidden} better ones are in the CSV only' if hidden else ''}."
            f" Labels: {labels}."
        )
        header = (
            *("kind", "part", "force_mae_ev_per_angstrom", "force_rmse_ev_per_angstrom", "force_components"),
            *("energy_mae_ev_per_atom", "energy_rmse_ev_per_atom", "frames"),
        )
        table = [
            (kind, part, *_numbers(forces), *(_numbers(energy) if energy else (None, None, None)))
            for kind, part, forces, energy in [*rows, *trajectories]
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=table)


def _numbers(errors: Errors) -> tuple[float, float, int]:
    return errors.mae, errors.rmse, errors.n


def _quantiles(
    size: FloatArray, error: FloatArray, edges: FloatArray
) -> Iterator[tuple[float, float, int, float, float]]:
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        inside = error[(size >= low) & (size < high)]
        if len(inside) >= _FEWEST_ATOMS:
            median, upper = np.quantile(inside, [0.5, 0.95])
            yield low, high, len(inside), float(median), float(upper)
