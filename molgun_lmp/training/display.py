"""Live progress of a training: a bar with losses and time left on a terminal, a log line per epoch elsewhere."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from molgun_lmp.training.history import EpochRecord, History

log = logging.getLogger(__name__)


@contextmanager
def training_display(epochs: int, batches: int, console: Console | None) -> Iterator[Callable[[History], None]]:
    """A function to call with the history now and then. `batches` in an epoch; no console: no bar."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None or not console.is_terminal,
    )
    task = progress.add_task("training", total=epochs * batches, losses="reading frames")
    reported: set[EpochRecord] = set()

    def show(history: History) -> None:
        done = history.epochs
        for epoch in done:
            if epoch not in reported:
                reported.add(epoch)
                log.info("%s", epoch_line(epoch, epochs))
        finished = done[-1].epoch + 1 if done else 0
        progress.update(
            task,
            completed=finished * batches + history.batches,
            description=f"epoch {min(finished + 1, epochs)}/{epochs}",
            losses=epoch_line(done[-1], epochs) if done else "first epoch",
        )

    with progress:
        yield show


def epoch_line(record: EpochRecord, epochs: int) -> str:
    """One epoch in words."""
    return (
        f"{record.epoch + 1}/{epochs}: validation force MAE {1000 * record.forces_mae_ev_per_angstrom:.1f} meV/Å, "
        f"energy MAE {1000 * record.energy_mae_ev_per_atom:.2f} meV/atom, {record.seconds:.0f} s"
    )
