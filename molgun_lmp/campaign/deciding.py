"""All ended trajectories of a campaign decided: those that were before from memory, the others on several cores."""

import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Final

from molgun_lmp.campaign.remembering import FileStamp, Memory, key_of, stamp
from molgun_lmp.campaign.store import Store, TrajectoryFolder
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.provenance import sha256_file
from molgun_lmp.records import Outcome, TrajectoryResult

CACHE_NAME: Final = "outcomes.cache.jsonl"

_WORTH_A_PROCESS: Final = 64_000_000
"""Bytes of dumps that one core reads in the time in which another process starts."""
_CHUNK: Final = 4

Decide = Callable[[TrajectoryFolder, TrajectoryResult], Outcome]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Task:
    folder: TrajectoryFolder
    result: TrajectoryResult
    dump: FileStamp | None
    key: str


def decide_all(
    store: Store,
    ended: Sequence[tuple[TrajectoryFolder, TrajectoryResult]],
    decide: Decide,
    *,
    processes: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[Outcome]:
    """The outcomes of ended trajectories in their order.

    `decide` is a function that a process can be sent. `processes`: None for one on each core that this process may
    use, where there is enough to read. Raises what `decide` raises, and `CampaignError` where a process died.
    """
    with Memory(store.analysis / CACHE_NAME) as memory:
        tasks = _tasks(store, ended, memory)
        found = {task.folder.id: memory.outcome(task.folder.id, task.key) for task in tasks}
        missing = [task for task in tasks if found[task.folder.id] is None]
        done = len(tasks) - len(missing)
        if advance is not None and done:
            advance(done)
        for task, outcome in zip(missing, _decided(missing, decide, processes), strict=True):
            memory.add(task.key, task.dump, outcome)
            found[task.folder.id] = outcome
            done += 1
            if advance is not None:
                advance(done)
    return [outcome for outcome in found.values() if outcome is not None]


def _tasks(store: Store, ended: Sequence[tuple[TrajectoryFolder, TrajectoryResult]], memory: Memory) -> list[_Task]:
    config = store.config()
    campaign = {
        "criteria": config.outcomes.model_dump(mode="json"),
        "molecule": config.system.molecule.model_dump(mode="json"),
        "timestep_fs": config.dynamics.timestep_fs,
        "slab": _hash(store.slab),
    }
    tasks = []
    for folder, result in ended:
        dump = stamp(folder.dump(result), memory.dump_stamp(folder.id))
        start, shot = _hash(folder.path / DATA_NAME), folder.shot()
        snapshots = [shot.slab_snapshot, shot.molecule_snapshot]
        key = key_of(dump, campaign=campaign, start=start, snapshots=snapshots, result=result.to_json())
        tasks.append(_Task(folder=folder, result=result, dump=dump, key=key))
    return tasks


def _hash(file: Path) -> str | None:
    """None where the file is missing, which whoever reads it says in words."""
    try:
        return sha256_file(file)
    except OSError:
        return None


def _decided(tasks: Sequence[_Task], decide: Decide, processes: int | None) -> Iterator[Outcome]:
    if processes is None:
        size = sum(task.dump.size for task in tasks if task.dump is not None)
        processes = min(len(os.sched_getaffinity(0)), 1 + size // _WORTH_A_PROCESS)
    processes = min(processes, len(tasks))
    if processes <= 1:
        yield from (decide(task.folder, task.result) for task in tasks)
        return
    # A fresh process each: one that is copied from a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            yield from pool.map(partial(_one, decide), tasks, chunksize=_CHUNK)
        except BrokenProcessPool as error:
            raise CampaignError(
                "a process that read trajectories died (out of memory?). What was decided is kept: analyse again, with "
                "--processes 1 where memory is short."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _one(decide: Decide, task: _Task) -> Outcome:
    return decide(task.folder, task.result)
