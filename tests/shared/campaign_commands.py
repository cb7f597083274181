"""`molgun` as a user starts it, in processes of its own, and what a campaign folder holds meanwhile and afterwards."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from campaign_cases import dumps
from waiting import PATIENCE_S, wait_for

MOLGUN = [sys.executable, "-c", "from molgun_lmp.cli import main; main()"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def molgun(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MOLGUN, *map(str, arguments)],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MOLGUN, *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def a_running_worker(campaign: Path) -> int | None:
    """The process of a worker whose trajectory has written its first frames."""
    for claim in campaign.glob("trajectories/*/*/claim-*.json"):
        dump = claim.parent / f"run-{claim.stem.removeprefix('claim-')}" / "traj.dump"
        try:
            if dump.stat().st_size > 0:
                pid: int = json.loads(claim.read_text())["owner"]["pid"]
                return pid
        except FileNotFoundError:
            continue
    return None


def stopped_at_work(campaign: Path, command: "subprocess.Popen[str]", *, but: int | None = None) -> int:
    """A worker of a running command, `but` one, that was stopped (SIGSTOP) in the middle of a trajectory.

    What holds for it now still does when something is done to it, however slow this process is.
    """
    caught = _caught_at_work(campaign, command, but)
    assert caught is not None, f"the command ended with {command.returncode}, and no worker was caught at work"
    return caught


def stopped_at_its_first(planned: Path, folder: Path) -> tuple[Path, "subprocess.Popen[str]", int]:
    """A copy of a campaign in `folder`, a command that fires it, and its one worker, stopped in its first trajectory.

    What is asked of it from then on comes before the last trajectory has ended: there is something left to stop. Where
    this process was too slow to catch it, it tries again with another copy.
    """
    while True:
        campaign = Path(tempfile.mkdtemp(prefix="a copied ", dir=folder)) / "campaign"
        shutil.copytree(planned, campaign)
        command = start("run", campaign, "--workers", "1")
        worker = _caught_at_work(campaign, command)
        if worker is not None and not results(campaign):
            return campaign, command, worker
        if worker is not None:
            os.kill(worker, signal.SIGCONT)
        command.communicate(timeout=PATIENCE_S)


def _caught_at_work(campaign: Path, command: "subprocess.Popen[str]", but: int | None = None) -> int | None:
    """A worker stopped at work; None where the command ended before one was."""

    def look() -> int:
        for claim in campaign.glob("trajectories/*/*/claim-*.json"):
            dump = claim.parent / f"run-{claim.stem.removeprefix('claim-')}" / "traj.dump"
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                pid: int = json.loads(claim.read_text())["owner"]["pid"]
                if pid == but or dump.stat().st_size == 0:
                    continue
                os.kill(pid, signal.SIGSTOP)
                wait_for(lambda: states_of(pid) <= {"T", "Z"}, "it to sleep")  # noqa: B023 - called at once
                if claim.exists() and not (claim.parent / "result.json").exists():
                    return pid
                os.kill(pid, signal.SIGCONT)
        return 0

    caught: int = wait_for(lambda: look() or (command.poll() is not None and -1), "a worker at work")
    return None if caught == -1 else caught


def states_of(pid: int) -> set[str]:
    """Those of a process's threads (proc(5)): until all are stopped, T, one of them may still take a signal."""
    return {file.read_text().rpartition(")")[2].split()[0] for file in Path(f"/proc/{pid}/task").glob("*/stat")}


def is_sent(pid: int, number: signal.Signals) -> bool:
    """Whether a stopped process was sent a signal, which it will take when it goes on (proc(5), ShdPnd)."""
    (pending,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("ShdPnd"))
    return bool(int(pending.split()[1], 16) & (1 << (number - 1)))


def results(campaign: Path) -> dict[str, dict[str, Any]]:
    return {file.parent.name: json.loads(file.read_text()) for file in campaign.glob("trajectories/*/*/result.json")}


def attempts(campaign: Path) -> list[int]:
    return [result["attempt"] for _, result in sorted(results(campaign).items())]


def assert_complete(campaign: Path, reference: dict[str, bytes]) -> None:
    assert {result["state"] for result in results(campaign).values()} == {"finished"}
    assert dumps(campaign) == reference
    for folder in campaign.glob("trajectories/*/*/"):
        if folder.is_dir():
            assert not list(folder.glob("claim-*")), "no claim outlives its trajectory"
            assert len(list(folder.glob("run-*"))) == 1, "only the run that counts is kept"
