"""Figures of a model's errors: parity of energies and forces, error against force size, errors of each part.

Each function writes one figure as SVG, PNG and CSV and returns their paths; `labels` is the level of theory, which
stands under every figure.
"""

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from molgun_lmp.analysis.plotting import (
    FADED,
    INK,
    MANY,
    PAGE_INCHES,
    RULE,
    FigureFiles,
    footnote,
    house_style,
    new_figure,
    plain_log,
    series_style,
    store,
)
from molgun_lmp.records import FloatArray
from molgun_lmp.training.evaluate import Comparison
from molgun_lmp.training.results import ErrorReport, Errors

_MEV: Final = 1000.0
_BINS: Final = 90
"""Along each axis of a density of forces."""
_COUNTS: Final = "cividis"
"""Perceptually even, and the same for all colour visions."""
_MOST_ROWS: Final = 40
_FEWEST_ATOMS: Final = 5
"""In a bin of forces; quantiles of fewer say nothing."""


def draw_evaluation(comparison: Comparison, report: ErrorReport, folder: Path, *, labels: str) -> list[FigureFiles]:
    """All figures of an evaluation."""
    return [
        draw_energy_parity(comparison, report, folder, labels=labels),
        draw_force_parity(comparison, report, folder, labels=labels),
        draw_error_by_force(comparison, folder, labels=labels),
        draw_errors_of_parts(report, folder, labels=labels),
    ]


def draw_energy_parity(
    comparison: Comparison, report: ErrorReport, folder: Path, *, labels: str, name: str = "parity-energies"
) -> FigureFiles:
    """Energies per atom, each less the mean label of its composition, which would dwarf all differences."""
    formulas = np.array([frame.formula for frame in comparison.frames])
    common = [formula for formula, _ in collections.Counter(formulas.tolist()).most_common()]
    reference, model = np.empty(len(formulas)), np.empty(len(formulas))
    for formula in common:
        of = formulas == formula
        mean = comparison.reference_energy_ev[of].mean()
        reference[of] = _MEV * (comparison.reference_energy_ev[of] - mean) / comparison.atoms[of]
        model[of] = _MEV * (comparison.energy_ev[of] - mean) / comparison.atoms[of]
    with house_style():
        figure = new_figure(PAGE_INCHES / 2 + 0.6, PAGE_INCHES / 2)
        axes = figure.subplots()
        _diagonal(axes, reference, model)
        for rank, formula in enumerate(common):
            style, of = series_style(min(rank, 6)), formulas == formula
            axes.scatter(
                reference[of],
                model[of],
                s=12,
                marker=style.marker,
                color=style.colour,
                edgecolors=INK,
                linewidths=0.3,
                label=f"{formula} ({of.sum()})" if rank < 6 else ("others" if rank == 6 else None),
                rasterized=len(formulas) > MANY,
            )
        axes.legend(loc="lower right", handletextpad=0.2)
        axes.set_xlabel("label: energy − mean / (meV atom⁻¹)")
        axes.set_ylabel("model: energy − mean / (meV atom⁻¹)")
        axes.set_title(f"Energies, {_measured(report.energy_ev_per_atom, 'meV/atom')}")
        footnote(figure, f"labels: {labels}")
        caption = (
            f"Energy per atom of {len(formulas)} frames, model against label, less the mean label of the frames of the "
            f"same composition; {_measured(report.energy_ev_per_atom, 'meV/atom')}. Labels: {labels}."
        )
        header = (
            *("source", "trajectory", "formula", "label_energy_ev", "model_energy_ev"),
            *("label_relative_mev_per_atom", "model_relative_mev_per_atom"),
        )
        rows = [
            (frame.source, frame.trajectory, formula, frame.energy_ev, energy, x, y)
            for frame, formula, energy, x, y in zip(
                comparison.frames,
                formulas.tolist(),
                comparison.energy_ev.tolist(),
                reference.tolist(),
                model.tolist(),
                strict=True,
            )
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def draw_force_parity(
    comparison: Comparison, report: ErrorReport, folder: Path, *, labels: str, name: str = "parity-forces"
) -> FigureFiles:
    """Density of force components, model against label, one panel for each element; the CSV holds the counts."""
    elements = sorted(report.forces_by_element)
    columns = min(len(elements), 3)
    lines = -(-len(elements) // columns)
    counted = {element: _density(comparison, element) for element in elements}
    most = max(counts.max() for counts, _ in counted.values())
    with house_style():
        figure = new_figure(PAGE_INCHES, 2.6 * lines)
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, element in zip(panels, elements, strict=False):
            counts, edges = counted[element]
            axes.plot(edges[[0, -1]], edges[[0, -1]], color=RULE, linewidth=0.8, zorder=0)
            mesh = axes.pcolormesh(
                edges,
                edges,
                np.ma.masked_equal(counts.T, 0),
                norm=LogNorm(1, max(most, 2)),
                cmap=_COUNTS,
                rasterized=True,
            )
            axes.set_aspect("equal")
            axes.set_title(f"{element}: MAE {_MEV * report.forces_by_element[element].mae:.1f} meV/Å")
            axes.set_xlabel("label / (eV/Å)")
        for axes in panels[len(elements) :]:
            axes.set_axis_off()
        panels[0].set_ylabel("model / (eV/Å)")
        figure.colorbar(mesh, ax=panels.tolist(), label="components", shrink=0.8)
        footnote(figure, f"labels: {labels}")
        caption = (
            f"Force components of {len(comparison.frames)} frames, model against label; colour: how many. "
            f"All: {_measured(report.forces_ev_per_angstrom, 'meV/Å')}. Labels: {labels}."
        )
        header = ("element", "label_bin_centre_ev_per_angstrom", "model_bin_centre_ev_per_angstrom", "components")
        rows = [row for element in elements for row in _bins(element, *counted[element])]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def draw_error_by_force(
    comparison: Comparison, folder: Path, *, labels: str, name: str = "error-by-force"
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


def _measured(errors: Errors, unit: str) -> str:
    return f"MAE {_MEV * errors.mae:.2f}, RMSE {_MEV * errors.rmse:.2f} {unit}"


def _diagonal(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    margin = 0.05 * max(high - low, 1.0)
    axes.plot([low - margin, high + margin], [low - margin, high + margin], color=RULE, linewidth=1.0, zorder=0)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    axes.set_aspect("equal")


def _density(comparison: Comparison, element: str) -> tuple[FloatArray, FloatArray]:
    """(B, B) counts of components and (B + 1,) edges in eV/Å, the same for both axes."""
    of = comparison.symbols == element
    label, model = comparison.reference_forces[of].ravel(), comparison.forces[of].ravel()
    reach = 1.02 * max(float(np.abs(label).max()), float(np.abs(model).max()), 1e-6)
    edges = np.linspace(-reach, reach, _BINS + 1)
    counts, _, _ = np.histogram2d(label, model, bins=(edges, edges))
    return counts, edges


def _bins(element: str, counts: FloatArray, edges: FloatArray) -> Iterator[Sequence[object]]:
    centres = (edges[1:] + edges[:-1]) / 2
    for x, y in np.argwhere(counts > 0).tolist():
        yield element, float(centres[x]), float(centres[y]), int(counts[x, y])


def _quantiles(
    size: FloatArray, error: FloatArray, edges: FloatArray
) -> Iterator[tuple[float, float, int, float, float]]:
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        inside = error[(size >= low) & (size < high)]
        if len(inside) >= _FEWEST_ATOMS:
            median, upper = np.quantile(inside, [0.5, 0.95])
            yield low, high, len(inside), float(median), float(upper)
