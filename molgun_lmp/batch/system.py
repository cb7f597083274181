"""What a batch system is to a program that writes job scripts for it, and may submit them and wait for their end."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from molgun_lmp.errors import ConfigError

NOTICE_S: Final = 120
"""A program that wants to know of its end is sent SIGTERM so many seconds before the time limit, unless it asks for
another number."""
_TIME: Final = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)")


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What a job asks for: one process, or a few side by side, on one node."""

    name: str
    """As `BatchSystem.job_name` gives it."""
    cpus: int | None = None
    """Processors of all its processes; None for what a job has that asks for none."""
    threads: int = 1
    """OpenMP threads of one process."""
    gpus: int = 0
    tasks: int | None = None
    """It is an array of so many tasks, numbered from 0; None for a single job."""
    time: str | None = None
    """Its limit as HH:MM:SS or D-HH:MM:SS; None where `options` says it, or the site."""
    notice_s: int = 0
    """Its program wants SIGTERM so many seconds before the limit, and then ends in order; 0: it wants none."""
    options: tuple[str, ...] = ()
    """More options, each as `require_options` lets it pass."""


@dataclass(frozen=True, kw_only=True)
class StepLauncher:
    """A program of a batch system that starts the tasks of an MPI program, without an mpirun."""

    command: str
    size: str
    """The variable that holds how many tasks it started; set in the tasks that it starts only."""
    local_rank: str
    """The variable that holds the number of a task on its node."""


@dataclass(frozen=True, kw_only=True)
class JobQueue:
    """How a batch system takes a job, and says whether it is over: a program that waits for one asks so."""

    quiet: tuple[str, ...]
    """Options of `BatchSystem.submit` with which it prints the id and as little else as can be."""
    job_id: Callable[[str], str]
    """What it prints -> the id."""
    ask: tuple[str, ...]
    """The words before an id that ask for the states of the job and of all its tasks."""
    is_over: Callable[[str], bool]
    """Whether a successful answer is one of a job that is over."""
    unknown: tuple[str, ...]
    """Parts of an unsuccessful answer by which the system says that it knows no such job, or no more."""


@dataclass(frozen=True, kw_only=True)
class BatchSystem:
    """How one batch system is spoken to: in the head of a script, in its environment, on the command line."""

    name: str
    """What `--scheduler` calls it, and its template."""
    title: str
    """What people call it."""
    submit: str
    """The program that submits a script."""
    programs: tuple[str, ...]
    """Programs that are all there where the system is, and together nowhere else."""
    script: str
    """What the job script of a campaign is called."""
    job_id: str
    """The variable that holds the job's id; set within jobs only."""
    task_index: str
    """The variable that holds the number of a task of an array."""
    submit_folder: str
    """The variable that holds where the script was submitted."""
    most_tasks: int
    """Of an array, where the site has not said otherwise."""
    array_option: str
    """Of `submit`, right before the numbers of the tasks."""
    arrays: Callable[[Sequence[int]], tuple[str, ...]]
    """Ascending numbers of tasks -> the same after `array_option`, in as many submissions as that takes."""
    job_name: Callable[[str], str]
    """The name of a campaign or model -> a name that a job can have."""
    cancel: Callable[[str], str]
    """Name of a job -> the command that ends all jobs of this name."""
    option: re.Pattern[str]
    """An option as a script says it, without dashes: nothing in it that a shell or the system would take apart."""
    option_form: str
    """What an option looks like, in words, with an example."""
    header: Callable[[JobRequest], tuple[str, ...]]
    """The lines at the head of a script that ask for this."""
    ending_early: Callable[[JobRequest, str], tuple[str, ...]]
    """The last lines of a script with `notice_s`: they run this command in place of the shell.

    Raises `ConfigError` for a limit that leaves no time.
    """
    queue: JobQueue
    step_launcher: StepLauncher | None = None

    def submissions(self, tasks: Sequence[int]) -> tuple[str, ...]:
        """The commands that submit these tasks of a campaign, by their ascending numbers."""
        return tuple(self.submission(array) for array in self.arrays(tasks))

    def submission(self, array: str) -> str:
        """The command that submits the tasks that `array` names."""
        return f"{self.submit} {self.array_option}{array} {self.script}"

    def require_options(self, options: Sequence[str]) -> None:
        """Raise `ConfigError` for what is no option of this system as a script says it."""
        for option in options:
            if not self.option.fullmatch(option):
                raise ConfigError(
                    f"{option!r} is no option of {self.submit} as it is written in a script: give {self.option_form}."
                )


def limit_seconds(time: str) -> int:
    """A time limit, HH:MM:SS or D-HH:MM:SS, in seconds. Raises `ConfigError` for anything else."""
    match = _TIME.fullmatch(time)
    if match is None:
        raise ConfigError(f"time: {time!r} is neither HH:MM:SS nor D-HH:MM:SS.")
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def ranges_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of consecutive ones among ascending numbers."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def array_of(numbers: Sequence[int]) -> str:
    """Ascending numbers as people and SLURM write them, such as `0-2,5`."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges_of(numbers))
