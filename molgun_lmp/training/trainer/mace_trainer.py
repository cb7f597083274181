"""Mace's own trainer in a process of its own: started, watched, and ended with us."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from molgun_lmp.errors import InterruptedRunError, TrainingError
from molgun_lmp.processes import stop_requests, thread_environment
from molgun_lmp.training.run_folder import RunFolder

_POLL_S: Final = 0.3
_END_S: Final = 20.0
_TAIL_LINES: Final = 25
_PROCESS: Final = "molgun_lmp.training.trainer.mace_process"
_FULL_DISK: Final = ("No space left", "Disk quota exceeded", "File too large", "file write failed", "unexpected pos")
"""How Python and torch say it."""
_LEAST_FREE_BYTES: Final = 2**20


def trainer_command(options_file: Path, *, gpus: int) -> list[str]:
    """The command of one mace training; more than one GPU is driven by torchrun, one process for each."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1", f"--nproc-per-node={gpus}"]
    return [sys.executable, "-u", *(torchrun if gpus > 1 else []), "-m", _PROCESS, "--config", options_file.name]


def run_trainer(run: RunFolder, options_file: Path, *, gpus: int, threads: int, is_enough: Callable[[], bool]) -> None:
    """Run mace with an options file of the run folder until it ends.

    `is_enough` is asked a few times a second and may end it early. Raises `TrainingError` with the end of mace's log
    where mace fails, `InterruptedRunError` after Ctrl-C, SIGTERM or SIGUSR1; the checkpoints of finished epochs stay in
    every case.
    """
    environment = {**os.environ, **thread_environment(threads)}
    with (
        run.log.open("ab") as log,
        subprocess.Popen(
            trainer_command(options_file, gpus=gpus),
            cwd=run.path,
            env=environment,
            stdin=subprocess.PIPE,  # the leash, see mace_process
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it
        ) as process,
        _ended(process),
        stop_requests() as stop_requested,
    ):
        while (code := process.poll()) is None:
            time.sleep(_POLL_S)
            if stop_requested:
                raise InterruptedRunError(
                    f"training stopped; {run.path} keeps its checkpoints. The same command goes on from the last whole "
                    "epoch."
                )
            if is_enough():
                return
    if code != 0:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        raise TrainingError(f"mace's trainer {how}. {_advice(run)} The end of {run.log}:\n{log_tail(run.log)}")


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Neither the trainer nor a process that it started outlives the block."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def log_tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


def _advice(run: RunFolder) -> str:
    tail = log_tail(run.log)
    free_bytes = shutil.disk_usage(run.path).free
    if any(words in tail for words in _FULL_DISK) or free_bytes < _LEAST_FREE_BYTES:
        return (
            f"A file could not be written: the disk of {run.path} is full ({free_bytes // 2**20} MiB free), or a quota "
            "or limit of file sizes is reached. Make room and give the same command: finished epochs are kept."
        )
    if "download failed" in tail or "urlopen error" in tail:
        return (
            "The foundation model, or the frames to replay, could not be fetched: start the training once on a machine "
            "with internet and copy its ~/.cache/mace here, or name a file (`foundation: {file: ..., sha256: ...}`)."
        )
    if "out of memory" in tail.lower():
        return "Memory ran out: use a smaller `optimisation.batch_size`."
    return "Correct the cause and give the same command; finished epochs are kept."
