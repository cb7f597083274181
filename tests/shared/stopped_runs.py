"""A trajectory that this process fires, and that is told to stop at a step of its own."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import Owner, release, take
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.engine import session
from molgun_lmp.engine.session import split_at_first_run
from molgun_lmp.records import TrajectoryResult


def fire_once(work: Work, stop_after: int | None = None) -> TrajectoryResult | None:
    """One run by this process; it is told to stop once its dump holds the frame of step `stop_after`."""
    (folder,) = work.folders
    claim = take(folder, Owner.this_process())
    assert claim is not None
    interrupt = threading.Event()
    ended = threading.Event()
    held: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if stop_after is not None:
        threading.Thread(target=_stop_later, args=(folder, claim.number, stop_after, interrupt, ended)).start()
        held = _held_at(stop_after, work.root.parent)
    try:
        with held, open_engine(work) as fire:
            result = fire(folder, claim.number, interrupt, _no_hang)
    finally:
        ended.set()
    if result is None:
        release(folder, claim)
    else:
        assert folder.publish(result)
        folder.remove_runs(keep=claim.number)
    return result


@contextlib.contextmanager
def _held_at(step: int, folder: Path) -> Iterator[None]:
    """LAMMPS comes to a pipe at a step, after its frame, and waits there until its run is asked to end."""
    pipe = folder / f"hold.{step}"
    readers: list[int] = []
    end_its_run = session._Job.end_its_run

    def with_pipe(text: str) -> tuple[str, str]:
        before, after = split_at_first_run(text)
        return f"{before}dump hold all custom {step} {folder}/hold.* id\n", after

    def asked(job: session._Job) -> None:
        end_its_run(job)
        if not readers:
            readers.append(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))

    os.mkfifo(pipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "split_at_first_run", with_pipe)
        patch.setattr(session._Job, "end_its_run", asked)
        yield
    for reader in readers:
        os.close(reader)


def _no_hang(step: int, _: object) -> NoReturn:
    raise AssertionError(f"step {step} took ten minutes")


def _stop_later(
    folder: TrajectoryFolder, number: int, step: int, interrupt: threading.Event, ended: threading.Event
) -> None:
    dump = folder.run_folder(number) / "traj.dump"
    wanted = f"ITEM: TIMESTEP\n{step}\n".encode()
    while not ended.wait(0.01):
        if dump.is_file() and wanted in dump.read_bytes():
            interrupt.set()
            return
