"""Sampling maps: bins, folding, nested sets and coverage, on paths whose answer is known."""

import re
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molgun_lmp.analysis.figures.coverage import draw_coverage, draw_sampling
from molgun_lmp.analysis.maps.coverage import Grid, Visits, nested_sizes, require_symmetry
from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError

CELL = np.diag([15.0, 12.0, 30.0])
OBLIQUE = np.array([[8.0, 0.0, 0.0], [3.0, 7.0, 0.0], [0.0, 0.0, 30.0]])
# Two rows of dimers along x, four dimers each, every other one turned: what repeats is (2, 2), not (3, 2).
SITES = np.array([[x, y, 0.3 * (-1) ** n] for n, x in enumerate((1.9, 5.6, 9.4, 13.1)) for y in (1.8, 4.2, 7.8, 10.2)])


def visits(grid: Grid, paths: list[FloatArray]) -> Visits:
    return Visits.of(grid, [grid.visit(path) for path in paths])


@pytest.mark.parametrize("cell", [CELL, OBLIQUE])
def test_a_bin_holds_its_own_middle_and_has_the_area_asked_for(cell: FloatArray) -> None:
    grid = Grid.of(cell, bin_area=0.04)
    assert grid.area == pytest.approx(0.04, rel=0.06)
    assert grid.bins * grid.area == pytest.approx(abs(np.linalg.det(cell[:2, :2])))
    bins = np.arange(grid.bins)
    np.testing.assert_array_equal(grid.bin_of(grid.middle_of(bins)), bins)


def test_the_papers_bin_is_taken_where_nothing_is_said() -> None:
    grid = Grid.of(np.diag([15.47, 15.47, 30.0]))
    assert grid.area == pytest.approx(0.0015, rel=0.01)
    assert grid.shape == (399, 399)


@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 7))
def test_bins_are_periodic_and_fold(s: int, t: int, number: int) -> None:
    plain, folded = Grid.of(CELL, bin_area=2.0), Grid.of(CELL, bin_area=2.0, fold=(4, 2))
    whole = np.array([s, t]) @ CELL[:2, :2]
    middle = plain.middle_of(np.array([number]))
    assert plain.bin_of(middle + whole) == [number]
    middle = folded.middle_of(np.array([number]))
    assert folded.bin_of(middle + whole / [4, 2]) == [number]
    assert folded.bins * folded.area == pytest.approx(15.0 * 12.0 / 8)


def test_a_mirror_lays_halves_on_each_other() -> None:
    grid = Grid.of(CELL, bin_area=0.01, mirror=(True, False), origin=(0.125, 0.0))
    axis = 0.125 * 15.0
    for away in (0.33, 2.21, 6.6):
        left, right = grid.bin_of(np.array([[axis - away, 5.05], [axis + away, 5.05]]))
        assert left == right
    assert grid.bins * grid.area == pytest.approx(15.0 * 12.0 / 2)
    with pytest.raises(ConfigError, match="a mirror needs a rectangular surface cell"):
        Grid.of(OBLIQUE, mirror=(True, False))


def test_only_symmetries_of_the_top_layer_fold() -> None:
    require_symmetry(Grid.of(CELL, fold=(4, 2)), SITES)
    require_symmetry(Grid.of(CELL, fold=(2, 1), mirror=(True, True), origin=(1.9 / 15, 3.0 / 12)), SITES)
    with pytest.raises(ConfigError, match=r"1/3 of vector 1 is no symmetry of the top layer: .* 1\.\d\d Å"):
        require_symmetry(Grid.of(CELL, fold=(3, 1)), SITES)
    with pytest.raises(ConfigError, match="the mirror along vector 2 is no symmetry"):
        require_symmetry(Grid.of(CELL, mirror=(False, True), origin=(0.0, 1.8 / 12)), SITES)


def test_bins_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"does not fit the cell's part of 15\.00 x 12\.00 Å"):
        Grid.of(CELL, bin_area=1000.0)


@pytest.mark.parametrize("area", [0.0, -1.0, float("nan")])
def test_bins_without_area_are_refused(area: float) -> None:
    with pytest.raises(ConfigError, match="has to be above 0"):
        Grid.of(CELL, bin_area=area)


def test_the_lowest_visit_of_each_bin_and_whose_it_was() -> None:
    grid = Grid.of(CELL, bin_area=1.0)
    here, there = [0.5, 0.5], [7.5, 6.5]
    paths = [np.array([[*here, 3.0], [*here, 2.0], [*there, 5.0]]), np.array([[*here, 1.0]]), np.array([[*there, 4.0]])]
    found = visits(grid, paths)
    first = found.lowest(1)
    assert dict(zip(first.bin.tolist(), first.z.tolist(), strict=True)) == {0: 2.0, 7 * 12 + 6: 5.0}
    every = found.lowest(3)
    assert list(zip(every.bin.tolist(), every.z.tolist(), every.trajectory.tolist(), strict=True)) == [
        (0, 1.0, 1),
        (7 * 12 + 6, 4.0, 2),
    ]


def test_coverage_counts_each_bin_once_and_ends_at_the_same_share_in_any_order() -> None:
    grid = Grid.of(CELL, bin_area=1.0)
    rng = np.random.default_rng(3)
    paths = [np.column_stack([rng.random((30, 2)) * [15, 12], rng.random(30) * 8]) for _ in range(12)]
    found = visits(grid, paths)
    curve = found.coverage([1, 4, 12])
    for one in curve:
        seen = {int(b) for path in paths[: one.trajectories] for b in grid.bin_of(path[:, :2])}
        assert one.share == pytest.approx(len(seen) / grid.bins)
        assert one.lowest - 1e-12 <= one.mean <= one.highest + 1e-12
    assert curve[-1].lowest == pytest.approx(curve[-1].highest)
    below = found.coverage([12], below=2.0)[0]
    low = {int(b) for path in paths for b in grid.bin_of(path[path[:, 2] < 2.0, :2])}
    assert below.share == pytest.approx(len(low) / grid.bins)


def test_sets_are_nested() -> None:
    assert nested_sizes(8) == (8,)
    assert nested_sizes(10) == (10,)
    assert nested_sizes(2500) == (10, 100, 1000, 2500)


def test_shares_of_bins_are_plain_numbers_and_maps_have_the_shape_of_the_cell(tmp_path: Path) -> None:
    sizes = {}
    for name, (x, y) in {"wide": (20.0, 10.0), "tall": (10.0, 20.0)}.items():
        grid = Grid.of(np.diag([x, y, 30.0]), bin_area=50.0)
        every = np.column_stack([grid.middle_of(np.arange(grid.bins)), np.full(grid.bins, 2.0)])
        figure = draw_sampling(
            visits(grid, [every]),
            [paper.PC],
            tmp_path,
            point="CO",
            top_layer=SITES,
            dimers=np.empty((0, 2), int),
            name=name,
        )
        text = figure.svg.read_text(encoding="utf-8")
        assert "<!-- 100 % of the bins -->" in text
        root = re.search(r'<svg [^>]*height="([0-9.]+)pt"', text, re.DOTALL)
        assert root is not None
        sizes[name] = float(root[1])
    assert sizes["tall"] > 1.3 * sizes["wide"]


@pytest.mark.parametrize("shots", [0, 1, 12])
def test_figures_have_their_numbers(tmp_path: Path, shots: int) -> None:
    grid = Grid.of(CELL, bin_area=0.5, fold=(2, 1))
    rng = np.random.default_rng(1)
    paths = [np.column_stack([rng.random((20, 2)) * [15, 12], rng.random(20) * 6 + 1]) for _ in range(shots)]
    found = visits(grid, paths)
    modes = [paper.PC if n % 2 else paper.SCATTERED for n in range(shots)]
    figure = draw_sampling(
        found, modes, tmp_path, point="CY", top_layer=SITES, dimers=np.array([[0, 1]]), dump_every_ps=0.01
    )
    lines = figure.csv.read_text().splitlines()
    assert lines[0] == "shots,x_angstrom,y_angstrom,lowest_z_angstrom,shot,mode"
    sizes = nested_sizes(shots)
    assert len(lines) - 1 == sum(len(found.lowest(size).bin) for size in sizes)
    assert "folded 2 x 1" in figure.caption
    assert "every 10 fs" in figure.caption
    coverage = draw_coverage({"CY": found}, tmp_path)
    rows = coverage.csv.read_text().splitlines()[1:]
    assert len(rows) == min(shots, 40)
    if rows:
        assert float(rows[-1].split(",")[2]) == pytest.approx(len(found.lowest(shots).bin) / grid.bins)
