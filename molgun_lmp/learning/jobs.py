"""Stages as jobs of a batch system: scripts in the round's folder, submitted, waited for, and submitted again.

The ids are kept, so that a loop that was ended goes on waiting for the jobs that it left.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.batch import BATCH_SYSTEMS
from molgun_lmp.batch.molgun_job import molgun_job
from molgun_lmp.batch.submission import is_over, submit, submitted, wait_for
from molgun_lmp.batch.system import NOTICE_S, BatchSystem, JobRequest
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.errors import InterruptedRunError, TrainingError
from molgun_lmp.learning.inputs import Loop
from molgun_lmp.learning.loop_folder import RoundFolder
from molgun_lmp.learning.session import Session
from molgun_lmp.learning.settings import ArrayJob, Job
from molgun_lmp.processes import stop_requests
from molgun_lmp.training.labelling.job_script import labelling_script
from molgun_lmp.training.labelling.label import keys_of, read_structures, tried
from molgun_lmp.training.run_folder import RunFolder
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.job_script import job_script
from molgun_lmp.training.trainer.train import epochs_so_far

_SHOWN_WITHIN_S: Final = 60.0
"""Clients of NFS keep what they know of a file for up to a minute (acregmax)."""
_LOOK_S: Final = 1.0


def fire_by_jobs(loop: Loop, here: RoundFolder, store: Store, job: ArrayJob, session: Session) -> None:
    """Until every trajectory of the round's campaign has ended. Raises as `until_done` does."""
    batch = BATCH_SYSTEMS[loop.config.jobs.scheduler]
    workers, threads = loop.config.workers or 1, store.manifest.engine.threads
    request = JobRequest(
        name=batch.job_name(f"{loop.config.name}-run"),
        cpus=workers * threads,
        threads=threads,
        tasks=job.tasks,
        notice_s=NOTICE_S,
        options=job.options,
    )
    script = molgun_job(
        batch,
        request,
        ["run", str(store.root.resolve()), "--workers", str(workers)],
        does=f"Fires trajectories of {store.manifest.name} with molgun",
    )

    def missing() -> dict[str, str]:
        return {} if campaign_work(store).ended else {"run": script}

    with session.counting("firing by jobs", store.manifest.trajectories) as show:
        until_done(here, batch, missing, lambda: read_status(store).done, show)


def label_by_jobs(loop: Loop, here: RoundFolder, file: Path, job: ArrayJob, session: Session) -> None:
    """Until every chosen frame was tried under the label `file`. Raises as `until_done` does."""
    keys = keys_of(read_structures([here.chosen]))
    batch = BATCH_SYSTEMS[loop.config.jobs.scheduler]
    script = labelling_script(
        loop.labelling,
        file=file,
        frames=[here.chosen],
        output=loop.labels,
        tasks=min(job.tasks, len(keys)),
        scheduler=loop.config.jobs.scheduler,
        options=job.options,
    )

    def done() -> int:
        return tried(keys, loop.labels)

    with session.counting("labelling by jobs", len(keys)) as show:
        until_done(here, batch, lambda: {"label": script} if done() < len(keys) else {}, done, show)


def train_by_jobs(
    loop: Loop, here: RoundFolder, members: Mapping[Path, tuple[TrainingConfig, RunFolder]], job: Job, session: Session
) -> None:
    """Until every member has a record, each by a job of its own. Raises as `until_done` does."""
    scheduler = loop.config.jobs.scheduler
    scripts = {
        f"train-{file.stem}": (
            run,
            job_script(config, file=file, output=run.path, scheduler=scheduler, options=job.options),
        )
        for file, (config, run) in members.items()
    }

    def missing() -> dict[str, str]:
        return {name: script for name, (run, script) in scripts.items() if not run.record.is_file()}

    def epochs() -> int:
        return sum(epochs_so_far(config, run) for config, run in members.values())

    with session.counting("epochs by jobs", sum(one.optimisation.epochs for one, _ in members.values())) as show:
        until_done(here, BATCH_SYSTEMS[scheduler], missing, epochs, show)


def until_done(
    here: RoundFolder,
    batch: BatchSystem,
    missing: Callable[[], dict[str, str]],
    progress: Callable[[], int],
    show: Callable[[int], None],
    *,
    shown_within_s: float = _SHOWN_WITHIN_S,
) -> None:
    """Submit what is `missing`, name -> script, and wait, until nothing is.

    `shown_within_s` after its end what a job wrote is taken to be seen here, in seconds.

    Raises `ConfigError` where the batch system takes no job, `TrainingError` where jobs end that got no further,
    `InterruptedRunError` after Ctrl-C or SIGTERM, which leaves jobs where they are.
    """
    here.jobs.mkdir(exist_ok=True)
    before: int | None = None
    with stop_requests() as stop_requested:
        while scripts := missing():
            files = {name: here.jobs / f"{name}.{batch.name}" for name in scripts}
            ids = {name: job for name, file in files.items() if (job := submitted(batch, file)) is not None}
            waiting = {name for name in scripts if name in ids and not is_over(batch, ids[name])}
            if not waiting and before is not None and progress() <= before:
                raise TrainingError(
                    f"{batch.title} has ended the jobs {', '.join(ids[name] for name in scripts)}, and nothing has "
                    f"come of them: what they said is in {here.jobs}. Correct the cause and give the same command."
                )
            before = progress()  # here, as a short job is over before the next line
            for name in sorted(scripts.keys() - waiting):
                replace_file(files[name], f"{scripts[name]}\n".encode())
                ids[name] = submit(batch, files[name])
            wait_for(batch, [ids[name] for name in scripts], stop_requested, lambda: show(progress()))
            latest = time.monotonic() + shown_within_s
            while not stop_requested and missing() and progress() <= before and time.monotonic() < latest:
                time.sleep(_LOOK_S)
            if stop_requested:
                raise InterruptedRunError(
                    f"stopped. The jobs {', '.join(ids[name] for name in scripts)} stay with {batch.title}, and the "
                    "same command goes on waiting for them."
                )
