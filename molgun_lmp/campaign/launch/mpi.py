"""`mpirun -n N molgun run`: every rank is a worker; they meet again only when all is done."""

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from rich.console import Console

from molgun_lmp.campaign.launch.progress import Monitor, progress_display
from molgun_lmp.campaign.store.integrity import verify_open
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.concurrent import fire_together
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.engine.chosen_lammps import chosen_lammps
from molgun_lmp.engine.lammps_library import load_library
from molgun_lmp.engine.launcher import check_launcher, check_world_size, examine_launch
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.processes import interrupt_on_signals, repeated, thread_environment

_POLL_S: Final = 0.2


def under_launcher() -> bool:
    """Whether an MPI launcher started this process as a rank; a single task of `srun` without MPI is none."""
    launch = examine_launch(os.environ)
    return launch.launcher is not None and (launch.tasks > 1 or bool(launch.speaks))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rank:
    """This process among the ranks of an MPI job."""

    speaks: bool
    """True on the rank that speaks for all."""
    interrupt: threading.Event
    world: Any

    def meet(self) -> None:
        """Wait for all ranks, without keeping a processor busy."""
        _wait(self.world.Ibarrier())

    def agree(self, number: int) -> int:
        """The number that the rank which speaks has, on every rank."""
        buffer = np.array([number], dtype=np.int64)
        _wait(self.world.Ibcast(buffer, root=0))
        return int(buffer[0])


def join(work: Work) -> Rank:
    """Become a rank that logs into the folder of `work` and stops when asked to.

    Raises `EngineError` under a launcher of another MPI than LAMMPS's or where ranks do not see each other.
    """
    chosen = chosen_lammps()
    check_launcher(mpi=chosen.mpi)
    if chosen.library is not None:
        load_library(chosen.library)  # before mpi4py, which takes the MPI that is there
    os.environ.update(thread_environment(work.engine.threads))
    interrupt = interrupt_on_signals(work.stop_file)
    from mpi4py import MPI  # noqa: PLC0415 - starts MPI, so not before the launcher was checked

    world = MPI.COMM_WORLD
    check_world_size(world.size, mpi=chosen.mpi)
    work.logs.mkdir(exist_ok=True)
    _log_to(work, world.rank)
    return Rank(speaks=bool(world.rank == 0), interrupt=interrupt, world=world)


def work_as_rank(work: Work, console: Console) -> bool:
    """Fire as one of several ranks until none is free; True on the rank that speaks for all.

    Raises what `join` and `fire_all` raise; the other ranks go on to the end.
    """
    rank = join(work)
    with progress_of_all(work, console, rank):
        try:
            if rank.speaks:
                verify_open(work)
            with open_engine(work) as fire:
                fire_together(work, fire, rank.interrupt)
        except InterruptedRunError as interrupted:
            if not rank.speaks:  # every rank was told to stop; one says so
                raise SystemExit(interrupted.exit_code) from None
            raise
        finally:
            rank.meet()
    return rank.speaks


def _wait(request: Any) -> None:
    while not request.Test():
        time.sleep(_POLL_S)


def _log_to(work: Work, rank: int) -> None:
    handler = logging.FileHandler(work.logs / f"rank-{rank}.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("molgun_lmp")
    logger.addHandler(handler)
    logger.propagate = False


@contextmanager
def progress_of_all(work: Work, console: Console, rank: Rank) -> Iterator[None]:
    """Progress from a thread of its own, on the rank that speaks."""
    if not rank.speaks:
        yield
        return
    with (
        progress_display(Monitor(work.folders, work.steps), console) as show,
        repeated(show, every_s=_POLL_S, name="progress"),
    ):
        yield
