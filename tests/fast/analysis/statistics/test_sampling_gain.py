"""The gain of an even spread is measured between scrambles, with its own uncertainty."""

import numpy as np
import pytest
from scipy.stats import qmc

from molgun_lmp.analysis.statistics.sampling_gain import SamplingGain, sampling_gain

REPLICATES = 16


def found(hit: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]", points: int = 1) -> SamplingGain | None:
    return sampling_gain("stuck", hit, np.arange(len(hit)) // points, REPLICATES)


def test_independent_shots_gain_nothing() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(200):
        one = found(rng.random(16 * 40) < 0.3)
        assert one is not None
        covered.append(one.low <= 1.0 <= one.high)
    assert np.mean(covered) > 0.9


def test_an_even_spread_gains_where_the_outcome_follows_the_place() -> None:
    rng = np.random.default_rng(1)
    x = np.stack([qmc.Sobol(2, seed=rng).random(64)[:, 0] for _ in range(REPLICATES)], axis=1).ravel()
    smooth = found(rng.random(len(x)) < 0.3)
    sharp = found(x < 0.37)
    assert smooth is not None and sharp is not None
    assert sharp.low > 3.0 > smooth.low
    assert sharp.half_width < 0.3 * smooth.half_width
    assert "worth" in sharp.sentence()
    assert (sharp.shots, sharp.replicates) == (64 * 16, 16)


def test_shots_of_a_grid_count_once_and_incomplete_rounds_not() -> None:
    rng = np.random.default_rng(2)
    hit = rng.random(16 * 10) < 0.5
    alone, twice = found(hit), found(np.repeat(hit, 2), points=2)
    assert alone is not None and twice is not None
    assert twice.gain == pytest.approx(alone.gain)
    more = found(np.append(np.repeat(hit, 2), True), points=2)
    assert more == twice


def test_too_few_shots_and_shots_that_agree_say_nothing() -> None:
    assert found(np.ones(16 * 40, dtype=np.bool_)) is None
    assert found(np.arange(16 * 7) % 3 == 0) is None
    assert found(np.zeros(0, dtype=np.bool_)) is None
