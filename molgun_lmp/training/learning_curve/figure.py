"""The figure of a learning curve: test errors against the number of training frames, with the fitted laws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from molgun_lmp.palette import INK, ModeStyle
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, footnote, house_style, new_figure, plain_log, series_style, store
from molgun_lmp.training.learning_curve.power_law import PowerLaw
from molgun_lmp.training.learning_curve.records import LearningCurve

_MEV: Final = 1000.0
_HEADER: Final = (
    *("kind", "frames", "repeat", "steps", "epochs", "best_epoch", "set"),
    *("forces_mae_ev_per_angstrom", "forces_rmse_ev_per_angstrom"),
    *("energy_mae_ev_per_atom", "energy_rmse_ev_per_atom"),
)


def draw_learning_curve(curve: LearningCurve, folder: Path, name: str = "learning-curve") -> FigureFiles:
    """Force and energy MAE on the test frames, one mark a training, lines the power laws; the CSV has every set.

    Raises `InputFileError` where the folder cannot be written.
    """
    level = next(iter(curve.design.trainings.values())).level_of_theory
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.2)
        forces, energies = figure.subplots(1, 2)
        for rank, kind in enumerate(curve.design.trainings):
            points = [point for point in curve.points if point.kind == kind]
            if not points:
                continue
            fits = curve.fits[kind]
            by_force = [(point.size, point.test.forces_ev_per_angstrom.mae) for point in points]
            by_energy = [(point.size, point.test.energy_ev_per_atom.mae) for point in points]
            _draw(forces, series_style(rank), kind, by_force, fits.forces_mae_ev_per_angstrom)
            _draw(energies, series_style(rank), kind, by_energy, fits.energy_mae_ev_per_atom)
        ticks = sorted({point.size for point in curve.points})
        for axes, what, unit in ((forces, "Forces", "meV/Å"), (energies, "Energy", "meV/atom")):
            axes.set_xscale("log")
            axes.set_yscale("log")
            plain_log(axes.yaxis)
            axes.set_xticks(ticks, [str(size) for size in ticks])
            axes.set_xticks([], minor=True)
            axes.grid(axis="both")
            axes.set_xlabel("training frames")
            axes.set_ylabel(f"test MAE / ({unit})")
            axes.set_title(what)
            if curve.points:
                axes.legend(loc="best")
        footnote(figure, f"{curve.design.test_frames} test frames; {_held(curve)}; labels: {level}")
        rows = [
            (
                *(point.kind, point.size, point.repeat, point.steps, point.epochs, point.best_epoch, report.name),
                *(report.forces_ev_per_angstrom.mae, report.forces_ev_per_angstrom.rmse),
                *(report.energy_ev_per_atom.mae, report.energy_ev_per_atom.rmse),
            )
            for point in curve.points
            for report in point.errors
        ]
        return store(figure, folder, name, caption=_caption(curve, level), header=_HEADER, rows=rows)


def _draw(axes: Axes, style: ModeStyle, kind: str, points: Sequence[tuple[int, float]], law: PowerLaw | None) -> None:
    sizes = [size for size, _ in points]
    label = kind
    if law is not None:
        label += f": $N^{{{-law.exponent:.2f}}}$ (±{law.exponent_error:.2f})"
        ends = np.array([min(sizes), max(sizes)], dtype=np.float64)
        drawn = [_MEV * law.at(frames) for frames in ends.tolist()]
        axes.plot(ends, drawn, color=style.colour, linestyle=style.dash)
    axes.plot(
        sizes,
        [_MEV * error for _, error in points],
        linestyle=style.dash if law is not None else "none",
        linewidth=0,
        marker=style.marker,
        markersize=5,
        color=style.colour,
        markeredgecolor=INK,
        markeredgewidth=0.5,
        label=label,
    )


def _held(curve: LearningCurve) -> str:
    if curve.design.steps is None:
        return "the same epochs for all sizes"
    return f"{curve.design.steps} optimiser steps for all sizes"


def _caption(curve: LearningCurve, level: str) -> str:
    return (
        f"Mean absolute errors on {curve.design.test_frames} test frames that no training saw, against the number of "
        f"training frames ({_held(curve)}; nested subsets, {curve.design.subsets_by}). One mark for each of "
        f"{len(curve.points)} trainings; lines: least-squares fits of a power law in logarithms, with the standard "
        f"error of the exponent. Labels: {level}."
    )
