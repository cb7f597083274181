"""SLURM: sbatch and its options. The manual: https://slurm.schedmd.com/sbatch.html."""

import re
from collections.abc import Sequence
from typing import Final

from molgun_lmp.batch.system import BatchSystem, JobQueue, JobRequest, StepLauncher, array_of


def _arrays(tasks: Sequence[int]) -> tuple[str, ...]:
    return (array_of(tasks),) if tasks else ()


def _header(job: JobRequest) -> tuple[str, ...]:
    options = [f"job-name={job.name}"]
    if job.tasks is not None:
        options += [f"array={array}" for array in _arrays(range(job.tasks))]
    options += ["nodes=1", "ntasks=1"]
    if job.cpus is not None:
        options.append(f"cpus-per-task={job.cpus}")
    if job.gpus:
        options.append(f"gpus-per-node={job.gpus}")
    lines = [f"#SBATCH --{option}" for option in options]
    if job.tasks is not None:
        lines.append("#SBATCH --output=slurm-%A_%a.out")
    if job.notice_s:
        lines.append(f"# {job.notice_s} s before the time limit: what runs ends in order.")
        lines.append(f"#SBATCH --signal=B:TERM@{job.notice_s}")
    if job.time is not None:
        lines.append(f"#SBATCH --time={job.time}")
    # Last: of two of one name sbatch takes the last one.
    return (*lines, *(f"#SBATCH --{option}" for option in job.options))


def _ending_early(_: JobRequest, command: str) -> tuple[str, ...]:
    return ("# In place of the shell, so that the signal above reaches it.", f"exec {command}")


SLURM: Final = BatchSystem(
    name="slurm",
    title="SLURM",
    submit="sbatch",
    programs=("sbatch",),
    script="job.slurm",
    job_id="SLURM_JOB_ID",
    task_index="SLURM_ARRAY_TASK_ID",
    submit_folder="SLURM_SUBMIT_DIR",
    most_tasks=1000,  # MaxArraySize is 1001 by default
    array_option="--array=",
    arrays=_arrays,
    job_name=lambda name: re.sub(r"[^A-Za-z0-9._-]", "_", name),
    cancel=lambda job: f"scancel --name={job}",
    option=re.compile(r"[a-z][a-z-]*(=[\w.,:/@+*%=-]+)?"),
    option_form="NAME or NAME=VALUE without dashes in front, spaces or quotes, such as partition=gpu or time=24:00:00",
    header=_header,
    ending_early=_ending_early,
    # squeue lists what waits or runs, and forgets a job minutes after its end (MinJobAge).
    queue=JobQueue(
        quiet=("--parsable",),
        job_id=lambda answer: answer.strip().partition(";")[0],  # the cluster's name may follow
        ask=("squeue", "--noheader", "--format=%T", "--jobs"),
        is_over=lambda answer: not answer.strip(),
        unknown=("Invalid job id",),
    ),
    # A batch script that starts one process in a job of many tasks does no harm: SLURM_NTASKS would tell of it, too.
    step_launcher=StepLauncher(command="srun", size="SLURM_STEP_NUM_TASKS", local_rank="SLURM_LOCALID"),
)
