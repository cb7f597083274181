"""One thread at a time within LAMMPS.

LAMMPS keeps buffers in static memory, such as the one in which every number of a thermo line is formatted, and its list
of plugins: instances in threads of one process write into each other's logs. The library is documented as not
thread-safe. A force model's evaluation, where the time goes, is outside.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_within_lammps: Final = threading.Lock()


class Turn:
    """One instance's right to be within LAMMPS; of all those of this process one has it at a time."""

    def __init__(self) -> None:
        self.waits = False
        """Whether it waits for another instance to come out, in some thread."""

    @contextmanager
    def within(self) -> Iterator[None]:
        """For every call that makes LAMMPS work."""
        self._enter()
        try:
            yield
        finally:
            _within_lammps.release()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """For what takes its time in a callback of LAMMPS, in the thread that is within."""
        _within_lammps.release()
        try:
            yield
        finally:
            self._enter()

    def _enter(self) -> None:
        self.waits = True
        _within_lammps.acquire()
        self.waits = False
