"""Figure of a calibration: how wrong held-out frames are, against what is known of them without labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, footnote, house_style, new_figure, plain_log, series_style, store
from molgun_lmp.training.descriptors.calibration import ErrorCalibration
from molgun_lmp.training.descriptors.error_line import CONFIDENCE
from molgun_lmp.training.descriptors.force_spread import SpreadCalibration

_NAME: Final = "calibration"


def draw_calibrations(distance: ErrorCalibration, spread: SpreadCalibration | None, folder: Path) -> FigureFiles:
    """Largest force error of each held-out frame against its distance and against the committee's spread.

    With the line in the middle and the bound above it. Raises `InputFileError` where `folder` cannot be written.
    """
    panels: list[tuple[str, FloatArray, Callable[[float], float], float, float]] = [
        (
            "distance of the farthest atom / border",
            np.array([one.distance for one in distance.held_out]),
            distance.expected_error,
            distance.bound_factor,
            distance.rank_correlation,
        )
    ]
    if spread is not None:
        panels.append(
            (
                "largest spread of the committee / (eV/Å)",
                np.array([one.spread_ev_per_angstrom for one in spread.held_out]),
                spread.expected_error,
                spread.bound_factor,
                spread.rank_correlation,
            )
        )
    errors = np.array([one.error_ev_per_angstrom for one in distance.held_out])
    names = [one.trajectory for one in distance.held_out]
    with house_style():
        figure = new_figure(PAGE_INCHES, 2.9)
        row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (label, x, expected, factor, ranks) in zip(row, panels, strict=True):
            style = series_style(0)
            axes.plot(x, errors, linestyle="none", marker=style.marker, color=style.colour, markersize=3, alpha=0.7)
            ends = np.geomspace(x.min(), x.max(), 50)
            middle = np.array([expected(one) for one in ends.tolist()])
            axes.plot(ends, middle, color=series_style(1).colour, label="middle")
            axes.plot(ends, factor * middle, color=series_style(1).colour, linestyle="--", label="bound")
            axes.set_xscale("log")
            axes.set_yscale("log")
            plain_log(axes.xaxis)
            plain_log(axes.yaxis)
            axes.set_xlabel(label)
            axes.set_title(f"rank correlation {ranks:.2f}")
        row[0].set_ylabel("largest force error / (eV/Å)")
        row[0].legend()
        footnote(figure, f"{len(errors)} held-out frames of {len(set(names))} trajectories")
        return store(
            figure,
            folder,
            _NAME,
            caption=(
                "Largest force error of each held-out frame against what is known without labels. Solid: what is to be "
                f"expected; dashed: what it keeps below with {100 * CONFIDENCE:g} %."
            ),
            header=("trajectory", "distance", "spread_ev_per_angstrom", "error_ev_per_angstrom"),
            rows=zip(
                names,
                panels[0][1].tolist(),
                panels[1][1].tolist() if len(panels) > 1 else [None] * len(names),
                errors.tolist(),
                strict=True,
            ),
        )
