"""One training ended from outside in every way there is, gone on with each time, and ended by itself at last."""

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from training_cases import Command, config, molgun_train, trainers_of, write_frames
from waiting import PATIENCE_S, wait_for

from molgun_lmp.atomic_files import write_json
from molgun_lmp.errors import InterruptedRunError, TrainingError
from molgun_lmp.training.run_folder import read_record
from molgun_lmp.training.trainer.checkpoints import checkpoints, set_aside_broken
from molgun_lmp.training.trainer.metrics import best_epoch
from molgun_lmp.training.trainer.train import train

pytestmark = pytest.mark.engine

# So wild that the first epochs are the best: a restart from the best epoch would begin there again.
EPOCHS = 10_000
WILD = {"epochs": EPOCHS, "batch_size": 4, "learning_rate": 0.3, "clip_gradient": None, "ema_decay": None}
LIMIT_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    return data / "run"


def whole_epochs(run: Path) -> list[int]:
    return [checkpoint.epoch for checkpoint in checkpoints(run / "mace/checkpoints")]


def last_start(run: Path) -> str:
    """What mace has said since it began to train for the last time; `Started` is repeated by its own log."""
    return (run / "mace.log").read_text().rpartition("Started training")[2]


def first_epoch(run: Path) -> int:
    return int(last_start(run).partition(" Epoch ")[2].partition(":")[0])


def until_an_epoch_is_trained(command: Command) -> None:
    starts = (command.run / "mace.log").read_text().count("Started training")
    command.wait_for(lambda: (command.run / "mace.log").read_text().count("Started training") > starts)
    command.wait_for(lambda: " Epoch " in last_start(command.run))


def has_whole_epoch_after(run: Path, epoch: int) -> bool:
    """Then the epoch itself, which a restart repeats, is whole again too, and is kept beside it."""
    later = [one for one in checkpoints(run / "mace/checkpoints") if one.epoch > epoch]
    return any(zipfile.is_zipfile(one.path) for one in later)


def assert_ended(run: Path) -> None:
    """No trainer is left in the folder."""
    wait_for(lambda: trainers_of(run) == [], "the end of all trainers")


def test_kill_9_leaves_no_trainer_behind(data: Path, run: Path) -> None:
    with molgun_train(data, config(optimisation=WILD), run) as command:
        command.wait_for_epochs(6)
        # The command looks a few times a second; on a fast machine that is less often than an epoch ends.
        command.wait_for((run / "mace/best/best.json").is_file)
        assert len(trainers_of(run)) == 1
        os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait()
    assert_ended(run)
    assert max(whole_epochs(run)) >= 3


def test_kill_9_ends_torchrun_and_its_processes_too(data: Path, tmp_path: Path) -> None:
    """Two processes on this machine's CPU: they come as far as mace, which needs GPUs to train together."""
    write_json({"name": "two", "train_file": str(data / "frames.extxyz")}, tmp_path / "mace.yaml")
    code = (
        "import sys; from pathlib import Path; from molgun_lmp.training.run_folder import RunFolder; "
        "from molgun_lmp.training.trainer.mace_trainer import run_trainer; run = RunFolder(path=Path(sys.argv[1])); "
        "run_trainer(run, run.mace_config, gpus=2, threads=1, is_enough=lambda: False)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as parent:
        Command(parent, tmp_path).wait_for(lambda: len(trainers_of(tmp_path)) == 3)
        parent.send_signal(signal.SIGKILL)
    assert_ended(tmp_path)


def test_a_restart_goes_on_from_the_last_whole_epoch_and_ends_in_order(data: Path, run: Path) -> None:
    newest, before = checkpoints(run / "mace/checkpoints")[:2]
    newest.path.write_bytes(newest.path.read_bytes()[:-100])  # as if the kill had come while it was written
    with molgun_train(data, config(optimisation=WILD), run) as command:
        until_an_epoch_is_trained(command)
        command.wait_for(lambda: has_whole_epoch_after(run, before.epoch))
        code, said = command.end(signal.SIGTERM)
    assert code == InterruptedRunError.exit_code, said
    assert "goes on from the last whole epoch" in said
    assert trainers_of(run) == []
    assert first_epoch(run) == before.epoch > 0
    assert newest.path.with_suffix(".broken").is_file()


def test_a_full_disk_is_said_and_costs_no_checkpoint(data: Path, run: Path) -> None:
    """A limit of file sizes stands for it: mace's writing fails in the same place and the same way."""
    set_aside_broken(run / "mace/checkpoints")
    # Two are kept. A third is left where the kill came before it was pruned; the next start may prune it.
    newest, older = checkpoints(run / "mace/checkpoints")[:2]
    before = older.path.read_bytes()
    with molgun_train(data, config(optimisation=WILD), run, before=LIMIT_FILES) as command:
        _, said = command.process.communicate(timeout=PATIENCE_S)
    assert command.process.returncode == TrainingError.exit_code, said
    assert "disk" in said and "finished epochs are kept" in said
    assert older.path.read_bytes() == before
    assert newest.epoch == max(whole_epochs(run))  # repeated, and cut


def test_the_best_epoch_of_an_unfinished_training_becomes_the_model(data: Path, run: Path, tmp_path: Path) -> None:
    before = whole_epochs(run)
    record = train(config(optimisation=WILD), run, base=data, finish=True)
    assert record.stopped_early
    assert record.best.validation_loss == min(epoch.validation_loss for epoch in (*record.epochs, record.best))
    assert run.joinpath("model.model").is_file()
    assert set(whole_epochs(run)) <= set(before)  # one may be set aside as broken
    with pytest.raises(TrainingError, match="no whole epoch to finish with"):
        train(config(optimisation=WILD), tmp_path / "new", base=data, finish=True)


def test_it_ends_after_epochs_without_improvement_and_the_best_is_kept(data: Path, run: Path) -> None:
    patient = {**WILD, "patience": 3}
    record = train(config(optimisation=patient), run, base=data)
    assert record.stopped_early
    assert record.training.epochs < EPOCHS
    assert record.best.validation_loss <= best_epoch(record.epochs).validation_loss
    validation = next(report for report in record.errors if report.name == "validation")
    assert validation.forces_ev_per_angstrom.mae == pytest.approx(record.best.forces_mae_ev_per_angstrom, rel=1e-4)
    written = (run / "record.json").stat().st_mtime_ns
    assert train(config(optimisation=patient), run, base=data) == record == read_record(run)
    assert (run / "record.json").stat().st_mtime_ns == written
