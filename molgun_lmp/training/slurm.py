"""A SLURM script for one training: what the training file knows of its resources, and the site's own options."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from molgun_lmp.errors import ConfigError
from molgun_lmp.rendering import render_script
from molgun_lmp.training.settings import TrainingConfig

_OPTION: Final = re.compile(r"[a-z][a-z-]*(=[\w.,:/@+*%=-]+)?")
"""An option of sbatch without its dashes: nothing in it that a shell or sbatch would take apart."""


def slurm_script(
    config: TrainingConfig, *, file: Path, output: Path, overrides: Sequence[str] = (), options: Sequence[str] = ()
) -> str:
    """The script's text: it runs `molgun train FILE --output OUTPUT` with the overrides, on one node.

    `options` of sbatch without dashes, such as `partition=gpu` and `time=24:00:00`; they come last and go before what
    the training asks for. Raises `ConfigError` for one that is no option.
    """
    for option in options:
        if not _OPTION.fullmatch(option):
            raise ConfigError(
                f"{option!r} is no option of sbatch as it is written in a script: give NAME or NAME=VALUE without "
                "dashes in front, spaces or quotes, such as partition=gpu or time=24:00:00."
            )
    command = [sys.executable, "-m", "molgun_lmp", "train", str(file.resolve()), "--output", str(output.resolve())]
    for override in overrides:
        command += ["--set", override]
    return render_script(
        "train.slurm.j2",
        {
            "name": config.name,
            "cpus": config.threads * config.gpus,
            "gpus": config.gpus if config.device == "cuda" else 0,
            "options": options,
            "command": shlex.join(command),
        },
    )
