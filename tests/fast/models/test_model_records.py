"""Losses per epoch, parity and the model card."""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molgun_lmp.errors import ModelError, TrainingError
from molgun_lmp.models.card import (
    Architecture,
    Licences,
    ModelCard,
    ModelFile,
    check_elements,
    load_card,
    model_file,
    write_card,
)
from molgun_lmp.models.mace_file import load_model, trusted_sha256
from molgun_lmp.models.predict import Prediction
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.export.parity import compare, require_parity
from molgun_lmp.training.run_folder import read_record
from molgun_lmp.training.trainer.metrics import History, MetricsFile, best_epoch, is_stale


def step(loss: float) -> str:
    return json.dumps({"loss": loss, "time": 1.0, "mode": "opt", "epoch": 0})


def validation(epoch: int | None, loss: float) -> str:
    errors = {"mae_e_per_atom": 0.01, "rmse_e_per_atom": 0.02, "mae_f": loss / 10, "rmse_f": loss / 5}
    return json.dumps({"loss": loss, "time": 0.5, "mode": "eval", "epoch": epoch, "head": "Default", **errors})


def test_losses_are_averaged_over_the_batches_of_an_epoch() -> None:
    history = History()
    history.feed([validation(None, 9.0), step(4.0), step(2.0), validation(0, 1.0), step(1.0)])
    (epoch,) = history.epochs
    assert (epoch.epoch, epoch.train_loss, epoch.validation_loss, epoch.seconds) == (0, 3.0, 1.0, 2.5)
    assert history.batches == 1


def test_a_loss_that_is_not_a_number_ends_the_training_in_words() -> None:
    with pytest.raises(TrainingError, match=r"epoch 3 is not a finite number.*smaller `optimisation.learning_rate`"):
        History().feed([validation(2, float("nan"))])


def test_patience_counts_the_epochs_since_the_best() -> None:
    history = History()
    history.feed([validation(epoch, loss) for epoch, loss in enumerate([3.0, 1.0, 2.0, 1.0])])
    assert not is_stale(history.epochs, None)
    assert is_stale(history.epochs, 2)
    assert not is_stale(history.epochs, 3)
    assert not is_stale((), 1)


def test_a_metrics_file_is_read_in_whole_lines_as_it_grows(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    with MetricsFile(file) as metrics:
        assert metrics.new_lines() == []
        file.write_text("one\ntw")
        assert metrics.new_lines() == ["one"]
        with file.open("a") as handle:
            handle.write("o\n")
        assert metrics.new_lines() == ["two"]


def test_a_restart_repeats_an_epoch_and_forgets_the_one_cut_short() -> None:
    history = History()
    history.feed([step(4.0), validation(0, 2.0), step(3.0), validation(1, 1.0), step(100.0), '{"loss": 1.0, "ti'])
    history.cut()
    history.feed([validation(None, 9.0), step(2.0), validation(1, 1.5), step(1.0), validation(2, 1.2)])
    assert [(e.epoch, e.train_loss, e.validation_loss) for e in history.epochs] == [
        (0, 4.0, 2.0),
        (1, 2.0, 1.5),
        (2, 1.0, 1.2),
    ]
    assert best_epoch(history.epochs).epoch == 2


def predictions(energy: float, force: float) -> list[Prediction]:
    return [Prediction(energy_ev=energy, forces=np.array([[force, 0.0, -1.0], [0.0, 0.0, 0.0]]))]


def test_parity_takes_the_largest_differences() -> None:
    report = compare(predictions(1.0, 0.5), predictions(1.0 + 4e-6, 0.5 - 1e-4), format="torchscript", dtype="float32")
    assert report.energy_ev_per_atom == pytest.approx(2e-6)
    assert report.force_ev_per_angstrom == pytest.approx(1e-4)
    assert (report.largest_force_ev_per_angstrom, report.frames, report.passed) == (1.0, 1, True)
    require_parity(report)


@pytest.mark.parametrize(("energy", "force"), [(1.001, 0.5), (1.0, 0.501)])
def test_a_file_that_computes_something_else_fails(energy: float, force: float) -> None:
    report = compare(predictions(1.0, 0.5), predictions(energy, force), format="torchscript", dtype="float64")
    with pytest.raises(ModelError, match="does not compute what mace does"):
        require_parity(report)


def test_virials_count_where_both_have_one() -> None:
    with_virial = [dataclasses.replace(one, virial_ev=np.eye(3)) for one in predictions(1.0, 0.5)]
    off = [dataclasses.replace(one, virial_ev=np.eye(3) + 0.02) for one in predictions(1.0, 0.5)]
    assert compare(with_virial, predictions(1.0, 0.5), format="symmetrix", dtype="float32").virial_ev_per_atom is None
    report = compare(with_virial, off, format="torchscript", dtype="float32", run_by="lammps")
    assert report.virial_ev_per_atom == pytest.approx(0.01)
    with pytest.raises(ModelError, match=r"when LAMMPS runs it.*virial by 1\.00e-02 eV/atom"):
        require_parity(report)


def test_parity_with_nan_or_no_frames_is_no_parity() -> None:
    with pytest.raises(ModelError, match="not numbers"):
        compare(predictions(1.0, 0.5), predictions(np.nan, 0.5), format="symmetrix", dtype="float32")
    with pytest.raises(ModelError, match="at least one frame"):
        compare([], [], format="symmetrix", dtype="float32")


@pytest.fixture
def model_folder(tmp_path: Path) -> tuple[Path, ModelCard]:
    files = {"model.pt": b"torchscript", "model.model": b"a pickle"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    def listed(name: str, **facts: Any) -> ModelFile:
        file = tmp_path / name
        return ModelFile(name=name, sha256=sha256_file(file), size_bytes=file.stat().st_size, **facts)

    card = ModelCard(
        name="toy",
        elements=("H", "Si"),
        head="Default",
        level_of_theory="EMT",
        architecture=Architecture(
            hidden_irreps="8x0e", max_ell=1, num_interactions=2, r_max_angstrom=4.0, parameters=100
        ),
        e0s_ev={"H": -13.0, "Si": -100.0},
        e0s_kind="given",
        training=None,
        errors=(),
        parity=(),
        not_exported={"symmetrix": "max_ell is 1"},
        licences=Licences(),
        files=(
            listed("model.pt", format="torchscript", dtype="float32"),
            listed("model.model", format="mace", dtype="float32"),
        ),
        versions={},
        created="2026-01-01T00:00:00+00:00",
    )
    write_card(card, tmp_path)
    return tmp_path, card


def test_a_card_is_read_back_as_it_was_written(model_folder: tuple[Path, ModelCard]) -> None:
    folder, card = model_folder
    assert load_card(folder) == card
    assert load_card(folder / "card.json") == card
    assert model_file(folder, card, "torchscript", "float32") == folder / "model.pt"


def test_a_changed_byte_is_found_and_the_file_named(model_folder: tuple[Path, ModelCard]) -> None:
    folder, _ = model_folder
    (folder / "model.pt").write_bytes(b"torchscripT")
    with pytest.raises(ModelError, match=r"model\.pt was changed"):
        load_card(folder)
    (folder / "model.pt").unlink()
    with pytest.raises(ModelError, match=r"model\.pt is missing"):
        load_card(folder)


def test_a_card_cannot_point_out_of_its_folder(model_folder: tuple[Path, ModelCard]) -> None:
    folder, _ = model_folder
    card = folder / "card.json"
    card.write_text(card.read_text().replace("model.pt", "../model.pt"))
    with pytest.raises(ModelError, match="not a model card"):
        load_card(folder)


@pytest.mark.parametrize("content", [b"training: 1", b"PK\x03\x04\xff\xfe"])
def test_a_file_in_place_of_a_model_folder_is_said_in_words(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ModelError, match=r"file is no model card: name a model folder.*card\.json in one\.$"):
        load_card(tmp_path / "file")


def test_a_format_that_is_not_there_says_why(model_folder: tuple[Path, ModelCard]) -> None:
    folder, card = model_folder
    with pytest.raises(ModelError, match="no symmetrix file: max_ell is 1"):
        model_file(folder, card, "symmetrix")
    with pytest.raises(ModelError, match=r"no torchscript file in float64.*It has: torchscript float32"):
        model_file(folder, card, "torchscript", "float64")


def test_elements_that_the_model_does_not_know_are_named(model_folder: tuple[Path, ModelCard]) -> None:
    _, card = model_folder
    check_elements(card, ["Si", "H", "H"])
    with pytest.raises(ModelError, match="never trained on C, O; it knows H, Si"):
        check_elements(card, ["O", "Si", "C"])


def test_a_pickle_is_not_loaded_unless_somebody_vouches_for_it(model_folder: tuple[Path, ModelCard]) -> None:
    folder, _ = model_folder
    known = sha256_file(folder / "model.model")
    assert trusted_sha256(folder / "model.model") == known  # by the card
    stranger = folder / "stranger.model"
    stranger.write_bytes(b"a pickle")
    with pytest.raises(ModelError, match=f"nothing vouches for it.*{known}"):
        load_model(stranger)
    assert trusted_sha256(stranger, sha256=known.upper()) == known
    assert trusted_sha256(stranger, trust=True) == known
    with pytest.raises(ModelError, match="not the model that was recorded"):
        trusted_sha256(stranger, sha256="0" * 64, trust=True)
    (folder / "model.model").write_bytes(b"another pickle")
    with pytest.raises(ModelError, match="not the model that was recorded"):
        load_model(folder / "model.model")


class Bomb:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_a_pickle_that_carries_code_is_not_run_on_the_word_of_its_name(tmp_path: Path) -> None:
    mark, bomb = tmp_path / "mark", tmp_path / "model.model"
    bomb.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(ModelError, match="nothing vouches for it"):
        load_model(bomb)
    with pytest.raises(ModelError, match="not the model that was recorded"):
        load_model(bomb, sha256="0" * 64, trust=True)
    assert not mark.exists()
    pickle.loads(bomb.read_bytes())
    assert mark.exists()  # it was live


def test_an_unfinished_training_has_no_record(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no finished training"):
        read_record(tmp_path)
