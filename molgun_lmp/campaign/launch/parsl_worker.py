"""What runs in a block that Parsl provides: a worker of a campaign, until nothing is left or it is asked to stop.

Parsl hands out places to work, no trajectories: which one is fired by whom is decided by the claims in the campaign
folder, as for all workers. Both sides speak through files there, which stand when a process of Parsl is killed.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import aside
from molgun_lmp.campaign.launch.spawn import start_worker
from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.processes import stop_requests

_LOOK_S: Final = 0.5
_END_S: Final = 60.0
"""A worker that was asked to end gets this long for the step that it is in."""


def be_a_worker(root: str, only: Sequence[str], threads: int, log: str, standing: str) -> int:
    """One worker process from its beginning to its end; its exit code, which is in the file `end_file(log)` as well.

    The process writes to `log`. It is asked to end when the file `standing` is gone or the manager of this block is,
    and by the signals that come before a block is ended.
    """
    manager, order = os.getppid(), Path(standing)
    if not order.exists():
        return InterruptedRunError.exit_code
    process = start_worker(Path(root), only, threads, Path(log))
    with stop_requests() as stop_requested:
        while process.poll() is None and not stop_requested and order.exists() and os.getppid() == manager:
            time.sleep(_LOOK_S)
        code = _ended(process)
        with aside(end_file(Path(log))) as written:
            written.write_text(str(code), encoding="ascii")
            written.replace(end_file(Path(log)))
    return code


def end_file(log: Path) -> Path:
    """Where the exit code of the worker with this log stands once it has ended."""
    return log.with_suffix(".end")


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of a worker that has ended or is asked to."""
    process.terminate()
    try:
        return process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
