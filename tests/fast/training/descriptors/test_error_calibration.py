"""Distances calibrated on held-out frames: the border finds what is wrong, the bound holds, files are of one model."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from molgun_lmp.errors import InputFileError, ModelError
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces
from molgun_lmp.training.descriptors.calibration import (
    CALIBRATION_NAME,
    calibrate,
    read_calibration,
    write_calibration,
)
from molgun_lmp.training.descriptors.error_line import Checked, ErrorLine, border_of, bound_factor_of
from molgun_lmp.training.descriptors.principal_components import TrainingSpace


def frames(rng: np.random.Generator, trajectories: int = 12, each: int = 8) -> Checked:
    """Errors that rise as distance^1.5 with a scatter of a factor of 1.5, and as much again between trajectories."""
    distance = np.exp(rng.normal(0.0, 0.6, trajectories * each))
    scatter = rng.normal(0.0, 0.4, len(distance)) + np.repeat(rng.normal(0.0, 0.4, trajectories), each)
    return Checked(
        distance=distance,
        error=0.3 * distance**1.5 * np.exp(scatter),
        trajectories=tuple(f"t{k // each}" for k in range(len(distance))),
    )


def spaces() -> AtomSpaces:
    rng = np.random.default_rng(3)
    space = TrainingSpace.fit(rng.normal(size=(500, 4)) * [3.0, 2.0, 1.0, 0.5] + 5.0, np.array(["t"] * 500))
    return AtomSpaces(spaces={"H": space}, borders={"H": 9.0}, typical={"H": 1.5}, frames=10)


def test_a_line_is_recovered_and_never_falls() -> None:
    distance = np.geomspace(0.1, 3.0, 30)
    line = ErrorLine.fit(distance, 0.2 * distance**1.7)
    assert (math.exp(line.intercept), line.slope) == pytest.approx((0.2, 1.7))
    assert line.residuals(distance, 0.4 * distance**1.7) == pytest.approx(np.full(30, math.log(2)))
    falling = ErrorLine.fit(distance, 0.2 / distance)
    assert falling.slope == 0.0


def test_the_border_finds_nine_of_ten_new_frames_that_are_wrong() -> None:
    rng = np.random.default_rng(1)
    found, repeats = 0.0, 300
    for _ in range(repeats):
        border, new = border_of(frames(rng), 0.5), frames(rng, 40)
        wrong = new.error > 0.5
        found += float((new.distance[wrong] > border).mean())
    assert found / repeats >= 0.9 - 0.01
    assert found / repeats < 0.96, "and is no nearer than it must be"


def test_the_border_where_few_or_none_are_wrong() -> None:
    few = Checked(distance=np.array([0.3, 0.9, 0.5]), error=np.array([0.1, 0.8, 0.7]), trajectories=("a", "b", "c"))
    assert border_of(few, 0.5) == pytest.approx(0.5)
    assert border_of(few, 0.5) < 0.5, "the nearest wrong frame lies beyond it"
    assert border_of(few, 2.0) == 0.9, "beyond the farthest that was checked"


def test_the_bound_holds_for_new_trajectories() -> None:
    rng = np.random.default_rng(2)
    below, repeats = 0.0, 200
    for _ in range(repeats):
        known, new = frames(rng), frames(rng, 20)
        line, factor = ErrorLine.fit(known.distance, known.error), bound_factor_of(known)
        below += float((line.residuals(new.distance, new.error) <= math.log(factor)).mean())
    assert 0.88 <= below / repeats <= 0.95


def test_a_calibration_measures_as_its_spaces_and_is_read_again(tmp_path: Path) -> None:
    checked, own = frames(np.random.default_rng(5)), spaces()
    found = calibrate(own, checked, model_sha256="ab", files={"a.extxyz": "cd"})
    write_calibration(found, tmp_path / CALIBRATION_NAME)
    again = read_calibration(tmp_path, "ab")
    assert again == found
    assert again is not None
    border = border_of(checked, 0.5)
    features = np.random.default_rng(6).normal(size=(7, 4)) * 6.0
    expected = own.spaces["H"].distance(features) / 1.5 / border
    np.testing.assert_allclose(again.atom_spaces().distances(["H"] * 7, features), expected, rtol=1e-5)
    wrong, right = (checked.error > 0.5, checked.error <= 0.5)
    assert found.found == (int((checked.distance[wrong] > border).sum()), int(wrong.sum()))
    assert found.false_alarms == (int((checked.distance[right] > border).sum()), int(right.sum()))
    assert found.found[0] >= 0.9 * found.found[1]
    assert found.expected_error(2.0) > found.expected_error(1.0) > found.expected_error(0.0) > 0.0
    assert found.error_bound(1.0) == pytest.approx(found.bound_factor * found.expected_error(1.0))
    with pytest.raises(ModelError, match="of another model"):
        read_calibration(tmp_path, "ef")
    assert read_calibration(tmp_path / "none", "ab") is None
    (tmp_path / CALIBRATION_NAME).write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        read_calibration(tmp_path, "ab")


def test_too_little_to_calibrate_on_is_said() -> None:
    checked = frames(np.random.default_rng(5))
    one = dataclasses.replace(checked, trajectories=("t",) * len(checked.error))
    few = Checked(distance=checked.distance[:9], error=checked.error[:9], trajectories=checked.trajectories[:9])
    for wrong in (one, few):
        with pytest.raises(InputFileError, match="a calibration needs 20 of 3 at least"):
            calibrate(spaces(), wrong, model_sha256="", files={})
