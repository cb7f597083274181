"""Faults 1 and 2 in a chain of doses: killed in its thermalisation and while the next shot is drawn."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from campaign_commands import ENVIRONMENT
from dosing_cases import fire_here, plan_doses
from fault_cases import table
from waiting import PATIENCE_S

from molgun_lmp.campaign.store.campaign_folder import Store

pytestmark = pytest.mark.engine

INSTANTS = (
    "000001/.between",  # its deck and start are being written
    "between/.1.data",  # the first part has ended
    "between/.3.data",
    "000001/.in.lammps",  # between drawing and writing
    "000001/.data.lmp",
    "000001/.drawn.json",  # all is written, and nothing says so
)


def test_a_chain_killed_between_its_shots_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    store = plan_doses(tmp_path, chains=1, molecules=2)
    whole = tmp_path / "whole"
    subprocess.run(["cp", "-r", store.root, whole], check=True)
    fire_here(Store.open(whole))
    expected = table(whole)
    (tmp_path / "scratch").mkdir()
    program = Path(__file__).with_name("dying_worker.py")
    done = subprocess.run(
        [sys.executable, str(program), str(store.root), str(tmp_path / "scratch"), *INSTANTS],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(INSTANTS)
    for line in lines:
        assert line["killed"], line["change"]
        assert line["again"] == 0, (line["change"], done.stderr[-2000:])
        assert line["table"] == expected, line["change"]
