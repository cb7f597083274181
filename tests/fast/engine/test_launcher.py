"""The wrong mpirun is named before MPI starts; the right one, and none, pass."""

import pytest

from molgun_lmp.engine.launcher import check_launcher, check_world_size, examine_launch
from molgun_lmp.errors import EngineError

OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"}
MPICH = {"PMI_SIZE": "4", "PMI_RANK": "0"}
SRUN = {"SLURM_JOB_ID": "7", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}
BATCH_SCRIPT = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}


def test_no_launcher() -> None:
    assert examine_launch({}).launcher is None
    check_launcher({}, "mpich")
    check_launcher(BATCH_SCRIPT, "mpich")


@pytest.mark.parametrize(("environment", "mpi"), [(MPICH, "mpich"), (OPEN_MPI, "openmpi"), (OPEN_MPI, "unknown")])
def test_the_right_launcher(environment: dict[str, str], mpi: str) -> None:
    check_launcher(environment, mpi)  # type: ignore[arg-type]
    assert examine_launch(environment).tasks == 4


@pytest.mark.parametrize(
    ("environment", "mpi", "words"),
    [
        (OPEN_MPI, "mpich", "started by Open MPI's mpirun (4 task(s)), but LAMMPS here uses MPICH"),
        (MPICH, "openmpi", "started by MPICH's mpirun (4 task(s)), but LAMMPS here uses Open MPI"),
        (SRUN, "mpich", "started by srun without an MPI plugin (4 task(s))"),
        (SRUN | {"PMIX_RANK": "0"}, "mpich", "started by srun --mpi=pmix"),
        ({"PMIX_RANK": "0"}, "mpich", "started by a PMIx launcher"),
    ],
)
def test_the_wrong_launcher(environment: dict[str, str], mpi: str, words: str) -> None:
    with pytest.raises(EngineError) as caught:
        check_launcher(environment, mpi)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert "Start it with `" in str(caught.value)


def test_one_task_of_srun_is_no_harm() -> None:
    check_launcher(SRUN | {"SLURM_STEP_NUM_TASKS": "1"}, "mpich")


def test_a_world_of_one_under_a_launcher_of_several() -> None:
    check_world_size(4, MPICH)
    check_world_size(1, {})
    with pytest.raises(EngineError, match="started 4 tasks, but MPI sees one"):
        check_world_size(1, MPICH)
