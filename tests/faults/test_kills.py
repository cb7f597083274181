"""Faults 1, 2, 3 and 10: kill -9 at random instants, at every change of the folder, and a copy made in the middle."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from campaign_commands import ENVIRONMENT, attempts, molgun
from fault_cases import assert_same_table, finish, hammer, kill, plan_stock, start_quietly, table, workers_of
from waiting import PATIENCE_S, wait_for

from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

KILLS = 50


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    """120 trajectories of half a second or more each, with three checkpoints."""
    folder = tmp_path_factory.mktemp("planned")
    return plan_stock(folder, slab_pool, molecule_pool, trajectories=120, steps=12_000, every=2400)


@pytest.fixture(scope="module")
def undisturbed(planned: Path) -> dict[str, dict[str, Any]]:
    copy = planned.with_name("undisturbed")
    shutil.copytree(planned, copy)
    assert molgun("run", copy, "--workers", "2").returncode == 0
    assert set(attempts(copy)) == {1}
    return table(copy)


def test_fifty_kills_at_random_instants_change_nothing(
    planned: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    campaign = tmp_path / "killed"
    shutil.copytree(planned, campaign)
    killed = hammer(campaign, kills=KILLS, seed=24, workers=2, coordinators=1, pauses_s=(0.1, 0.6))
    assert killed.total() > KILLS // 2, f"the campaign was over after {killed}"  # a fast machine is done early
    finish(campaign, workers=2)
    assert_same_table(campaign, undisturbed)
    # Where two workers died on one, its result of then was set aside by `molgun retry`.
    results = [json.loads(file.read_text()) for file in campaign.glob("trajectories/*/*/result*.json")]
    assert sum(result["attempt"] > 1 for result in results) > 5, "the kills hit trajectories at work"
    assert any(result["resumed_at"] for result in results), "and some went on from a checkpoint"


def test_a_kill_before_any_change_of_the_folder_changes_nothing(
    planned: Path, slab_pool: Pool, molecule_pool: Pool, tmp_path: Path
) -> None:
    """Between choosing a trajectory and recording it, between writing a file aside and renaming it, everywhere."""
    one = plan_stock(tmp_path / "one", slab_pool, molecule_pool, trajectories=1)
    whole = tmp_path / "whole"
    shutil.copytree(one, whole)
    assert molgun("run", whole, "--workers", "1").returncode == 0
    expected = table(whole)
    (tmp_path / "scratch").mkdir()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("dying_worker.py")), str(one), str(tmp_path / "scratch")],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    changes = [line["change"] for line in lines]
    assert all(line["killed"] for line in lines), changes
    for wanted in ("os.link", "os.rename", "os.remove", "open .result.json", "open .claim-1.json", "os.mkdir run-1"):
        assert any(change.startswith(wanted) for change in changes), (wanted, changes)
    for line in lines:
        assert line["again"] == 0, (line["change"], done.stderr[-2000:])
        assert line["table"] == expected, line["change"]


def test_a_copy_of_a_campaign_at_work_goes_on_by_itself(
    slab_pool: Pool, molecule_pool: Pool, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """The copy has claims of living processes, another path, and all times in disorder."""
    copy = tmp_path / "else where" / "copy"
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=16, steps=12_000, every=2400)
    expected = {identifier: row for identifier, row in undisturbed.items() if int(identifier) < 16}
    process = start_quietly(campaign, tmp_path / "log", workers=2)
    wait_for(lambda: list(campaign.glob("trajectories/*/*/run-*/checkpoints.json")), "a checkpoint")
    shutil.copytree(campaign, copy, ignore_dangling_symlinks=True, copy_function=_copy_if_there)
    for number, file in enumerate(sorted(copy.rglob("*"))):
        os.utime(file, (1e9 + 7919 * number % 1e8, 1e9 + 104729 * number % 1e8))
    finish(copy, workers=1)
    assert_same_table(copy, expected)
    assert process.wait(PATIENCE_S) == 0
    assert_same_table(campaign, expected)


def _copy_if_there(source: str, target: str) -> None:
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:  # written aside and renamed meanwhile
        Path(target).unlink(missing_ok=True)


def test_a_worker_killed_again_and_again_still_ends_a_long_trajectory(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path
) -> None:
    """It is given up only where it dies twice without getting as far as another checkpoint."""
    long = plan_stock(tmp_path / "long", slab_pool, molecule_pool, trajectories=1, steps=120_000, every=6000)
    process = start_quietly(long, tmp_path / "log", workers=1)
    (folder,) = (path for path in long.glob("trajectories/*/*") if path.is_dir())
    for attempt in (1, 2, 3, 4):
        wait_for((folder / f"run-{attempt}" / "checkpoints.json").is_file, "a checkpoint")
        assert any(kill(pid) for pid in workers_of(long))
    assert process.wait(PATIENCE_S) == 0
    result = json.loads((folder / "result.json").read_text())
    assert (result["state"], result["attempt"], len(result["resumed_at"])) == ("finished", 5, 4)
