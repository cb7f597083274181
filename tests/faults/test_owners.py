"""Faults 7, 8, 9, 14 and 20: a late owner, signals, ranks that raise or die, 1 to 7 workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from campaign_commands import ENVIRONMENT, MOLGUN, attempts, is_sent, molgun, results, states_of
from fault_cases import assert_same_table, finish, owners_of, plan_stock, start_quietly, table, workers_of
from waiting import PATIENCE_S, wait_for

from molgun_lmp.errors import InterruptedRunError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

MPIRUN = Path(sys.executable).with_name("mpirun")
COUNT = 12


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    folder = tmp_path_factory.mktemp("planned")
    return plan_stock(folder, slab_pool, molecule_pool, trajectories=COUNT, steps=30_000, every=4000)


@pytest.fixture(scope="module")
def undisturbed(planned: Path) -> dict[str, dict[str, Any]]:
    copy = planned.with_name("undisturbed")
    shutil.copytree(planned, copy)
    assert molgun("run", copy, "--workers", "2").returncode == 0
    return table(copy)


@pytest.fixture
def campaign(planned: Path, tmp_path: Path) -> Path:
    shutil.copytree(planned, tmp_path / "campaign")
    return tmp_path / "campaign"


@pytest.mark.parametrize("workers", [1, 4, 7])
def test_any_number_of_workers_gives_the_same_trajectories(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], workers: int
) -> None:
    done = molgun("run", campaign, "--workers", str(workers))
    assert done.returncode == 0, done.stderr
    assert_same_table(campaign, undisturbed)


def test_a_worker_needs_no_torch(campaign: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from molgun_lmp.campaign.worker.__main__ import main; "
        "assert main(sys.argv[1:]) == 0; assert 'torch' not in sys.modules; "
        "maps = Path('/proc/self/maps').read_text(); assert 'liblammps' in maps and 'libtorch' not in maps"
    )
    command = [sys.executable, "-c", code, str(campaign), "--only", "0"]
    subprocess.run(command, env=ENVIRONMENT, check=True, timeout=PATIENCE_S)


def test_a_late_owner_of_another_machine_is_too_late(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """A worker in a process-id namespace of its own, as on another machine, sleeps until its claim has gone stale."""
    worker = [sys.executable, "-m", "molgun_lmp.campaign.worker", str(campaign), "--only", "0"]
    try:
        subprocess.run(["unshare", "--pid", "--fork", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"A LATE OWNER IS NOT TESTED: only root may make a process-id namespace ({error})")
    folder = campaign / "trajectories" / "0000" / "000000"
    apart = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *worker]
    with (tmp_path / "late").open("wb") as log, subprocess.Popen(apart, env=ENVIRONMENT, stderr=log) as late:
        wait_for((folder / "run-1" / "traj.dump").is_file, "its first frames")
        (sleeper,) = workers_of(campaign)
        os.kill(sleeper, signal.SIGSTOP)
        alive = subprocess.run(worker, env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
        assert "begins" not in alive.stderr, "its claim is fresh: it may be only slow"
        then = time.time() - 400
        os.utime(folder / "claim-1.json", (then, then))
        subprocess.run(worker, env=ENVIRONMENT, check=True, capture_output=True, timeout=PATIENCE_S)
        kept = (folder / "result.json").read_bytes()
        os.kill(sleeper, signal.SIGCONT)
        late.wait(PATIENCE_S)
    assert (folder / "result.json").read_bytes() == kept
    assert json.loads(kept)["attempt"] == 2
    assert table(campaign)["000000"] == undisturbed["000000"]
    finish(campaign, workers=2)
    assert_same_table(campaign, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_to_the_coordinator_alone_ends_it_in_order(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path, number: signal.Signals
) -> None:
    """As a batch system sends it some minutes before the time limit; the next job goes on."""
    process = start_quietly(campaign, tmp_path / "log", 2)
    wait_for(lambda: list(campaign.glob("trajectories/*/*/run-*/checkpoints.json")), "a checkpoint")
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == InterruptedRunError.exit_code == 130
    assert "goes on" in (tmp_path / "log").read_text()
    assert not workers_of(campaign)
    assert not list(campaign.glob("trajectories/*/*/claim-*"))
    finish(campaign, workers=2)
    assert_same_table(campaign, undisturbed)


def test_a_worker_that_somebody_else_asks_to_stop_is_replaced(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """As a guard of the machine's memory may do: the user's command was not asked, and goes on to the end."""
    process = start_quietly(campaign, tmp_path / "log", 2)
    worker = wait_for(lambda: owners_of(campaign), "a worker at work")[0]
    os.kill(worker, signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0, (tmp_path / "log").read_text()
    assert_same_table(campaign, undisturbed)
    logs = "".join(file.read_text() for file in (campaign / "logs").iterdir())
    assert f"stops: SIGTERM from process {os.getpid()}" in logs
    assert f"(process {worker}) was asked to stop" in (tmp_path / "log").read_text()


def test_a_request_that_comes_when_all_is_done_is_no_interruption(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """The coordinator sleeps until its workers are done, and wakes to the end and a signal at once."""
    process = start_quietly(campaign, tmp_path / "log", 2)
    wait_for(lambda: owners_of(campaign), "a worker at work")
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: len(table(campaign)) == COUNT and not workers_of(campaign), "the workers to be done")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    assert process.wait(PATIENCE_S) == 0, (tmp_path / "log").read_text()
    assert_same_table(campaign, undisturbed)


def test_an_impatient_user_harms_no_trajectory(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """A worker that does not end is killed at the second Ctrl-C; that is not counted as a death of its trajectory."""
    process = start_quietly(campaign, tmp_path / "log", 1)
    (worker,) = wait_for(lambda: owners_of(campaign), "a worker at work")
    os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: states_of(worker) == {"T"}, "it to sleep")
    process.send_signal(signal.SIGINT)
    wait_for(lambda: is_sent(worker, signal.SIGTERM), "the coordinator to ask the worker")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == InterruptedRunError.exit_code
    assert not workers_of(campaign)
    assert not list(campaign.glob("trajectories/*/*/claim-*"))
    finish(campaign, workers=2)
    assert_same_table(campaign, undisturbed)
    assert set(attempts(campaign)) == {1}


def test_who_watches_sees_it_to_its_end(campaign: Path, tmp_path: Path) -> None:
    process = start_quietly(campaign, tmp_path / "log", 2)
    wait_for(lambda: owners_of(campaign), "a worker at work")
    watched = molgun("status", campaign, "--watch", "--json")
    assert watched.returncode == 0, watched.stderr
    status = json.loads(watched.stdout)
    assert (status["finished"], status["pending"], status["running"]) == (COUNT, 0, 0)
    assert process.wait(PATIENCE_S) == 0


def _under_mpirun(campaign: Path, *first: str) -> list[str]:
    if not MPIRUN.exists():
        pytest.skip("MPICH'S MPIRUN IS NOT IN THIS ENVIRONMENT")
    run = [*MOLGUN, "run", str(campaign)]
    return [str(MPIRUN), "-n", "1", *run, ":", "-n", "1", *first, *run]


def test_a_rank_that_raises_leaves_the_work_to_the_others(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    broken = tmp_path / "broken" / "lammps"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('this node lacks a library')\n")
    path = os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])
    command = _under_mpirun(campaign, "env", f"PYTHONPATH={path}")
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode != 0
    assert "this node lacks a library" in done.stderr
    assert_same_table(campaign, undisturbed)


def test_a_killed_rank_may_end_the_job_and_the_same_command_goes_on(
    campaign: Path, undisturbed: dict[str, dict[str, Any]]
) -> None:
    command = _under_mpirun(campaign)
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        wait_for(lambda: results(campaign), "a first result")
        claim = wait_for(lambda: _a_claim(campaign), "a rank at work")
        os.kill(claim["owner"]["pid"], signal.SIGKILL)
        assert job.wait(PATIENCE_S) != 0
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert_same_table(campaign, undisturbed)


def _a_claim(campaign: Path) -> dict[str, Any] | None:
    for file in campaign.glob("trajectories/*/*/claim-*.json"):
        try:
            found: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError:
            continue
        return found
    return None
