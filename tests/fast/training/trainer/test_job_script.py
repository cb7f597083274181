"""The SLURM script of a training, the command that starts mace, and requests to stop."""

import os
import shlex
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from molgun_lmp.errors import ConfigError
from molgun_lmp.processes import stop_requests
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.job_script import job_script
from molgun_lmp.training.trainer.mace_trainer import trainer_command


def script(*, overrides: Sequence[str] = (), options: Sequence[str] = ()) -> str:
    config = TrainingConfig.model_validate(
        {"name": "m", "level_of_theory": "EMT", "frames": ["f.extxyz"], "device": "cuda", "gpus": 4, "threads": 3}
    )
    file, output = Path("/a b/$(touch x)/train.yaml"), Path("/run's")
    return job_script(config, file=file, output=output, overrides=overrides, options=options)


def test_resources_come_from_the_training_file_and_the_site_has_the_last_word() -> None:
    lines = script(options=["partition=gpu", "time=24:00:00", "exclusive"]).splitlines()
    asked = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")]
    assert asked == [
        "job-name=m",
        "nodes=1",
        "ntasks=1",
        "cpus-per-task=12",
        "gpus-per-node=4",
        "signal=B:TERM@120",
        "partition=gpu",
        "time=24:00:00",
        "exclusive",
    ]
    assert lines[0] == "#!/bin/bash"


def test_a_shell_gives_molgun_what_was_given_whatever_the_names() -> None:
    overrides = ["name=it's; rm -rf $HOME", "optimisation.epochs=3"]
    words = shlex.split(script(overrides=overrides).splitlines()[-1])
    assert words[0] == "exec"
    assert words[2:] == [
        *("-m", "molgun_lmp", "train", "/a b/$(touch x)/train.yaml", "--output", "/run's"),
        *("--set", overrides[0], "--set", overrides[1]),
    ]


@pytest.mark.parametrize("option", ["partition=gpu\necho", "--time=1", "time=1 2", "x=$(id)", "comment='a'", "T=1", ""])
def test_what_is_no_option_of_sbatch_is_refused(option: str) -> None:
    with pytest.raises(ConfigError, match="no option of sbatch"):
        script(options=[option])


def test_one_gpu_is_one_process_and_several_are_started_by_torchrun() -> None:
    one, four = (trainer_command(Path("run/mace.yaml"), gpus=gpus)[1:] for gpus in (1, 4))
    process = ["-m", "molgun_lmp.training.trainer.mace_process", "--config", "mace.yaml"]
    assert one == ["-u", *process]
    assert four == ["-u", "-m", "torch.distributed.run", "--standalone", "--nnodes=1", "--nproc-per-node=4", *process]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_becomes_a_request_and_the_handler_before_it_comes_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_requests() as asked:
        assert asked == []
        os.kill(os.getpid(), number)
        assert asked == [number]
    assert signal.getsignal(number) is before


def test_requests_to_stop_reach_the_main_thread_alone() -> None:
    seen: list[list[int]] = []

    def work() -> None:
        with stop_requests() as asked:
            seen.append(asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[]]
