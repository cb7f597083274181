"""The figure of energy curves along the distance of two atoms."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from molgun_lmp.palette import INK
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, footnote, house_style, new_figure, series_style, store
from molgun_lmp.training.evaluation.scans import ScanCurve

_COLUMNS: Final = 3


def draw_scans(found: Mapping[str, ScanCurve], folder: Path, *, labels: str, name: str = "scans") -> FigureFiles:
    """A panel for each curve: labels as points, the model as a line."""
    columns = min(len(found), _COLUMNS)
    lines = -(-len(found) // columns)
    with house_style():
        figure = new_figure(PAGE_INCHES, 2.3 * lines)
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        style = series_style(0)
        for axes, (trajectory, curve) in zip(panels, found.items(), strict=False):
            axes.plot(curve.distance_angstrom, curve.model_ev, color=style.colour, label="model")
            axes.plot(
                curve.distance_angstrom,
                curve.label_ev,
                label="label",
                linestyle="none",
                marker="o",
                markersize=4.0,
                markerfacecolor="none",
                markeredgecolor=INK,
                markeredgewidth=0.8,
            )
            axes.set_title(trajectory)
            axes.set_ylim(*_limits(curve))
            axes.set_xlabel(f"{curve.atoms[0]}-{curve.atoms[1]} / Å")
        for axes in panels[len(found) :]:
            axes.set_axis_off()
        for axes in panels[::columns]:
            axes.set_ylabel("energy / eV")
        panels[0].legend()
        footnote(figure, f"labels: {labels}")
        caption = f"Energy along the distance of two atoms, relative to the lowest label's structure. Labels: {labels}."
        header = ("trajectory", "distance_angstrom", "label_ev", "model_ev")
        rows = [
            (trajectory, *point)
            for trajectory, curve in found.items()
            for point in zip(
                curve.distance_angstrom.tolist(), curve.label_ev.tolist(), curve.model_ev.tolist(), strict=True
            )
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def _limits(curve: ScanCurve) -> tuple[float, float]:
    """Those of the label: a model that is far off leaves the panel instead of flattening it."""
    top = max(float(curve.label_ev.max()), 0.1)
    return -0.15 * top, 1.3 * top
