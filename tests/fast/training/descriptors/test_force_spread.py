"""The calibration of a committee's spread: a known law is found again, and files are held against their committee."""

from pathlib import Path

import numpy as np
import pytest

from molgun_lmp.errors import InputFileError, ModelError
from molgun_lmp.training.descriptors.error_line import Checked
from molgun_lmp.training.descriptors.force_spread import (
    SPREAD_CALIBRATION_NAME,
    SpreadCalibration,
    read_spread_calibration,
    write_spread_calibration,
)


def checked(rng: np.random.Generator, trajectories: int = 40, each: int = 10) -> Checked:
    """Errors of twice the spread to the power 0.8, with a scatter of a factor of 1.5."""
    spread = np.exp(rng.uniform(-4.0, 0.0, trajectories * each))
    error = 2.0 * spread**0.8 * np.exp(rng.normal(0.0, np.log(1.5), len(spread)))
    names = tuple(f"t{number // each}" for number in range(len(spread)))
    return Checked(distance=spread, error=error, trajectories=names)


def test_a_known_law_is_found_and_the_bound_holds_for_new_frames() -> None:
    found = SpreadCalibration.of(checked(np.random.default_rng(1)), members=("a", "b"), files={})
    assert found.slope == pytest.approx(0.8, abs=0.05)
    assert found.expected_error(0.1) == pytest.approx(2.0 * 0.1**0.8, rel=0.1)
    assert found.rank_correlation > 0.9
    new = checked(np.random.default_rng(2))
    below = new.error <= np.array([found.error_bound(one) for one in new.distance.tolist()])
    assert 0.86 < below.mean() < 0.94


def test_a_spread_that_says_nothing_is_called_so() -> None:
    rng = np.random.default_rng(3)
    one = checked(rng)
    deaf = Checked(distance=rng.permutation(one.distance), error=one.error, trajectories=one.trajectories)
    found = SpreadCalibration.of(deaf, members=("a", "b"), files={})
    assert abs(found.rank_correlation) < 0.15 and found.slope < 0.1
    few = Checked(distance=one.distance[:19], error=one.error[:19], trajectories=one.trajectories[:19])
    with pytest.raises(InputFileError, match="19 labelled frames of 2 trajectories"):
        SpreadCalibration.of(few, members=("a", "b"), files={})


def test_it_belongs_to_one_committee(tmp_path: Path) -> None:
    found = SpreadCalibration.of(checked(np.random.default_rng(1)), members=("a", "b", "c"), files={"f": "0"})
    assert read_spread_calibration(tmp_path, ["a", "b", "c"]) is None
    write_spread_calibration(found, tmp_path / SPREAD_CALIBRATION_NAME)
    assert read_spread_calibration(tmp_path, ["a", "c", "b"]) == found
    assert read_spread_calibration(tmp_path, ["b", "a", "c"]) is None, "another model is fired"
    assert read_spread_calibration(tmp_path, ["a", "b"]) is None
    (tmp_path / SPREAD_CALIBRATION_NAME).write_text("{}")
    with pytest.raises(ModelError, match="is damaged"):
        read_spread_calibration(tmp_path, ["a", "b", "c"])
