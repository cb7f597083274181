"""Live progress of a training: a bar with losses and time left on a terminal, a log line per epoch elsewhere."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from molgun_lmp.training.run_folder import EpochRecord
from molgun_lmp.training.trainer.metrics import History

log = logging.getLogger(__name__)


@contextmanager
def training_display(
    epochs: int, batches: int, console: Console | None, history: History
) -> Iterator[Callable[[History], None]]:
    """A function to call with the history now and then.

    `batches` in an epoch; no console: no bar. What the history holds at the start is not news.
    """
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None or not console.is_terminal,
    )
    reported: set[EpochRecord] = set(history.epochs)

    def done_batches(now: History) -> int:
        finished = now.epochs[-1].epoch + 1 if now.epochs else 0
        return finished * batches + min(now.batches, batches)

    task = progress.add_task(
        "reading frames, and losses before the first step",
        total=epochs * batches,
        completed=done_batches(history),
        losses="no losses yet",
    )

    def show(now: History) -> None:
        for record in now.epochs:
            if record not in reported:
                reported.add(record)
                log.info("%s", epoch_line(record, epochs))
        if now.epochs:
            progress.update(task, losses=losses(now.epochs[-1]))
        if now.batches:
            finished = now.epochs[-1].epoch + 1 if now.epochs else 0
            doing = ", validating" if now.batches >= batches else ""
            progress.update(task, description=f"epoch {min(finished + 1, epochs)}/{epochs}{doing}")
        progress.update(task, completed=done_batches(now))

    with progress:
        yield show


def epoch_line(record: EpochRecord, epochs: int) -> str:
    """One epoch in words."""
    left_s = (epochs - record.epoch - 1) * record.seconds
    return f"epoch {record.epoch + 1}/{epochs}: {losses(record)}, {record.seconds:.0f} s, {left_s / 60:.0f} min left"


def losses(record: EpochRecord) -> str:
    """The losses of an epoch in words."""
    trained = "" if record.train_loss is None else f"training {record.train_loss:.3g}, "
    return (
        f"loss {trained}validation {record.validation_loss:.3g}, force MAE "
        f"{1000 * record.forces_mae_ev_per_angstrom:.1f} meV/Å, energy MAE "
        f"{1000 * record.energy_mae_ev_per_atom:.2f} meV/atom"
    )
