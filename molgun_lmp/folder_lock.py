"""A folder that one command at a time may be at work in."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from molgun_lmp.errors import TrainingError


@contextmanager
def only_command(name: str, folder: Path) -> Iterator[None]:
    """Hold `.lock` of a folder that is there; the system lets go of it when the process ends, however that is.

    Raises `TrainingError` where another process holds it, `OSError` where the file cannot be written.
    """
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingError(f"another `molgun {name}` is at work in {folder}: wait for it or end it.") from error
        yield
