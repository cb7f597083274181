"""OpenPBS and PBS Professional: qsub and its options. TORQUE is another system: its arrays are -t, not -J.

Sources: the PBS Professional User's Guide (job arrays; directives; signals at the time limit) and OpenPBS's own code,
src/cmds/qsub.c and src/lib/Libcmds (`chk_Jrange`, `set_resources`, `check_job_name`).
"""

import re
from collections.abc import Sequence
from typing import Final

from molgun_lmp.batch.system import BatchSystem, JobQueue, JobRequest, limit_seconds, ranges_of
from molgun_lmp.errors import ConfigError

_WALLTIME: Final = re.compile(r"l=(?:.*,)?walltime=((?:\d+:){0,2}\d+)(?:,.*)?")


def _arrays(tasks: Sequence[int]) -> tuple[str, ...]:
    """One range each, as -J takes no list.

    A range has two ends: `3-3` is refused, and `3-4:2`, in steps of two, has the one number 3.
    """
    return tuple(f"{first}-{last}" if first < last else f"{first}-{first + 1}:2" for first, last in ranges_of(tasks))


def _job_name(name: str) -> str:
    """qsub wants a letter first."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return plain if plain[:1].isalpha() else f"j{plain}"


def _header(job: JobRequest) -> tuple[str, ...]:
    # bash whatever the user's shell is; the environment of qsub, which sbatch hands on by itself, with the PATH to
    # qstat; one file of output; started again after a failure of the node.
    lines = [f"-N {job.name}", "-S /bin/bash", "-V", "-j oe", "-r y"]
    if job.tasks is not None:
        lines += [f"-J {array}" for array in _arrays(range(job.tasks))]
    if job.time is not None:
        lines.append(f"-l walltime={_clock(limit_seconds(job.time))}")
    # Of two values of a resource qsub takes the first that a script says, of all other options the last one.
    given = [f"-{letter} {value}".rstrip() for letter, _, value in (option.partition("=") for option in job.options)]
    lines += [option for option in given if option.startswith("-l ")]
    cpus, threads = ("1", "") if job.cpus is None else (str(job.cpus), f":ompthreads={job.threads}")
    gpus = f":ngpus={job.gpus}" if job.gpus else ""
    # ompthreads, as PBS sets OMP_NUM_THREADS to ncpus otherwise.
    lines.append(f"-l select=1:ncpus={cpus}{threads}{gpus}")
    lines += [option for option in given if not option.startswith("-l ")]
    return tuple(f"#PBS {line}" for line in lines)


def _ending_early(job: JobRequest, command: str) -> tuple[str, ...]:
    """PBS sends SIGTERM at the limit and SIGKILL ten seconds later (kill_delay): too late to end in order.

    `timeout` sends it in time, to the command alone, passes on that of PBS, and ends with the command's own status.
    """
    start = 'cd -- "${PBS_O_WORKDIR:-.}" || exit 1'
    limit = _limit_s(job)
    if limit is None:
        comment = (
            "# No walltime is said above: PBS's own SIGTERM comes seconds before the end, too late to end in order."
        )
        return (start, comment, f"exec {command}")
    if limit <= job.notice_s:
        raise ConfigError(f"walltime: {limit} s leave nothing beside the {job.notice_s} s in which all ends in order.")
    return (
        start,
        f"# {job.notice_s} s before the walltime: what runs ends in order.",
        f"exec timeout --foreground --preserve-status --signal=TERM $(({limit - job.notice_s} - SECONDS)) {command}",
    )


def _limit_s(job: JobRequest) -> int | None:
    if job.time is not None:
        return limit_seconds(job.time)
    return next((_seconds(match[1]) for option in job.options if (match := _WALLTIME.fullmatch(option))), None)


def _clock(seconds: int) -> str:
    """As HH:MM:SS: qsub knows no days."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _seconds(walltime: str) -> int:
    """Of a walltime as qsub takes it: SS, MM:SS or HH:MM:SS."""
    total = 0
    for part in walltime.split(":"):
        total = 60 * total + int(part)
    return total


PBS: Final = BatchSystem(
    name="pbs",
    title="PBS",
    submit="qsub",
    programs=("qsub", "pbsnodes"),  # Grid Engine has a qsub, too
    script="job.pbs",
    job_id="PBS_JOBID",
    task_index="PBS_ARRAY_INDEX",
    submit_folder="PBS_O_WORKDIR",
    most_tasks=10_000,  # max_array_size of the server
    array_option="-J ",
    arrays=_arrays,
    job_name=_job_name,
    cancel=lambda job: f"qdel $(qselect -N {job})",
    option=re.compile(r"[A-Za-z](=[\w.,:/@+*%=-]+)?"),
    option_form=(
        "LETTER or LETTER=VALUE without a dash in front, spaces or quotes, such as q=gpu or l=walltime=24:00:00"
    ),
    header=_header,
    ending_early=_ending_early,
    queue=JobQueue(
        quiet=(),
        job_id=str.strip,
        ask=("qstat", "-f"),
        is_over=lambda answer: re.search(r"job_state = [^XF]$", answer, re.MULTILINE) is None,
        unknown=("Unknown Job Id", "Job has finished"),
    ),
)
