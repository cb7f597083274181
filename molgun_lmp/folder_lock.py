"""A folder that one command at a time may be at work in, or several that share its work."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from molgun_lmp.errors import TrainingError


@contextmanager
def only_command(name: str, folder: Path, part: str | None = None) -> Iterator[None]:
    """Hold `.lock` of a folder that is there; the system lets go of it when the process ends, however that is.

    With `part`, others may hold other parts of the folder at the same time, and nobody all of it. Raises
    `TrainingError` where another process is in the way, `OSError` where the file cannot be written.
    """
    with (folder / ".lock").open("a+") as lock:
        if part is None:
            _hold(lock.fileno(), fcntl.LOCK_EX, f"another `molgun {name}` is at work in {folder}")
            yield
            return
        _hold(lock.fileno(), fcntl.LOCK_SH, f"a `molgun {name}` is at work on all of {folder}")
        with (folder / f".lock-{part}").open("a+") as own:
            _hold(own.fileno(), fcntl.LOCK_EX, f"another `molgun {name}` is at work on the part {part} of {folder}")
            yield


def _hold(descriptor: int, how: int, otherwise: str) -> None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError as error:
        raise TrainingError(f"{otherwise}: wait for it or end it.") from error
