"""Real mace, tiny: train, restart, fine-tune, evaluate, export, parity."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

from molgun_lmp.errors import ModelError, TrainingError
from molgun_lmp.training.card import check_elements, load_card, model_file
from molgun_lmp.training.evaluate import evaluate
from molgun_lmp.training.export import Provenance, export, export_run
from molgun_lmp.training.finetune import held_out_frames, train
from molgun_lmp.training.models import load_model, model_facts
from molgun_lmp.training.predict import predict_calculator, predict_deployed, predict_mace
from molgun_lmp.training.runs import RunFolder, TrainingRecord
from molgun_lmp.training.settings import Licences, TrainingConfig

pytestmark = pytest.mark.engine

TINY = {"num_channels": 8, "max_L": 0, "num_interactions": 2, "max_ell": 1, "correlation": 2, "r_max_angstrom": 3.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six trajectories of four rattled CuAl cells each, labelled by EMT; and a free cluster, which has no cell."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    frames = []
    for trajectory in range(6):
        for _ in range(4):
            atoms = bulk("Cu", cubic=True, a=3.8)
            atoms.symbols[: 1 + trajectory % 2] = "Al"
            if trajectory == 5:
                atoms.set_cell(None)
                atoms.pbc = False
            atoms.positions += rng.normal(0, 0.08, (len(atoms), 3))
            frames.append(_labelled(atoms, trajectory=f"run{trajectory}"))
    frames += [_labelled(Atoms(element), config_type="IsolatedAtom") for element in ("Cu", "Al")]
    write(folder / "frames.extxyz", frames)
    return folder


def _labelled(atoms: Atoms, **info: str) -> Atoms:
    work = atoms.copy()
    work.calc = EMT()
    atoms.info.update(info, REF_energy=float(work.get_potential_energy()))
    atoms.set_array("REF_forces", np.array(work.get_forces()))
    return atoms


def config(**changes: Any) -> TrainingConfig:
    document = {
        "name": "tiny",
        "level_of_theory": "EMT",
        "frames": ["frames.extxyz"],
        "split": {"validation": ["run1"], "test": ["run0", "run5"]},
        "architecture": TINY,
        "optimisation": {"epochs": 2, "batch_size": 4},
        "threads": 1,
        **changes,
    }
    return TrainingConfig.model_validate({key: value for key, value in document.items() if value is not None})


@pytest.fixture(scope="module")
def trained(data: Path) -> tuple[Path, TrainingRecord]:
    folder = data / "run"
    return folder, train(config(), folder, base=data)


@pytest.fixture(scope="module")
def exported(data: Path, trained: tuple[Path, TrainingRecord]) -> Path:
    folder = data / "model"
    export_run(trained[0], folder)
    return folder


def test_training_learns_and_records_every_epoch(trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    assert [epoch.epoch for epoch in record.epochs] == [0, 1]
    assert record.training.data.trajectories["test"] == ("run0", "run5")
    assert record.training.data.frames == {"train": 12, "validation": 4, "test": 8}
    first = json.loads((folder / "mace/results/tiny_run-1_train.txt").read_text().splitlines()[0])
    assert record.epochs[-1].validation_loss < first["loss"]


def test_the_errors_are_those_that_mace_reports(trained: tuple[Path, TrainingRecord]) -> None:
    _, record = trained
    best = next(epoch for epoch in record.epochs if epoch.epoch == record.training.best_epoch)
    ours = next(report for report in record.errors if report.name == "validation")
    assert ours.forces_ev_per_angstrom.mae == pytest.approx(best.forces_mae_ev_per_angstrom, rel=1e-4)
    assert ours.forces_ev_per_angstrom.rmse == pytest.approx(best.forces_rmse_ev_per_angstrom, rel=1e-4)
    assert ours.energy_ev_per_atom.mae == pytest.approx(best.energy_mae_ev_per_atom, rel=1e-3)


def test_reference_energies_are_the_isolated_atoms(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    model = load_model(RunFolder(path=folder).model, sha256=record.model_sha256)
    facts = model_facts(model)
    assert (facts.elements, facts.num_interactions, facts.max_ell) == (("Al", "Cu"), 2, 1)
    expected = {symbol: float(_labelled(Atoms(symbol)).info["REF_energy"]) for symbol in ("Al", "Cu")}
    assert facts.e0s_ev["Default"] == pytest.approx(expected, abs=1e-5)


def test_batches_give_what_maces_calculator_gives(trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    frames = held_out_frames(folder)["test"]
    path = RunFolder(path=folder).model
    model = load_model(path, sha256=record.model_sha256, dtype="float64")
    batched = predict_mace(model, frames, head="Default", batch_size=3)
    for one, other in zip(batched, predict_calculator(path, frames, head="Default"), strict=True):
        assert one.energy_ev == pytest.approx(other.energy_ev, abs=1e-10)
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-10)


def test_a_finished_training_is_returned_as_it_is(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    written = (folder / "record.json").stat().st_mtime_ns
    assert train(config(), folder, base=data) == record
    assert (folder / "record.json").stat().st_mtime_ns == written


def test_another_training_does_not_enter_the_folder(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    with pytest.raises(TrainingError, match=r"training with another optimisation\.learning_rate, seed"):
        train(config(seed=5, optimisation={"epochs": 2, "batch_size": 4, "learning_rate": 0.5}), trained[0], base=data)


@pytest.fixture
def interrupted(data: Path) -> Iterator[Path]:
    """A long training in a process of its own, ended by Ctrl-C (SIGINT) after its first epochs."""
    folder = data / "interrupted"
    # A runner in the background ignores SIGINT, and so would its children.
    code = (
        "import signal, sys; from pathlib import Path; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from molgun_lmp.training.finetune import train; from molgun_lmp.training.settings import TrainingConfig; "
        "train(TrainingConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]), base=Path(sys.argv[3]))"
    )
    long = config(optimisation={"epochs": 12, "batch_size": 4}).model_dump_json()
    with subprocess.Popen(
        [sys.executable, "-c", code, long, folder, data], stderr=subprocess.PIPE, text=True
    ) as process:
        metrics = folder / "mace/results/tiny_run-1_train.txt"
        while process.poll() is None and (not metrics.is_file() or metrics.read_text().count('"eval"') < 4):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert "InterruptedRunError" in complaint
    yield folder


def test_ctrl_c_keeps_checkpoints_and_the_same_command_goes_on(data: Path, interrupted: Path) -> None:
    assert 1 <= len(list(interrupted.glob("mace/checkpoints/*.pt"))) <= 3
    record = train(config(optimisation={"epochs": 13, "batch_size": 4}), interrupted, base=data)  # one more is allowed
    assert [epoch.epoch for epoch in record.epochs] == list(range(13))
    log = (interrupted / "mace.log").read_text()
    assert log.count("Started training") == 2
    assert "Loading checkpoint" in log.split("Started training")[1]


def test_fine_tuning_starts_from_the_model_it_is_given(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    folder, base = trained
    tuned = config(
        architecture=None,
        foundation={"file": str(folder / "model.model"), "sha256": base.model_sha256},
        reference_energies="foundation",
        optimisation={"epochs": 1, "batch_size": 4, "learning_rate": 1e-9, "ema_decay": None},
    )
    record = train(tuned, data / "tuned", base=data)
    before = next(report for report in base.errors if report.name == "test")
    after = next(report for report in record.errors if report.name == "test")
    assert after.forces_ev_per_angstrom.mae == pytest.approx(before.forces_ev_per_angstrom.mae, rel=1e-4)
    assert after.energy_ev_per_atom.mae == pytest.approx(before.energy_ev_per_atom.mae, rel=1e-3)
    assert base.model_sha256 in record.training.foundation
    assert train(tuned, data / "tuned", base=data) == record


def test_a_failure_of_mace_shows_the_end_of_its_log(data: Path) -> None:
    with pytest.raises(TrainingError, match=r"(?s)not an option.*unrecognized arguments: --no_such_option"):
        train(config(mace_options={"no_such_option": 1}), data / "failed", base=data)


def test_exported_files_pass_parity_and_the_card_tells_the_past(
    exported: Path, trained: tuple[Path, TrainingRecord]
) -> None:
    card = load_card(exported)
    record = trained[1]
    assert {(p.format, p.dtype) for p in card.parity} == {("torchscript", "float32"), ("torchscript", "float64")}
    assert all(report.passed and report.frames == 12 for report in card.parity)
    assert "max_ell 3" in card.not_exported["symmetrix"]
    assert (card.training, card.errors, card.level_of_theory) == (record.training, record.errors, "EMT")
    check_elements(card, ["Cu"])
    with pytest.raises(ModelError, match="no symmetrix file"):
        card.find("symmetrix")


def test_a_deployed_model_sees_several_structures_as_one_graph(
    exported: Path, trained: tuple[Path, TrainingRecord]
) -> None:
    frames = held_out_frames(trained[0])["test"]
    file = model_file(exported, load_card(exported), "torchscript", "float64")
    together = list(predict_deployed(file, frames, dtype="float64", batch_size=len(frames)))
    for one, joint in zip(predict_deployed(file, frames, dtype="float64"), together, strict=True):
        assert joint.energy_ev == pytest.approx(one.energy_ev, abs=1e-10)
        np.testing.assert_allclose(joint.forces, one.forces, atol=1e-10)


def test_export_does_not_overwrite_and_leaves_nothing_behind(
    exported: Path, trained: tuple[Path, TrainingRecord], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="exists and is not empty"):
        export_run(trained[0], exported)
    unknown = Provenance(name="x", level_of_theory="?", e0s_kind="?", training=None, errors=(), licences=Licences())
    with pytest.raises(ModelError, match="at least one frame"):
        export(trained[0] / "model.model", tmp_path / "new", frames=[], provenance=unknown, trust=True)
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_no_model_are_refused(tmp_path: Path, trained: tuple[Path, TrainingRecord]) -> None:
    file = tmp_path / "broken.model"
    file.write_bytes((trained[0] / "model.model").read_bytes()[:2000])
    with pytest.raises(ModelError, match="not a model that mace"):
        load_model(file, trust=True)


def test_frames_with_an_unknown_element_are_refused(trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    (frame, *_) = held_out_frames(folder)["test"]
    gold = type(frame)(**{**vars(frame), "symbols": ("Au", *frame.symbols[1:])})
    with pytest.raises(ModelError, match="never trained on Au"):
        evaluate(folder / "model.model", [gold], name="x", sha256=record.model_sha256)
