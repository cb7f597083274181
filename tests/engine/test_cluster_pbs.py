"""A campaign as a PBS job array: the real scripts and LAMMPS under a stand-in for PBS, which Debian does not have.

A task is cut at its walltime, or stopped by its own clock before, is submitted again while others run, and goes on.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from campaign_commands import molgun
from cluster_cases import LMP, cluster, release, write_store
from pbs_cases import Pbs, pbs

from molgun_lmp.batch.pbs import PBS
from molgun_lmp.batch.system import NOTICE_S, JobRequest
from molgun_lmp.campaign.cluster.collect import collect
from molgun_lmp.campaign.cluster.write import ClusterSite
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import read_frames

pytestmark = pytest.mark.engine

NAMES = ("000000", "000001", "000002")
ENVIRONMENT = {"LMP": LMP, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Pbs]:
    (tmp_path / "system").mkdir()
    with pbs(tmp_path / "system") as system:
        yield system


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> Store:
    return write_store(tmp_path, slab_pool, molecule_pool)


def test_a_task_cut_at_its_walltime_is_submitted_again_while_others_run(
    here: Pbs, store: Store, tmp_path: Path
) -> None:
    site = ClusterSite(time="01:00:00", margin_s=0, environment=ENVIRONMENT)
    folder = cluster(store, tmp_path / "cluster", chunk=1, site=site, scheduler="pbs")
    for name in ("job.pbs", "run.sh"):
        subprocess.run(["bash", "-n", str(folder / name)], check=True)
    (folder / "hold").touch()
    first = here("qsub", "job.pbs", cwd=folder)
    here.wait_for(
        "checkpoints of all three",
        lambda: all((folder / "trajectories" / name / "part-1/restart.b").exists() for name in NAMES),
    )
    here.time_is_up(first, 2)
    here.wait_for("the end of the task", lambda: here.states(first) == {"0": "R", "1": "R", "2": "X"})
    assert not (folder / "trajectories/000002/done").exists()

    (folder / "hold").unlink()
    second = here("qsub", "job.pbs", cwd=folder)
    here.wait_for_end(second)
    assert here.statuses(second) == {"0": 0, "1": 0, "2": 0}
    assert (folder / "trajectories/000002/done").exists()
    assert here.states(first) == {"0": "R", "1": "R", "2": "X"}, "the others were left to the first job"
    readers = [release(folder, name) for name in NAMES[:2]]
    here.wait_for_end(first)
    for reader in readers:
        os.close(reader)

    # As `molgun collect` names tasks: they go before those of the script.
    for tasks, command in (({"0", "1"}, PBS.submissions([0, 1])), ({"2"}, PBS.submissions([2]))):
        again = here(*command[0].split(), cwd=folder)
        here.wait_for_end(again)
        assert set(here.states(again)) == tasks

    found = collect(store, folder)
    assert (found.taken, found.missing, found.damaged) == (NAMES, (), {})
    parts = {name: sorted(part.name for part in folder.glob(f"trajectories/{name}/part-*")) for name in NAMES}
    assert parts == {"000000": ["part-1"], "000001": ["part-1"], "000002": ["part-1", "part-2"]}
    assert str((folder / "trajectories/000002/claim-1").readlink()) == "pbs:1[2].here"
    for name in NAMES:
        result = store.trajectory(name).result()
        assert result is not None
        assert (result.steps, bool(result.resumed_at)) == (400, name == "000002")
        steps = [frame.step for frame in read_frames(store.trajectory(name).run_folder(result.attempt) / "traj.dump")]
        assert steps == list(range(0, 401, 40))


@pytest.mark.parametrize("history", [True, False], ids=["remembered", "forgotten"])
def test_the_clock_stops_a_task_in_order_and_the_next_job_goes_on(store: Store, history: bool, tmp_path: Path) -> None:
    """PBS sends no signal ahead of the end: LAMMPS has the time itself. The next job asks PBS for one that is gone."""
    site = ClusterSite(time="00:10:00", margin_s=595, environment=ENVIRONMENT)
    folder = cluster(store, tmp_path / "cluster", chunk=3, site=site, scheduler="pbs")
    assert "#PBS -J 0-1:2\n" in (folder / "job.pbs").read_text(), "one task is an array, too"
    (folder / "hold").touch()
    (tmp_path / "system").mkdir()
    with pbs(tmp_path / "system", history=history) as here:
        first = here("qsub", "job.pbs", cwd=folder)
        here.wait_for("step 0", (folder / "trajectories/000000/part-1/hold.0").exists)
        time.sleep(5.5)  # longer than the time that LAMMPS was given
        reader = release(folder, "000000")
        here.wait_for_end(first)
        os.close(reader)
        (folder / "hold").unlink()
        assert here.statuses(first) == {"0": 0}
        said = (folder / "small.o1.0").read_text()
        stopped = int(said.partition("stopped at step ")[2].partition(",")[0])
        assert collect(store, folder).missing == NAMES

        # Five seconds are enough for all three on a good machine only; the next job has an hour.
        script = folder / "job.pbs"
        script.write_text(script.read_text().replace("((600 - SECONDS))", "((3600 - SECONDS))"))
        here.wait_for_end(here("qsub", "job.pbs", cwd=folder))
    script.write_text(script.read_text().replace("((3600 - SECONDS))", "((600 - SECONDS))"))
    assert collect(store, folder).taken == NAMES
    result = store.trajectory("000000").result()
    assert result is not None
    assert (result.steps, result.resumed_at[-1]) == (400, stopped)


# What a training does: it ends in order when it is told to.
PROGRAM = "trap 'echo told; exit 3' TERM; echo begun; for ((i = 0; i < 1000; i++)); do sleep 0.1; done"


@pytest.mark.parametrize(
    ("walltime", "cut"), [("00:02:02", False), ("00:30:00", True), ("", True)], ids=["in-time", "passed-on", "late"]
)
def test_a_training_is_told_before_its_walltime(here: Pbs, walltime: str, cut: bool, tmp_path: Path) -> None:
    options = (f"l=walltime={walltime}",) if walltime else ()
    job = JobRequest(name="m", cpus=1, notice_s=NOTICE_S, options=options)
    script = tmp_path / "train.pbs"
    lines = ["#!/bin/bash", *PBS.header(job), *PBS.ending_early(job, f'bash -c "{PROGRAM}"')]
    script.write_text("\n".join(lines))
    subprocess.run(["bash", "-n", str(script)], check=True)
    name = here("qsub", str(script), cwd=tmp_path)
    here.wait_for("its first words", lambda: "begun" in (tmp_path / "m.o1").read_text())
    if cut:
        here.time_is_up(name)
    here.wait_for_end(name)
    assert "told" in (tmp_path / "m.o1").read_text().splitlines()
    assert here.statuses(name) == {"": 3}


def test_the_commands_speak_of_pbs_where_it_was_chosen(store: Store, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        yaml.safe_dump({"summary": "none", "include": "pair_style zero 5.0\npair_coeff * *\n"})
    )
    site, folder = tmp_path / "site.yaml", tmp_path / "jobs"
    send = ("cluster", store.root, "--target", tmp_path / "own.yaml", "--scheduler", "pbs", "--site", site)
    site.write_text(yaml.safe_dump({"options": ["partition=gpu"]}))
    refused = molgun(*send, "--output", folder)
    assert refused.returncode == ConfigError.exit_code
    assert "no option of qsub" in refused.stderr
    site.write_text(yaml.safe_dump({"time": "1-02:00:00", "options": ["q=gpu", "l=select=1:ncpus=8"]}))
    done = molgun(*send, "--output", folder, "--chunk", "2")
    assert done.returncode == 0, done.stderr
    assert "cd jobs && qsub job.pbs" in done.stdout.replace("\n", " ")
    script = (folder / "job.pbs").read_text()
    for line in ("-J 0-1", "-l walltime=26:00:00", "-l select=1:ncpus=8", "-q gpu"):
        assert f"#PBS {line}\n" in script
    assert "SLURM" not in script + (folder / "run.sh").read_text()
    assert "000002 has not ended: submit job.pbs again" in molgun("collect", store.root, folder).stdout
