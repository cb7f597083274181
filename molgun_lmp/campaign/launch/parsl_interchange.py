"""Parsl's interchange, which lives as long as its supervisor.

`python -m molgun_lmp.campaign.launch.parsl_interchange PARENT` is its process.

Parsl starts this process, through which its executor and its blocks talk, beside the command: Ctrl-C in the terminal
would kill it before the workers were asked to end, and kill -9 of the command would leave it alone, with blocks that
nobody uses until the batch system's clock ends them. Without it they end by themselves (`heartbeat_threshold`).
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_INTERCHANGE: Final = "parsl.executors.high_throughput.interchange"


def interchange_command() -> list[str]:
    """How an executor of this process starts it."""
    return [sys.executable, "-m", "molgun_lmp.campaign.launch.parsl_interchange", str(os.getpid())]


def main() -> None:
    """Become the interchange."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):  # it ended before that
        sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-m", _INTERCHANGE])  # found without PATH


if __name__ == "__main__":
    main()
