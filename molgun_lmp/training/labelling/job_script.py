"""A job script that labels structures in the tasks of an array, each of which has a share of them."""

from collections.abc import Sequence
from pathlib import Path

from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.batch.molgun_job import molgun_job, task_number
from molgun_lmp.batch.system import NOTICE_S, JobRequest
from molgun_lmp.training.labelling.settings import LabellingConfig


def labelling_script(
    config: LabellingConfig,
    *,
    file: Path,
    frames: Sequence[Path],
    output: Path,
    tasks: int = 1,
    scheduler: Scheduler = "slurm",
    overrides: Sequence[str] = (),
    options: Sequence[str] = (),
) -> str:
    """The script's text: `molgun label FILE FRAMES --output OUTPUT` with the overrides, of a share in each task.

    `options` as of `molgun_lmp.training.trainer.job_script`. Raises `ConfigError` as that does.
    """
    batch = BATCH_SYSTEMS[scheduler]
    job = JobRequest(
        name=batch.job_name(f"{output.resolve().name}-label"),
        cpus=config.workers * config.threads,
        threads=config.threads,
        tasks=tasks,
        notice_s=NOTICE_S,
        options=tuple(options),
    )
    arguments = ["label", str(file.resolve()), *(str(name.resolve()) for name in frames)]
    arguments += ["--output", str(output.resolve())]
    for override in overrides:
        arguments += ["--set", override]
    return molgun_job(
        batch,
        job,
        arguments,
        of_task=("--share", f'"{task_number(batch)}/{tasks}"'),
        does=f"Labels structures with molgun, in {tasks} shares",
    )
