"""A worker that is stopped and goes on (Ctrl-Z and fg, a batch system that suspends jobs) still hears who asks it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaign_commands import ENVIRONMENT, states_of
from waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.engine

LISTENER = """
import os, sys, threading
from pathlib import Path
from molgun_lmp.processes import interrupt_on_signals
threading.excepthook = lambda what: (sys.__excepthook__(*what[:3]), os._exit(7))
interrupt = interrupt_on_signals(Path(sys.argv[1]))
print("listens", flush=True)
interrupt.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, None])
def test_what_was_stopped_for_longer_than_it_listens_at_a_time_still_listens(
    tmp_path: Path, number: signal.Signals | None
) -> None:
    command = [sys.executable, "-c", LISTENER, str(tmp_path / "STOP")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        for _ in range(3):
            time.sleep(0.3)
            os.kill(process.pid, signal.SIGSTOP)
            wait_for(lambda: states_of(process.pid) == {"T"}, "it to sleep")
            time.sleep(1.3)
            os.kill(process.pid, signal.SIGCONT)
            wait_for(lambda: states_of(process.pid) != {"T"}, "it to go on")
        assert process.poll() is None, "nobody has asked it to stop yet"
        if number is None:
            (tmp_path / "STOP").touch()
        else:
            process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
