"""All ended trajectories of a campaign decided: those that were before from memory, the others on several cores."""

import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from molgun_lmp.campaign.remembering import FileStamp, Memory, key_of, stamp
from molgun_lmp.campaign.store import Store, TrajectoryFolder
from molgun_lmp.campaign.tracks import TrackWriter
from molgun_lmp.campaign.walking import Track, read_back
from molgun_lmp.config import Campaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.surface import Surface
from molgun_lmp.import_closure import code_version
from molgun_lmp.provenance import sha256_file
from molgun_lmp.records import Outcome, TrajectoryResult

CACHE_NAME: Final = "outcomes.cache.jsonl"

_WORTH_A_PROCESS: Final = 64_000_000
"""Bytes of dumps that one core reads in the time in which another process starts."""
_CHUNK: Final = 4

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Task:
    folder: TrajectoryFolder
    result: TrajectoryResult
    dump: FileStamp | None
    key: str


def decide_all(
    store: Store,
    surface: Surface,
    ended: Sequence[tuple[TrajectoryFolder, TrajectoryResult]],
    *,
    processes: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> tuple[list[Outcome], list[str]]:
    """The outcomes of ended trajectories in their order, and the keys that they and their tracks are kept under.

    What is decided anew leaves its track beside it. `processes` as in `spread`, which says what is raised, besides what
    `read_back` raises.
    """
    with Memory(store.analysis / CACHE_NAME) as memory, TrackWriter(store) as tracks:
        tasks = _tasks(store, ended, memory)
        found = {task.folder.id: memory.outcome(task.folder.id, task.key) for task in tasks}
        missing = [task for task in tasks if found[task.folder.id] is None]
        done = len(tasks) - len(missing)
        if advance is not None and done:
            advance(done)
        size = sum(task.dump.size for task in missing if task.dump is not None)
        decided = spread(partial(_one, store.config(), surface), missing, size=size, processes=processes)
        for task, (outcome, track) in zip(missing, decided, strict=True):
            if track is not None:
                tracks.add(task.folder.id, task.key, track)
            memory.add(task.key, task.dump, outcome)
            found[task.folder.id] = outcome
            done += 1
            if advance is not None:
                advance(done)
    return [outcome for outcome in found.values() if outcome is not None], [task.key for task in tasks]


def _tasks(store: Store, ended: Sequence[tuple[TrajectoryFolder, TrajectoryResult]], memory: Memory) -> list[_Task]:
    config = store.config()
    campaign = {
        "criteria": config.outcomes.model_dump(mode="json"),
        "molecule": config.system.molecule.model_dump(mode="json"),
        "timestep_fs": config.dynamics.timestep_fs,
        "slab": _hash(store.slab),
    }
    code = code_version(read_back.__module__)
    tasks = []
    for folder, result in ended:
        dump = stamp(folder.dump(result), memory.dump_stamp(folder.id))
        start, shot = _hash(folder.path / DATA_NAME), folder.shot()
        snapshots = [shot.slab_snapshot, shot.molecule_snapshot]
        key = key_of(dump, code=code, campaign=campaign, start=start, snapshots=snapshots, result=result.to_json())
        tasks.append(_Task(folder=folder, result=result, dump=dump, key=key))
    return tasks


def _hash(file: Path) -> str | None:
    """None where the file is missing, which whoever reads it says in words."""
    try:
        return sha256_file(file)
    except OSError:
        return None


def spread(
    work: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], *, size: int, processes: int | None
) -> Iterator[ResultT]:
    """What `work`, a function that a process can be sent, gives for each task, in order.

    `size`: bytes that there are to read; `processes`: None for one on each core that this process may use, where there
    is enough to read. Raises what `work` raises, and `CampaignError` where a process died.
    """
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), 1 + size // _WORTH_A_PROCESS)
    processes = min(processes, len(tasks))
    if processes <= 1:
        yield from map(work, tasks)
        return
    # A fresh process each: one that is copied from a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            yield from pool.map(work, tasks, chunksize=_CHUNK)
        except BrokenProcessPool as error:
            raise CampaignError(
                "a process that read trajectories died (out of memory?). What was decided is kept: analyse again, with "
                "--processes 1 where memory is short."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _one(config: Campaign, surface: Surface, task: _Task) -> tuple[Outcome, Track | None]:
    return read_back(config, surface, task.folder, task.result)
