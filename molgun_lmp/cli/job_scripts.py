"""What commands share that write a job script in place of doing their work."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.cli.output import answers, options_given
from molgun_lmp.errors import ConfigError

JobFile = Annotated[
    Path | None,
    typer.Option(
        "--write-job", "--write-slurm", metavar="FILE", help="Write a job script for this and do nothing else."
    ),
]
JobScheduler = Annotated[Scheduler, typer.Option("--scheduler", help="Whose job script to write.")]
JobOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--job-option",
        "--sbatch",
        metavar="NAME=VALUE",
        help="An #SBATCH or #PBS line of it, such as time=24:00:00 or l=walltime=24:00:00. Repeatable.",
    ),
]


def only_with_job(job_file: Path | None, **given: bool) -> None:
    """Raise `ConfigError` for what was said of a job where none is to be written: the work would be done here."""
    if job_file is None and (said := options_given(**given)):
        raise ConfigError(
            f"{said}: without --write-job the work is done here, in this process. Add --write-job FILE, or "
            "leave these out."
        )


def write_job(file: Path, text: str, scheduler: Scheduler, then: str = "") -> None:
    """Write a script, and say how it is submitted and what comes `then`.

    Raises `ConfigError` where the file exists or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(f"{text}\n")
    except FileExistsError as error:
        raise ConfigError(f"{file} exists already. Name another file, or remove it.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}. Name a file in an existing folder.") from error
    answers().print(f"Wrote {file}. Submit it with: {BATCH_SYSTEMS[scheduler].submit} {file}{then}", markup=False)
