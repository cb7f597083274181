"""The figure of one training: losses and validation errors, epoch by epoch."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes

from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.palette import FADED, INK
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, footnote, house_style, new_figure, plain_log, series_style, store
from molgun_lmp.training.run_folder import EpochRecord, TrainingRecord
from molgun_lmp.training.trainer.mace_options import VALID_BATCH_SIZE

_MEV: Final = 1000.0
_MARKED: Final = 40
"""Epochs; markers on more of them would hide the line."""


def draw_training(record: TrainingRecord, folder: Path, name: str = "training") -> FigureFiles:
    """Losses, force and energy errors of every epoch, with the epoch that was kept; `folder` is made if missing.

    The finished model's error on the test frames, where there are any, is a level line. Raises
    `InputFileError` where the folder cannot be written.
    """
    epochs, best = record.epochs, record.training.best_epoch
    test = next((report for report in record.errors if report.name == "test"), None)
    numbers = [one.epoch for one in epochs]
    scale = _validation_scale(record)
    with house_style():
        figure = new_figure(PAGE_INCHES, 2.9)
        losses, forces, energies = figure.subplots(1, 3)
        trained = [(one.epoch, one.train_loss) for one in epochs if one.train_loss is not None]
        _curve(losses, [epoch for epoch, _ in trained], [loss for _, loss in trained], 1, "training loss")
        _curve(losses, numbers, [scale * one.validation_loss for one in epochs], 0, "validation loss")
        losses.set_title("Loss of a batch")
        losses.set_ylabel("weighted loss")
        _curve(forces, numbers, [_MEV * one.forces_rmse_ev_per_angstrom for one in epochs], 2, "validation RMSE")
        _curve(forces, numbers, [_MEV * one.forces_mae_ev_per_angstrom for one in epochs], 3, "validation MAE")
        forces.set_title("Forces")
        forces.set_ylabel("error / (meV/Å)")
        _curve(energies, numbers, [_MEV * one.energy_rmse_ev_per_atom for one in epochs], 2)
        _curve(energies, numbers, [_MEV * one.energy_mae_ev_per_atom for one in epochs], 3)
        energies.set_title("Energy")
        energies.set_ylabel("error / (meV/atom)")
        if test is not None:
            line = {"color": INK, "linewidth": 0.8, "linestyle": "--"}
            forces.axhline(_MEV * test.forces_ev_per_angstrom.mae, label="test MAE of the model", **line)
            energies.axhline(_MEV * test.energy_ev_per_atom.mae, **line)
        for axes in (losses, forces, energies):
            axes.axvline(best, color=FADED, linewidth=0.8, linestyle=":", zorder=0)
            axes.set_yscale("log")
            plain_log(axes.yaxis)
            axes.grid(axis="y")
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside upper center", ncols=5, columnspacing=1.2, handlelength=2.2)
        footnote(figure, f"{record.name}; labels: {record.level_of_theory}")
        return store(
            figure,
            folder,
            name,
            caption=_caption(record, test),
            header=(*EpochRecord.model_fields, "validation_loss_of_a_batch"),
            rows=[(*one.model_dump().values(), scale * one.validation_loss) for one in epochs],
        )


def _validation_scale(record: TrainingRecord) -> float:
    """Mace divides the sum of the batches' losses by their number in training, by that of frames in validation."""
    frames = record.training.data.frames.get("validation", 0)
    options = record.training.config.get("mace_options", {})
    return frames / max(1, math.ceil(frames / options.get("valid_batch_size", VALID_BATCH_SIZE))) or 1.0


def _curve(axes: Axes, x: Sequence[int], y: Sequence[float], style: int, label: str | None = None) -> None:
    chosen = series_style(style)
    marker = chosen.marker if len(x) <= _MARKED else ""
    axes.plot(x, y, color=chosen.colour, linestyle=chosen.dash, marker=marker, markersize=3, label=label)


def _caption(record: TrainingRecord, test: ErrorReport | None) -> str:
    return (
        f"Training of {record.name} (foundation: {record.training.foundation}): mean loss of a batch, and errors on "
        "the validation frames after each epoch (of the averaged weights, where they are averaged); dotted: epoch "
        f"{record.training.best_epoch}, which was kept"
        + (f"; dashed: MAE of the finished model on {test.energy_ev_per_atom.n} test frames" if test else "")
        + f". Labels: {record.level_of_theory}."
    )
