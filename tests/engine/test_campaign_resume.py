"""A trajectory that was stopped or killed goes on from its last checkpoint, and nobody can tell from what it wrote."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_cases import dumps, write_campaign_file, write_model
from engine_cases import TinyModel
from stopped_runs import fire_once
from waiting import PATIENCE_S, wait_for

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.config import load_campaign
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import TrajectoryResult

pytestmark = pytest.mark.engine

STEPS, CHECKPOINT, DUMP = 60, 15, 6


@pytest.fixture(scope="module")
def planned(
    tmp_path_factory: pytest.TempPathFactory, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool, plugin: Path
) -> Path:
    folder = tmp_path_factory.mktemp("planned")
    write_model(folder / "model", tiny_mace.deployed["float64"])
    dynamics = {"steps": STEPS, "dump_every_steps": DUMP, "thermo_every_steps": 5, "checkpoint_every_steps": CHECKPOINT}
    sections = {"dynamics": dynamics, "engine": {"kind": "mace"}, "stop": {"max_temperature_k": None}}
    file = write_campaign_file(folder, slab_pool, molecule_pool, {**sections, "trajectories": 1})
    write(check(load_campaign(file)), folder / "small")
    return folder / "small"


@pytest.fixture
def work(planned: Path, tmp_path: Path) -> Work:
    shutil.copytree(planned, tmp_path / "campaign")
    return open_work(tmp_path / "campaign", ())


@pytest.fixture(scope="module")
def undisturbed(planned: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrajectoryResult, bytes]:
    copy = tmp_path_factory.mktemp("undisturbed") / "campaign"
    shutil.copytree(planned, copy)
    result = fire_once(open_work(copy, ()))
    assert result is not None
    assert (result.steps, result.resumed_at) == (STEPS, ())
    (dump,) = dumps(copy).values()
    assert not list(copy.glob("trajectories/*/*/run-1/restart*")), "an ended trajectory needs no checkpoint"
    return result, dump


def test_a_stopped_one_goes_on_bit_for_bit(work: Work, undisturbed: tuple[TrajectoryResult, bytes]) -> None:
    reference, dump = undisturbed
    (folder,) = work.folders
    assert fire_once(work, stop_after=18) is None
    assert folder.paused.is_dir()
    assert not folder.run_folder(1).exists()
    assert fire_once(work, stop_after=48) is None
    result = fire_once(work)
    assert result is not None
    assert result.resumed_at[0] >= CHECKPOINT
    assert len(result.resumed_at) == 2
    assert all(step % CHECKPOINT == 0 for step in result.resumed_at)
    assert dumps(work.root) == {folder.id: dump}
    assert result.hashes == reference.hashes
    # The energies of all runs together are those of one.
    assert result.energy == reference.energy
    assert not folder.paused.exists()


def test_a_flipped_bit_costs_one_interval(work: Work, undisturbed: tuple[TrajectoryResult, bytes]) -> None:
    (folder,) = work.folders
    assert fire_once(work, stop_after=48) is None
    listed = json.loads((folder.paused / "checkpoints.json").read_text())["checkpoints"]
    assert len(listed) == 2
    newest = folder.paused / listed[0]["name"]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    result = fire_once(work)
    assert result is not None
    assert result.resumed_at == (listed[1]["step"],)
    assert dumps(work.root) == {folder.id: undisturbed[1]}


def test_a_killed_worker_loses_one_interval_at_most(work: Work, undisturbed: tuple[TrajectoryResult, bytes]) -> None:
    (folder,) = work.folders
    command = [sys.executable, "-m", "molgun_lmp.campaign.worker", str(work.root)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as worker:
        wait_for((folder.run_folder(1) / "checkpoints.json").is_file, "a checkpoint")
        worker.send_signal(signal.SIGKILL)
    reached = [frame.step for frame in read_frames(folder.run_folder(1) / "traj.dump")][-1]
    assert reached < STEPS
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=PATIENCE_S)
    result = folder.result()
    assert result is not None
    assert result.attempt == 2
    assert reached - result.resumed_at[0] <= CHECKPOINT + DUMP
    steps = [frame.step for frame in read_frames(folder.dump(result))]
    np.testing.assert_array_equal(steps, range(0, STEPS + 1, DUMP))
    assert dumps(work.root) == {folder.id: undisturbed[1]}


def test_a_step_that_does_not_end_costs_its_worker_and_one_retry(planned: Path, tmp_path: Path) -> None:
    # The first step loads the model, which no machine does in a thousandth of a second.
    overrides = ["engine.hung_after_s=0.001", "model.folder=" + str(planned.parent / "model")]
    write(check(load_campaign(planned.parent / "campaign.yaml", overrides)), tmp_path / "hangs")
    (folder,) = open_work(tmp_path / "hangs", ()).folders
    command = [sys.executable, "-m", "molgun_lmp.campaign.worker", str(tmp_path / "hangs")]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 75
        assert "step 0 does not end" in done.stderr
        assert folder.result() is None
    subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)
    result = folder.result()
    assert result is not None
    assert (result.state, result.cause) == ("failed", "hung")
    assert "2 workers hung at a step" in result.message


def test_a_force_call_that_hangs_costs_the_steps_since_the_last_checkpoint(
    tmp_path: Path, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool
) -> None:
    write_model(tmp_path / "model", tiny_mace.deployed["float64"])
    sections: dict[str, Any] = {
        "trajectories": 2,
        "dynamics": {
            "steps": STEPS,
            "dump_every_steps": DUMP,
            "thermo_every_steps": 5,
            "checkpoint_every_steps": CHECKPOINT,
        },
        "engine": {"kind": "torchscript", "hung_after_s": 2},
        "stop": {"max_temperature_k": None},
    }
    write(check(load_campaign(write_campaign_file(tmp_path, slab_pool, molecule_pool, sections))), tmp_path / "hangs")
    shutil.copytree(tmp_path / "hangs", tmp_path / "undisturbed")
    mark = tmp_path / "hung"
    program = Path(__file__).with_name("hanging_worker.py")

    def worker(name: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(program), str(tmp_path / name), "40", str(mark)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    first = worker("hangs")
    assert first.returncode == 75, first.stderr
    assert mark.exists()
    assert "does not end; this worker ends itself" in first.stderr
    assert not dumps(tmp_path / "hangs")

    second = worker("hangs")
    assert second.returncode == 0, second.stderr
    assert "trajectory 000000: goes on from step 30" in second.stderr
    assert worker("undisturbed").returncode == 0
    assert len(dumps(tmp_path / "hangs")) == 2
    assert dumps(tmp_path / "hangs") == dumps(tmp_path / "undisturbed")
