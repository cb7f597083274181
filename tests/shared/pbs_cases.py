"""The stand-in for PBS for the length of a test: its commands on the PATH, and no process left behind."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 240.0
PROGRAM: Final = Path(__file__).with_name("pbs_stand_in.py")


class Pbs:
    """The stand-in and its commands."""

    def __init__(self, folder: Path, *, history: bool) -> None:
        self.folder = folder / "pbs"
        programs = folder / "bin"
        home = folder / "home"
        for made in (self.folder, programs, home):
            made.mkdir()
        if history:
            (self.folder / "history").touch()
        for name in ("qsub", "qstat", "qalter"):
            command = shlex.join([sys.executable, str(PROGRAM), name])
            (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (programs / name).chmod(0o755)
        ours = ("SLURM", "PBS")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        self.environment |= {
            "PBS_STAND_IN": str(self.folder),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
        }

    def __call__(self, *command: str, cwd: Path) -> str:
        """What a command answers."""
        done = subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def time_is_up(self, job: str, task: int | None = None) -> None:
        """The walltime of a task, or of a job that is no array, ends now."""
        number = job.partition("[")[0].removesuffix(".here")
        name = f"{number}.here" if task is None else f"{number}[{task}].here"
        self("qalter", "-l", "walltime=0", name, cwd=self.folder)

    def states(self, job: str) -> dict[str, str]:
        """Task -> its state, as qstat would say it."""
        found = self._job(job).glob("state-*")
        return {file.name.removeprefix("state-"): file.read_text() for file in found}

    def statuses(self, job: str) -> dict[str, int]:
        """Task -> the exit status of one that has ended; negative for a signal."""
        found = self._job(job).glob("status-*")
        return {file.name.removeprefix("status-"): int(file.read_text()) for file in found}

    def wait_for_end(self, job: str) -> None:
        """Until all tasks of a job have ended."""
        self.wait_for(f"the end of {job}", (self._job(job) / "finished").exists)

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        """Until it has happened."""
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline, f"{what} did not happen"
            time.sleep(0.05)

    def _job(self, job: str) -> Path:
        return self.folder / job.partition("[")[0].removesuffix(".here")


@contextlib.contextmanager
def pbs(folder: Path, *, history: bool = True) -> Iterator[Pbs]:
    """Set it up in an empty folder. With `history`, it remembers jobs that have ended."""
    here = Pbs(folder, history=history)
    try:
        yield here
    finally:
        # What a test that fails leaves running; the stand-in ends with its last task.
        for job in here.folder.glob("[0-9]*"):
            if not (job / "finished").exists():
                for group in job.glob("group-*"):
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(int(group.read_text()), signal.SIGKILL)
