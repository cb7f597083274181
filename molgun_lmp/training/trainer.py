"""Mace's own trainer in a process of its own: start it, follow its metrics, keep its checkpoints, end it with us."""

import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from molgun_lmp.errors import InterruptedRunError, TrainingError
from molgun_lmp.training.history import History
from molgun_lmp.training.runs import RunFolder

_POLL_S: Final = 0.3
_END_S: Final = 20.0
_TAIL_LINES: Final = 25


def run_trainer(
    run: RunFolder, *, metrics: Path, threads: int, history: History, on_progress: Callable[[History], None]
) -> None:
    """Run mace with the run folder's `mace.yaml` until it ends; `on_progress` is called a few times a second.

    Raises `TrainingError` with the end of mace's log where it fails, `InterruptedRunError` after Ctrl-C; checkpoints of
    finished epochs stay in both cases.
    """
    command = [sys.executable, "-u", "-m", "mace.cli.run_train", "--config", run.mace_config.name]
    count = str(threads)
    environment = {**os.environ, "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count}
    with (
        run.log.open("ab") as log,
        subprocess.Popen(
            command, cwd=run.path, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        ) as process,
        _ended(process),
    ):
        lines = _Tail(metrics)
        try:
            while (code := process.poll()) is None:
                time.sleep(_POLL_S)
                history.feed(lines.new())
                prune_checkpoints(run.checkpoints)
                on_progress(history)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                f"training stopped after {len(history.epochs)} epochs; {run.path} keeps its checkpoints. The same "
                "command goes on from the best epoch so far."
            ) from None
        history.feed(lines.new())
        on_progress(history)
    if code != 0:
        raise TrainingError(
            f"mace's trainer ended with exit status {code}. {_advice(run.log)} The end of {run.log}:\n"
            + log_tail(run.log)
        )


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """No trainer outlives its caller, whatever ends the block."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


class _Tail:
    """Whole new lines of a file that another process appends to; the file may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: TextIO | None = None
        self._rest = ""
        self._start = path.stat().st_size if path.exists() else 0

    def new(self) -> list[str]:
        if self._handle is None:
            if not self._path.exists():
                return []
            self._handle = self._path.open(encoding="utf-8")  # closed when the tail goes
            self._handle.seek(self._start)
        *whole, self._rest = (self._rest + self._handle.read()).split("\n")
        return whole

    def __del__(self) -> None:
        if self._handle is not None:
            self._handle.close()


_CHECKPOINT = re.compile(r"_epoch-(\d+)(?:_swa)?\.pt$")


def prune_checkpoints(folder: Path, *, keep: int = 2) -> None:
    """Delete all but the newest whole checkpoints. Nothing is deleted while the newest is still being written."""
    newest_first = _checkpoints(folder)
    if newest_first and zipfile.is_zipfile(newest_first[0]):
        for file in newest_first[keep:]:
            file.unlink(missing_ok=True)


def set_aside_broken_checkpoints(folder: Path) -> list[Path]:
    """Rename checkpoints that were cut while they were written: mace would pass over one silently and start anew."""
    broken = [file for file in _checkpoints(folder) if not zipfile.is_zipfile(file)]
    for file in broken:
        file.replace(file.with_suffix(".broken"))
    return broken


def _checkpoints(folder: Path) -> list[Path]:
    found = [(int(match[1]), file) for file in folder.glob("*.pt") if (match := _CHECKPOINT.search(file.name))]
    return [file for _, file in sorted(found, reverse=True)]


def log_tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


def _advice(log: Path) -> str:
    tail = log_tail(log)
    if "error: unrecognized arguments" in tail or "error: argument" in tail:
        return "An entry of `mace_options` is not an option, or not a value, that this version of mace knows."
    if "No space left" in tail:
        return "The disk is full: make room and give the same command; finished epochs are kept."
    if "out of memory" in tail.lower():
        return "Memory ran out: use a smaller `optimisation.batch_size`."
    return "Correct the cause and give the same command; finished epochs are kept."
