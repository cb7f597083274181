"""One run of one deck: checked, copied into the folder of the run, handed to LAMMPS, and its end put into words."""

import datetime
import errno
import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from molgun_lmp.campaign.store.campaign_folder import INNER_FOLDER, MODEL_FOLDER, TrajectoryFolder
from molgun_lmp.campaign.store.checkpoints import (
    CHECKPOINTS_NAME,
    EARLIER_LOG_NAME,
    CheckpointWatch,
    Resumption,
    find_resumption,
)
from molgun_lmp.campaign.store.completeness import require_log_end, require_whole
from molgun_lmp.campaign.store.integrity import planned_hashes, require_planned, verify_shared
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.asked_models import Ask, asker
from molgun_lmp.campaign.worker.energy_conservation import energy_of
from molgun_lmp.engine.chosen_lammps import chosen_lammps
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.joint_evaluation import Member
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.engine.session import DeckRun, Watchdog, run_deck
from molgun_lmp.gun.names import DATA_NAME, DUMP_NAME, INPUT_NAME, LOG_NAME, RESTART_NAMES, RESUME_NAME, STOP_OF_FIX
from molgun_lmp.gun.noise import resumed_noise
from molgun_lmp.provenance import sha256_file
from molgun_lmp.records import Cause, Stop, TrajectoryResult

if TYPE_CHECKING:
    from molgun_lmp.campaign.worker.settling import WatchSettling

log = logging.getLogger(__name__)
_HEAD: Final = 1 << 12

OnHung = Callable[[int, Collection[str]], NoReturn]
"""Called with the step that does not end, and the ids of those for which the same evaluation does not end; it ends the
process."""


Fire = Callable[[TrajectoryFolder, int, threading.Event, OnHung], TrajectoryResult | None]
"""Run number n of a trajectory; None where the event ended it."""


@contextmanager
def open_engine(work: Work) -> Iterator[Fire]:
    """The function that fires one trajectory; the model is checked and loaded once, for all of them.

    The working directory is the folder of the work meanwhile, so that LAMMPS reads short relative paths whatever the
    folder is called. Raises `ModelError` for a model that is not the planned one, `EngineError` where the engine does
    not run here.
    """
    verify_shared(work)
    ask, settling = asker(work), _settling(work)

    def fire(
        folder: TrajectoryFolder, number: int, interrupt: threading.Event, on_hung: OnHung
    ) -> TrajectoryResult | None:
        if work.predecessor(folder) is not None:
            from molgun_lmp.campaign.worker.chain import follow  # noqa: PLC0415 - surfaces and outcomes, slow to load

            found = follow(work, folder, number, partial(_run_part, work, folder, ask, interrupt, on_hung), interrupt)
            if found != "drawn":
                return None if found == "not drawn" else found
        return fire_one(work, folder, number, ask, interrupt, on_hung=on_hung, settling=settling)

    before = Path.cwd()
    os.chdir(work.root)
    try:
        yield fire
    finally:
        os.chdir(before)


def fire_one(
    work: Work,
    folder: TrajectoryFolder,
    number: int,
    ask: Ask,
    interrupt: threading.Event,
    *,
    on_hung: OnHung,
    settling: "WatchSettling | None" = None,
) -> TrajectoryResult | None:
    """Run a deck in the folder of run `number`; None where the interrupt ended it.

    It goes on from the last whole checkpoint of the trajectory's earlier runs, if there is one.

    Raises `CampaignError` for a deck or data file that is not the planned one, `OSError` on a full disk.
    """
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    run = folder.run_folder(number)
    copies = _copy_planned(work, folder, run)
    hashes = {
        "deck": copies[INPUT_NAME],
        "data": copies[DATA_NAME],
        "model": work.files[f"{MODEL_FOLDER}/{work.engine.model_file}"],
    }
    if work.engine.multistep is not None:
        hashes["inner_model"] = work.files[f"{INNER_FOLDER}/{work.engine.multistep.model_file}"]
    chosen = chosen_lammps()
    # No LAMMPS goes on from another one's checkpoint: they are written in formats of their own.
    shared = {**hashes, **({"lammps": chosen.named} if chosen.named else {})}
    resumption = _resume(work, folder, number, shared)
    resumed_at = () if resumption is None else resumption.resumed_at
    watch = _watch(work, run, shared, resumed_at)
    settles = None if settling is None else settling(folder, run)
    looks = [look for look in (watch, settles) if look is not None]

    def look(step: int) -> None:
        for one in looks:
            one(step)

    with ask(folder.id) as model:
        done = run_deck(
            run / INPUT_NAME,
            variables={
                "dir": str(run.relative_to(work.root)),
                "root": ".",
                **({"resume": "yes"} if resumption is not None else {}),
            },
            force_model=model,
            interrupt=interrupt,
            log_path=run / LOG_NAME,
            earlier_log=_earlier_log(run),
            on_progress=look,
            enough=(lambda: False) if settles is None else settles.over,
            watchdog=_watchdog(work, model, on_hung),
            plugin=ENGINES[work.engine.kind].needs_plugin,
        )
    look(done.steps)
    settled = None if settles is None else settles.settled(done)
    cut = None if settles is None else settles.cut(done)
    done = done if cut is None else cut
    if interrupt.is_set() and (done.interrupted or done.cause is not None):
        return None
    if done.cause is Cause.DISK:
        raise OSError(errno.ENOSPC, done.error or "no space left", str(run))
    if done.cause is None:
        if work.dynamics is None:
            require_log_end(run)
        else:
            logged = done.thermo.get("Step", ())
            halted = done.halt is not None
            require_whole(run, work.dynamics, steps=done.steps, logged=logged, halted=halted, cut=cut is not None)
    for name in (*copies, *RESTART_NAMES, RESUME_NAME, CHECKPOINTS_NAME):
        (run / name).unlink(missing_ok=True)
    stop, cause, message = _end(done, work) if cut is None else (Stop.SETTLED, None, f"settled at step {cut.steps}")
    noise_resumed = resumed_noise(folder.path / INPUT_NAME, work.dynamics, resumed_at)
    dump = run / DUMP_NAME
    return TrajectoryResult(
        trajectory_id=folder.id,
        state="finished" if cause is None else "failed",
        stop=stop,
        cause=cause,
        message=message,
        steps=done.steps,
        energy=energy_of(folder, work, done.thermo, resumed_at),
        wall_s=round(done.wall_s, 3),
        started_at=started_at,
        host=socket.gethostname(),
        engine=str(work.engine),
        lammps=chosen.record(_head(run / LOG_NAME)),
        attempt=number,
        hashes={**hashes, **({"dump": sha256_file(dump)} if dump.is_file() else {})},
        resumed_at=resumed_at,
        noise_resumed=noise_resumed,
        settled=settled,
    )


def _settling(work: Work) -> "WatchSettling | None":
    """What watches for molecules that have settled; None where the campaign has no such rule."""
    if not work.config.get("stop", {}).get("settled"):
        return None
    from molgun_lmp.campaign.worker.settling import settling_watch  # noqa: PLC0415 - it loads all that classifies

    return settling_watch(work)


def _run_part(  # noqa: PLR0917 - those of `fire_one`, and a deck
    work: Work,
    folder: TrajectoryFolder,
    ask: Ask,
    interrupt: threading.Event,
    on_hung: OnHung,
    deck: Path,
    variables: Mapping[str, str],
    log_path: Path,
) -> DeckRun:
    """A deck that belongs to a trajectory and is not its own."""
    with ask(folder.id) as model:
        return run_deck(
            deck,
            variables=variables,
            force_model=model,
            interrupt=interrupt,
            log_path=log_path,
            watchdog=_watchdog(work, model, on_hung),
            plugin=ENGINES[work.engine.kind].needs_plugin,
        )


def _head(log: Path) -> str:
    """The beginning of a log, where LAMMPS says which it is."""
    with log.open(encoding="utf-8", errors="replace") as handle:
        return handle.read(_HEAD)


def _copy_planned(work: Work, folder: TrajectoryFolder, run: Path) -> dict[str, str]:
    """Copy deck and data into a fresh folder of the run and check the copies: what is checked is what is run."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    expected = planned_hashes(work, folder)
    for name in (INPUT_NAME, DATA_NAME):
        require_planned(folder.path / name, expected[name])
        shutil.copyfile(folder.path / name, run / name)
        require_planned(run / name, expected[name])
    return {name: expected[name] for name in (INPUT_NAME, DATA_NAME)}


def _resume(work: Work, folder: TrajectoryFolder, number: int, hashes: dict[str, str]) -> Resumption | None:
    if work.dynamics is None or work.dynamics.checkpoint_every_steps is None:
        return None
    found = find_resumption(folder.runs_before(number), hashes, work.dynamics)
    if found is not None:
        found.copy_to(folder.run_folder(number))
        log.info("trajectory %s: goes on from step %d", folder.id, found.checkpoint.step)
    return found


def _earlier_log(run: Path) -> str:
    file = run / EARLIER_LOG_NAME
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _watch(work: Work, run: Path, hashes: dict[str, str], resumed_at: tuple[int, ...]) -> CheckpointWatch | None:
    if work.dynamics is None or work.dynamics.checkpoint_every_steps is None:
        return None
    return CheckpointWatch(run, hashes, resumed_at=resumed_at)


def _watchdog(work: Work, model: ForceModel | None, on_hung: OnHung) -> Watchdog:
    limit_s = work.engine.hung_after_s
    if isinstance(model, Member):
        return Watchdog(
            limit_s=limit_s, bark=lambda step: on_hung(step, model.evaluated_with), waits=lambda: model.waits
        )
    return Watchdog(limit_s=limit_s, bark=lambda step: on_hung(step, ()))


def _end(done: DeckRun, work: Work) -> tuple[Stop | None, Cause | None, str]:
    if done.cause is not None:
        return None, done.cause, done.error or ""
    if done.halt is not None:
        condition = f"{done.halt.fix_id} at step {done.halt.step}"
        stop = STOP_OF_FIX.get(done.halt.fix_id)
        if stop is None:
            return None, Cause.LAMMPS_ERROR, f"LAMMPS was halted by {condition}, which no deck of ours has"
        return stop, None, condition
    if done.steps < work.steps:
        return None, Cause.LAMMPS_ERROR, f"LAMMPS ended at step {done.steps} of {work.steps} and did not say why"
    return Stop.COMPLETED, None, ""
