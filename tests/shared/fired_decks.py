"""Decks of a planned campaign under a pair potential, fired in this process: as by hand, or as a worker does."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.engine.session import run_deck
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.records import TrajectoryResult


def fire_deck(
    store: Store, run: Path, *, resume: Path | None = None, changed: Callable[[str], str] = lambda text: text
) -> dict[int, Frame]:
    """Step -> frame of trajectory 0, fired in a folder of its own; `resume` is the restart file to go on from."""
    original = store.trajectory("000000").path
    run.mkdir()
    shutil.copyfile(original / "data.lmp", run / "data.lmp")
    (run / "in.lammps").write_text(changed((original / "in.lammps").read_text()))
    variables = {"dir": str(run), "root": str(store.root)}
    if resume is not None:
        shutil.copyfile(resume, run / "resume.restart")
        variables["resume"] = "yes"
    done = run_deck(
        run / "in.lammps",
        variables=variables,
        force_model=None,
        interrupt=threading.Event(),
        log_path=run / "log.lammps",
        plugin=False,
    )
    assert done.error is None
    return {frame.step: frame for frame in read_frames(run / "traj.dump")}


def fire_trajectories(store: Store, number: int = 1) -> list[TrajectoryResult]:
    """The results of run `number` of all trajectories, stored."""
    work, results = campaign_work(store), []
    with open_engine(work) as fire:
        for folder in work.folders:
            result = fire(folder, number, threading.Event(), _hung)
            assert result is not None
            assert folder.publish(result)
            results.append(result)
    return results


def _hung(step: int, _: object) -> NoReturn:
    raise AssertionError(f"step {step} does not end")
