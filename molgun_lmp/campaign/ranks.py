"""`mpirun -n N molgun run`: every rank is a worker; they meet again only when all is done."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from molgun_lmp.campaign.background import repeated
from molgun_lmp.campaign.firing import open_engine
from molgun_lmp.campaign.integrity import verify_open
from molgun_lmp.campaign.monitor import Monitor, progress_display
from molgun_lmp.campaign.together import fire_together
from molgun_lmp.campaign.work import Work
from molgun_lmp.campaign.worker import interrupt_on_signals
from molgun_lmp.engine.launcher import check_launcher, check_world_size, examine_launch
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.threads import thread_environment

_POLL_S: Final = 0.2


def under_launcher() -> bool:
    """Whether an MPI launcher started this process as a rank; a single task of `srun` without MPI is none."""
    launch = examine_launch(os.environ)
    return launch.launcher is not None and (launch.tasks > 1 or bool(launch.speaks))


def work_as_rank(work: Work, console: Console) -> bool:
    """Fire as one of several ranks until none is free; True on the rank that speaks for all.

    Raises `EngineError` under a launcher of another MPI than LAMMPS's or where ranks do not see each other, and what
    `fire_all` raises; the other ranks go on to the end.
    """
    check_launcher()
    os.environ.update(thread_environment(work.engine.threads))
    interrupt = interrupt_on_signals(work.stop_file)
    from mpi4py import MPI  # noqa: PLC0415 - starts MPI, so not before the launcher was checked

    world = MPI.COMM_WORLD
    check_world_size(world.size)
    speaks = bool(world.rank == 0)
    work.logs.mkdir(exist_ok=True)
    _log_to(work, world.rank)
    with _display(work, console, speaks):
        try:
            if speaks:
                verify_open(work)
            with open_engine(work) as fire:
                fire_together(work, fire, interrupt)
        except InterruptedRunError as interrupted:
            if not speaks:  # every rank was told to stop; one says so
                raise SystemExit(interrupted.exit_code) from None
            raise
        finally:
            meeting = world.Ibarrier()
            while not meeting.Test():
                time.sleep(_POLL_S)
    return speaks


def _log_to(work: Work, rank: int) -> None:
    handler = logging.FileHandler(work.logs / f"rank-{rank}.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("molgun_lmp")
    logger.addHandler(handler)
    logger.propagate = False


@contextmanager
def _display(work: Work, console: Console, speaks: bool) -> Iterator[None]:
    """Progress from a thread of its own, on the rank that speaks."""
    if not speaks:
        yield
        return
    with (
        progress_display(Monitor(work.folders, work.steps), console) as show,
        repeated(show, every_s=_POLL_S, name="progress"),
    ):
        yield
