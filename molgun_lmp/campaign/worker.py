"""A worker: claim a trajectory, fire it, store its result, until none is free.

The same code is a local process of the supervisor, a rank under mpirun, and a second terminal.
`python -m molgun_lmp.campaign.worker FOLDER [--only ID ...]` is one such process.
"""

import argparse
import datetime
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from molgun_lmp.campaign.background import repeated
from molgun_lmp.campaign.checkpoints import made_progress
from molgun_lmp.campaign.claims import (
    HEARTBEAT_S,
    MAX_DEATHS,
    Claim,
    Owner,
    beat,
    clear,
    deaths,
    is_current,
    mark_hung,
    release,
    take,
)
from molgun_lmp.campaign.durable import is_disk_full
from molgun_lmp.campaign.firing import Fire, open_engine
from molgun_lmp.campaign.opening import open_work
from molgun_lmp.campaign.store import STOP_NAME, TrajectoryFolder
from molgun_lmp.campaign.work import Work
from molgun_lmp.errors import CampaignError, InterruptedRunError, MolgunError
from molgun_lmp.interrupts import SIGNALS
from molgun_lmp.records import Cause, EnergyRecord, TrajectoryResult

log = logging.getLogger(__name__)

ERROR_MARK: Final = "molgun: error: "
"""Begins the line of a worker's log that says why it ended."""
_HUNG_EXIT: Final = 75  # EX_TEMPFAIL


def fire_all(work: Work, fire: Fire, interrupt: threading.Event) -> int:
    """Fire what is free, in order, until nothing is; the number of results stored.

    Raises `InterruptedRunError` once `interrupt` is set, `CampaignError` on a full disk, and what `fire` raises; the
    trajectory at work is given back each time.
    """
    owner = Owner.this_process()
    stored = 0
    waiting = list(work.folders)
    taken = True
    while taken:
        taken = False
        waiting = [folder for folder in waiting if not folder.result_file.exists()]
        for folder in waiting:
            if interrupt.is_set():
                raise InterruptedRunError(f"stopped; `{work.again}` goes on.")
            with _full_disk_in_words(folder):
                claim = take(folder, owner)
                if claim is not None:
                    taken = True
                    stored += _run_claimed(folder, claim, fire, interrupt)
    return stored


@contextmanager
def _full_disk_in_words(folder: TrajectoryFolder) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise CampaignError(
            f"the disk of {folder.path} is full or the quota used up. Make room and give the same command: what has "
            "ended is kept, and the trajectories at work start again."
        ) from error


def _run_claimed(folder: TrajectoryFolder, claim: Claim, fire: Fire, interrupt: threading.Event) -> bool:
    died = _in_vain(folder, deaths(folder, claim.number))
    try:
        with repeated(lambda: beat(folder, claim), every_s=HEARTBEAT_S, name="heartbeat"):
            if len(died) >= MAX_DEATHS:
                result: TrajectoryResult | None = _given_up(folder, claim, died)
            else:
                log.info("trajectory %s: run %d begins", folder.id, claim.number)
                result = _fire_again_without_memory(folder, claim, fire, interrupt)
        if result is None:
            release(folder, claim)
            return False
        return _store(folder, claim, result)
    except BaseException:
        release(folder, claim)
        raise


def _in_vain(folder: TrajectoryFolder, died: Sequence[Claim]) -> list[Claim]:
    """Those that died since the last one that got as far as a checkpoint: where each gets further, the end comes."""
    in_vain: list[Claim] = []
    for claim in died:
        in_vain = [] if made_progress(folder.run_folder(claim.number)) else [*in_vain, claim]
    return in_vain


def _fire_again_without_memory(
    folder: TrajectoryFolder, claim: Claim, fire: Fire, interrupt: threading.Event
) -> TrajectoryResult | None:
    """Fire, and once more where memory was short, since that may have been a neighbour's doing."""
    result: TrajectoryResult | None = None
    for _ in range(MAX_DEATHS):
        result = fire(folder, claim.number, interrupt, lambda step: _end_hung(folder, claim, step))
        if result is None or result.cause is not Cause.OUT_OF_MEMORY:
            return result
        log.warning("trajectory %s: run %d is out of memory: %s", folder.id, claim.number, result.message)
    return result


def _end_hung(folder: TrajectoryFolder, claim: Claim, step: int) -> NoReturn:
    """End this process: nothing else ends a thread that is inside LAMMPS or a force model."""
    log.error("trajectory %s: step %d does not end; this worker ends itself", folder.id, step)
    mark_hung(folder, claim)
    logging.shutdown()
    os._exit(_HUNG_EXIT)


def _store(folder: TrajectoryFolder, claim: Claim, result: TrajectoryResult) -> bool:
    if not is_current(folder, claim):
        log.warning("trajectory %s: run %d was taken over; its late result is discarded", folder.id, claim.number)
        return False
    stored = folder.publish(result)
    if stored:
        how = result.stop or result.cause
        log.info("trajectory %s: %s, %d steps, %.1f s", folder.id, how, result.steps, result.wall_s)
        folder.remove_runs(keep=claim.number)
        clear(folder)
    return stored


def _given_up(folder: TrajectoryFolder, claim: Claim, died: Sequence[Claim]) -> TrajectoryResult:
    owners = ", ".join(f"{dead.owner.host} process {dead.owner.pid}" for dead in died)
    folder.run_folder(claim.number).mkdir(exist_ok=True)
    return TrajectoryResult(
        trajectory_id=folder.id,
        state="failed",
        stop=None,
        cause=Cause.HUNG if died[-1].hung else Cause.WORKER_DIED,
        message=f"{len(died)} workers {'hung at a step' if died[-1].hung else 'died on this trajectory'} ({owners}). "
        "`molgun retry` gives it another try.",
        steps=0,
        energy=EnergyRecord(drift_ev_per_atom_per_ps=None, excursion_ev_per_atom=None, flagged=False),
        wall_s=0.0,
        started_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        host=claim.owner.host,
        engine="none",
        attempt=claim.number,
        hashes={},
    )


def interrupt_on_signals(stop_file: Path, parent: int | None = None) -> threading.Event:
    """An event that SIGINT, SIGTERM and SIGUSR1 set, also while the main thread is inside LAMMPS; and the stop file.

    To be called in the main thread before others start: the signals are blocked and a thread waits for them. With
    `parent`, the end of that process sets the event too, so that no worker outlives its supervisor.
    """
    interrupt = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def wait() -> None:
        while not interrupt.is_set():
            asked = signal.sigtimedwait(SIGNALS, 1.0) is not None
            orphaned = parent is not None and os.getppid() != parent
            if asked or orphaned or stop_file.exists():
                interrupt.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return interrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """One worker process; its exit code is that of the error that ended it, its log goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m molgun_lmp.campaign.worker", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[], metavar="ID")
    parser.add_argument("--parent", type=int, help="end when this process is no longer the parent")
    options = parser.parse_args(arguments)
    from molgun_lmp.campaign.together import fire_together  # noqa: PLC0415 - it needs fire_all of this module

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s")
    interrupt = interrupt_on_signals(options.folder / STOP_NAME, options.parent)
    try:
        work = open_work(options.folder, options.only)
        with open_engine(work) as fire:
            fire_together(work, fire, interrupt)
    except MolgunError as error:
        print(f"{ERROR_MARK}{error}", file=sys.stderr, flush=True)
        return error.exit_code
    except Exception as error:
        log.exception("unexpected")
        print(f"{ERROR_MARK}{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return MolgunError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
