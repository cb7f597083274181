"""A cluster folder where it is meant to go: moved, a LAMMPS of 2022, no Python of ours, and what the site asks for."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from campaign_commands import molgun
from cluster_cases import cluster, write_store
from waiting import PATIENCE_S, wait_for

from molgun_lmp.campaign.cluster.collect import collect
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import read_frames

pytestmark = pytest.mark.engine

DEBIAN = Path("/usr/bin/lmp")


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> Store:
    return write_store(tmp_path, slab_pool, molecule_pool)


def start(folder: Path, chunk: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "run.sh", str(chunk), "3600"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), "LMP": str(DEBIAN)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(not DEBIAN.is_file(), reason="no /usr/bin/lmp: apt-get install lammps (Debian's, of 2022)")
def test_a_moved_folder_needs_nothing_but_a_lammps_and_one_of_2022_will_do(store: Store, tmp_path: Path) -> None:
    made = cluster(store, tmp_path / "made")
    (tmp_path / "else where").mkdir()
    folder = Path(shutil.move(made, tmp_path / "else where" / "jobs"))
    (folder / "hold").touch()
    job = start(folder, 0)
    wait_for((folder / "trajectories/000000/part-1/restart.b").exists, "a checkpoint")
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    (folder / "hold").unlink()
    said, _ = (job := start(folder, 0)).communicate(timeout=PATIENCE_S)
    assert job.returncode == 0, said

    done = molgun("collect", store.root, folder)
    assert done.returncode == 0, done.stderr
    assert "2 taken, 0 were there before, 1 have not ended." in done.stdout
    assert "000002 has not ended: submit job.slurm again" in done.stdout
    for name in ("000000", "000001"):
        result = store.trajectory(name).result()
        assert result is not None
        assert (result.state, result.steps, bool(result.resumed_at)) == ("finished", 400, name == "000000")
        steps = [frame.step for frame in read_frames(store.trajectory(name).run_folder(result.attempt) / "traj.dump")]
        assert steps == list(range(0, 401, 40))
    assert collect(store, folder).before == ("000000", "000001")


def test_a_site_file_says_what_the_cluster_wants_and_nothing_in_it_is_executed(store: Store, tmp_path: Path) -> None:
    bad = "$(touch pwned) `touch pwned`; touch pwned 'x'"
    (tmp_path / "own.yaml").write_text(
        yaml.safe_dump({"summary": "none", "include": "pair_style zero 5.0\npair_coeff * *\n"})
    )
    (tmp_path / "site.yaml").write_text(
        yaml.safe_dump(
            {
                "time": "1-02:00:00",
                "options": ["partition=gpu", "account=chem"],
                "modules": ["lammps/2025", bad],
                "environment": {"NOTE": bad},
            }
        )
    )
    folder = tmp_path / "jobs"
    done = molgun(
        "cluster", store.root, "--target", tmp_path / "own.yaml", "--site", tmp_path / "site.yaml", "--output", folder
    )
    assert done.returncode == 0, done.stderr
    script = (folder / "job.slurm").read_text()
    for line in ("--array=0", "--time=1-02:00:00", "--partition=gpu", "--account=chem"):
        assert f"#SBATCH {line}\n" in script
    # Read by every bash of the job: its stand-in for the cluster's `module`, and what the job has exported.
    (tmp_path / "profile").write_text(
        'module() { printf "%s\\n" "$*" >>loaded; }\nprintf "%s\\n" "${NOTE-not yet}" >>notes\n'
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    environment |= {"BASH_ENV": str(tmp_path / "profile"), "SLURM_ARRAY_TASK_ID": "7"}  # a task without trajectories
    subprocess.run(["bash", "job.slurm"], cwd=folder, env=environment, check=True)
    assert (folder / "loaded").read_text() == f"load lammps/2025\nload {bad}\n"
    assert (folder / "notes").read_text() == f"not yet\n{bad}\n"
    assert not list(tmp_path.rglob("pwned"))
