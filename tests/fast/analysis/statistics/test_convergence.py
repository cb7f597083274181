"""Convergence: running estimates, the spread that bootstrap bands promise, and sets of ten."""

import csv
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of

from molgun_lmp.analysis.statistics.bootstrap import bootstrap_fractions, resampled_weights
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, wilson
from molgun_lmp.analysis.statistics.convergence import running, sets_of, sizes_up_to
from molgun_lmp.results.table_files import write_running, write_sets
from molgun_lmp.results.tables import complete_prefix


def test_sizes() -> None:
    assert sizes_up_to(0) == ()
    assert sizes_up_to(7) == (7,)
    assert sizes_up_to(10) == (10,)
    assert sizes_up_to(130) == (10, 20, 50, 100, 130)
    assert sizes_up_to(10_000) == (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def test_the_running_estimate_sees_the_first_shots_only() -> None:
    modes = [paper.OT_CY] * 5 + [paper.SCATTERED] * 5 + [paper.OT_CY] * 20
    outcomes = [outcome_of(index, mode) for index, mode in enumerate(modes)]
    points = {(p.line, p.shots): p for p in running(outcomes, np.random.default_rng(0), resamples=50)}
    assert {line for line, _ in points} == {"OT-CY", "scattered", "stuck"}
    assert [points["OT-CY", n].count for n in (10, 20, 30)] == [5, 15, 25]
    assert points["OT-CY", 10].fraction == 0.5
    assert points["scattered", 30].fraction == pytest.approx(1 / 6)
    assert all(p.low <= p.fraction <= p.high and p.band[0] <= p.band[1] for p in points.values())
    again = running(outcomes, np.random.default_rng(0), resamples=50)
    assert again == tuple(points[p.line, p.shots] for p in again), "the same numbers from the same generator"
    assert running([], np.random.default_rng(0)) == ()


def test_a_line_of_none_or_all_has_a_band_too() -> None:
    none = running([outcome_of(k, paper.SCATTERED) for k in range(100)], np.random.default_rng(0), resamples=50)
    found = {(p.line, p.shots): p.band for p in none}
    for shots in (10, 20, 50, 100):
        assert found["stuck", shots] == wilson(0, shots)
        assert found["scattered", shots] == wilson(shots, shots)


def test_bands_are_as_wide_as_the_binomial_for_independent_shots_at_every_size() -> None:
    clusters = Clusters.of(range(400), range(400))
    hits = (np.arange(400) % 4 == 0)[None, :]
    found = bootstrap_fractions(hits, clusters, (20, 100, 400), np.random.default_rng(1), 1500)[:, :, 0]
    expected = np.sqrt(0.25 * 0.75 / np.array([20, 100, 400]))
    assert found.std(axis=0) == pytest.approx(expected, rel=0.08)  # four standard errors of 1,500 resamples
    assert found.mean(axis=0) == pytest.approx(0.25, abs=0.01)


def test_bands_do_not_narrow_below_what_the_snapshots_allow() -> None:
    slab = np.arange(1000) % 10
    clusters = Clusters.of(slab.tolist(), range(1000))
    hits = (slab < 5)[None, :]
    found = bootstrap_fractions(hits, clusters, (1000,), np.random.default_rng(2), 800)[:, 0, 0]
    assert found.std() == pytest.approx(np.sqrt(0.25 / 10), rel=0.11)


def test_pairs_are_drawn_once_and_kinds_each_for_itself() -> None:
    rng = np.random.default_rng(3)
    paired = resampled_weights(Clusters.of("aabbccdd", "wwxxyyzz"), rng)
    assert paired.sum() == 8
    assert (paired[::2] == paired[1::2]).all()
    nested = resampled_weights(Clusters.of("aabbccdd", "wwwwzzzz"), rng)
    assert nested[0:4].sum() in (0, 4, 8)
    crossed = [resampled_weights(Clusters.of("aabb", "xyxy"), rng).reshape(2, 2) for _ in range(50)]
    assert all(np.linalg.matrix_rank(table) == 1 for table in crossed), "a product of the two kinds' numbers"
    assert len({tuple(table.ravel()) for table in crossed}) > 3


def test_sets_of_ten_leave_a_part_of_a_set_out() -> None:
    outcomes = [outcome_of(k, paper.OT_CY if k % 3 == 0 else paper.PC) for k in range(25)]
    sets = list(sets_of(outcomes))
    assert [(s.number, s.first, s.last, s.line, s.count) for s in sets if s.line != "stuck"] == [
        (0, 0, 9, "OT-CY", 4), (0, 0, 9, "PC", 6), (1, 10, 19, "OT-CY", 3), (1, 10, 19, "PC", 7),
    ]  # fmt: skip
    assert all(s.count == s.shots == 10 for s in sets if s.line == "stuck")


def test_the_complete_prefix_ends_at_the_first_gap() -> None:
    outcomes = [outcome_of(index, paper.PC) for index in (0, 1, 2, 4, 5)]
    assert [o.trajectory_id for o in complete_prefix(outcomes)] == ["000000", "000001", "000002"]
    assert complete_prefix(outcomes[1:]) == []


def test_files_hold_the_numbers(tmp_path: Path) -> None:
    outcomes = [outcome_of(k, paper.PC, k % 4, k % 5) for k in range(20)]
    points = running(outcomes, np.random.default_rng(0), resamples=20)
    with write_running(points, tmp_path / "running.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["line"], int(row["shots"]), float(row["cluster_low"])) for row in rows] == [
        (p.line, p.shots, p.low) for p in points
    ]
    with write_sets(sets_of(outcomes), tmp_path / "sets.csv").open(newline="") as handle:
        assert [float(row["fraction"]) for row in csv.DictReader(handle)] == [1.0] * 4
