"""A campaign through a cluster folder: real scripts, a kill, a stop by the clock, going on, and collecting."""

import hashlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from campaign_cases import dumps
from cluster_cases import LMP, cluster, finish, release, run, write_store
from waiting import PATIENCE_S, wait_for

from molgun_lmp.campaign.cluster.collect import collect
from molgun_lmp.campaign.cluster.write import ClusterSite
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

TIME_S = 5
"""What the clock gives a job; on every machine enough to begin a trajectory."""


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> Store:
    return write_store(tmp_path, slab_pool, molecule_pool)


def test_a_killed_job_goes_on_and_nothing_runs_twice(store: Store, tmp_path: Path) -> None:
    straight = cluster(store, tmp_path / "straight")
    for chunk in (0, 1):
        finish(straight, chunk)
    folder = cluster(store, tmp_path / "with a blank $HOME")
    (folder / "hold").touch()
    job = run(folder, 0)
    wait_for((folder / "trajectories/000000/part-1/restart.b").exists, "a checkpoint")
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    (folder / "hold").unlink()
    found = collect(store, folder)
    assert found.missing == ("000000", "000001", "000002")
    assert not found.taken

    finish(folder, 0, seconds=0)  # no time left: nothing is begun
    assert not (folder / "trajectories/000000/part-2").exists()
    finish(folder, 0)
    finish(folder, 0)  # all done: nothing is run
    assert sorted(path.name for path in folder.glob("trajectories/000000/claim-*")) == ["claim-1", "claim-2"]
    assert sorted(path.name for path in folder.glob("trajectories/000001/part-*")) == ["part-1"]

    found = collect(store, folder)
    assert (found.taken, found.missing, found.damaged) == (("000000", "000001"), ("000002",), {})
    result = store.trajectory("000000").result()
    assert result is not None
    assert result.resumed_at
    assert result.resumed_at[0] % 50 == 0
    assert result.engine == "own float64"

    finish(folder, 1)
    dump = folder / "trajectories/000002/part-1/traj.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-10])
    assert "not what was written on the cluster" in collect(store, folder).damaged["000002"]
    dump.write_bytes(whole)
    assert collect(store, folder).taken == ("000002",)
    assert collect(store, folder).before == ("000000", "000001", "000002")
    for name, frames in dumps(store.root).items():
        assert frames == (straight / "trajectories" / name / "part-1/traj.dump").read_bytes()
    for name in ("job.slurm", "run.sh"):
        assert subprocess.run(["bash", "-n", str(folder / name)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "lost", "why"),
    [
        ("log.lammps", r"^ +200 .*\n", "the thermo output of step 200 is missing"),
        ("traj.dump", r"ITEM: TIMESTEP\n200\n(?s:.*?)(?=ITEM: TIMESTEP)", "there should be one of step 200"),
    ],
)
def test_what_a_full_disk_of_the_cluster_took_is_missed(
    store: Store, tmp_path: Path, name: str, lost: str, why: str
) -> None:
    """LAMMPS there goes on, and the checksums are those of what it left."""
    folder = cluster(store, tmp_path / "cluster")
    finish(folder, 1)
    home = folder / "trajectories/000002"
    file = home / "part-1" / name
    whole, done = file.read_text(), (home / "done").read_text()
    before = hashlib.sha256(whole.encode()).hexdigest()
    holed, holes = re.subn(lost, "", whole, flags=re.MULTILINE)
    assert holes == 1
    file.write_text(holed)
    (home / "done").write_text(done.replace(before, hashlib.sha256(holed.encode()).hexdigest()))
    message = collect(store, folder).damaged["000002"]
    assert why in message
    assert "submit again" in message
    file.write_text(whole)
    (home / "done").write_text(done)
    assert collect(store, folder).taken == ("000002",)
    result = store.trajectory("000002").result()
    assert result is not None
    assert result.attempt == 1, "nothing was left behind"


def test_the_clock_stops_a_trajectory_in_order_and_it_goes_on(store: Store, tmp_path: Path) -> None:
    folder = cluster(store, tmp_path / "cluster")
    (folder / "hold").touch()
    job = run(folder, 0, seconds=TIME_S)
    wait_for((folder / "trajectories/000000/part-1/hold.0").exists, "step 0")
    time.sleep(TIME_S + 0.5)  # its own clock has run since before step 0, so its time is over now on any machine
    reader = release(folder, "000000")
    said, _ = job.communicate(timeout=PATIENCE_S)
    os.close(reader)
    (folder / "hold").unlink()
    assert "stopped at step" in said
    assert not (folder / "trajectories/000000/done").exists()
    stopped = int(said.partition("stopped at step ")[2].partition(",")[0])
    assert 0 < stopped <= 155  # a slow machine may not come as far as to the pipe
    assert (folder / "trajectories/000000/part-1/last.restart").is_file()
    assert not list(folder.glob("trajectories/000001/part-*"))
    assert collect(store, folder).missing == ("000000", "000001", "000002")

    finish(folder, 0)
    assert collect(store, folder).taken == ("000000", "000001")
    result = store.trajectory("000000").result()
    assert result is not None
    assert result.steps == 400
    assert result.resumed_at[-1] == stopped  # from the file of the stop, not from an older checkpoint


# Stands in for NVIDIA's program, which starts a server (-d) and reads commands.
CONTROL = """#!/bin/bash
echo "$* $(if [ $# = 0 ]; then cat; fi) $CUDA_MPS_PIPE_DIRECTORY" >>"$CONTROL_LOG"
exit $CONTROL_FAILS
"""


@pytest.mark.parametrize("starts", [True, False])
def test_trajectories_side_by_side_on_one_gpu(store: Store, starts: bool, tmp_path: Path) -> None:
    folder = cluster(store, tmp_path / "cluster", chunk=3, site=ClusterSite(margin_s=0, at_a_time=2), gpu=True)
    control, log = tmp_path / "bin" / "nvidia-cuda-mps-control", tmp_path / "control.log"
    control.parent.mkdir()
    control.write_text(CONTROL)
    control.chmod(0o755)
    script = (folder / "job.slurm").read_text()
    assert "#SBATCH --cpus-per-task=2\n" in script
    assert "#SBATCH --gpus-per-node=1\n" in script
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "CUDA"))}
    environment |= {"LMP": LMP, "SLURM_ARRAY_TASK_ID": "0", "CONTROL_LOG": str(log), "CONTROL_FAILS": str(1 - starts)}
    environment["PATH"] = f"{control.parent}:{environment['PATH']}"
    (folder / "hold").touch()
    job = subprocess.Popen(["bash", "job.slurm"], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    first, second, third = (folder / "trajectories" / f"00000{number}" for number in range(3))
    wait_for(lambda: all((one / "part-1/restart.b").exists() for one in (first, second)), "two that wait")
    assert not (third / "claim-1").exists()
    (folder / "hold").unlink()
    readers = [release(folder, one.name) for one in (first, second)]
    _, complaint = job.communicate(timeout=PATIENCE_S)
    for reader in readers:
        os.close(reader)
    assert job.returncode == 0, complaint
    assert ("MPS does not start" in complaint) != starts
    started, *ended = log.read_text().splitlines()
    pipe = started.split()[-1]
    assert started.startswith("-d ")
    assert [line.split() for line in ended] == ([["quit", pipe]] if starts else [])
    assert not Path(pipe).exists() or not starts
    expected = pipe if starts else "none"
    assert [(one / "part-1/mps").read_text().strip() for one in (first, second, third)] == [expected] * 3
    assert collect(store, folder).taken == ("000000", "000001", "000002")
    assert not list(folder.glob("trajectories/*/part-2"))


def test_a_changed_folder_or_one_of_another_campaign_is_refused(store: Store, tmp_path: Path) -> None:
    folder = cluster(store, tmp_path / "cluster")
    (folder / "engine.in").write_text("pair_style zero 4.0\n")
    with pytest.raises(CampaignError, match="was changed"):
        collect(store, folder)
    record = json.loads((folder / "cluster.json").read_text())
    (folder / "cluster.json").write_text(json.dumps(record | {"manifest": "0"}))
    with pytest.raises(CampaignError, match="another campaign"):
        collect(store, folder)
