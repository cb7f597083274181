"""Requests to stop, as a value that a loop looks at: Ctrl-C, and what a batch system sends before its time limit."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """A list to which SIGINT, SIGTERM and SIGUSR1 are added instead of ending this process.

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
