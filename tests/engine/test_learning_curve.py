"""A learning curve of tiny trainings: fine-tuned and from scratch, gone on with, made longer, and refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from ase.io import write
from engine_cases import TinyModel

from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.learning_curve.from_scratch import scratch_twin
from molgun_lmp.training.learning_curve.records import LearningCurve, read_curve
from molgun_lmp.training.learning_curve.run import PlannedCurve, draw_curve, plan_curve, run_curve
from molgun_lmp.training.learning_curve.sets import write_sets
from molgun_lmp.training.learning_curve.trainings import CurveTraining, Kind
from molgun_lmp.training.run_folder import read_record
from molgun_lmp.training.settings import ModelShape, TrainingConfig
from molgun_lmp.training.trainer.figure import draw_training
from molgun_lmp.training.trainer.preparation import prepare

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six trajectories of four rattled cells of SiC and hydrogen, labelled by Lennard-Jones."""
    folder = tmp_path_factory.mktemp("curve")
    rng = np.random.default_rng(0)
    frames = []
    for trajectory in range(6):
        for _ in range(4):
            atoms = Atoms("SiCH", positions=[[0, 0, 0], [1.9, 0, 0], [0, 1.6, 0]], cell=[5, 5, 5], pbc=True)
            atoms.positions += rng.normal(0, 0.1, (3, 3))
            atoms.calc = LennardJones(sigma=1.5, epsilon=0.3, rc=2.4)
            atoms.info.update(trajectory=f"run{trajectory}", REF_energy=float(atoms.get_potential_energy()))
            atoms.set_array("REF_forces", np.array(atoms.get_forces()))
            atoms.calc = None
            frames.append(atoms)
    write(folder / "frames.extxyz", frames)
    return folder


@pytest.fixture(scope="module")
def fine_tuning(data: Path, tiny_mace: TinyModel) -> TrainingConfig:
    """Starts from an untrained model, with that model's reference energies."""
    del data
    return TrainingConfig.model_validate(
        {
            "name": "tiny",
            "level_of_theory": "Lennard-Jones",
            "frames": ["frames.extxyz"],
            "limits": {"max_energy_deviation_ev_per_atom": 100.0},
            "split": {"validation": ["run1"], "test": ["run0", "run5"]},
            "foundation": {"file": str(tiny_mace.model), "sha256": sha256_file(tiny_mace.model)},
            "reference_energies": "foundation",
            "optimisation": {"epochs": 2, "batch_size": 4, "learning_rate": 0.001},
            "threads": 1,
        }
    )


def planned(
    fine_tuning: TrainingConfig, data: Path, sizes: list[int], kinds: tuple[Kind, ...] = ("fine-tuned", "from scratch")
) -> PlannedCurve:
    return plan_curve(
        fine_tuning,
        data / "curve",
        base=data,
        sizes=sizes,
        kinds=kinds,
        scratch_overrides=["optimisation.learning_rate=0.01"],
    )


@pytest.fixture(scope="module")
def curve(data: Path, fine_tuning: TrainingConfig) -> LearningCurve:
    return run_curve(planned(fine_tuning, data, [4]))


def test_both_kinds_have_the_same_steps_and_test_frames(data: Path, curve: LearningCurve) -> None:
    assert [(point.kind, point.size) for point in curve.points] == [("fine-tuned", 4), ("from scratch", 4)]
    assert curve.design.steps == 2  # two epochs of one batch
    for point in curve.points:
        assert point.steps == 2
        record = read_record(data / "curve" / "runs" / f"{point.kind.replace(' ', '-')}-n00004-r0")
        assert record.training.data.frames == {"train": 4, "validation": 4, "test": 8}
        assert record.training.data.trajectories["test"] == ("run0", "run5")
        assert point.test.forces_ev_per_angstrom.n == 8 * 3 * 3
    assert read_curve(data / "curve") == curve


def test_from_scratch_has_the_foundations_shape_and_energies(curve: LearningCurve) -> None:
    twin = curve.design.trainings["from scratch"]
    assert twin.architecture == ModelShape(num_channels=16, r_max_angstrom=4.0)
    assert twin.mace_options["num_radial_basis"] == 6
    assert twin.optimisation.learning_rate == 0.01
    assert twin.foundation is None
    assert twin.reference_energies == {"C": -1029.5, "H": -13.6, "Si": -7870.25}


def test_from_scratch_fits_energies_where_fine_tuning_shifts_them(data: Path, fine_tuning: TrainingConfig) -> None:
    shifted = fine_tuning.model_copy(update={"reference_energies": "foundation_estimated"})
    assert scratch_twin(prepare(shifted, data)).reference_energies == "least_squares"


def test_what_is_trained_is_not_trained_again_and_sizes_can_be_added(
    data: Path, fine_tuning: TrainingConfig, curve: LearningCurve
) -> None:
    models = {file: file.stat().st_mtime_ns for file in data.glob("curve/runs/*/model.model")}
    assert len(models) == 2
    longer = run_curve(planned(fine_tuning, data, [4, 12], ("fine-tuned",)))
    assert {file: file.stat().st_mtime_ns for file in models} == models
    assert [(point.kind, point.size) for point in longer.points] == [
        *[("fine-tuned", 4), ("fine-tuned", 12)],
        ("from scratch", 4),
    ]
    assert longer.points[1].steps == 3  # one epoch of three batches: the steps of the folder's curve, in whole epochs
    assert all(point in longer.points for point in curve.points)
    figure = draw_curve(data / "curve")
    assert figure.csv.read_text().count("\n") == 1 + 3 * 2  # validation and test


def test_a_training_that_the_curve_does_not_know_yet_is_not_repeated(
    data: Path, fine_tuning: TrainingConfig, curve: LearningCurve
) -> None:
    # As after a kill between the end of a training and the writing of the curve.
    file = data / "curve" / "curve.json"
    document = json.loads(file.read_text())
    document["points"] = [point for point in document["points"] if point["kind"] == "fine-tuned"]
    file.write_text(json.dumps(document))
    trained = {file: file.stat().st_mtime_ns for file in data.glob("curve/runs/*/record.json")}
    again = run_curve(planned(fine_tuning, data, [4]))
    assert again.points[-1] == curve.points[-1]
    assert {file: file.stat().st_mtime_ns for file in data.glob("curve/runs/*/record.json")} == trained


def test_subsets_are_nested_and_both_kinds_share_them(data: Path, fine_tuning: TrainingConfig, tmp_path: Path) -> None:
    plan = planned(fine_tuning, data, [4])
    trainings = [
        CurveTraining(kind=kind, size=size, repeat=repeat)
        for kind in ("fine-tuned", "from scratch")
        for size in (4, 8, 12)
        for repeat in (0, 1)
    ]
    write_sets(plan.prepared, trainings, tmp_path, subsets_by="random")
    assert len(list(tmp_path.glob("sets/train-*"))) == 6
    for repeat in (0, 1):
        energies = [
            {frame.energy_ev for frame in read_dataset([tmp_path / f"sets/train-n{size:05d}-r{repeat}.extxyz"]).frames}
            for size in (4, 8, 12)
        ]
        assert [len(subset) for subset in energies] == [4, 8, 12]
        assert energies[0] < energies[1] < energies[2]
    held_out = read_dataset([tmp_path / "sets/held-out.extxyz"]).frames
    assert not energies[2] & {frame.energy_ev for frame in held_out}
    assert {frame.set_name for frame in held_out} == {"validation", "test"}


def test_another_curve_does_not_enter_the_folder(data: Path, fine_tuning: TrainingConfig, curve: LearningCurve) -> None:
    del curve
    other = fine_tuning.model_copy(update={"seed": 5, "threads": 2})
    with pytest.raises(TrainingError, match="another fine-tuned training, from scratch training"):
        planned(other, data, [4])
    assert planned(fine_tuning.model_copy(update={"threads": 2}), data, [4]).design.steps == 2


def test_sizes_and_a_test_set_are_needed(data: Path, fine_tuning: TrainingConfig) -> None:
    with pytest.raises(ConfigError, match="numbers from 1 to 12"):
        planned(fine_tuning, data, [13])
    scratch = {**fine_tuning.model_dump(), "foundation": None, "reference_energies": "least_squares"}
    untested = TrainingConfig.model_validate({**scratch, "split": {"validation": ["run1"]}})
    with pytest.raises(ConfigError, match=r"split\.test"):
        plan_curve(untested, data / "new", base=data, sizes=[4], kinds=["from scratch"])
    with pytest.raises(ConfigError, match="nothing to fine-tune"):
        plan_curve(TrainingConfig.model_validate(scratch), data / "new", base=data, sizes=[4], kinds=["fine-tuned"])
    assert not (data / "new").exists()


def test_a_training_is_drawn_from_its_record(data: Path, curve: LearningCurve, tmp_path: Path) -> None:
    del curve
    record = read_record(data / "curve" / "runs" / "from-scratch-n00004-r0")
    figure = draw_training(record, tmp_path)
    lines = figure.csv.read_text().splitlines()
    assert len(lines) == 1 + len(record.epochs)
    assert "Lennard-Jones" in figure.caption
    header = lines[0].split(",")
    first = dict(zip(header, lines[1].split(","), strict=True))
    # Four validation frames in one batch: mace divides by four what it does not divide by in training.
    assert float(first["validation_loss_of_a_batch"]) == pytest.approx(4 * record.epochs[0].validation_loss)
