"""`molgun` as a user starts it, in processes of its own, and what a campaign folder holds meanwhile and afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from campaign_cases import dumps
from waiting import PATIENCE_S

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
