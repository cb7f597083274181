"""A job script for one training: what the training file knows of its resources, and the site's own options."""

from collections.abc import Sequence
from pathlib import Path

from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.batch.molgun_job import molgun_job
from molgun_lmp.batch.system import NOTICE_S, JobRequest
from molgun_lmp.training.settings import TrainingConfig


def job_script(
    config: TrainingConfig,
    *,
    file: Path,
    output: Path,
    scheduler: Scheduler = "slurm",
    overrides: Sequence[str] = (),
    options: Sequence[str] = (),
) -> str:
    """The script's text: it runs `molgun train FILE --output OUTPUT` with the overrides, on one node.

    `options` of the batch system without dashes, such as `partition=gpu` and `time=24:00:00` of SLURM or `q=gpu` and
    `l=walltime=24:00:00` of PBS, go before what the training asks for. Raises `ConfigError` for one that is no option,
    and for a walltime of PBS that leaves no time.
    """
    batch = BATCH_SYSTEMS[scheduler]
    job = JobRequest(
        name=batch.job_name(config.name),
        cpus=config.threads * config.gpus,
        threads=config.threads,
        gpus=config.gpus if config.device == "cuda" else 0,
        notice_s=NOTICE_S,
        options=tuple(options),
    )
    arguments = ["train", str(file.resolve()), "--output", str(output.resolve())]
    for override in overrides:
        arguments += ["--set", override]
    return molgun_job(batch, job, arguments, does=f"Trains the model `{config.name}` with molgun")
