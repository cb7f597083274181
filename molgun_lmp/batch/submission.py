"""Jobs that this process submits, and waits for by asking: it may end and another one go on waiting.

The program that submits writes the job's id itself, into a file beside the script, and outlives this process: a job is
known whose submitter was killed before it had heard of it.
"""

import contextlib
import fcntl
import logging
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

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
    answer = _unheard(script)
    with answer.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # handed on to the program: held until it has written all
        done = _told(batch, [batch.submit, *batch.queue.quiet, script.name], script.parent, answer=file)
    if done is None:
        raise ConfigError(f"{batch.submit} does not answer within {_PATIENCE_S:.0f} s. Try again later.")
    if done.returncode != 0:
        answer.unlink()
        raise ConfigError(f"{batch.submit} refuses {script}: {done.stderr.strip()}. Correct the options of the job.")
    return batch.queue.job_id(answer.replace(_heard(script)).read_text())


def submitted(batch: BatchSystem, script: Path) -> str | None:
    """The id of the job that a script was last submitted as, by whichever process; None: it was not."""
    answer = _unheard(script)
    with contextlib.suppress(FileNotFoundError):
        with answer.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            heard = bool(file.read().strip())
        if heard:
            answer.replace(_heard(script))
        else:
            answer.unlink()
    try:
        return batch.queue.job_id(_heard(script).read_text())
    except FileNotFoundError:
        return None


def _heard(script: Path) -> Path:
    return script.with_suffix(".id")


def _unheard(script: Path) -> Path:
    return script.with_suffix(".submitting")


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
    batch: BatchSystem, command: Sequence[str], folder: Path | None = None, answer: IO[str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """Its answer goes into the file `answer` if there is one, even where this process is killed meanwhile."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.PIPE if answer is None else answer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            start_new_session=answer is not None,
        )
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
