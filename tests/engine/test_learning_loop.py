"""`molgun learn`: two whole rounds, killed before every record of a stage, in the end as if nothing had been."""

import contextlib
import csv
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.io import read
from learning_cases import TRAJECTORIES, first_frames, first_model, learn_here, loop_files
from small_disks import small_tmpfs

from molgun_lmp.config.loading import load_section
from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.learning.firing import open_members
from molgun_lmp.learning.loop_folder import only_loop, same_loop
from molgun_lmp.learning.settings import LoopConfig
from molgun_lmp.models.predict import predict_mace
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.descriptors.calibration import CALIBRATION_NAME, read_calibration
from molgun_lmp.training.descriptors.force_spread import read_spread_calibration
from molgun_lmp.training.descriptors.held_out import calibrate_committee, write_calibrations
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.settings import AS_THEY_ARE

pytestmark = pytest.mark.engine

RECORD = "round-1/train/member-0/record.json"
KILLED_BEFORE = (
    *("round-1/fire.json", "round-1/choose.json", "labels/labelled.extxyz", "round-1/label.json"),
    *("round-1/train/member-1/record.json", "round-1/train.json", "round-1/export.json", "round-2/fire.json"),
)


def killed_before(target: Path, file: Path) -> int:
    """The wait status of a session that is killed just before it puts `target` in its place."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and str(arguments[1]) == str(target):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        learn_here(file)
    finally:
        os._exit(1)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory, plugin: Path) -> Path:
    del plugin
    folder = tmp_path_factory.mktemp("loop")
    start = [str(first_model(folder / f"start-{seed}", seed, is_fired=seed == 0)) for seed in (0, 100)]
    return loop_files(folder, start=start, rounds=5, committee={"members": 2})


@pytest.fixture(scope="module")
def ended(loop: Path) -> Path:
    """The loop's folder after all kills and a last session."""
    folder = loop.parent / "learned"
    for name in KILLED_BEFORE:
        status = killed_before(folder / name, loop)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, name
        assert not (folder / name).exists() or name == "labels/labelled.extxyz"
        if name == "round-1/choose.json":
            (folder / "chosen-before").write_bytes((folder / "round-1/chosen.extxyz").read_bytes())
        if name == "round-1/train/member-1/record.json":
            (folder / "trained-before").write_bytes((folder / RECORD).read_bytes())
    report = learn_here(loop)
    assert report.reached
    assert [one.round for one in report.rounds] == [1, 2]
    assert "below the wanted 1000 eV/Å" in report.stopped
    assert report.model == "round-1/model"
    return folder


def test_nothing_is_lost_and_nothing_is_done_twice(ended: Path) -> None:
    labels = [json.loads(line) for line in (ended / "labels/labels.jsonl").read_text().splitlines()]
    assert max(Counter(line["key"] for line in labels if "failed" not in line).values()) == 1
    results = [json.loads(file.read_text()) for file in ended.glob("round-*/campaign/trajectories/*/*/result.json")]
    assert [result["attempt"] for result in results] == [1] * 2 * TRAJECTORIES
    assert (ended / "chosen-before").read_bytes() == (ended / "round-1/chosen.extxyz").read_bytes()
    assert (ended / "trained-before").read_bytes() == (ended / RECORD).read_bytes(), "a member is trained once"


def test_what_a_round_says(ended: Path) -> None:
    report = json.loads((ended / "report.json").read_text())
    first, second = report["rounds"]
    assert (first["fired"], first["failed_trajectories"], first["chosen"]) == (TRAJECTORIES, 0, 6)
    with (ended / "round-1/campaign/analysis/outcomes.csv").open(newline="") as handle:
        assert first["ends"] == Counter(row["mode"] for row in csv.DictReader(handle))
    assert (first["labelled"], first["not_labelled"]) == (5, 1), "one never converges"
    assert first["largest_spread_ev_per_angstrom"] > 0, "the two first models differ"
    assert second["largest_spread_ev_per_angstrom"] > 0, "and so do the two that were trained"
    assert first["trained_on"] is not None and second["trained_on"] is None
    assert report["labels"] == first["chosen"] + second["chosen"]
    label = json.loads((ended / "round-1/label.json").read_text())
    assert list(label["found"]["why"].values()) == ["RuntimeError: the density did not converge"]
    new = read(ended / "round-1/new.extxyz", ":")
    assert {atoms.info["set"] for atoms in new} <= {"train", "validation", "test"}
    of_trajectory = Counter((atoms.info["trajectory"], atoms.info["set"]) for atoms in new)
    assert len({name for name, _ in of_trajectory}) == len(of_trajectory), "a trajectory is in one set"
    config = yaml.safe_load((ended / "round-1/member-0.yaml").read_text())
    assert config["foundation"]["file"].endswith("start-0/model.model")
    assert (ended / "rounds.csv").read_text().count("\n") == 3


def test_the_error_is_that_of_the_model_that_was_fired(ended: Path, loop: Path) -> None:
    """By mace's own calculator and EMT, apart from all that the loop does."""
    from ase.calculators.emt import EMT
    from mace.calculators import MACECalculator

    calculator = MACECalculator(str(loop.parent / "start-0/model.model"), device="cpu", default_dtype="float64")
    differences = []
    for atoms in read(ended / "round-1/new.extxyz", ":"):
        forces = []
        for one in (calculator, EMT()):
            copy = atoms.copy()
            copy.calc = one
            forces.append(copy.get_forces())
        differences.append(forces[0] - forces[1])
    check = json.loads((ended / "round-1/check.json").read_text())
    assert check["found"]["errors"]["forces_ev_per_angstrom"]["mae"] == pytest.approx(
        np.abs(differences).mean(), rel=1e-4
    )


def test_an_edited_loop_and_changed_files_are_refused(ended: Path, loop: Path) -> None:
    with pytest.raises(ConfigError, match=r"another choice.*Between rounds batch_size, budget.*may change"):
        learn_here(loop, ("choice.frames=7",))
    label = yaml.safe_load((loop.parent / "label.yaml").read_text())
    (loop.parent / "label.yaml").write_text(yaml.safe_dump({**label, "options": {"asap_cutoff": True}}))
    with pytest.raises(ConfigError, match="another what label says"):
        learn_here(loop)
    (loop.parent / "label.yaml").write_text(yaml.safe_dump({**label, "workers": 2}))
    assert learn_here(loop, ("rounds=9", "budget.labels=100")).reached, "these may change"
    chosen = ended / "round-1/chosen.extxyz"
    before = chosen.read_bytes()
    chosen.write_bytes(before + b"\n")
    with pytest.raises(TrainingError, match=r"chosen\.extxyz was changed after the stage choose of round 1"):
        learn_here(loop)
    chosen.write_bytes(before)


def test_distance_and_spread_are_calibrated_on_what_no_member_has_seen(loop: Path, tmp_path: Path) -> None:
    first_frames(tmp_path / "frames.extxyz", trajectories=10)
    frames = read_dataset([tmp_path / "frames.extxyz"], limits=AS_THEY_ARE).frames
    members = open_members([loop.parent / "start-0", loop.parent / "start-100"])
    trained, held_out = frames[:16], frames[16:]
    answers = [list(predict_mace(one.model, held_out, head=one.head)) for one in members]
    errors = ModelComparison.of("held out", held_out, answers[0]).largest_force_error
    found = calibrate_committee(members, trained=trained, held_out=held_out, errors=errors, files={"f": "0"})
    write_calibrations(found, tmp_path / CALIBRATION_NAME)
    assert read_calibration(tmp_path, members[0].sha256) == found.distance
    spread = read_spread_calibration(tmp_path, [one.sha256 for one in members])
    assert spread is not None and spread == found.spread
    for place, (one, other) in enumerate(zip(*answers, strict=True)):
        half = (
            np.linalg.norm(one.forces - other.forces, axis=1) / 2
        )  # of two, each is half the difference from the mean
        assert found.spread.held_out[place].spread_ev_per_angstrom == pytest.approx(half.max(), rel=1e-5)
    rows = (tmp_path / "calibration.csv").read_text().splitlines()
    assert rows[0] == "trajectory,distance,spread_ev_per_angstrom,error_ev_per_angstrom" and len(rows) == 25


def test_a_full_disk_is_said(tmp_path: Path, loop: Path) -> None:
    config = load_section(loop, LoopConfig)
    with small_tmpfs(tmp_path / "disk", size="64k") as disk:
        with (disk / "filling").open("wb", buffering=0) as handle, contextlib.suppress(OSError):
            while True:
                handle.write(bytes(4096))
        with pytest.raises(TrainingError, match="make room and give the same command"), only_loop(disk / "loop"):
            same_loop(disk / "loop", config, {})
        (disk / "filling").unlink()
        with only_loop(disk / "loop"):
            first = same_loop(disk / "loop", config, {})
        assert same_loop(disk / "loop", config, {}) == first
