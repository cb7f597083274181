"""A worker that fires three trajectories at once: each ends as it does alone, whatever happens to worker and disk."""

import dataclasses
import json
import math
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_cases import dumps, write_campaign_file, write_model
from campaign_commands import ENVIRONMENT, molgun, results
from engine_cases import TinyModel
from small_disks import small_tmpfs
from waiting import PATIENCE_S, wait_for

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import deaths
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.concurrent import fire_together
from molgun_lmp.campaign.worker.run_trajectory import OnHung, open_engine
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import CampaignError, InterruptedRunError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.records import TrajectoryResult

pytestmark = pytest.mark.engine

STEPS, DUMP, CHECKPOINT = 60, 10, 15
HANGING = Path(__file__).with_name("hanging_worker.py")


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
    work = patient(open_work(campaign, ()))
    with open_engine(work) as fire:
        return fire_together(work, fire, threading.Event())


def patient(work: Work) -> Work:
    """The same, in which no step is taken for hung, however slow this machine is."""
    return dataclasses.replace(work, engine=work.engine.model_copy(update={"hung_after_s": math.inf}))


@contextmanager
def held_worker(campaign: Path, mark: Path) -> Iterator["subprocess.Popen[str]"]:
    """A worker whose first three trajectories are at work, and stay there until the mark is gone or all are stopped."""
    command = [sys.executable, str(HANGING), str(campaign), "20", str(mark), "held"]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as worker:
        try:
            wait_for(lambda: mark.exists() or worker.poll() is not None, "three trajectories at work")
            assert worker.poll() is None, worker.communicate()[1]
            assert len(dumping(campaign)) == 3
            yield worker
        finally:
            worker.kill()


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
    work = patient(open_work(plan(campaign_file, tmp_path / "three", "engine.together=3"), ()))
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
    with held_worker(campaign, tmp_path / "held") as worker:
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
    with held_worker(campaign, held := tmp_path / "held") as worker:
        with filling.open("ab", buffering=0) as handle, pytest.raises(OSError, match="No space left"):
            while True:
                handle.write(bytes(4096))
        held.unlink()
        _, errors = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == CampaignError.exit_code, errors
    assert "give the same command" in errors
    assert "Traceback" not in errors
    for result in results(campaign).values():
        assert result["state"] == "finished", "a full disk is nobody's outcome"
    filling.unlink()
    assert finish(campaign) > 0
    assert_same(campaign, alone)


def test_a_step_that_never_ends_in_time_is_given_up_and_is_no_deadlock(campaign_file: Path, tmp_path: Path) -> None:
    # The first step takes longer than a thousandth of a second on every machine.
    overrides = ("engine.together=2", "engine.hung_after_s=0.001", "trajectories=2")
    campaign = plan(campaign_file, tmp_path / "hangs", *overrides)
    done = molgun("run", campaign, "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert [result["cause"] for result in results(campaign).values()] == ["hung", "hung"]
    freed = json.loads(molgun("retry", campaign, "--json").stdout)["freed"]
    assert len(freed) == 2


def worker_in_which(how: str, call: int, campaign: Path, mark: Path) -> "subprocess.CompletedProcess[str]":
    """The first three are at work together when it goes wrong."""
    command = [sys.executable, str(HANGING), str(campaign), str(call), str(mark), *([how] if how else [])]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def claims(campaign: Path) -> dict[str, dict[str, Any]]:
    return {file.parent.name: json.loads(file.read_text()) for file in campaign.glob("trajectories/*/*/claim-*.json")}


def test_one_that_hangs_is_charged_alone_and_the_others_go_on(
    campaign_file: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    campaign = plan(campaign_file, tmp_path / "hangs", "engine.together=3", "engine.hung_after_s=2")
    done = worker_in_which("alone", 20, campaign, tmp_path / "hung")
    assert done.returncode == 75, done.stderr
    assert "trajectory 000001: step 19 does not end; this worker ends itself" in done.stderr
    left = claims(campaign)
    assert {name: (claim["hung"], claim["spared"]) for name, claim in left.items()} == {
        "000000": (False, True),
        "000001": (True, False),
        "000002": (False, True),
    }
    work = open_work(campaign, ())
    assert [deaths(folder, 2) == [] for folder in work.folders] == [True, False, True, True]
    assert finish(campaign) == 4
    assert_same(campaign, alone)
    ended = results(campaign)
    assert {name: ended[name]["resumed_at"] for name in left} == {name: [15] for name in left}


def test_an_evaluation_that_hangs_leaves_suspects_that_are_fired_one_by_one(
    campaign_file: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    campaign = plan(campaign_file, tmp_path / "hangs", "engine.together=3", "engine.hung_after_s=2")
    done = worker_in_which("", 3, campaign, tmp_path / "hung")
    assert done.returncode == 75, done.stderr
    assert "does not end with 00000" in done.stderr
    assert [claim["hung"] for claim in claims(campaign).values()] == [True, True, True], "it may be any one's fault"
    at_once, at_work, lock = [], set[str](), threading.Lock()
    work = patient(open_work(campaign, ()))
    with open_engine(work) as fire:

        def watched(
            folder: TrajectoryFolder, number: int, interrupt: threading.Event, on_hung: OnHung
        ) -> TrajectoryResult | None:
            with lock:
                at_work.add(folder.id)
                at_once.append(set(at_work))
            result = fire(folder, number, interrupt, on_hung)
            with lock:
                at_work.remove(folder.id)
            return result

        assert fire_together(work, watched, threading.Event()) == 4
    assert at_once == [{"000003"}, {"000000"}, {"000001"}, {"000002"}], "those that nobody suspects come first"
    assert_same(campaign, alone)


def test_one_that_kills_its_worker_takes_none_of_those_beside_it_along(campaign_file: Path, tmp_path: Path) -> None:
    """Nobody can tell whose fault the first death is: all three are charged, and then one by one shows it."""
    campaign = plan(campaign_file, tmp_path / "killed", "engine.together=3")
    for _ in range(2):
        assert worker_in_which("killed", 3, campaign, tmp_path / "mark").returncode == -signal.SIGKILL
    assert sorted(results(campaign)) == ["000000", "000003"]
    done = worker_in_which("killed", 3, campaign, tmp_path / "mark")
    assert done.returncode == 0, done.stderr
    ended = results(campaign)
    assert {name: result["cause"] for name, result in ended.items()} == {
        "000000": None,
        "000001": "worker-died",
        "000002": None,
        "000003": None,
    }
    assert "2 workers died on this trajectory" in ended["000001"]["message"]


def test_the_pair_style_takes_one_at_a_time(campaign_file: Path) -> None:
    done = molgun("plan", campaign_file, "--set", "engine.together=2", "--set", "engine.kind=mace")
    assert done.returncode == 11
    assert "set engine.kind to symmetrix or torchscript" in " ".join(done.stderr.split())


def test_auto_is_measured_at_plan_and_written_down(campaign_file: Path, tmp_path: Path) -> None:
    loaded = load_campaign(campaign_file, ["engine.together=auto"])
    planned = check(loaded)
    assert planned.engine.together in {1, 2, 4}, "a power of two, and no more than there are trajectories"
    assert planned.resolved.engine.together == planned.engine.together
    assert write(planned, tmp_path / "auto").manifest.engine.together == planned.engine.together
    with_another = loaded.config.model_copy(update={"engine": loaded.config.engine.model_copy(update={"kind": "mace"})})
    assert check(dataclasses.replace(loaded, config=with_another)).engine.together == 1
