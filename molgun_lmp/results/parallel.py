"""A function over many things in several processes, in their order, where they are worth a process."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from molgun_lmp.errors import CampaignError

_WORTH_A_PROCESS: Final = 64_000_000
"""Bytes of dumps that one core reads in the time in which another process starts."""
_CHUNK: Final = 4
TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


def counted_from(advance: Callable[[int], None] | None, before: int) -> Callable[[int], None]:
    """Progress of one part of a work, of which so much was done before."""
    return lambda number: None if advance is None else advance(before + number)


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
                "--processes 1 where memory is short. A Python script of your own is run again by each such process: "
                "put what it does below `if __name__ == '__main__':`."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
