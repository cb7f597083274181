"""The loop of a worker: claim a trajectory, fire it, store its result, until none is free."""

import datetime
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from molgun_lmp.atomic_files import is_disk_full
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.checkpoints import made_progress
from molgun_lmp.campaign.store.claims import (
    HEARTBEAT_S,
    MAX_DEATHS,
    Claim,
    Owner,
    beat,
    clear,
    deaths,
    is_current,
    look,
    release,
    take,
)
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.at_work import Company
from molgun_lmp.campaign.worker.energy_conservation import NOT_CHECKED
from molgun_lmp.campaign.worker.run_trajectory import Fire
from molgun_lmp.engine.failure_causes import cause_of
from molgun_lmp.errors import CampaignError, EngineError, InterruptedRunError
from molgun_lmp.gun.names import LOG_NAME
from molgun_lmp.processes import repeated
from molgun_lmp.readers.lammps.log import last_error
from molgun_lmp.records import Cause, TrajectoryResult

log = logging.getLogger(__name__)
_SHARED: Final = frozenset({Cause.LAMMPS_ERROR, Cause.FORCE_MODEL_ERROR})


def fire_all(
    work: Work,
    fire: Fire,
    interrupt: threading.Event,
    company: Company | None = None,
    wanted: Callable[[TrajectoryFolder], bool] = lambda _: True,
) -> int:
    """Fire what is free and `wanted`, in order, until nothing is; the number of results stored.

    Of a chain of doses one is free at a time. Whoever has fired it takes the next one, which comes after it in the
    order, so that a worker that finds nothing free is not needed any more.

    `company` are the trajectories that other threads of this process fire. Raises `InterruptedRunError` once
    `interrupt` is set and anything is left, `CampaignError` on a full disk, `EngineError` for a deck or model that does
    not work at all, and what `fire` raises; the trajectory at work is given back each time.
    """
    owner, company = Owner.this_process(), company or Company()
    stored = 0
    waiting = list(work.folders)
    taken = True
    while taken:
        taken = False
        waiting = [folder for folder in waiting if not folder.result_file.exists()]
        for folder in waiting:
            if interrupt.is_set() and not work.ended:
                raise InterruptedRunError(f"stopped; `{work.again}` goes on.")
            with _full_disk_in_words(folder):
                claim = _take_wanted(folder, owner, wanted) if work.ready(folder) else None
                if claim is not None:
                    taken = True
                    with company.joined(folder, claim):
                        stored += _run_claimed(folder, claim, fire, interrupt, company)
    return stored


def _take_wanted(folder: TrajectoryFolder, owner: Owner, wanted: Callable[[TrajectoryFolder], bool]) -> Claim | None:
    claim = take(folder, owner) if wanted(folder) else None
    if claim is not None and not wanted(folder):  # another worker died on it between the two looks
        release(folder, claim)
        return None
    return claim


@contextmanager
def _full_disk_in_words(folder: TrajectoryFolder) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise CampaignError(
            f"the disk of {folder.path} is full or the quota used up ({getattr(error, 'strerror', None) or error}). "
            "Make room and give the same command: what has ended is kept, and the trajectories at work start again."
        ) from error


def _run_claimed(
    folder: TrajectoryFolder, claim: Claim, fire: Fire, interrupt: threading.Event, company: Company
) -> bool:
    died = _in_vain(folder, deaths(folder, claim.number))
    try:
        with repeated(lambda: beat(folder, claim), every_s=HEARTBEAT_S, name="heartbeat"):
            if len(died) >= MAX_DEATHS:
                result: TrajectoryResult | None = _given_up(folder, claim, died)
                if _is_of_all(result):
                    clear(folder)  # those were no deaths of this trajectory
            else:
                log.info("trajectory %s: run %d begins", folder.id, claim.number)
                result = _fire_again_without_memory(folder, claim, fire, interrupt, company)
        if result is None:
            release(folder, claim)
            return False
        _require_a_step(result)
        return _store(folder, claim, result)
    except BaseException:
        release(folder, claim)
        raise


def is_suspect(folder: TrajectoryFolder) -> bool:
    """Whether a worker died on a trajectory, or on one beside it, and nothing was gained since."""
    held = look(folder)
    if held is None:
        return False
    return bool(_in_vain(folder, deaths(folder, held.number if held.alive else held.number + 1)))


def _in_vain(folder: TrajectoryFolder, died: Sequence[Claim]) -> list[Claim]:
    """Those that died since the last one that got as far as a checkpoint: where each gets further, the end comes."""
    in_vain: list[Claim] = []
    for claim in died:
        in_vain = [] if made_progress(folder.run_folder(claim.number)) else [*in_vain, claim]
    return in_vain


def _fire_again_without_memory(
    folder: TrajectoryFolder, claim: Claim, fire: Fire, interrupt: threading.Event, company: Company
) -> TrajectoryResult | None:
    """Fire, and once more where memory was short, since that may have been a neighbour's doing."""
    result: TrajectoryResult | None = None
    for _ in range(MAX_DEATHS):
        result = fire(folder, claim.number, interrupt, partial(company.end_hung, folder.id))
        if result is None or result.cause is not Cause.OUT_OF_MEMORY:
            return result
        log.warning("trajectory %s: run %d is out of memory: %s", folder.id, claim.number, result.message)
    return result


def _is_of_all(result: TrajectoryResult | None) -> bool:
    return result is not None and result.cause in _SHARED and result.steps == 0


def _require_a_step(result: TrajectoryResult) -> None:
    """Raise `EngineError` for an error of LAMMPS or of the model before any step: then it is the deck's or the model's,
    which all trajectories share, and not what the dynamics of this one came to."""
    if _is_of_all(result):
        raise EngineError(
            f"trajectory {result.trajectory_id} cannot be fired, and no other could: {result.message} Mend the engine "
            "or the model (`molgun doctor` shows what this machine lacks), or plan the campaign again."
        )


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
    """The result of a trajectory on which workers die, for the reason that the last one's log gives: a LAMMPS that was
    built without exceptions ends its worker with its errors."""
    owners = ", ".join(f"{dead.owner.host} process {dead.owner.pid}" for dead in died)
    folder.run_folder(claim.number).mkdir(exist_ok=True)
    said = None if died[-1].hung else last_error(folder.run_folder(died[-1].number) / LOG_NAME)
    cause = Cause.HUNG if died[-1].hung else Cause.WORKER_DIED if said is None else cause_of(said.error)
    why = "" if said is None else f"{said.error} "
    return TrajectoryResult(
        trajectory_id=folder.id,
        state="failed",
        stop=None,
        cause=cause,
        message=f"{why}{len(died)} workers {'hung at a step' if died[-1].hung else 'died on this trajectory'} "
        f"({owners}). `molgun retry` gives it another try.",
        steps=0 if said is None else said.steps,
        energy=NOT_CHECKED,
        wall_s=0.0,
        started_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        host=claim.owner.host,
        engine="none",
        attempt=claim.number,
        hashes={},
    )
