"""Figures of a model's errors: parity of energies and forces, error against force size, errors of each part.

Each function writes one figure as SVG, PNG and CSV and returns their paths; `labels` is the level of theory, which
stands under every figure.
"""

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from molgun_lmp.arrays import FloatArray
from molgun_lmp.models.error_reports import ErrorReport, Errors
from molgun_lmp.palette import INK, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, footnote, house_style, new_figure, series_style, store
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.evaluation.error_figures import draw_error_by_force, draw_errors_of_parts

_MEV: Final = 1000.0
_BINS: Final = 90
"""Along each axis of a density of forces."""
_COUNTS: Final = "cividis"
"""Perceptually even, and the same for all colour visions."""


def draw_evaluation(
    comparison: ModelComparison, report: ErrorReport, folder: Path, *, labels: str
) -> list[FigureFiles]:
    """All figures of an evaluation."""
    return [
        draw_energy_parity(comparison, report, folder, labels=labels),
        draw_force_parity(comparison, report, folder, labels=labels),
        draw_error_by_force(comparison, folder, labels=labels),
        draw_errors_of_parts(report, folder, labels=labels),
    ]


def draw_energy_parity(
    comparison: ModelComparison, report: ErrorReport, folder: Path, *, labels: str, name: str = "parity-energies"
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
    comparison: ModelComparison, report: ErrorReport, folder: Path, *, labels: str, name: str = "parity-forces"
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


def _measured(errors: Errors, unit: str) -> str:
    return f"MAE {_MEV * errors.mae:.2f}, RMSE {_MEV * errors.rmse:.2f} {unit}"


def _diagonal(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    margin = 0.05 * max(high - low, 1.0)
    axes.plot([low - margin, high + margin], [low - margin, high + margin], color=RULE, linewidth=1.0, zorder=0)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    axes.set_aspect("equal")


def _density(comparison: ModelComparison, element: str) -> tuple[FloatArray, FloatArray]:
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
