"""A job script of one `molgun` command, as a job of its own or in each task of an array."""

import shlex
import sys
from collections.abc import Sequence

from molgun_lmp.batch.system import BatchSystem, JobRequest
from molgun_lmp.rendering import render_script


def molgun_job(
    batch: BatchSystem, job: JobRequest, arguments: Sequence[str], *, does: str, of_task: Sequence[str] = ()
) -> str:
    """The script's text: what it `does`, in words, and `molgun` with these arguments by this Python.

    `of_task` are more of them, written as the shell of a task is to read them, such as what `task_number` gives. Raises
    `ConfigError` for an option of `job` that is none of the batch system, and for a time limit that leaves no time.
    """
    batch.require_options(job.options)
    command = " ".join([shlex.join([sys.executable, "-m", "molgun_lmp", *arguments]), *of_task])
    lines = (*batch.header(job), *batch.ending_early(job, command))
    return render_script("molgun.job.j2", {"does": does, "batch": batch, "lines": lines})


def task_number(batch: BatchSystem) -> str:
    """The number of a task of an array, from 0, as the shell of the task knows it."""
    return f"${{{batch.task_index}:?submit this as a job array}}"
