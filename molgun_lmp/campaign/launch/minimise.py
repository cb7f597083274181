"""Structures minimised by several processes side by side; each minimum is kept, so that whoever asks next finds it."""

import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.worker.minimise import MINIMUM_NAME, UnrelaxedStructure, open_minimiser
from molgun_lmp.errors import InterruptedRunError, MolgunError
from molgun_lmp.processes import stop_requests

_POLL_S: Final = 0.2

Job = tuple[Path, UnrelaxedStructure]
"""Where a minimum is to be kept, and of what."""


def minimise_together(
    store: Store, jobs: Sequence[Job], workers: int, advance: Callable[[int], None] | None = None
) -> None:
    """Minimise those of `jobs` that have no minimum yet with so many processes, as far as they get: one that fails is
    left to whoever asks for it next, who is told why. `advance` is called with the number of minima that are there.

    Raises `InterruptedRunError` after Ctrl-C or SIGTERM, when all processes have ended.
    """
    missing = [job for job in jobs if not (job[0] / MINIMUM_NAME).exists()]
    if len(missing) < 2:  # not worth a process
        return
    store.logs.mkdir(exist_ok=True)
    context = get_context("spawn")  # LAMMPS, MPI and torch do not survive a fork
    processes = [
        context.Process(target=_work, args=(store.root, missing[number::workers], os.getpid(), _log(store, number)))
        for number in range(min(workers, len(missing)))
    ]
    with stop_requests() as stop_requested:
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            if stop_requested:
                for process in processes:
                    process.terminate()
            if advance is not None:
                advance(sum((folder / MINIMUM_NAME).exists() for folder, _ in jobs))
            time.sleep(_POLL_S)
    if stop_requested:
        raise InterruptedRunError("stopped while ends were minimised; the same command goes on from there.")


def _log(store: Store, number: int) -> Path:
    return store.logs / f"quench-{socket.gethostname()}-{os.getpid()}-{number + 1}.log"


def _work(root: Path, jobs: Sequence[Job], parent: int, log: Path) -> None:
    """What each process does; all that it says goes to its log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    store = Store.open(root)
    try:
        with open_minimiser(campaign_work(store), store.manifest.name, parent=parent) as minimise:
            for folder, structure in jobs:
                minimise(folder, structure)
    except MolgunError as error:
        print(f"molgun: error: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
