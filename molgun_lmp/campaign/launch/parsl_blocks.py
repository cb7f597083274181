"""`molgun run --parsl`: the supervisor's workers sit in blocks that Parsl starts, scales, restarts and cancels.

Each worker is one call of `be_a_worker`, submitted to Parsl and told by its number; what became of it is known from
Parsl's answer or from the file that it leaves, whichever is first: a killed manager answers late, or never.
"""

import atexit
import itertools
import logging
import os
import socket
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from molgun_lmp.campaign.launch.local import worker_error
from molgun_lmp.campaign.launch.parsl_interchange import interchange_command
from molgun_lmp.campaign.launch.parsl_site import places
from molgun_lmp.campaign.launch.parsl_worker import be_a_worker, end_file
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.store.worker_status import read_status, status_file
from molgun_lmp.errors import EngineError, InterruptedRunError

log = logging.getLogger(__name__)

_LOOK_S: Final = 1.0
_END_S: Final = 90.0
"""Workers that were asked to end get this long, a little more than each of them gets in its block."""
_TIDY_S: Final = 10.0
"""And this long where nothing is left to fire."""
_MAX_VAIN: Final = 2
"""So many workers in the place of one, or blocks of an executor, may end one after the other in vain."""


class BlockCrew:
    """The workers of one supervisor in the blocks of a site file's executors."""

    def __init__(self, config: Any, work: Work, number: int) -> None:
        """At most `number` workers. Raises `ConfigError` for a `parsl.Config` that offers none."""
        self._config = config
        self._work = work
        self._seats = seats(places(config), number)
        self._folder = work.logs.resolve() / f"parsl-{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
        self._standing = self._folder / "standing"
        self._kernel: Any = None
        self._running: list[_Worker] = []
        self._numbers = itertools.count(1)
        self._open = list(reversed(work.folders))
        self._forgiven: set[tuple[str, str]] = set()
        self._next_look = 0.0
        self.interrupted = False

    def __enter__(self) -> "BlockCrew":
        from parsl.dataflow.dflow import DataFlowKernel  # noqa: PLC0415 - an extra

        self._folder.mkdir(parents=True)
        self._standing.touch()
        _adapt(self._config, self._folder)
        try:
            self._kernel = DataFlowKernel(self._config)
        except Exception as error:
            raise EngineError(f"Parsl does not start: {type(error).__name__}: {error}. See {self._folder}.") from error
        log.info("Parsl: at most %d workers; its logs and theirs are in %s", len(self._seats), self._folder)
        for label in self._seats:
            self._submit(label)
        return self

    def __exit__(self, *_: object) -> None:
        """No block outlives this, whatever ended it."""
        self.end([])

    def tend(self) -> bool:
        """Replace workers that died; False once all have ended by themselves, or nothing is left to fire."""
        if time.monotonic() < self._next_look:
            return True
        self._look_at_executors()
        for worker in list(self._running):
            end = worker.end()
            if end is not None:
                self._running.remove(worker)
                self._judge(worker, end)
        while self._open and self._open[-1].result_file.exists():
            self._open.pop()
        self._next_look = time.monotonic() + _LOOK_S
        return bool(self._running) and bool(self._open)

    def end(self, stop_requested: list[int]) -> None:
        """Ask all workers to end, wait for those that have begun, and cancel all blocks."""
        insisted, deadline = len(stop_requested), time.monotonic() + (_END_S if self._open else _TIDY_S)
        self._standing.unlink(missing_ok=True)
        while any(worker.has_begun() and worker.end() is None for worker in self._running):
            if time.monotonic() > deadline or len(stop_requested) > insisted:
                break
            time.sleep(_LOOK_S)
        self._running.clear()
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            _shut(kernel)

    def _submit(self, label: str, vain: int = 0) -> None:
        from parsl import python_app  # noqa: PLC0415 - an extra

        file = self._folder / f"worker-{next(self._numbers)}.log"
        app = python_app(be_a_worker, data_flow_kernel=self._kernel, executors=[label])
        work = self._work
        future = app(str(work.root.resolve()), work.only, work.engine.threads, str(file), str(self._standing))
        self._running.append(_Worker(label, file, future, vain))

    def _judge(self, worker: "_Worker", end: int | str) -> None:
        """Replace a worker that died or whose block ended. Raises the error that ended it, or `EngineError`."""
        if end == 0 or self._work.stop_file.exists():
            return
        if end == InterruptedRunError.exit_code:  # nobody asked this process to stop
            how = "was asked to stop, as the end of a block does"
        elif isinstance(end, int):
            error = worker_error(end, worker.log)
            if error is not None:
                raise error
            how = f"was killed by signal {-end}" if end < 0 else f"ended with exit status {end}"
        else:
            how = end
        log.warning("the worker of %s %s", worker.log, how)
        vain = 0 if worker.took_one() else worker.vain + 1
        if vain <= _MAX_VAIN:
            self._submit(worker.label, vain)
        elif not any(other.took_one() for other in self._running):
            raise EngineError(
                f"workers end before they take a trajectory; the last one, in a block of {worker.label!r}, {how}.\n"
                f"{worker.last_words()}\nA block needs this environment and the campaign folder: see worker_init in "
                f"the site file, and the logs in {self._folder}."
            )
        else:  # a node that is out of order, and others that are not
            log.warning("it is not replaced any more: %d in a row took no trajectory", vain)

    def _look_at_executors(self) -> None:
        """Raises `EngineError` where Parsl cannot go on: all blocks fail, or the process it speaks through is gone."""
        at_work = any(worker.has_begun() for worker in self._running)
        for executor in self._config.executors:
            if not _speaks(executor):
                raise EngineError(
                    f"Parsl's interchange of {executor.label!r} has ended; see {self._folder}. Run the same again."
                )
            failed = {
                (executor.label, block): status
                for block, status in list(executor.status_facade.items())
                if status.state.name in {"FAILED", "MISSING"} and (executor.label, block) not in self._forgiven
            }
            if at_work:
                self._forgiven |= failed.keys()
            elif len(failed) > _MAX_VAIN or executor.bad_state_is_set:
                last = list(failed.values())[-1:]
                raise EngineError(
                    f"all blocks of the executor {executor.label!r} fail before a worker begins in them.\n"
                    f"{_last_words(last[0]) if last else executor.executor_exception}\nSee {self._folder}."
                )


class _Worker:
    """One call of `be_a_worker`."""

    def __init__(self, label: str, file: Path, future: "Future[int]", vain: int) -> None:
        """`vain`: of how many in a row it takes the place that ended before they took a trajectory."""
        self.label = label
        self.vain = vain
        self.log = file
        self._future = future
        self._begun = False

    def has_begun(self) -> bool:
        """Whether its process was started."""
        self._begun = self._begun or self.log.exists()
        return self._begun

    def end(self) -> int | str | None:
        """Its exit code, or in words why there is none; None while it waits or works."""
        if self._future.done():
            error = self._future.exception()
            if error is None:
                return self._future.result()
            if not end_file(self.log).exists():
                return f"ended with {type(error).__name__}: {error}"
        if self.has_begun() and end_file(self.log).exists():
            return int(end_file(self.log).read_text(encoding="ascii"))
        return None

    def took_one(self) -> bool:
        """Whether it had taken a trajectory: then nothing keeps workers from starting."""
        status = read_status(status_file(self.log)) if self.has_begun() else None
        return status is not None and status.taken > 0

    def last_words(self) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.has_begun() else ""
        return "\n".join(text.splitlines()[-15:])


def seats(offered: dict[str, int], number: int) -> list[str]:
    """The executor of each worker: of every executor a first, then of every one a second, and so on."""
    rounds = itertools.zip_longest(*([label] * workers for label, workers in offered.items()))
    return [label for seated in rounds for label in seated if label is not None][:number]


def _adapt(config: Any, folder: Path) -> None:
    """What a campaign needs otherwise than Parsl's defaults have it; what the user chose stays."""
    from parsl.jobs.error_handlers import noop_error_handler, simple_error_handler  # noqa: PLC0415

    # Blocks find Parsl's programs on PATH, where they are in an activated environment only.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    logging.getLogger("parsl").propagate = False  # it has a file of its own
    if config.run_dir == "runinfo":
        config.run_dir = str(folder)
    for executor in config.executors:
        # The default gives up where each block so far has failed, though the first may have worked for days.
        if executor.block_error_handler is simple_error_handler:
            executor.block_error_handler = noop_error_handler
        if getattr(executor, "interchange_launch_cmd", None) == ["interchange.py"]:
            executor.interchange_launch_cmd = interchange_command()


def _speaks(executor: Any) -> bool:
    process = getattr(executor, "interchange_proc", None)
    return process is None or process.poll() is None


def _shut(kernel: Any) -> None:
    """Cancel all blocks and end Parsl."""
    executors = [executor for executor in kernel.config.executors if executor.provider is not None]
    well = all(_speaks(executor) for executor in executors)
    try:
        if well:
            kernel.cleanup()
        for executor in executors:
            if executor.bad_state_is_set or not well:  # Parsl would not, or would wait for an answer without end
                executor.provider.cancel(list(executor.blocks_to_job_id.values()))
    except Exception as error:
        log.warning("Parsl did not end in order (%s: %s): look for blocks that are left", type(error).__name__, error)
    atexit.unregister(kernel.atexit_cleanup)


def _last_words(status: Any) -> str:
    said = [status.message, None if status.exit_code is None else f"exit status {status.exit_code}"]
    return "\n".join(str(part).strip() for part in (*said, status.stdout_summary, status.stderr_summary) if part)
