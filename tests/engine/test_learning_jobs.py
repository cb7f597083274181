"""Stages of a loop as jobs: under a real SLURM, killed while it waits; and a PBS stand-in's jobs that end too early."""

import contextlib
import json
import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from learning_cases import TRAJECTORIES, first_model, learn_here, loop_files
from pbs_cases import pbs
from slurm_cases import slurm, why_not

from molgun_lmp.batch.pbs import PBS
from molgun_lmp.batch.system import JobRequest
from molgun_lmp.errors import ConfigError, InterruptedRunError, TrainingError
from molgun_lmp.learning.inputs import load_loop
from molgun_lmp.learning.jobs import until_done
from molgun_lmp.learning.loop_folder import RoundFolder

pytestmark = pytest.mark.engine

SHARED = Path(__file__).parents[1] / "shared"
JOBS = {"run": {"tasks": 2}, "label": {"tasks": 2}, "train": {"options": ["comment=a-member"]}}


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_a_loop_that_is_killed_leaves_its_jobs_and_the_next_one_waits_for_them(
    tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del plugin
    start = [str(first_model(tmp_path / f"start-{seed}", seed, is_fired=seed == 0)) for seed in (0, 100)]
    file = loop_files(tmp_path, start=start, rounds=1, committee={"members": 2}, jobs=JOBS)
    jobs = tmp_path / "learned/round-1/jobs"
    monkeypatch.setenv("PYTHONPATH", f"{SHARED}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with slurm() as here:
        for name in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(name, here.environment[name])
        loop = os.fork()
        if not loop:
            with contextlib.suppress(BaseException):
                learn_here(file)
            os._exit(1)
        label = [jobs / name for name in ("label.submitting", "label.id")]
        here.wait_for("the job that labels", lambda: any(one.exists() for one in label))
        os.kill(loop, signal.SIGKILL)
        os.waitpid(loop, 0)
        report = learn_here(file)
        known = here("scontrol", "show", "job", "--oneliner")
    said = "\n".join(output.read_text() for output in jobs.glob("slurm-*.out"))
    (only,) = report.rounds
    assert (only.fired, only.failed_trajectories, only.chosen) == (TRAJECTORIES, 0, 6), said
    assert (only.labelled, only.not_labelled) == (4, 2), "one of each share never converges"
    assert only.trained_on is not None and report.model == "round-1/model"
    ids = {one.stem: one.read_text().strip() for one in jobs.glob("*.id")}
    assert set(ids) == {"run", "label", "train-member-0", "train-member-1"}
    arrays = re.findall(r"ArrayJobId=(\d+)", known)
    assert Counter(arrays) == {ids["run"]: 2, ids["label"]: 2}, "each is submitted once"
    assert set(re.findall(r"(?:^|\n)JobId=(\d+) JobName=tiny", known)) == {ids["train-member-0"], ids["train-member-1"]}
    lines = [json.loads(line) for one in (tmp_path / "learned/labels").glob("labels-*.jsonl") for line in one.open()]
    assert len(lines) == len({line["key"] for line in lines}) == 6


def test_jobs_that_end_too_early_are_submitted_again_for_as_long_as_they_get_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three lines are wanted; each job writes one and ends; from the fourth on, none."""
    (tmp_path / "system").mkdir()
    here, lines = RoundFolder(loop=tmp_path, number=1), tmp_path / "lines"
    here.path.mkdir()
    script = "\n".join(
        ["#!/bin/bash", *PBS.header(JobRequest(name="n", tasks=1)), f"[ $(wc -l < {lines}) -ge 3 ] || echo >> {lines}"]
    )
    lines.touch()

    def progress() -> int:
        return lines.read_text().count("\n")

    def run(wanted: int) -> None:
        missing = {"n": script}
        until_done(
            here,
            PBS,
            lambda: missing if progress() < wanted else {},
            progress,
            lambda done: None,
            shown_within_s=0.0,
        )

    with pbs(tmp_path / "system", history=False) as system:
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        run(3)
        assert len(list((tmp_path / "system/pbs").glob("[0-9]*"))) == 3
        with pytest.raises(TrainingError, match=r"PBS has ended the jobs 4\[\]\.here, and nothing has come of them"):
            run(4)
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(ConfigError, match="qstat cannot be started"):
            run(4)


def test_a_stop_leaves_the_jobs_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system").mkdir()
    here, go = RoundFolder(loop=tmp_path, number=1), tmp_path / "go"
    here.path.mkdir()
    wait = f"while [ ! -e {go} ]; do sleep 0.1; done; touch {tmp_path}/done"
    script = "\n".join(["#!/bin/bash", *PBS.header(JobRequest(name="n")), wait])

    def missing() -> dict[str, str]:
        return {} if (tmp_path / "done").exists() else {"n": script}

    with pbs(tmp_path / "system") as system:
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InterruptedRunError, match=r"The jobs 1\.here stay with PBS"):
            until_done(here, PBS, missing, lambda: 0, lambda done: os.kill(os.getpid(), signal.SIGTERM))
        go.touch()
        until_done(here, PBS, missing, lambda: 0, lambda done: None)
        assert (here.jobs / "n.id").read_text().strip() == "1.here"


def test_a_stage_is_done_in_one_way(tmp_path: Path) -> None:
    both = loop_files(tmp_path, jobs=JOBS, launch={"label": ["srun"]})
    with pytest.raises(ConfigError, match=r"launch\.label and jobs\.label both say how it is done"):
        load_loop(both)
    wrong = loop_files(tmp_path, jobs={"scheduler": "pbs", "train": {"options": ["time=01:00:00"]}})
    with pytest.raises(ConfigError, match="no option of qsub"):
        load_loop(wrong)
