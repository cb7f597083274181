"""What every process of ours needs: requests to stop, a share of the cores, something done again and again meanwhile.

Standard library only.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Requests to stop: Ctrl-C, and what a batch system sends before its time limit."""


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """A list to which SIGINT, SIGTERM and SIGUSR1 are added instead of ending this process, for a loop to look at.

    Python gives signals to the main thread alone: in any other the list stays empty.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that hold every numerical library to `threads` threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def default_workers(threads: int) -> int:
    """One worker for each `threads` of the cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) // threads)


@contextmanager
def repeated(action: Callable[[], None], *, every_s: float, name: str) -> Iterator[None]:
    """Call `action` each `every_s` seconds from a thread of its own, called `name`, until the context is left."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every_s):
            action()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
