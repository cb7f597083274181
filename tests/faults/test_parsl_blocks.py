"""`molgun run --parsl` with Parsl's own high-throughput executor, whose processes are killed in the middle."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from blocks_cases import processes, site_file
from campaign_commands import ENVIRONMENT, MOLGUN, a_running_worker, attempts, is_sent, molgun, results
from fault_cases import assert_same_table, kill, plan_stock, table
from slurm_cases import slurm, why_not
from waiting import PATIENCE_S, wait_for

from molgun_lmp.errors import EngineError, InterruptedRunError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.shipped_templates import templates_folder

pytestmark = pytest.mark.slow

TRAJECTORIES = 4
"""Of a second of a core each, with a checkpoint after every tenth of it."""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    folder = tmp_path_factory.mktemp("blocks")
    return plan_stock(folder, slab_pool, molecule_pool, trajectories=TRAJECTORIES, steps=15_000, every=1000)


@pytest.fixture(scope="module")
def undisturbed(planned: Path) -> dict[str, dict[str, Any]]:
    copy = planned.with_name("undisturbed")
    shutil.copytree(planned, copy)
    done = molgun("run", copy, "--workers", "2")
    assert done.returncode == 0, done.stderr
    return table(copy)


@pytest.fixture
def campaign(planned: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "campaign"
    shutil.copytree(planned, copy)
    yield copy
    for pid in processes(copy):
        kill(pid)


def start(campaign: Path, site: Path, environment: Mapping[str, str] = ENVIRONMENT) -> "subprocess.Popen[bytes]":
    with campaign.with_suffix(".log").open("wb") as output:
        return subprocess.Popen(
            [*MOLGUN, "run", str(campaign), "--parsl", str(site)],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def ended(process: "subprocess.Popen[bytes]", campaign: Path) -> tuple[int, str]:
    """Its exit code and what it said."""
    return process.wait(PATIENCE_S), campaign.with_suffix(".log").read_text()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            found += [int(entry.name)] if parent(int(entry.name)) == pid else []
    return found


def stopped_in_the_middle(campaign: Path) -> tuple[str, int]:
    """A trajectory with a checkpoint, and its worker, which was stopped (SIGSTOP) while it was at work on it."""
    for file in campaign.glob("trajectories/*/*/run-*/checkpoints.json"):
        claim = file.parents[1] / f"claim-{file.parent.name.removeprefix('run-')}.json"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            pid = json.loads(claim.read_text())["owner"]["pid"]
            os.kill(pid, signal.SIGSTOP)
            if claim.exists() and not (claim.parent / "result.json").exists():
                return claim.parent.name, pid
            os.kill(pid, signal.SIGCONT)
    return "", 0


def test_a_killed_manager_costs_no_trajectory_and_none_is_run_twice(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """All workers of the only block go with it; each gives its trajectory back, and another block goes on with it."""
    process = start(campaign, site_file(tmp_path, workers=2))
    caught, worker = wait_for(lambda: (there := stopped_in_the_middle(campaign))[1] and there, "a worker at work")
    manager = parent(parent(worker))
    assert b"process_worker_pool" in Path(f"/proc/{manager}/cmdline").read_bytes()
    assert kill(manager)
    wait_for(lambda: is_sent(worker, signal.SIGTERM), "a request to end, which it hears when it goes on")
    os.kill(worker, signal.SIGCONT)
    code, said = ended(process, campaign)
    assert code == 0, said
    assert f"{TRAJECTORIES} of {TRAJECTORIES}" in said
    assert_same_table(campaign, undisturbed)
    assert set(attempts(campaign)) == {1}, "no worker died: each was asked to end"
    assert results(campaign)[caught]["resumed_at"], "it went on from its checkpoint"
    assert not list(campaign.glob("trajectories/*/*/claim-*"))
    lines = [line for log in campaign.glob("logs/parsl-*/worker-*.log") for line in log.read_text().splitlines()]
    finished = Counter(line.split(" trajectory ")[1][:6] for line in lines if ": completed, " in line)
    assert finished == dict.fromkeys(undisturbed, 1)
    begun = Counter(line.split(" trajectory ")[1][:6] for line in lines if line.endswith(" begins"))
    given_back = begun - Counter(finished)
    assert caught in given_back
    assert set(given_back.values()) == {1}
    assert given_back.total() <= 2, "only what the two workers held"
    blocks = {block.name for block in campaign.glob("logs/parsl-*/000/*/block-*")}
    assert len(blocks) >= 2, "Parsl started another block"
    wait_for(lambda: not processes(campaign), "the end of all processes")


def test_ctrl_c_gives_everything_back_and_cancels_the_blocks(
    campaign: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    process = start(campaign, site_file(tmp_path, workers=2))
    wait_for(lambda: a_running_worker(campaign), "a worker at work")
    helpers = children(process.pid)
    assert helpers, "the interchange"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    code, said = ended(process, campaign)
    assert code == InterruptedRunError.exit_code, said
    assert f"`molgun run {campaign}` goes on" in " ".join(said.split())
    assert not list(campaign.glob("trajectories/*/*/claim-*")), "all was given back"
    wait_for(lambda: not processes(campaign), "the end of all processes")
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in helpers), "the end of Parsl's own")
    assert molgun("run", campaign, "--workers", "2").returncode == 0
    assert_same_table(campaign, undisturbed)
    assert set(attempts(campaign)) == {1}


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_the_site_file_for_slurm_runs_in_jobs_that_a_stop_file_cancels(campaign: Path, tmp_path: Path) -> None:
    text = (templates_folder() / "parsl" / "slurm.py").read_text()
    changes = {"_node=16": "_node=1", "max_blocks=10": "max_blocks=1", "label=": "address='127.0.0.1', label="}
    for ours, theirs in changes.items():
        assert ours in text
        text = text.replace(ours, theirs)
    site = tmp_path / "site.py"
    site.write_text(text)
    with slurm() as here:
        process = start(campaign, site, {**here.environment, "OMP_NUM_THREADS": "1"})
        wait_for(lambda: a_running_worker(campaign), "a worker at work")
        assert here.jobs() == ["1 RUNNING"]
        (campaign / "STOP").touch()
        code, said = ended(process, campaign)
        assert code == InterruptedRunError.exit_code, said
        assert f"{campaign / 'STOP'} is removed" in " ".join(said.split())
        here.wait_for("the end of the job", lambda: not here.jobs())
    assert not list(campaign.glob("trajectories/*/*/claim-*")), "all was given back"


def test_no_block_outlives_a_killed_command(campaign: Path, tmp_path: Path) -> None:
    process = start(campaign, site_file(tmp_path, workers=1, silence_s=30))
    wait_for(lambda: a_running_worker(campaign), "a worker at work")
    process.kill()
    process.wait()
    wait_for(lambda: not processes(campaign), "the end of all processes")
    assert not list(campaign.glob("trajectories/*/*/claim-*")), "what was at work was given back"


def test_blocks_that_all_fail_end_the_command_with_their_words(campaign: Path, tmp_path: Path) -> None:
    site = site_file(tmp_path, workers=1, blocks=3, before="echo no such module >&2; exit 7")
    code, said = ended(start(campaign, site), campaign)
    assert code == EngineError.exit_code, said
    assert "all blocks of the executor 'here' fail" in " ".join(said.split())
    assert "exit status 7" in said
    assert "no such module" in said
    wait_for(lambda: not processes(campaign), "the end of all processes")
