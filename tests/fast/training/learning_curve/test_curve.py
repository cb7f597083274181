"""Nested subsets, equal optimiser steps, the power law and its figure."""

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from labelled_cases import labelled

from molgun_lmp.errors import ConfigError
from molgun_lmp.models.error_reports import ErrorReport, Errors
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.learning_curve.figure import draw_learning_curve
from molgun_lmp.training.learning_curve.power_law import PowerLaw, fit_power_law
from molgun_lmp.training.learning_curve.records import CurveDesign, CurvePoint, LearningCurve, fits_of
from molgun_lmp.training.learning_curve.trainings import (
    CurveTraining,
    Kind,
    SubsetsBy,
    nested_order,
    steps_of,
    training_file,
)
from molgun_lmp.training.settings import ExponentialSchedule, PlateauSchedule, TrainingConfig


@pytest.fixture(scope="module")
def frames() -> list[LabelledFrame]:
    """Four trajectories of five frames; only one frame holds carbon."""
    return [
        labelled(Atoms("C" if (run, step) == (2, 3) else "Si"), trajectory=f"run{run}", source=f"f#{5 * run + step}")
        for run, step in itertools.product(range(4), range(5))
    ]


@pytest.mark.parametrize("by", ["random", "trajectory"])
def test_subsets_are_nested_and_differ_between_repeats(frames: list[LabelledFrame], by: SubsetsBy) -> None:
    orders = [nested_order(frames, by=by, seed=0, repeat=repeat, elements=["C", "Si"]) for repeat in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert orders[1] == nested_order(frames, by=by, seed=0, repeat=1, elements=["C", "Si"])
    # A model cannot be trained without an element that it is tested on.
    for order in orders:
        assert {frames[index].symbols for index in order[:2]} == {("C",), ("Si",)}


def test_by_trajectory_a_subset_is_whole_runs_in_their_order(frames: list[LabelledFrame]) -> None:
    order = nested_order(frames, by="trajectory", seed=0, repeat=0, elements=())
    runs = [index // 5 for index in order]
    assert [run for run, _ in itertools.groupby(runs)] == list(dict.fromkeys(runs))
    assert [index % 5 for index in order] == [0, 1, 2, 3, 4] * 4


def config(**changes: Any) -> TrainingConfig:
    document = {
        "name": "toy",
        "level_of_theory": "PBE",
        "frames": ["all.xz"],
        "optimisation": {"epochs": 20, "batch_size": 4},
    }
    return TrainingConfig.model_validate(document | changes)


def of_size(size: int, repeat: int = 0) -> CurveTraining:
    return CurveTraining(kind="from scratch", size=size, repeat=repeat)


def learning_rate_at_the_end(how: Any) -> float:
    return float(how.schedule.gamma**how.epochs)


@pytest.mark.parametrize("size", [1, 3, 10, 37, 100])
def test_all_sizes_take_the_same_steps_with_the_same_schedule(size: int) -> None:
    exponential = {"epochs": 20, "batch_size": 4, "schedule": {"kind": "exponential", "gamma": 0.8}}
    whole = config(optimisation=exponential, mace_options={"start_swa": 10})
    steps = steps_of(whole.optimisation, 100)
    assert steps == 500
    one = training_file(whole, of_size(size), ["sets/held-out.extxyz"], steps=steps)
    how = one.optimisation
    batches = size // how.batch_size
    interval = one.mace_options["eval_interval"]
    assert isinstance(interval, int)
    assert how.batch_size == min(4, size)
    assert steps <= steps_of(how, size) < steps + (interval + 1) * batches
    # Mace validates epochs 0, k, 2k, ...: the last one must be among them, or its weights are lost.
    assert (how.epochs - 1) % interval == 0
    assert (how.epochs - 1) // interval == pytest.approx(20, abs=2)
    assert isinstance(how.schedule, ExponentialSchedule)
    assert learning_rate_at_the_end(how) == pytest.approx(learning_rate_at_the_end(whole.optimisation))
    assert one.mace_options["start_swa"] == pytest.approx(how.epochs / 2, abs=1)
    assert TrainingConfig.model_validate(one.model_dump(mode="json")) == one


def test_patience_is_as_long_as_before() -> None:
    plateau = {"kind": "plateau", "patience": 5}
    whole = config(optimisation={"epochs": 20, "batch_size": 4, "patience": 6, "schedule": plateau})
    how = training_file(whole, of_size(10), [], steps=500).optimisation
    assert isinstance(how.schedule, PlateauSchedule)
    assert how.schedule.patience == round(5 * how.epochs / 20)
    assert how.patience == round(6 * how.epochs / 20)


def test_held_epochs_leave_the_training_as_it_is() -> None:
    one = training_file(config(seed=7), of_size(50, repeat=2), ["sets/held-out.extxyz"], steps=None)
    assert one.optimisation == config().optimisation
    assert one.seed == 9
    assert one.split.by == "given"
    assert one.frames == (Path("sets/train-n00050-r2.extxyz"), Path("sets/held-out.extxyz"))
    assert one.mace_options == {}


def test_fewer_frames_than_gpus_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 frames cannot be trained on with 4 GPUs"):
        training_file(config(gpus=4, device="cuda"), of_size(2), [], steps=None)


def test_a_power_law_is_recovered() -> None:
    sizes = [25, 50, 100, 200, 400] * 3
    exact = fit_power_law(sizes, [0.4 * size**-0.35 for size in sizes])
    assert exact is not None
    assert (exact.prefactor, exact.exponent) == pytest.approx((0.4, 0.35))
    assert exact.exponent_error == pytest.approx(0.0, abs=1e-6)
    assert exact.at(100) == pytest.approx(0.4 * 100**-0.35)

    rng = np.random.default_rng(0)
    off = []
    for _ in range(200):
        law = fit_power_law(sizes, [0.4 * size**-0.35 * np.exp(rng.normal(0, 0.1)) for size in sizes])
        assert law is not None
        off.append((law.exponent - 0.35) / law.exponent_error)
    assert np.std(off) == pytest.approx(1.0, abs=0.2)  # the standard error is the scatter between such curves


def test_a_floor_is_recovered_and_bounded() -> None:
    sizes = [16, 32, 64, 128, 256, 512] * 3
    exact = fit_power_law(sizes, [0.4 * size**-0.6 + 0.03 for size in sizes])
    assert exact is not None and exact.floor is not None
    assert exact.floor.value == pytest.approx(0.03, abs=2e-4)
    assert exact.floor.exponent == pytest.approx(0.6, abs=0.01)
    assert exact.floor.p < 1e-6
    assert exact.exponent < 0.5, "without a floor its flattening is taken for a smaller exponent"

    rng = np.random.default_rng(1)
    seen, held, rejected = [], [], []
    for _ in range(40):
        law = fit_power_law(sizes, [(0.4 * n**-0.6 + 0.03) * np.exp(rng.normal(0, 0.05)) for n in sizes])
        none = fit_power_law(sizes, [0.4 * n**-0.6 * np.exp(rng.normal(0, 0.05)) for n in sizes])
        assert law is not None and law.floor is not None and none is not None and none.floor is not None
        seen.append(law.floor.p < 0.05)
        held.append(law.floor.high >= 0.03)
        rejected.append(none.floor.p < 0.05)
    assert np.mean(seen) > 0.9
    assert np.mean(held) >= 0.9
    assert np.mean(rejected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


def test_three_sizes_say_nothing_of_a_floor_and_old_curves_have_none() -> None:
    law = fit_power_law([10, 20, 40, 40], [1.0, 0.7, 0.5, 0.51])
    assert law is not None and law.floor is None
    assert PowerLaw.model_validate(law.model_dump(exclude={"floor"})) == law


def test_two_sizes_have_no_law() -> None:
    assert fit_power_law([10, 10, 20], [1.0, 1.1, 0.5]) is None
    assert fit_power_law([10, 20, 40], [1.0, 0.5, 0.0]) is None


def report(name: str, mae: float) -> ErrorReport:
    errors = Errors(mae=mae, rmse=2 * mae, n=9)
    return ErrorReport(
        name=name, energy_ev_per_atom=errors, forces_ev_per_angstrom=errors, forces_by_element={}, by_trajectory={}
    )


KINDS: list[tuple[Kind, float]] = [("fine-tuned", 0.2), ("from scratch", 0.6)]


def curve(sizes: list[int]) -> LearningCurve:
    points = tuple(
        CurvePoint(
            kind=kind,
            size=size,
            repeat=repeat,
            steps=500,
            best_epoch=3,
            epochs=20,
            errors=(report("validation", 1.0), report("test", factor * (1 + 0.1 * repeat) * size**-0.4)),
        )
        for kind, factor in KINDS
        for size in sizes
        for repeat in range(2)
    )
    design = CurveDesign(
        trainings={
            "fine-tuned": config(foundation={"name": "medium"}),
            "from scratch": config(),
        },
        files={},
        train_frames=400,
        test_frames=50,
        subsets_by="random",
        hold="steps",
        steps=500,
    )
    return LearningCurve(design=design, points=points, fits=fits_of(points))


def test_the_figure_has_every_point_and_survives_json(tmp_path: Path) -> None:
    drawn = curve([25, 50, 100, 400])
    assert LearningCurve.model_validate_json(drawn.model_dump_json()) == drawn
    figure = draw_learning_curve(drawn, tmp_path)
    with figure.csv.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["set"] == "test"]
    assert [(row["kind"], int(row["frames"]), int(row["repeat"])) for row in rows] == [
        (point.kind, point.size, point.repeat) for point in drawn.points
    ]
    assert [float(row["forces_mae_ev_per_angstrom"]) for row in rows] == [
        point.test.forces_ev_per_angstrom.mae for point in drawn.points
    ]
    assert "PBE" in figure.caption


def test_a_curve_without_a_finished_training_can_be_drawn(tmp_path: Path) -> None:
    assert draw_learning_curve(curve([]), tmp_path).png.stat().st_size > 1000
