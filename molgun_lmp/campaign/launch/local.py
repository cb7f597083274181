"""Workers: started, restarted when they die, ended when the user says so. Local processes are one kind of them."""

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console

from molgun_lmp.campaign.launch.progress import Monitor, progress_display
from molgun_lmp.campaign.launch.spawn import start_worker
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import look, release
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.store.worker_status import ERROR_MARK, read_status, status_file
from molgun_lmp.engine.gpus import gpu_environment, workers_here
from molgun_lmp.engine.registry import gpus_of
from molgun_lmp.errors import EngineError, InterruptedRunError, MolgunError
from molgun_lmp.processes import stop_requests

log = logging.getLogger(__name__)

_POLL_S: Final = 0.2
_END_S: Final = 60.0
"""A worker that was asked to end gets this long for the step that it is in."""
_MAX_ENDS_IN_VAIN: Final = 2


class Crew(Protocol):
    """The workers of one supervisor, wherever they are; they are there while its `with` block lasts."""

    interrupted: bool
    """Whether somebody else asked its workers to stop, again and again."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def tend(self) -> bool:
        """Replace workers that died; False once all have ended by themselves. Raises the error that ended one."""

    def end(self, stop_requested: list[int]) -> None:
        """Ask all workers to end, and wait; no longer once the user insists, by another signal in `asked`."""


def workers_for(engine: EngineChoice) -> int:
    """How many local workers there are where nobody says it."""
    return workers_here(engine.threads, gpus_of(engine.kind))


def supervise(
    work: Work, *, workers: int, console: Console, crew_of: "Callable[[Work, int], Crew] | None" = None
) -> None:
    """Run all decks of `work` with at most `workers` workers until none is free: local processes, or another crew's.

    Raises `InterruptedRunError` after Ctrl-C or SIGTERM, the error that ended a worker, and `EngineError` where
    workers die before they take a trajectory.
    """
    monitor = Monitor(work.folders, work.steps)
    crew = (crew_of or _Crew)(work, min(workers, work.at_once))
    with stop_requests() as stop_requested, crew, progress_display(monitor, console) as show:
        while not stop_requested and not work.stop_file.exists() and crew.tend():
            show()
            time.sleep(_POLL_S)
        crew.end(stop_requested)
    if stop_requested or crew.interrupted or work.stop_file.exists():
        raise InterruptedRunError(
            f"stopped with {monitor.ended} of {monitor.planned} trajectories ended; those at work lose what came after "
            f"their last checkpoint. `{work.again}` goes on{_without_stop_file(work)}."
        )


def _without_stop_file(work: Work) -> str:
    return f" once {work.stop_file} is removed" if work.stop_file.exists() else ""


class _Crew:
    """Local worker processes; where there are GPUs, each has one of them, by turns."""

    def __init__(self, work: Work, number: int) -> None:
        self._work = work
        self._number = number
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._ends_in_vain = 0
        self._ended = 0
        self._gpus = gpus_of(work.engine.kind)
        self.interrupted = False

    def __enter__(self) -> "_Crew":
        self._work.logs.mkdir(exist_ok=True)
        for number in range(1, self._number + 1):
            self._start(number)
        return self

    def __exit__(self, *_: object) -> None:
        """No worker outlives the block, whatever ended it."""
        self.end([])

    def tend(self) -> bool:
        """Restart workers that died; False once all have ended by themselves."""
        for number, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[number]
            if code == InterruptedRunError.exit_code:
                self._was_asked(number, process.pid)
            elif (error := worker_error(code, self._log(number))) is not None:
                raise error
            elif code != 0:
                self._died(number, code, process.pid)
        return bool(self._running)

    def end(self, stop_requested: list[int]) -> None:
        """Ask all workers to end, and wait; kill them when they do not, or when the user insists.

        What a killed one had at work is given back: its death is no trajectory's fault.
        """
        insisted = len(stop_requested)
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + _END_S
        while any(process.poll() is None for process in self._running.values()):
            if time.monotonic() > deadline or len(stop_requested) > insisted:
                for process in self._running.values():
                    process.kill()
            time.sleep(_POLL_S)
        killed = {process.pid for process in self._running.values() if process.returncode == -signal.SIGKILL}
        for folder in self._work.folders if killed else ():
            held = look(folder)
            if held is not None and held.claim is not None and held.claim.owner.pid in killed and not held.alive:
                release(folder, held.claim)
        self._running.clear()

    def _start(self, number: int) -> None:
        work = self._work
        self._running[number] = start_worker(
            work.root, work.only, work.engine.threads, self._log(number), gpu_environment(number, self._gpus)
        )

    def _died(self, number: int, code: int, pid: int) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        left = [folder.id for folder in self._work.folders if _left_by(folder, pid)]
        log.warning("worker %d (process %d) %s at trajectory %s", number, pid, how, ", ".join(left) or "none")
        if not left and not self._took_one(number, pid) and self._too_often_in_vain():
            raise EngineError(
                f"workers die before they take a trajectory; the last one {how}. The end of {self._log(number)}:\n"
                f"{_tail(self._log(number))}\n`molgun doctor` shows what this machine lacks."
            )
        self._start(number)

    def _was_asked(self, number: int, pid: int) -> None:
        """Replace a worker that somebody asked to stop, but not this command: a guard of the machine's memory may have.
        Where that happens again and again, and nothing is done in between, it is meant."""
        log.warning("worker %d (process %d) was asked to stop; %s says by whom", number, pid, self._log(number))
        if self._too_often_in_vain():
            self.interrupted = True
        else:
            self._start(number)

    def _too_often_in_vain(self) -> bool:
        """Count a worker that ended before its time and did nothing; whether there were too many without a result."""
        ended = sum(folder.result_file.exists() for folder in self._work.folders)
        if ended > self._ended:  # meanwhile workers did start
            self._ends_in_vain, self._ended = 0, ended
        self._ends_in_vain += 1
        return self._ends_in_vain > _MAX_ENDS_IN_VAIN

    def _took_one(self, number: int, pid: int) -> bool:
        """Whether a dead worker had taken a trajectory: then nothing keeps workers from starting."""
        status = read_status(status_file(self._log(number)))
        return status is not None and status.pid == pid and status.taken > 0

    def _log(self, number: int) -> Path:
        return self._work.logs / f"worker-{socket.gethostname()}-{os.getpid()}-{number}.log"


def _left_by(folder: TrajectoryFolder, pid: int) -> bool:
    if folder.result_file.exists():
        return False
    held = look(folder)
    return held is not None and not held.alive and held.claim is not None and held.claim.owner.pid == pid


def _subclasses(base: type[MolgunError]) -> Iterator[type[MolgunError]]:
    yield base
    for child in base.__subclasses__():
        yield from _subclasses(child)


def worker_error(code: int, log_file: Path) -> MolgunError | None:
    """The error that a worker ended with, from its exit code and its log; None for a worker that died."""
    return _ERRORS[code](_last_error(log_file)) if code in _ERRORS else None


_ERRORS: Final = {error.exit_code: error for error in _subclasses(MolgunError)}


def _last_error(file: Path) -> str:
    text = file.read_text(encoding="utf-8", errors="replace")
    _, mark, message = text.rpartition(ERROR_MARK)
    if not mark:
        return f"a worker ended and could not say why in {file}: is the disk full? Make room and give the same command."
    return message.strip()


def _tail(file: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
