"""Real mace, tiny: train, restart, fine-tune, evaluate, export, parity."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from training_cases import config, labelled, write_frames
from typer.testing import CliRunner

from molgun_lmp.cli.app import app
from molgun_lmp.errors import ConfigError, ModelError, TrainingError
from molgun_lmp.models.card import Licences, check_elements, load_card, model_file, write_card
from molgun_lmp.models.mace_file import load_model, model_facts
from molgun_lmp.models.predict import predict_calculator, predict_deployed, predict_mace
from molgun_lmp.training.evaluation.errors import evaluate
from molgun_lmp.training.export.export import Provenance, export, export_run
from molgun_lmp.training.run_folder import RunFolder, TrainingRecord
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.foundations import cached_foundation, known_foundations
from molgun_lmp.training.trainer.train import held_out_frames, train

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data: Path) -> tuple[Path, TrainingRecord]:
    folder = data / "run"
    return folder, train(config(), folder, base=data)


@pytest.fixture(scope="module")
def exported(data: Path, trained: tuple[Path, TrainingRecord]) -> Path:
    folder = data / "model"
    export_run(trained[0], folder)
    return folder


def atom_energies() -> dict[str, float]:
    return {symbol: float(labelled(Atoms(symbol)).info["REF_energy"]) for symbol in ("Al", "Cu")}


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
    assert facts.e0s_ev["Default"] == pytest.approx(atom_energies(), abs=1e-5)


def test_batches_give_what_maces_calculator_gives(trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    frames = held_out_frames(folder)["test"]
    path = RunFolder(path=folder).model
    model = load_model(path, sha256=record.model_sha256, dtype="float64")
    batched = predict_mace(model, frames, head="Default", batch_size=3)
    for one, other in zip(batched, predict_calculator(path, frames, head="Default"), strict=True):
        assert one.energy_ev == pytest.approx(other.energy_ev, abs=1e-10)
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-10)


def test_a_folder_that_molgun_dataset_wrote_is_trained_on_as_it_was_divided(data: Path) -> None:
    """Frames, sets and the atoms' energies all come from the folder."""
    arguments = ["--by", "trajectory", "--validation", "run1", "--test", "run0", "--lost-periodicity"]
    outcome = CliRunner().invoke(app, ["dataset", str(data / "frames.extxyz"), "-o", str(data / "set"), *arguments])
    assert outcome.exit_code == 0, outcome.output
    record = train(config(frames=["set"], split={"by": "given"}), data / "from-folder", base=data)
    assert record.training.data.frames == {"train": 16, "validation": 4, "test": 4}
    assert record.training.data.trajectories["validation"] == ("run1",)
    facts = model_facts(load_model(data / "from-folder/model.model", sha256=record.model_sha256))
    assert facts.e0s_ev["Default"] == pytest.approx(atom_energies(), abs=1e-5)


def test_a_finished_training_is_returned_as_it_is(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    folder, record = trained
    written = (folder / "record.json").stat().st_mtime_ns
    assert train(config(), folder, base=data) == record
    assert (folder / "record.json").stat().st_mtime_ns == written


def test_another_training_does_not_enter_the_folder(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    with pytest.raises(TrainingError, match=r"training with another optimisation\.learning_rate, seed"):
        train(config(seed=5, optimisation={"epochs": 2, "batch_size": 4, "learning_rate": 0.5}), trained[0], base=data)


def start_from(trained: tuple[Path, TrainingRecord], **changes: Any) -> TrainingConfig:
    """One epoch from the trained model, with steps too small to change anything unless others are given."""
    folder, record = trained
    return config(
        **{
            "architecture": None,
            "foundation": {"file": str(folder / "model.model"), "sha256": record.model_sha256},
            "reference_energies": "foundation",
            "optimisation": {"epochs": 1, "batch_size": 4, "learning_rate": 1e-9, "ema_decay": None},
            **changes,
        }
    )


def test_fine_tuning_starts_from_the_model_it_is_given(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    _, base = trained
    tuned = start_from(trained)
    record = train(tuned, data / "tuned", base=data)
    before = next(report for report in base.errors if report.name == "test")
    after = next(report for report in record.errors if report.name == "test")
    assert after.forces_ev_per_angstrom.mae == pytest.approx(before.forces_ev_per_angstrom.mae, rel=1e-4)
    assert after.energy_ev_per_atom.mae == pytest.approx(before.energy_ev_per_atom.mae, rel=1e-3)
    assert base.model_sha256 in record.training.foundation
    assert record.kept_of_foundation is not None
    assert min(record.kept_of_foundation.readouts, record.kept_of_foundation.others) > 0.999999
    assert train(tuned, data / "tuned", base=data) == record


def test_a_fine_tuned_model_has_its_own_reference_energies(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    """Also where the foundation knows the same elements: mace then copies the foundation's over them."""
    own = {symbol: energy - 3.0 for symbol, energy in atom_energies().items()}
    record = train(start_from(trained, reference_energies=own), data / "own-energies", base=data)
    facts = model_facts(load_model(data / "own-energies/model.model", sha256=record.model_sha256))
    assert facts.e0s_ev["Default"] == pytest.approx(own, abs=1e-5)
    errors = next(report for report in record.errors if report.name == "test").energy_ev_per_atom
    before = next(report for report in trained[1].errors if report.name == "test").energy_ev_per_atom
    assert errors.mae == pytest.approx(3.0, abs=before.mae + 1e-3)


def test_readouts_start_anew_when_asked(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    fresh = start_from(trained, reinitialise_readouts=True, seed=7)  # the same seed would draw the same numbers again
    record = train(fresh, data / "fresh", base=data)
    assert record.kept_of_foundation is not None
    assert abs(record.kept_of_foundation.readouts) < 0.5
    assert record.kept_of_foundation.others > 0.999999
    model = load_model(data / "fresh" / "model.model", sha256=record.model_sha256)
    weights = np.concatenate([parameter.detach().numpy().ravel() for parameter in model.readouts.parameters()])
    assert 0.7 < weights.std() < 1.3  # e3nn draws them from a normal distribution of width 1


def test_lora_leaves_a_model_of_the_foundations_shape(data: Path, trained: tuple[Path, TrainingRecord]) -> None:
    folder, base = trained
    how = {"epochs": 1, "batch_size": 4, "learning_rate": 0.05, "ema_decay": None}
    record = train(start_from(trained, lora={"rank": 2}, optimisation=how), data / "lora", base=data)
    before = load_model(folder / "model.model", sha256=base.model_sha256).state_dict()
    after = load_model(data / "lora" / "model.model", sha256=record.model_sha256).state_dict()
    assert {name: weights.shape for name, weights in before.items()} == {n: w.shape for n, w in after.items()}
    assert record.kept_of_foundation is not None
    assert 0.9 < record.kept_of_foundation.others < 0.999999


def test_replay_trains_a_second_head_and_ours_is_judged_and_exported(
    data: Path, trained: tuple[Path, TrainingRecord]
) -> None:
    replay = {"replay": ["frames.extxyz"], "labels": {"energy": "REF_energy", "forces": "REF_forces"}}
    record = train(start_from(trained, multihead=replay), data / "replayed", base=data)
    facts = model_facts(load_model(data / "replayed" / "model.model", sha256=record.model_sha256))
    assert facts.heads == ("pt_head", "Default")
    assert {report.name for report in record.errors} == {"validation", "test"}
    assert any("two heads" in remark for remark in record.remarks)
    card = export_run(data / "replayed", data / "replayed-model", formats=("torchscript-float64",))
    assert card.head == "Default"


def test_what_the_installed_mace_does_not_know_is_refused_before_anything_is_written(data: Path) -> None:
    for wrong, words in (
        ({"mace_options": {"no_such_option": 1}}, "no_such_option: mace .* has no such option"),
        ({"mace_options": {"num_radial_basis": "many"}}, "num_radial_basis: invalid int value: 'many'"),
        ({"architecture": None, "foundation": {"name": "mediun"}}, "did you mean 'medium'"),
    ):
        with pytest.raises(ConfigError, match=words):
            train(config(**wrong), data / "refused", base=data)
    assert not (data / "refused").exists()


def test_a_failure_of_mace_shows_the_end_of_its_log(data: Path) -> None:
    with pytest.raises(TrainingError, match=r"(?s)ended with exit status 1.*The end of .*mace\.log.*invalid syntax"):
        train(config(mace_options={"heads": "two of them"}), data / "failed", base=data)


def test_a_named_foundation_is_found_in_maces_own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert {"medium", "small", "medium_off", "mace_omol"} <= set(known_foundations())
    assert cached_foundation("medium") is None
    file = tmp_path / "mace" / "20231203mace128L1_epoch199model"
    file.parent.mkdir()
    file.touch()
    assert cached_foundation("medium") == file
    assert cached_foundation("mace_omol") is None


def test_exported_files_pass_parity_and_the_card_tells_the_past(
    exported: Path, trained: tuple[Path, TrainingRecord]
) -> None:
    card = load_card(exported)
    record = trained[1]
    assert {(p.format, p.dtype, p.run_by) for p in card.parity} == {
        ("torchscript", dtype, run_by) for dtype in ("float32", "float64") for run_by in ("python", "lammps")
    }
    assert all(report.passed and report.virial_ev_per_atom is not None for report in card.parity)
    assert {report.frames for report in card.parity if report.run_by == "python"} == {12}
    assert card.not_run_in_lammps == {}
    assert "max_ell is 1, not 3" in card.not_exported["symmetrix"]
    assert (card.training, card.errors, card.level_of_theory) == (record.training, record.errors, "EMT")
    assert card.labels_hold_dispersion is False
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


def test_the_ml_iap_files_compute_what_mace_does(
    data: Path, exported: Path, trained: tuple[Path, TrainingRecord]
) -> None:
    card = export_run(trained[0], data / "mliap", formats=("mliap-float32", "mliap-float64"))
    assert {(report.format, report.dtype, report.run_by) for report in card.parity} == {
        ("mliap", "float32", "python"),
        ("mliap", "float64", "python"),
    }
    assert all(report.passed and report.virial_ev_per_atom is not None for report in card.parity)
    assert "no ML-IAP" in card.not_run_in_lammps["mliap"]
    assert all("ML-IAP" in entry.needs for entry in card.files)


class Bomb:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_code_in_a_file_that_torch_wrote_is_run_for_nobody_who_did_not_ask_for_it(
    tmp_path: Path, trained: tuple[Path, TrainingRecord]
) -> None:
    import torch

    frames = held_out_frames(trained[0])["test"]
    mark, bomb = tmp_path / "mark", tmp_path / "bomb.pt"
    torch.save(Bomb(mark), bomb)
    unknown = Provenance(name="x", level_of_theory="?", e0s_kind="?", training=None, errors=(), licences=Licences())
    with pytest.raises(ModelError, match="nothing vouches for it"):
        export(bomb, tmp_path / "out", frames=frames, provenance=unknown)
    with pytest.raises(ModelError, match="nothing vouches for it"):
        evaluate(bomb, frames, name="x")
    with pytest.raises(ModelError, match="not a deployed TorchScript model"):
        list(predict_deployed(bomb, frames, dtype="float64"))
    assert not mark.exists()
    with pytest.raises(ModelError, match="not a MACE model"):
        load_model(bomb, trust=True)
    assert mark.exists()  # it was live


def test_a_card_with_the_elements_in_another_order_is_found(tmp_path: Path, exported: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    card = load_card(folder)
    write_card(card.model_copy(update={"elements": tuple(reversed(card.elements))}), folder)
    with pytest.raises(ModelError, match="knows Al, Cu in this order, its card says Cu, Al"):
        load_model(folder / "model.model")


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
