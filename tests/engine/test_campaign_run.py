"""Real campaigns of real LAMMPS runs: workers, ranks, kills, interruptions, copies; every trajectory counts once."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from campaign_cases import dumps, write_campaign_file, write_model
from campaign_commands import (
    ENVIRONMENT,
    MOLGUN,
    a_running_worker,
    assert_complete,
    attempts,
    is_sent,
    molgun,
    results,
    start,
    stopped_at_its_first,
    stopped_at_work,
)
from engine_cases import TinyModel
from waiting import PATIENCE_S, wait_for

from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

STEPS = 20


@pytest.fixture(scope="module")
def planned(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_mace: TinyModel,
    slab_pool: Pool,
    molecule_pool: Pool,
    plugin: Path,
) -> Path:
    """A campaign of four trajectories; each test works on a copy of its own."""
    folder = tmp_path_factory.mktemp("planned")
    write_model(folder / "model", tiny_mace.deployed["float64"])
    sections = {
        "dynamics": {"steps": STEPS, "dump_every_steps": 10, "thermo_every_steps": 5},
        "engine": {"kind": "mace"},
        "stop": {"max_temperature_k": None},
    }
    file = write_campaign_file(folder, slab_pool, molecule_pool, sections)
    done = molgun("plan", file, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["engine"] == "mace"
    return folder / "small"


@pytest.fixture
def campaign(planned: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "a copied campaign"
    shutil.copytree(planned, copy)
    return copy


@pytest.fixture(scope="module")
def reference(planned: Path) -> dict[str, bytes]:
    """The dumps of an undisturbed run with one worker."""
    copy = planned.with_name("undisturbed")
    shutil.copytree(planned, copy)
    done = molgun("run", copy, "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert (status["finished"], status["failed"], status["pending"]) == (4, 0, 0)
    assert attempts(copy) == [1, 1, 1, 1]
    found = dumps(copy)
    assert len(found) == 4
    assert all(text.count(b"ITEM: TIMESTEP") == STEPS // 10 + 1 for text in found.values())
    return found


def test_two_workers_give_the_same_trajectories_as_one(campaign: Path, reference: dict[str, bytes]) -> None:
    done = molgun("run", campaign, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "is complete: 4 of 4 trajectories finished" in done.stdout
    assert_complete(campaign, reference)
    again = molgun("run", campaign)
    assert again.returncode == 0
    assert attempts(campaign) == [1, 1, 1, 1], "nothing is fired twice"


def test_ranks_under_mpirun_share_the_work(campaign: Path, reference: dict[str, bytes]) -> None:
    mpirun = Path(sys.executable).with_name("mpirun")
    if not mpirun.exists():
        pytest.skip("MPICH's mpirun is not in this environment")
    done = subprocess.run(
        [str(mpirun), "-n", "2", *MOLGUN, "run", str(campaign), "--json"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"] == 4, "one rank speaks, with one document"
    assert_complete(campaign, reference)
    logs = [file.read_text() for file in (campaign / "logs").glob("rank-*.log")]
    assert len(logs) == 2
    assert all("run 1 begins" in log for log in logs), "every rank works, none only manages"


def test_a_killed_worker_costs_its_run_and_nothing_else(campaign: Path, reference: dict[str, bytes]) -> None:
    process = start("run", campaign, "--workers", "2")
    os.kill(stopped_at_work(campaign, process), signal.SIGKILL)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert "is complete: 4 of 4" in output
    assert sorted(attempts(campaign)) == [1, 1, 1, 2]
    assert_complete(campaign, reference)


def test_a_trajectory_that_kills_its_workers_is_given_up_until_it_is_retried(
    campaign: Path, reference: dict[str, bytes]
) -> None:
    process = start("run", campaign, "--workers", "1", "--only", "2")
    first = stopped_at_work(campaign, process)
    os.kill(first, signal.SIGKILL)
    second = stopped_at_work(campaign, process, but=first)
    os.kill(second, signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    result = results(campaign)["000002"]
    assert (result["state"], result["cause"]) == ("failed", "worker-died")
    assert str(first) in result["message"] and str(second) in result["message"]
    status = json.loads(molgun("status", campaign, "--json").stdout)
    assert (status["failed"], status["pending"], status["causes"]) == (1, 3, {"worker-died": 1})

    assert json.loads(molgun("retry", campaign, "--failed", "lost-atoms", "--json").stdout) == {"freed": {}}
    freed = json.loads(molgun("retry", campaign, "--json").stdout)
    assert freed == {"freed": {"000002": "worker-died"}}
    assert len(list(campaign.glob("trajectories/*/000002/result-was-1.json"))) == 1
    done = molgun("run", campaign, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert_complete(campaign, reference)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_goes_on_to_the_same_end(
    planned: Path, tmp_path: Path, reference: dict[str, bytes], number: signal.Signals
) -> None:
    campaign, process, worker = stopped_at_its_first(planned, tmp_path)
    os.killpg(process.pid, number)  # as a terminal does
    wait_for(lambda: is_sent(worker, number) or is_sent(worker, signal.SIGTERM), "a request to the worker")
    os.kill(worker, signal.SIGCONT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert f"`molgun run {campaign}` goes on" in errors
    assert "Traceback" not in errors
    assert not list(campaign.glob("trajectories/*/*/claim-*")), "the trajectories at work were given back"
    assert len(dumps(campaign)) < 4
    done = molgun("run", campaign, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert attempts(campaign) == [1, 1, 1, 1]
    assert_complete(campaign, reference)


def test_a_file_named_stop_stops_it(planned: Path, tmp_path: Path, reference: dict[str, bytes]) -> None:
    campaign, process, worker = stopped_at_its_first(planned, tmp_path)
    (campaign / "STOP").touch()
    wait_for(lambda: is_sent(worker, signal.SIGTERM), "the command to ask its workers to end")
    os.kill(worker, signal.SIGCONT)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, (output, errors)
    assert f"goes on once {campaign / 'STOP'} is removed" in " ".join(errors.split()), errors
    assert molgun("run", campaign).returncode == 130
    assert len(dumps(campaign)) < 4
    (campaign / "STOP").unlink()
    done = molgun("run", campaign, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert_complete(campaign, reference)


def test_workers_end_when_their_supervisor_is_killed_and_the_same_command_goes_on(
    campaign: Path, reference: dict[str, bytes]
) -> None:
    process = start("run", campaign, "--workers", "2")
    wait_for(lambda: a_running_worker(campaign), "a running trajectory")
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    wait_for(lambda: not list(campaign.glob("trajectories/*/*/claim-*")), "the workers to give back their claims")
    done = molgun("run", campaign, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert_complete(campaign, reference)


def test_two_commands_at_once_fire_every_trajectory_once(campaign: Path, reference: dict[str, bytes]) -> None:
    both = [start("run", campaign, "--workers", "1", "--json") for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, errors
    if json.loads(molgun("status", campaign, "--json").stdout)["pending"]:
        raise AssertionError("a trajectory was left by both")
    begun = [line for log in (campaign / "logs").iterdir() for line in log.read_text().splitlines() if "begins" in line]
    assert len(begun) == 4
    assert_complete(campaign, reference)


def test_a_half_done_campaign_can_be_moved_and_copied(
    campaign: Path, tmp_path: Path, reference: dict[str, bytes]
) -> None:
    assert molgun("run", campaign, "--only", "1", "--only", "000003").returncode == 0
    assert sorted(results(campaign)) == ["000001", "000003"]
    copy, moved = tmp_path / "copy", tmp_path / "moved"
    shutil.copytree(campaign, copy)
    campaign.rename(moved)
    for place in (copy, moved):
        done = molgun("run", place, "--workers", "2")
        assert done.returncode == 0, done.stderr
        assert_complete(place, reference)


def test_what_would_be_fired_is_listed_without_firing(campaign: Path) -> None:
    done = molgun("run", campaign, "--dry-run", "--only", "2", "--json")
    assert json.loads(done.stdout) == {"open": ["000002"]}
    assert not results(campaign)
    unplanned = molgun("run", campaign, "--only", "4")
    assert unplanned.returncode == 16
    assert "000000 to 000003" in unplanned.stderr


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("trajectories/0000/000002/in.lammps", 16, "edited after the campaign was planned"),
        ("trajectories/0000/000001/data.lmp", 16, "edited after the campaign was planned"),
        ("trajectories/0000/hashes.json", 16, "was changed after the campaign was planned"),
        ("campaign.yaml", 16, "was changed after the campaign was planned"),
        ("engine.in", 16, "was changed after the campaign was planned"),
        ("model/model.pt", 13, "was changed after the campaign was planned"),
        ("manifest.json", 16, "damaged"),
    ],
)
def test_a_file_changed_by_hand_is_found_before_anything_runs(campaign: Path, name: str, code: int, says: str) -> None:
    with (campaign / name).open("ab") as handle:
        handle.write(b"\n# tried something\n")
    done = molgun("run", campaign)
    assert done.returncode == code
    assert says in done.stderr
    assert Path(name).name in done.stderr
    assert not list(campaign.glob("trajectories/*/*/run-*"))


def test_a_foreign_mpirun_is_refused_in_a_sentence(campaign: Path) -> None:
    done = molgun("run", campaign, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="0")
    assert done.returncode == 15
    assert "Open MPI" in done.stderr and "Traceback" not in done.stderr
    assert not results(campaign)


def test_analysis_and_report_of_a_campaign_read_only_what_is_stored(
    campaign: Path, reference: dict[str, bytes]
) -> None:
    assert molgun("run", campaign, "--workers", "2").returncode == 0
    done = molgun("analyse", campaign, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["summary"]["shots"] == 4
    assert [outcome["trajectory_id"] for outcome in document["outcomes"]] == sorted(reference)
    first = {file.name: file.read_bytes() for file in (campaign / "analysis").iterdir()}
    assert {"running.csv", "sets_of_ten.csv", "dependence.csv", "after_contact.csv", "events.csv"} <= set(first)
    assert {"precursor.csv", "lifetimes.csv", "transitions.csv"} <= set(first)
    assert molgun("analyse", campaign).returncode == 0
    assert {file.name: file.read_bytes() for file in (campaign / "analysis").iterdir()} == first
    page = molgun("report", campaign, "--json")
    assert page.returncode == 0, page.stderr
    assert Path(json.loads(page.stdout)["page"]).read_text().count("<svg") >= 5

    copy = campaign.with_name("copy")
    shutil.copytree(campaign, copy)
    compared = molgun("compare", campaign, copy, "--json", "--csv", copy / "differences.csv")
    assert compared.returncode == 0, compared.stderr
    found = json.loads(compared.stdout)
    assert [summary["shots"] for summary in found["summaries"]] == [4, 4]
    assert {one["difference"] for one in found["differences"]} <= {0.0, None}
    assert found["pairings"] == [
        {"campaign": str(copy), "reference": str(campaign), "shots": 4, "differs": [], "chains": 0}
    ]
    assert len((copy / "differences.csv").read_text().splitlines()) == 1 + len(found["differences"])
    refused = molgun("compare", campaign, campaign)
    assert refused.returncode == InputFileError.exit_code and "two or more different" in refused.stderr
