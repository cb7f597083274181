"""The real scripts under a real SLURM: a job killed at its time limit, submitted again while others run, collected."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from campaign_cases import dumps
from cluster_cases import LMP, cluster, release, write_store
from dosing_cases import fire_here, plan_doses
from slurm_cases import slurm, why_not

from molgun_lmp.campaign.cluster.chain_jobs import write_chain_jobs
from molgun_lmp.campaign.cluster.collect import collect
from molgun_lmp.campaign.cluster.write import ClusterSite
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import read_frames

pytestmark = [pytest.mark.engine, pytest.mark.skipif(bool(why_not()), reason=why_not())]

NAMES = ("000000", "000001", "000002")


def test_a_job_killed_at_its_time_limit_is_submitted_again(
    tmp_path: Path, slab_pool: Pool, molecule_pool: Pool
) -> None:
    store = write_store(tmp_path, slab_pool, molecule_pool)
    site = ClusterSite(time="01:00:00", margin_s=0, environment={"LMP": LMP, "OMP_NUM_THREADS": "1"})
    folder = cluster(store, tmp_path / "cluster", chunk=1, site=site)
    (folder / "hold").touch()
    with slurm() as here:
        first = here.submit("job.slurm", folder)
        here.wait_for(
            "checkpoints of all three",
            lambda: all((folder / "trajectories" / name / "part-1/restart.b").exists() for name in NAMES),
        )
        # The last task of an array goes by the number of the whole array, which two other tasks keep alive.
        here("scontrol", "update", f"JobId={first}_2", "EndTime=now+1")
        here.wait_for(
            "the end of the task", lambda: f"{first}_2 RUNNING" not in (jobs := here.jobs()) and len(jobs) == 2
        )
        assert "JobState=TIMEOUT" in here("scontrol", "show", "job", f"{first}_2")

        (folder / "hold").unlink()
        second = here.submit("job.slurm", folder)
        running = [f"{first}_0 RUNNING", f"{first}_1 RUNNING"]
        here.wait_for("the end of the second job", lambda: sorted(here.jobs()) == running)
        assert (folder / "trajectories/000002/done").exists()
        readers = [release(folder, name) for name in NAMES[:2]]
        here.wait_for("the end of all jobs", lambda: not here.jobs())
        for reader in readers:
            os.close(reader)
        assert "JobState=COMPLETED" in here("scontrol", "show", "job", f"{second}_2")

        # As `molgun collect` names the tasks of a stop rule's next look: they go before those of the script.
        third = here("sbatch", "--parsable", "--array=1-2", "job.slurm", cwd=folder).strip()
        here.wait_for("the end of these tasks", lambda: not here.jobs())
        assert set(re.findall(r"ArrayTaskId=(\S+)", here("scontrol", "show", "job", third))) == {"1", "2"}

    found = collect(store, folder)
    assert (found.taken, found.missing, found.damaged) == (NAMES, (), {})
    parts = {name: sorted(part.name for part in folder.glob(f"trajectories/{name}/part-*")) for name in NAMES}
    assert parts == {"000000": ["part-1"], "000001": ["part-1"], "000002": ["part-1", "part-2"]}
    for name in NAMES:
        result = store.trajectory(name).result()
        assert result is not None
        assert result.steps == 400
        assert bool(result.resumed_at) == (name == "000002")
        steps = [frame.step for frame in read_frames(store.trajectory(name).run_folder(result.attempt) / "traj.dump")]
        assert steps == list(range(0, 401, 40))


def test_chains_of_doses_are_tasks_that_go_on(tmp_path: Path) -> None:
    """Two chains in two tasks; one is told of its end, as SLURM does ahead of the limit, and submitted again."""
    store = plan_doses(tmp_path / "planned")
    alike = Store.open(shutil.copytree(store.root, tmp_path / "alike" / store.root.name))
    fire_here(alike)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    site = ClusterSite(time="01:00:00", environment={"PATH": path, "OMP_NUM_THREADS": "1"})
    script = store.root.with_name("doses.slurm")
    assert write_chain_jobs(store, script, site=site) == 2
    with slurm() as here:
        first = here.submit(script.name, script.parent)
        claim = store.trajectory("000000").path / "claim-1.json"
        here.wait_for("the first chain at work", lambda: claim.exists() or not here.jobs())
        if f"{first}_0 RUNNING" in here.jobs():
            here("scancel", "--batch", "--signal=TERM", f"{first}_0")
        here.wait_for("the end of both", lambda: not here.jobs())
        assert all(store.trajectory(f"{number:06d}").result_file.exists() for number in range(3, 6))
        here.submit(script.name, script.parent)
        here.wait_for("the end of all", lambda: not here.jobs())
    assert dumps(store.root) == dumps(alike.root), "\n".join(
        file.read_text() for file in script.parent.glob("slurm-*.out")
    )
    with pytest.raises(CampaignError, match="every dose of campaign oxygen has ended"):
        write_chain_jobs(store, tmp_path / "again.slurm", site=site)
    with pytest.raises(CampaignError, match="There is nothing to collect"):
        collect(store, tmp_path)
