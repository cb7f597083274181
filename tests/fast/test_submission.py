"""A job is submitted once, whenever the process that submits it is killed."""

import contextlib
import dataclasses
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import PATIENCE_S, wait_for

from molgun_lmp.batch.slurm import SLURM
from molgun_lmp.batch.submission import submit, submitted
from molgun_lmp.batch.system import BatchSystem
from molgun_lmp.errors import ConfigError


@pytest.fixture
def script(tmp_path: Path) -> Path:
    script = tmp_path / "run.slurm"
    script.write_text("#!/bin/bash\n")
    return script


def system(folder: Path, *lines: str) -> BatchSystem:
    """SLURM, but that these lines of a shell are its sbatch."""
    program = folder / "sbatch-here"
    program.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    program.chmod(0o755)
    return dataclasses.replace(SLURM, submit=str(program))


def test_a_job_is_known_whose_submitter_was_killed_before_it_heard_of_it(script: Path) -> None:
    here = system(script.parent, "echo one >> begun", "until [ -e go ]; do sleep 0.05; done", "echo '7;cluster'")
    assert submitted(here, script) is None
    submitter = os.fork()
    if not submitter:
        with contextlib.suppress(BaseException):
            submit(here, script)
        os._exit(1)
    wait_for((script.parent / "begun").exists, "the program that submits")
    os.kill(submitter, signal.SIGKILL)
    os.waitpid(submitter, 0)
    with ThreadPoolExecutor(1) as others:
        answer = others.submit(submitted, here, script)
        (script.parent / "go").touch()
        assert answer.result(PATIENCE_S) == "7"
    assert submitted(here, script) == "7"
    assert (script.parent / "begun").read_text() == "one\n"


def test_a_submission_that_came_to_nothing_leaves_the_job_of_before(script: Path) -> None:
    assert submit(system(script.parent, "echo 7"), script) == "7"
    refusing = system(script.parent, "echo no such partition >&2", "exit 1")
    with pytest.raises(ConfigError, match=r"refuses .*run\.slurm: no such partition"):
        submit(refusing, script)
    assert submitted(refusing, script) == "7"
    script.with_suffix(".submitting").touch()  # killed before its program was started
    assert submitted(refusing, script) == "7"
    assert submit(system(script.parent, "echo 8"), script) == "8"
    assert sorted(file.name for file in script.parent.iterdir()) == ["run.id", "run.slurm", "sbatch-here"]
