"""Progress as the folder tells it, whoever is at work: a bar on a terminal, a line for each trajectory elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from molgun_lmp.campaign.status import last_step
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import look
from molgun_lmp.records import TrajectoryResult

_EVERY_S: Final = 1.0
_REST: Final = 20.0
"""After a look the disk rests this many times as long as it took: slow disks are looked at less often."""


class Monitor:
    """Follows the open ones of some trajectories; each that ends is reported once."""

    def __init__(self, folders: Sequence[TrajectoryFolder], steps: int) -> None:
        self._open = [folder for folder in folders if not folder.result_file.exists()]
        self._steps = steps
        self.planned = len(folders)
        self.at_work = 0
        self.steps_at_work = 0

    @property
    def ended(self) -> int:
        """Trajectories with a result."""
        return self.planned - len(self._open)

    @property
    def steps(self) -> int:
        """Steps behind us; an ended trajectory counts as all of its steps, since none of them is left."""
        return self.ended * self._steps + self.steps_at_work

    @property
    def total_steps(self) -> int:
        """Steps of all trajectories."""
        return self.planned * self._steps

    def look(self) -> list[TrajectoryResult]:
        """Look again; what has ended since the last look."""
        found = [(folder, folder.result()) for folder in self._open]
        new = [result for _, result in found if result is not None]
        self._open = [folder for folder, result in found if result is None]
        held = [(folder, holder) for folder in self._open if (holder := look(folder)) is not None and holder.alive]
        self.at_work = len(held)
        self.steps_at_work = sum(last_step(folder, holder.number) for folder, holder in held)
        return new


@contextmanager
def progress_display(monitor: Monitor, console: Console) -> Iterator[Callable[[], None]]:
    """A function to call often; it looks at the folder about once a second."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("starting", total=max(1, monitor.total_steps), completed=monitor.steps, steps="")
    next_look = 0.0

    def show(*, now: bool = False) -> None:
        nonlocal next_look
        begin = time.monotonic()
        if begin < next_look and not now:
            return
        before = monitor.ended
        for place, result in enumerate(monitor.look(), start=before + 1):
            console.print(result_line(result, place, monitor.planned), highlight=False)
        bar.update(
            task,
            completed=monitor.steps,
            description=f"{monitor.ended} of {monitor.planned} ended, {monitor.at_work} at work",
            steps=f"{monitor.steps:,} of {monitor.total_steps:,} steps",
        )
        next_look = time.monotonic() + max(_EVERY_S, _REST * (time.monotonic() - begin))

    with bar:
        try:
            yield show
        finally:
            show(now=True)


def result_line(result: TrajectoryResult, place: int, planned: int) -> str:
    """One ended trajectory in words, the `place`-th that ended of all that were planned."""
    how = f"failed, {result.cause}: {result.message}" if result.state == "failed" else f"{result.stop}"
    flag = ", energy not conserved" if result.energy.flagged else ""
    return f"{result.trajectory_id}  {how}{flag}, {result.steps} steps, {result.wall_s:.0f} s  ({place} of {planned})"
