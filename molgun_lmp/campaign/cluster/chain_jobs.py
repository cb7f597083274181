"""Chains of doses as a job array: each task fires its chains with the molgun_lmp that is installed there.

LAMMPS alone cannot say what a dose has left on its surface. The campaign folder goes there whole, and is whole when it
comes back.
"""

import shlex
from pathlib import Path

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.batch.molgun_job import task_number
from molgun_lmp.batch.system import JobRequest
from molgun_lmp.campaign.cluster.write import ClusterSite, require_site
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError
from molgun_lmp.rendering import render_script


def write_chain_jobs(
    store: Store, script: Path, *, site: ClusterSite, scheduler: Scheduler = "slurm", chunk: int | None = None
) -> int:
    """Write the job script of a campaign of chains, `chunk` chains a task; the number of tasks.

    It is submitted where the campaign folder lies. Raises `ConfigError` for what no script can say, `CampaignError` for
    a campaign without chains or without an open one, and for a file that exists.
    """
    dose = store.config().dose
    if dose is None:
        raise CampaignError(f"campaign {store.manifest.name} has no chains (dose): its shots need nothing but LAMMPS.")
    if script.exists():
        raise CampaignError(f"{script} exists already. Name another file for the job script, or remove this one first.")
    if all(folder.result_file.exists() for folder in store.trajectories()):
        raise CampaignError(f"every dose of campaign {store.manifest.name} has ended: nothing to send.")
    batch = BATCH_SYSTEMS[scheduler]
    require_site(site, batch)
    size = chunk or max(site.at_a_time, -(-dose.chains // batch.most_tasks))
    job = JobRequest(
        name=batch.job_name(store.manifest.name),
        cpus=site.at_a_time * store.manifest.engine.threads,
        threads=store.manifest.engine.threads,
        tasks=-(-dose.chains // size),
        time=site.time,
        notice_s=site.margin_s,
        options=site.options,
    )
    campaign = shlex.quote(store.root.resolve().name)
    command = f'molgun run {campaign} "${{chains[@]}}" --workers {site.at_a_time}'
    values = {
        "batch": batch,
        "task": task_number(batch),
        "campaign": store.manifest.name,
        "header": batch.header(job),
        "modules": [shlex.quote(name) for name in site.modules],
        "environment": [f"{name}={shlex.quote(value)}" for name, value in site.environment.items()],
        "chains": dose.chains,
        "chunk": size,
        "command": batch.ending_early(job, command),
    }
    replace_file(script, (render_script("cluster/chains.job.j2", values) + "\n").encode())
    return job.tasks or 0
