"""What stages need of the session that they run in: where progress goes, and commands that others start."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from rich.console import Console

from molgun_lmp.errors import InterruptedRunError, TrainingError
from molgun_lmp.processes import stop_requests

_POLL_S: Final = 0.2

Counting = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""A bar for so many things; what it gives is called with how many are done."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Session:
    """Progress of one command."""

    console: Console
    counting: Counting

    def say(self, text: str) -> None:
        """One line for people."""
        self.console.print(text, markup=False)


def run_molgun(words: Sequence[str], arguments: Sequence[str]) -> None:
    """Run `molgun` with these arguments, the launcher's words before it, and wait for its end.

    Ctrl-C and SIGTERM are passed on. Raises `InterruptedRunError` after these, `TrainingError` where it fails.
    """
    command = [*words, sys.executable, "-m", "molgun_lmp", *arguments]
    try:
        with stop_requests() as stop_requested, subprocess.Popen(command) as process:
            sent = 0
            while process.poll() is None:
                time.sleep(_POLL_S)
                while sent < len(stop_requested):
                    process.send_signal(stop_requested[sent])
                    sent += 1
    except OSError as error:
        raise TrainingError(
            f"launch: {words[0]} cannot be started ({error.strerror}). Correct the loop file."
        ) from error
    if stop_requested or process.returncode == InterruptedRunError.exit_code:
        raise InterruptedRunError("stopped. The same command goes on.")
    if process.returncode != 0:
        raise TrainingError(
            f"`{' '.join(command)}` ended with exit status {process.returncode}; what it said is above. Correct the "
            "cause and give the same command."
        )
