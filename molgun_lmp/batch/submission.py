"""Jobs that this process submits, and waits for by asking: it may end and another one go on waiting."""

import logging
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.batch.system import BatchSystem
from molgun_lmp.errors import ConfigError

log = logging.getLogger(__name__)

_PATIENCE_S: Final = 60.0
"""For one answer of the batch system."""
_POLL_S: Final = 0.2
_RARELY_S: Final = 30.0
"""A controller serves a whole site: after some minutes it is asked no more often than this."""


def submit(batch: BatchSystem, script: Path) -> str:
    """Submit a script from its folder, where its output goes; the job's id. Raises `ConfigError` if it is refused."""
    done = _told(batch, [batch.submit, *batch.queue.quiet, script.name], script.parent)
    if done is None:
        raise ConfigError(f"{batch.submit} does not answer within {_PATIENCE_S:.0f} s. Try again later.")
    if done.returncode != 0:
        raise ConfigError(f"{batch.submit} refuses {script}: {done.stderr.strip()}. Correct the options of the job.")
    return batch.queue.job_id(done.stdout)


def is_over(batch: BatchSystem, job: str) -> bool:
    """Whether a job, with all tasks of its array, has ended or is not known any more.

    A batch system that does not answer, or answers something else, has not said so. Raises `ConfigError` where there
    is none to ask.
    """
    done = _told(batch, [*batch.queue.ask, job])
    if done is None:
        log.warning("job %s: no answer within %.0f s", job, _PATIENCE_S)
        return False
    if done.returncode == 0:
        return batch.queue.is_over(done.stdout)
    answer = done.stdout + done.stderr
    if any(part in answer for part in batch.queue.unknown):
        return True
    log.warning("job %s: %s", job, answer.strip())
    return False


def _told(
    batch: BatchSystem, command: Sequence[str], folder: Path | None = None
) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except OSError as error:
        raise ConfigError(
            f"{command[0]} cannot be started ({error.strerror}): give this command on a machine that submits jobs of "
            f"{batch.title}."
        ) from error
    except subprocess.TimeoutExpired:
        return None


def wait_for(
    batch: BatchSystem, jobs: Sequence[str], stop_requested: Sequence[int], on_look: Callable[[], None]
) -> None:
    """Until all are over, or something is in `stop_requested`; `on_look` is called whenever it has asked."""
    begun = time.monotonic()
    left = list(jobs)
    while not stop_requested:
        left = [job for job in left if not is_over(batch, job)]
        on_look()
        if not left:
            return
        asked = time.monotonic()
        pause = min(_RARELY_S, 1.0 + 0.1 * (asked - begun))
        while not stop_requested and time.monotonic() < asked + pause:
            time.sleep(_POLL_S)
