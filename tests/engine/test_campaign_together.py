"""A worker that fires three trajectories at once: each ends as it does alone, whatever happens to worker and disk."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_cases import dumps, write_campaign_file, write_model
from campaign_commands import ENVIRONMENT, PATIENCE_S, molgun, results, wait_for
from engine_cases import TinyModel
from small_disks import small_tmpfs

from molgun_lmp.campaign.firing import OnHung, open_engine
from molgun_lmp.campaign.opening import open_work
from molgun_lmp.campaign.planning import check, write
from molgun_lmp.campaign.store import TrajectoryFolder
from molgun_lmp.campaign.together import fire_together
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import CampaignError, InterruptedRunError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.records import TrajectoryResult

pytestmark = pytest.mark.engine

STEPS, DUMP, CHECKPOINT = 60, 10, 15


@pytest.fixture(scope="module")
def campaign_file(
    tmp_path_factory: pytest.TempPathFactory, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool
) -> Path:
    folder = tmp_path_factory.mktemp("together")
    write_model(folder / "model", tiny_mace.deployed["float64"])
    sections: dict[str, Any] = {
        "dynamics": {
            "steps": STEPS,
            "dump_every_steps": DUMP,
            "thermo_every_steps": 5,
            "checkpoint_every_steps": CHECKPOINT,
        },
        "engine": {"kind": "torchscript"},
        "stop": {"max_temperature_k": None},
    }
    return write_campaign_file(folder, slab_pool, molecule_pool, sections)


def plan(file: Path, folder: Path, *overrides: str) -> Path:
    write(check(load_campaign(file, overrides)), folder)
    return folder


@pytest.fixture(scope="module")
def alone(campaign_file: Path) -> dict[str, bytes]:
    """The dumps of the same trajectories, one by one."""
    campaign = plan(campaign_file, campaign_file.parent / "alone")
    assert finish(campaign) == 4
    return dumps(campaign)


def finish(campaign: Path) -> int:
    """Fire what is open in this process, which has loaded everything; the number of results stored."""
    work = open_work(campaign, ())
    with open_engine(work) as fire:
        return fire_together(work, fire, threading.Event())


def start_worker(campaign: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "molgun_lmp.campaign.worker", str(campaign)],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )


def numbers(dump: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    rows = [line.split() for line in dump.decode().splitlines() if not line.startswith("ITEM")]
    return np.array([float(word) for row in rows for word in row if word.replace(".", "").lstrip("-").isdigit()])


def assert_same(campaign: Path, alone: dict[str, bytes]) -> None:
    found = dumps(campaign)
    assert found.keys() == alone.keys()
    for name, dump in found.items():
        assert np.abs(numbers(dump) - numbers(alone[name])).max() < 1e-5
    assert {result["state"] for result in results(campaign).values()} == {"finished"}
    for folder in campaign.glob("trajectories/*/*/"):
        assert not list(folder.glob("claim-*")), "no claim outlives its trajectory"


def test_together_as_one_by_one(campaign_file: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    """The first three wait until all three are in their threads, so that they are at work together on any machine."""
    work = open_work(plan(campaign_file, tmp_path / "three", "engine.together=3"), ())
    three = threading.Barrier(3)
    begun = iter(range(4))
    with open_engine(work) as fire:

        def meet(
            folder: TrajectoryFolder, number: int, interrupt: threading.Event, on_hung: OnHung
        ) -> TrajectoryResult | None:
            if next(begun) < 3:
                three.wait(PATIENCE_S)
            return fire(folder, number, interrupt, on_hung)

        assert fire_together(work, meet, threading.Event()) == 4
    assert_same(work.root, alone)
    assert {result["engine"] for result in results(work.root).values()} == {"torchscript float64"}


def dumping(campaign: Path) -> list[Path]:
    """Dumps that have a first frame."""
    return [file for file in campaign.glob("trajectories/*/*/run-1/traj.dump") if file.stat().st_size > 0]


def test_sigterm_gives_all_of_them_back_and_they_go_on(
    campaign_file: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    campaign = plan(campaign_file, tmp_path / "stopped", "engine.together=3")
    with start_worker(campaign) as worker:
        wait_for(lambda: len(dumping(campaign)) == 3, "three trajectories at work")
        worker.send_signal(signal.SIGTERM)
        _, errors = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == InterruptedRunError.exit_code, errors
    assert "goes on" in errors
    assert not list(campaign.glob("trajectories/*/*/claim-*")), "what was at work is free again"
    assert results(campaign).keys() < alone.keys()
    assert finish(campaign) > 0
    assert_same(campaign, alone)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_tmpfs(tmp_path / "disk", size="16m") as path:
        yield path


def test_a_full_disk_ends_all_of_them_and_costs_no_more_than_time(
    campaign_file: Path, alone: dict[str, bytes], small_disk: Path, tmp_path: Path
) -> None:
    plan(campaign_file, tmp_path / "campaign", "engine.together=3")
    campaign = shutil.copytree(tmp_path / "campaign", small_disk / "campaign")
    filling = small_disk / "filling"
    with start_worker(campaign) as worker:
        wait_for(lambda: len(dumping(campaign)) == 3, "three trajectories at work")
        with filling.open("ab", buffering=0) as handle, pytest.raises(OSError, match="No space left"):
            while True:
                handle.write(bytes(4096))
        _, errors = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == CampaignError.exit_code, errors
    assert "give the same command" in errors
    assert "Traceback" not in errors
    for result in results(campaign).values():
        assert result["state"] == "finished", "a full disk is nobody's outcome"
    filling.unlink()
    assert finish(campaign) > 0
    assert_same(campaign, alone)


def test_a_joint_step_that_does_not_end_costs_the_worker_and_is_no_deadlock(
    campaign_file: Path, tmp_path: Path
) -> None:
    # The first step takes longer than a thousandth of a second on every machine.
    overrides = ("engine.together=2", "engine.hung_after_s=0.001", "trajectories=2")
    campaign = plan(campaign_file, tmp_path / "hangs", *overrides)
    done = molgun("run", campaign, "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    ends = [result["cause"] for result in results(campaign).values()]
    assert len(ends) == 2
    assert set(ends) <= {"hung", "worker-died"}, "those beside the hung one go down with the worker"
    assert "hung" in ends
    freed = json.loads(molgun("retry", campaign, "--json").stdout)["freed"]
    assert len(freed) == 2


def test_the_pair_style_takes_one_at_a_time(campaign_file: Path) -> None:
    done = molgun("plan", campaign_file, "--set", "engine.together=2", "--set", "engine.kind=mace")
    assert done.returncode == 11
    assert "set engine.kind to torchscript" in " ".join(done.stderr.split())


def test_auto_is_measured_at_plan_and_written_down(campaign_file: Path, tmp_path: Path) -> None:
    loaded = load_campaign(campaign_file, ["engine.together=auto"])
    planned = check(loaded)
    assert planned.engine.together in {1, 2, 4}, "a power of two, and no more than there are trajectories"
    assert planned.resolved.engine.together == planned.engine.together
    assert write(planned, tmp_path / "auto").manifest.engine.together == planned.engine.together
    with_another = loaded.config.model_copy(update={"engine": loaded.config.engine.model_copy(update={"kind": "mace"})})
    assert check(dataclasses.replace(loaded, config=with_another)).engine.together == 1
