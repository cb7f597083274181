"""How far a worker process has got: a small file beside its log, for whoever decides what its end means.

The log is for people, and its words may change; this file is for programs. It is replaced whole and never synced: it
tells the supervisor of now, and a loss of power takes the supervisor as well. A disk that is full costs the file its
news and nothing else.
"""

import contextlib
import dataclasses
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import ConfigDict, ValidationError

from molgun_lmp.atomic_files import aside, json_bytes
from molgun_lmp.records import JsonRecord

ERROR_MARK: Final = "molgun: error: "
"""Begins the line of a worker's log that says why it ended: the one line there that is for programs as well, since on a
disk that is nearly full a line can often be added where no file can be made."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerStatus(JsonRecord):
    """What a worker process has done so far."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    pid: int
    """0 before the process says it itself."""
    state: Literal["starting", "working", "ended"] = "starting"
    taken: int = 0
    """Runs that it began; a trajectory that is fired once more counts again."""
    ended: int = 0
    """Of these, those that are over: with a result, with an error, or because it was asked to stop."""
    last: str | None = None
    """The trajectory of the run that it began last."""


def status_file(log: Path) -> Path:
    """Where the status of the worker with this log stands."""
    return log.with_suffix(".status")


def announce(file: Path) -> None:
    """Put the status of a worker that is about to be started in the place of what an earlier one left there.

    It is there before the log: a file system that remembers what is not there, as NFS does, never has to look in vain.
    """
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)
    _write(file, WorkerStatus(pid=0))


def read_status(file: Path) -> WorkerStatus | None:
    """What a worker last said; None where it could not say anything."""
    try:
        return WorkerStatus.from_json(json.loads(file.read_bytes()))
    except (OSError, ValidationError, ValueError, RecursionError):
        return None


class StatusKeeper:
    """Keeps the status file of this process, also where several threads fire."""

    def __init__(self, file: Path | None) -> None:
        """No file: nobody wants to know."""
        self._file = file
        self._status = WorkerStatus(pid=os.getpid())
        self._changing = threading.Lock()

    @contextlib.contextmanager
    def run(self, trajectory: str) -> Iterator[None]:
        """A run of a trajectory goes on within this block."""
        self._change(lambda now: dataclasses.replace(now, state="working", taken=now.taken + 1, last=trajectory))
        try:
            yield
        finally:
            self._change(lambda now: dataclasses.replace(now, ended=now.ended + 1))

    def end(self) -> None:
        """Nothing is fired any more."""
        self._change(lambda now: dataclasses.replace(now, state="ended"))

    def _change(self, change: Callable[[WorkerStatus], WorkerStatus]) -> None:
        with self._changing:
            self._status = change(self._status)
            if self._file is not None:
                _write(self._file, self._status)


def _write(file: Path, status: WorkerStatus) -> None:
    with contextlib.suppress(OSError), aside(file) as written:
        written.write_bytes(json_bytes(status.to_json()))
        written.replace(file)
