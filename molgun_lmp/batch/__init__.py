"""Batch systems: everything in which they differ, a module for each. One more is a module, a template and a row here.

The module describes the system as a `BatchSystem`; the template, `templates/cluster/NAME.sh.j2`, holds how a job names
itself in a claim and how another one finds out whether it still runs.
"""

from collections.abc import Mapping
from typing import Final, Literal

from molgun_lmp.batch.pbs import PBS
from molgun_lmp.batch.slurm import SLURM
from molgun_lmp.batch.system import BatchSystem

Scheduler = Literal["slurm", "pbs"]
BATCH_SYSTEMS: Final[Mapping[Scheduler, BatchSystem]] = {"slurm": SLURM, "pbs": PBS}
