"""The training file and its translation into mace's options."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ase.build import molecule
from ase.io import write
from labelled_cases import labelled, slab
from pydantic import ValidationError

import molgun_lmp
from molgun_lmp.config.loading import dump_yaml, load_section, load_yaml
from molgun_lmp.errors import ConfigError, ModelError, TrainingError
from molgun_lmp.training.presets import PRESETS
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.mace_options import as_config_file, mace_options, writing_options
from molgun_lmp.training.trainer.preparation import Prepared, prepare, remarks

EXAMPLE = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001"
TRAINING_FILES = sorted(file.name for file in EXAMPLE.glob("*.yaml") if "optimisation" in file.read_text())
MINIMAL: dict[str, Any] = {"name": "m", "level_of_theory": "EMT", "frames": ["f.extxyz"]}
MEDIUM: dict[str, Any] = {"foundation": {"name": "medium"}}


def config(**changes: Any) -> TrainingConfig:
    return TrainingConfig.model_validate({**MINIMAL, **changes})


def options(**changes: Any) -> dict[str, Any]:
    return mace_options(config(**changes), e0s_ev={14: -44.5, 1: -10.9}, foundation=None, restart=False)


def on_example_frames(**changes: Any) -> TrainingConfig:
    split = {"validation": ["11-6"], "test": ["11-4", "th-pcet"]}
    return config(frames=["data/frames.extxyz.xz"], split=split, **changes)


@pytest.fixture(scope="module")
def example_trainings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    """What each of the example's trainings reads, in a folder that has a model where those of the first parts are."""
    base = tmp_path_factory.mktemp("example")
    for part in EXAMPLE.iterdir():
        (base / part.name).symlink_to(part)
    for earlier in ("before", "second", "third", "fourth"):
        (base / earlier).symlink_to(EXAMPLE / "model")
    return {name: prepare(load_section(EXAMPLE / name, TrainingConfig), base) for name in TRAINING_FILES}


@pytest.mark.parametrize("name", TRAINING_FILES)
def test_the_examples_training_files_are_sound_and_written_back(
    tmp_path: Path, name: str, example_trainings: dict[str, Prepared]
) -> None:
    example = load_section(EXAMPLE / name, TrainingConfig)
    (tmp_path / "copy.yaml").write_text(dump_yaml(example))
    assert TrainingConfig.model_validate(load_yaml(tmp_path / "copy.yaml")) == example
    prepared = example_trainings[name]
    assert set(prepared.dataset.elements) == {"C", "H", "Si"}
    # One frame of the second round, of a shot that the model of the first let explode; the data's README says so.
    assert [dropped.source for dropped in prepared.dataset.dropped] in ([], ["round2_frames.extxyz.xz#328"])


def test_an_element_that_elements_does_not_name_is_said_to_be_known(example_trainings: dict[str, Prepared]) -> None:
    prepared = next(iter(example_trainings.values()))
    for elements, said in ((("H", "C"), "`elements` does not name Si,"), (("Si", "C", "H"), ""), (None, "")):
        named = dataclasses.replace(prepared, config=prepared.config.model_copy(update={"elements": elements}))
        found = [one for one in remarks(named) if one.startswith("`elements`")]
        assert bool(found) == bool(said)
        assert said in "".join(found)


def test_no_training_of_the_example_saw_what_its_model_is_judged_by(example_trainings: dict[str, Prepared]) -> None:
    parts = {"foundation.yaml", "train.yaml", "refine.yaml", "bonds.yaml", "pairs.yaml", "approach.yaml"}
    assert set(TRAINING_FILES) == {*parts, "loop-train.yaml"}
    sets = {name: prepared.split.trajectories() for name, prepared in example_trainings.items()}
    # The molecule alone was trained on; it stands there as what binding energies are counted from.
    held_out = {name for name in sets["approach.yaml"]["test"] if name is not None} - {"molecule_300K"}
    assert len(held_out) == 37
    assert {"11-6", "th-brcy"} <= set(sets["train.yaml"]["test"]) & held_out
    for name, of in sets.items():
        assert not held_out & {*of["train"], *of["validation"]}, name


def test_the_example_frames_are_divided_by_trajectory() -> None:
    prepared = prepare(on_example_frames(reference_energies="isolated_atoms"), EXAMPLE)
    sets = prepared.split.trajectories()
    assert set(sets["validation"]) == {"11-6"}
    assert not set(sets["train"]) & {"11-6", "11-4", "th-pcet"}
    assert prepared.e0s_ev == prepared.dataset.isolated_atoms_ev


def test_an_element_that_no_training_frame_holds_is_refused() -> None:
    with pytest.raises(TrainingError, match="hold no O"):
        prepare(on_example_frames(elements=["C", "H", "O", "Si"]), EXAMPLE)


@pytest.mark.parametrize("held", [{"test": ["slab"]}, {"by": "random", "test_trajectories": ["slab"]}])
def test_an_element_of_a_test_set_alone_is_refused(tmp_path: Path, held: dict[str, Any]) -> None:
    """Whichever of the two test sets holds it."""
    frames = []
    ethyne = molecule("C2H2")
    for name, atoms in (("m0", ethyne), ("m1", ethyne), ("slab", slab())):
        for _ in range(3):
            atoms.positions[0] += 0.01  # no two alike
            frames.append(labelled(atoms, trajectory=name).labelled_atoms("REF_energy", "REF_forces"))
    write(tmp_path / "frames.extxyz", frames)
    validation = {"validation": ["m1"]} if held.get("by") is None else {"validation": 0.2}
    with pytest.raises(TrainingError, match="hold no Si"):
        prepare(
            config(
                frames=["frames.extxyz"],
                split={**validation, **held},
                reference_energies="least_squares",
                optimisation={"batch_size": 1},
            ),
            tmp_path,
        )


def test_a_batch_larger_than_the_training_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"batch_size is 5000.*train on nothing"):
        prepare(on_example_frames(optimisation={"batch_size": 5000}), EXAMPLE)


def test_a_foundation_file_that_nobody_vouched_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.model").write_bytes(b"a pickle")
    with pytest.raises(ModelError, match="nothing vouches for it"):
        prepare(on_example_frames(foundation={"file": str(tmp_path / "base.model")}), EXAMPLE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 3}, "Extra inputs are not permitted"),
        ({"optimisation": {"batch_size": 0}}, "greater than 0"),
        ({"foundation": {"name": "medium"}, "architecture": {"num_channels": 8}}, "architecture is its own"),
        ({"multihead": {}}, "needs a `foundation`"),
        ({"lora": {}}, "needs a `foundation`"),
        ({"reinitialise_readouts": True}, "needs a `foundation`"),
        ({**MEDIUM, "reinitialise_readouts": True, "lora": {}}, "leave out reinitialise_readouts"),
        ({**MEDIUM, "mace_options": {"enable_cueq": True}, "lora": {}}, "lora's weights are lost"),
        ({**MEDIUM, "reinitialise_readouts": True, "multihead": {}}, "leave out reinitialise_readouts"),
        ({"gpus": 2}, "needs `device: cuda`"),
        ({"optimisation": {"patience": 3}, "mace_options": {"swa": True}}, "exclude each other"),
        ({"preset": "paper"}, "paper-finetune"),
        ({"reference_energies": "foundation"}, "needs a `foundation`"),
        ({"reference_energies": "average"}, "isolated_atoms"),
        ({"split": {"by": "random", "validation": ["a"]}}, "a random split takes fractions"),
        ({"frames": []}, "at least 1"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**change)


def test_the_resolved_file_shows_the_shape_and_is_read_again() -> None:
    scratch, tuned = config(), config(foundation={"name": "medium"})
    assert scratch.architecture is not None
    assert tuned.architecture is None
    assert (scratch.licences.foundation, tuned.licences.foundation) == ("none: trained from scratch", "unstated")
    for resolved in (scratch, tuned):
        assert TrainingConfig.model_validate(resolved.model_dump(mode="json")) == resolved


def test_what_mace_does_silently_is_said() -> None:
    given = options()
    assert given["multiheads_finetuning"] is False
    assert given["E0s"] == "{1: -10.9, 14: -44.5}"
    assert (given["keep_checkpoints"], given["save_all_checkpoints"], given["amsgrad"]) == (True, True, True)
    assert (given["energy_weight"], given["forces_weight"]) == (1.0, 100.0)
    assert (given["num_channels"], given["max_L"], given["max_ell"], given["r_max"]) == (32, 0, 3, 5.0)
    assert (given["scheduler"], given["ema"], given["ema_decay"]) == ("ReduceLROnPlateau", True, 0.99)


def test_a_foundation_brings_its_architecture_and_can_bring_its_energies() -> None:
    tuned = config(foundation={"name": "medium"}, reference_energies="foundation_estimated")
    given = mace_options(tuned, e0s_ev=None, foundation="medium", restart=True)
    assert (given["foundation_model"], given["E0s"], given["restart_latest"]) == ("medium", "estimated", True)
    assert not {"num_channels", "r_max", "max_L"} & given.keys()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_presets_values_stand_in_the_resolved_file_and_are_read_again(preset: str) -> None:
    resolved = config(preset=preset)
    assert (resolved.preset, TrainingConfig.model_validate(resolved.model_dump(mode="json"))) == (preset, resolved)


def test_the_papers_presets_hold_what_the_paper_states() -> None:
    tuned, scratch = config(preset="paper-finetune"), config(preset="paper-scratch")
    for training in (tuned, scratch):
        how = training.optimisation
        assert (how.learning_rate, how.batch_size, how.energy_weight, how.forces_weight) == (0.001, 16, 1.0, 100.0)
        assert (training.seed, training.split.seed, training.split.validation) == (24, 24, 0.05)
    assert (tuned.optimisation.epochs, tuned.reinitialise_readouts, tuned.multihead) == (100, True, None)
    assert tuned.model_dump()["foundation"] == {"name": "medium"}
    assert scratch.optimisation.epochs == 1000
    assert scratch.architecture is not None
    assert (scratch.architecture.num_channels, scratch.architecture.max_L) == (128, 1)


def test_own_keys_go_before_the_presets() -> None:
    own = {"foundation": {"file": "my.model"}, "optimisation": {"epochs": 7}, "split": {"by": "trajectory"}}
    tuned = config(preset="paper-finetune", **own)
    assert tuned.model_dump(mode="json")["foundation"] == {"file": "my.model", "sha256": None}
    assert (tuned.optimisation.epochs, tuned.optimisation.learning_rate) == (7, 0.001)
    assert (tuned.split.by, tuned.split.validation) == ("trajectory", 0.05)
    other = config(preset="multihead", multihead={"replay": ["old.extxyz"]})
    assert other.multihead is not None
    assert other.multihead.model_dump(mode="json")["replay"] == ["old.extxyz"]


def test_ways_to_fine_tune_reach_mace() -> None:
    fresh = options(**MEDIUM, reinitialise_readouts=True)
    assert (fresh["foundation_filter_elements"], fresh["foundation_model_readout"]) == (False, False)
    assert options(**MEDIUM)["foundation_filter_elements"] is True
    lora = options(**MEDIUM, lora={"rank": 8})
    assert (lora["lora"], lora["lora_rank"], lora["lora_alpha"]) == (True, 8, 1.0)
    replayed = options(**MEDIUM, multihead={"replay": ["old.extxyz"]})
    assert (replayed["multiheads_finetuning"], replayed["pt_train_file"]) == (True, "data/replay.extxyz")
    assert options(preset="multihead")["pt_train_file"] == "mp"
    assert options(preset="multihead")["ema_decay"] == 0.99999


def test_several_gpus_are_one_process_each_and_one_writes_the_model() -> None:
    given = options(gpus=4, device="cuda")
    assert (given["distributed"], given["launcher"]) == (True, "torchrun")
    assert options()["distributed"] is False
    writing = writing_options(given, epoch=12)
    assert (writing["distributed"], writing["restart_latest"], writing["max_num_epochs"]) == (False, True, 12)


def test_a_second_stage_starts_where_more_epochs_would_not_move_it() -> None:
    second = options(mace_options={"swa": True}, optimisation={"epochs": 40})
    assert second["start_swa"] == 30
    assert "start_swa" not in options(mace_options={"stage_two": True, "start_stage_two": 7})


def test_what_mace_leaves_out_is_said() -> None:
    prepared = prepare(on_example_frames(optimisation={"batch_size": 7, "patience": 5}), EXAMPLE)
    said = " ".join(remarks(prepared))
    left_out = len(prepared.split.train) % 7
    assert left_out > 0
    assert f"leaves out {left_out} of {len(prepared.split.train)} training frames" in said
    assert "never earlier" not in said


def test_other_options_reach_mace_and_ours_cannot_be_bypassed() -> None:
    assert options(mace_options={"loss": "huber", "huber_delta": 0.02})["loss"] == "huber"
    with pytest.raises(ConfigError, match=r"mace_options\.lr: this is decided by `optimisation\.learning_rate`"):
        options(mace_options={"lr": 1.0})
    with pytest.raises(ConfigError, match="run folder"):
        options(mace_options={"work_dir": "elsewhere"})


def test_the_config_file_holds_texts_that_mace_parses() -> None:
    texts = as_config_file({"ema": True, "plot": False, "ema_decay": None, "weights": {"Default": 1.0}, "lr": 0.01})
    assert texts == {"ema": "true", "plot": "false", "weights": '{"Default": 1.0}', "lr": "0.01"}
