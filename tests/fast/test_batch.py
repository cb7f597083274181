"""What differs between batch systems: the head of a script, options, arrays, and the end of a job's time."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.batch.pbs import PBS
from molgun_lmp.batch.slurm import SLURM
from molgun_lmp.batch.system import BatchSystem, JobRequest, limit_seconds
from molgun_lmp.campaign.cluster.write import ClusterRecord
from molgun_lmp.engine.doctor import examine_batch_systems
from molgun_lmp.errors import ConfigError
from molgun_lmp.shipped_templates import templates_folder
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.job_script import job_script

SYSTEMS = tuple(BATCH_SYSTEMS.values())
CAMPAIGN = JobRequest(name="n", cpus=4, gpus=1, tasks=3, time="1-02:00:00")


def test_every_system_has_its_row_its_template_and_names_of_its_own() -> None:
    assert tuple(BATCH_SYSTEMS) == get_args(Scheduler)
    for name, system in BATCH_SYSTEMS.items():
        assert system.name == name
        template = (templates_folder() / "cluster" / f"{name}.sh.j2").read_text()
        assert re.findall(r"macro (\w+)\(\)", template) == ["owner", "alive"]
        assert f'me="{name}:$' in template
        assert system.job_id in template
    for field in ("submit", "script", "job_id", "task_index", "submit_folder"):
        assert len({getattr(system, field) for system in SYSTEMS}) == len(SYSTEMS)


def test_the_head_of_a_slurm_script() -> None:
    job = dataclasses.replace(CAMPAIGN, options=("partition=gpu", "exclusive"))
    assert "\n".join(SLURM.header(job)) == (
        "#SBATCH --job-name=n\n#SBATCH --array=0-2\n#SBATCH --nodes=1\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=4\n"
        "#SBATCH --gpus-per-node=1\n#SBATCH --output=slurm-%A_%a.out\n#SBATCH --time=1-02:00:00\n"
        "#SBATCH --partition=gpu\n#SBATCH --exclusive"
    )


def test_the_head_of_a_pbs_script() -> None:
    """Of two values of a resource qsub takes the first, of other options the last: the site's own hold."""
    job = dataclasses.replace(CAMPAIGN, options=("q=gpu", "l=select=1:ncpus=8:mem=4gb", "h"))
    assert "\n".join(PBS.header(job)) == (
        "#PBS -N n\n#PBS -S /bin/bash\n#PBS -V\n#PBS -j oe\n#PBS -r y\n#PBS -J 0-2\n#PBS -l walltime=26:00:00\n"
        "#PBS -l select=1:ncpus=8:mem=4gb\n#PBS -l select=1:ncpus=4:ompthreads=1:ngpus=1\n#PBS -q gpu\n#PBS -h"
    )
    assert PBS.header(JobRequest(name="n"))[-1] == "#PBS -l select=1:ncpus=1"


@pytest.mark.parametrize(
    ("tasks", "slurm", "pbs"),
    [
        ([0], ["--array=0"], ["-J 0-1:2"]),
        (range(100), ["--array=0-99"], ["-J 0-99"]),
        ([0, 1, 2, 5, 7, 8], ["--array=0-2,5,7-8"], ["-J 0-2", "-J 5-6:2", "-J 7-8"]),
        ([], [], []),
    ],
)
def test_tasks_are_submitted_by_their_numbers(tasks: list[int], slurm: list[str], pbs: list[str]) -> None:
    """PBS takes one range, whose ends differ."""
    assert list(SLURM.submissions(tasks)) == [f"sbatch {array} job.slurm" for array in slurm]
    assert list(PBS.submissions(tasks)) == [f"qsub {array} job.pbs" for array in pbs]
    for array in pbs:
        match = re.fullmatch(r"-J (\d+)-(\d+)(?::(\d+))?", array)
        assert match is not None
        assert set(range(int(match[1]), int(match[2]) + 1, int(match[3] or 1))) <= set(tasks)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
@pytest.mark.parametrize("option", ["q=gpu\necho", "-q=1", "l=1 2", "x=$(id)", "m='a'", "l=`id`", "A=a;b", ""])
def test_what_a_shell_would_take_apart_is_no_option(system: BatchSystem, option: str) -> None:
    with pytest.raises(ConfigError, match=f"no option of {system.submit}"):
        system.require_options([option])


def test_each_system_has_its_own_options() -> None:
    SLURM.require_options(["partition=gpu", "time=24:00:00", "exclusive"])
    PBS.require_options(["q=gpu", "A=chem", "l=select=1:ncpus=4:ngpus=1+2:ncpus=8", "W=group_list=chem", "h"])
    for system, option in ((SLURM, "T=1"), (PBS, "time=24:00:00")):
        with pytest.raises(ConfigError, match="no option"):
            system.require_options([option])


@pytest.mark.parametrize(("name", "slurm", "pbs"), [("a b", "a_b", "a_b"), ("3-co.x", "3-co.x", "j3-co.x")])
def test_a_job_has_a_name_that_its_system_takes(name: str, slurm: str, pbs: str) -> None:
    assert (SLURM.job_name(name), PBS.job_name(name)) == (slurm, pbs)
    assert (SLURM.cancel(slurm), PBS.cancel(pbs)) == (f"scancel --name={slurm}", f"qdel $(qselect -N {pbs})")


def test_time_limits() -> None:
    assert [limit_seconds(text) for text in ("00:00:05", "24:00:00", "2-01:00:01")] == [5, 86400, 176401]
    with pytest.raises(ConfigError, match="neither HH:MM:SS"):
        limit_seconds("1:2")


def training(scheduler: Scheduler, *options: str) -> str:
    config = TrainingConfig.model_validate(
        {"name": "m", "level_of_theory": "EMT", "frames": ["f.extxyz"], "device": "cuda", "gpus": 4, "threads": 3}
    )
    return job_script(config, file=Path("/t.yaml"), output=Path("/run"), scheduler=scheduler, options=options)


@pytest.mark.parametrize(
    ("option", "seconds"),
    [("l=walltime=24:00:00", 86280), ("l=place=excl,walltime=10:00", 480), ("l=walltime=300", 180)],
)
def test_a_training_under_pbs_is_told_two_minutes_before_its_walltime(option: str, seconds: int) -> None:
    script = training("pbs", option, "q=gpu")
    assert "Submit with qsub." in script
    assert "#PBS -l select=1:ncpus=12:ompthreads=3:ngpus=4\n#PBS -q gpu\n" in script
    *_, cd, comment, command = script.splitlines()
    assert cd == 'cd -- "${PBS_O_WORKDIR:-.}" || exit 1'
    assert comment.startswith("# 120 s before")
    told = f"exec timeout --foreground --preserve-status --signal=TERM $(({seconds} - SECONDS)) "
    assert command.startswith(told)
    assert command.endswith("-m molgun_lmp train /t.yaml --output /run")
    assert "SBATCH" not in script


def test_a_training_under_pbs_without_a_walltime_is_told_by_pbs_alone() -> None:
    *_, comment, command = training("pbs", "l=min_walltime=1:00:00").splitlines()
    assert "No walltime" in comment
    assert command.startswith("exec /")
    with pytest.raises(ConfigError, match="leave nothing beside"):
        training("pbs", "l=walltime=00:02:00")


def test_a_cluster_folder_of_slurm_is_written_as_before_there_was_another_system() -> None:
    record = ClusterRecord(campaign="c", manifest="", engine="", model="", trajectories=("0",), chunk=1, files={})
    assert list(record.to_json()) == ["campaign", "manifest", "engine", "model", "trajectories", "chunk", "files"]
    assert ClusterRecord.model_validate(record.to_json()).batch is SLURM
    other = record.model_copy(update={"scheduler": "pbs"})
    assert ClusterRecord.model_validate(other.to_json()).batch is PBS


@pytest.mark.parametrize(
    ("environment", "programs", "expected"),
    [
        ({"SLURM_JOB_ID": "7"}, [], [("slurm", "ok", "inside job 7")]),
        ({"PBS_JOBID": "7[1].here"}, ["qsub", "pbsnodes"], [("pbs", "ok", "inside job 7[1].here")]),
        ({}, ["sbatch"], [("slurm", "ok", "sbatch is there")]),
        ({}, ["qsub", "pbsnodes"], [("pbs", "ok", "qsub is there")]),
        ({}, ["qsub"], [("batch system", "warn", "no sbatch, no qsub")]),
        ({}, [], [("batch system", "warn", "no sbatch, no qsub")]),
    ],
)
def test_doctor_knows_the_system_by_its_jobs_and_programs(
    environment: dict[str, str],
    programs: list[str],
    expected: list[tuple[str, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name in programs else None)
    found = examine_batch_systems(environment)
    assert [(finding.name, finding.status, finding.found) for finding in found] == expected
