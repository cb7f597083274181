"""What every process of ours needs: requests to stop, a share of the cores, something done again and again meanwhile.

Standard library only.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

log = logging.getLogger(__name__)


SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Requests to stop: Ctrl-C, and what a batch system sends before its time limit."""


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """A list to which SIGINT, SIGTERM and SIGUSR1 are added instead of ending this process, for a loop to look at.

    Python gives signals to the main thread alone: in any other the list stays empty.
    """
    stop_requested: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield stop_requested
        return

    def note(number: int, _: FrameType | None) -> None:
        stop_requested.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield stop_requested
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


def interrupt_on_signals(stop_file: Path, parent: int | None = None) -> threading.Event:
    """An event that SIGINT, SIGTERM and SIGUSR1 set, also while the main thread is inside LAMMPS; and the stop file.

    To be called in the main thread before others start: the signals are blocked and a thread waits for them. With
    `parent`, the end of that process sets the event too, so that no worker outlives its supervisor.
    """
    interrupt = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def stop(why: str) -> None:
        log.info("stops: %s", why)
        interrupt.set()

    def wait_for_signal() -> None:
        # Without a time limit: a process that is stopped (Ctrl-Z) for longer than the limit of signal.sigtimedwait gets
        # a signal from it that nobody sent, with any number.
        sent = signal.sigwaitinfo(SIGNALS)
        stop(f"{signal.Signals(sent.si_signo).name} from process {sent.si_pid}")

    def look_around() -> None:
        while not interrupt.wait(1.0):
            why = _asked_to_stop(stop_file, parent)
            if why is not None:
                stop(why)

    for target in (wait_for_signal, look_around):
        threading.Thread(target=target, name=target.__name__, daemon=True).start()
    return interrupt


def _asked_to_stop(stop_file: Path, parent: int | None) -> str | None:
    """What asks this process to stop besides signals, in words; None where nothing does."""
    if parent is not None and os.getppid() != parent:
        return f"process {parent}, which started this one, has ended"
    with suppress(OSError):  # a server that does not answer is no request
        return f"there is a file {stop_file}" if stop_file.exists() else None
    return None
