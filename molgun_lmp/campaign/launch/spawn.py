"""How a worker process is started, by a supervisor on its machine or in a block that Parsl provides."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from molgun_lmp.campaign.store.worker_status import announce, status_file
from molgun_lmp.processes import thread_environment


def start_worker(
    root: Path, only: Sequence[str], threads: int, log: Path, device: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """A worker of the work in `root`, whose output is added to `log`; it ends with the process that calls this.

    How far it has got stands in `status_file(log)`. `device` is what its environment says of the GPU that it is to use.
    """
    announce(status_file(log))
    # Unbuffered: Python turns what it cannot write at its end, on a full disk, into an exit status of its own.
    command = [sys.executable, "-u", "-m", "molgun_lmp.campaign.worker", str(root)]
    command += ["--parent", str(os.getpid()), "--status", str(status_file(log)), "--only", *only]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env={**os.environ, **thread_environment(threads), **(device or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
