"""Sticking over a grid: the points are told apart, curves are recovered, and differences are taken shot by shot."""

import csv
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of

from molgun_lmp.analysis.figures.sticking import draw_sticking
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.analysis.statistics.grid import grid_differences, grid_sticking
from molgun_lmp.analysis.statistics.sticking_curve import CURVE_LAWS, CurveFit, CurveLaw, curve, fit_curves
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import Gun
from molgun_lmp.records import Outcome

ENERGIES = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
ANGLES = (0.0, 45.0)
SNAPSHOTS = 60


def gun_of(energies: tuple[float, ...] = ENERGIES, angles: tuple[float, ...] = ANGLES) -> Gun:
    direction = {"kind": "fixed", "azimuth_deg": "random"}
    kick = {"kind": "fixed_energy", "direction": direction}
    return Gun.model_validate({"kick": kick, "grid": {"energies_ev": energies, "polar_deg": angles}})


def fired(gun: Gun, values: FloatArray, shots: int, seed: int, law: CurveLaw = "error function") -> list[Outcome]:
    """Shots that stick by a curve; shot k of every point has one snapshot and one random number, as a grid's have."""
    rng = np.random.default_rng(seed)
    snapshot, chance = rng.integers(SNAPSHOTS, size=shots), rng.random(shots)
    energy, polar = np.array(gun.points, dtype=np.float64).T
    sticking = curve(law, values, energy, np.cos(np.radians(polar)))
    aimed = [gun.aimed(index) for index in range(shots * len(gun.points))]
    return [
        outcome_of(index, paper.OT_CY if chance[k] < sticking[point] else paper.SCATTERED, snapshot[k], snapshot[k])
        for index, (point, k) in enumerate(aimed)
    ]


def by_law(fits: tuple[CurveFit, ...]) -> dict[str, dict[str, tuple[float, float | None, float | None]]]:
    return {fit.law: {one.name: (one.value, one.low, one.high) for one in fit.parameters} for fit in fits}


@pytest.mark.parametrize("power", [2.0, 0.0])
def test_a_curve_and_its_scaling_with_the_angle_are_recovered(power: float) -> None:
    gun, truth = gun_of(), np.array([0.9, 0.3, 0.08, power])
    found = grid_sticking(paper.SCHEME, fired(gun, truth, 400, seed=3), gun, np.random.default_rng(0))
    assert [(point.energy_ev, point.polar_deg) for point in found.points] == list(gun.points)
    assert {point.stuck.shots for point in found.points} == {400}
    (fit,) = [one for one in found.fits if one.law == "error function"]
    for one, value in zip(fit.parameters, truth, strict=True):
        assert one.low is not None
        assert one.high is not None
        assert one.low <= value <= one.high, one
        assert one.standard_error is not None
        assert one.high - one.low < {"A": 0.15, "E0": 0.1, "W": 0.08, "n": 1.0}[one.name], one
    assert fit.covariance is not None
    assert fit.covariance[0][0] == pytest.approx((fit.parameters[0].standard_error or 0.0) ** 2)
    assert fit.freedom == len(gun.points) - 4
    assert fit.deviance < 25.0
    assert fit.at(np.array([0.3]), np.array([0.0])) == pytest.approx([0.45], abs=0.07)


def test_a_fall_has_a_negative_width() -> None:
    gun = gun_of(angles=(0.0,))
    falling = fired(gun, np.array([0.8, 0.35, -0.1]), 300, seed=1, law="logistic")
    found = by_law(grid_sticking(paper.SCHEME, falling, gun, np.random.default_rng(0)).fits)
    assert set(found) == set(CURVE_LAWS)
    assert found["logistic"].keys() == {"A", "E0", "W"}
    value, low, high = found["logistic"]["W"]
    assert low is not None
    assert high is not None
    assert low < -0.1 < high < 0.0
    assert value < 0.0


def test_what_the_shots_do_not_determine_is_said() -> None:
    one_energy = gun_of(energies=(0.2,), angles=(0.0, 10.0, 20.0, 30.0, 40.0))
    three = gun_of(energies=(0.1, 0.2, 0.3), angles=(0.0,))
    for gun in (one_energy, three):
        found = grid_sticking(
            paper.SCHEME, fired(gun, np.array([0.9, 0.2, 0.1, 2.0]), 50, seed=2), gun, np.random.default_rng(0)
        )
        assert found.fits == ()
        assert "No curve is fitted" in found.no_fit()
        assert len(found.points) == len(gun.points)
    gun = gun_of(angles=(0.0,))
    alike = [outcome_of(index, paper.SCATTERED, index % 9, index % 9) for index in range(60)]
    assert grid_sticking(paper.SCHEME, alike, gun, np.random.default_rng(0)).fits == ()
    assert grid_sticking(paper.SCHEME, [], gun, np.random.default_rng(0)).fits == ()
    step = fired(gun, np.array([1.0, 0.25, 1e-4]), 40, seed=2)
    widths = [
        one
        for fit in grid_sticking(paper.SCHEME, step, gun, np.random.default_rng(0)).fits
        for one in fit.parameters
        if one.name == "W"
    ]
    assert [one.at_limit for one in widths] == [True, True]


def test_an_exponent_at_its_limit_of_nothing_is_said_to_be_there() -> None:
    """Sticking that rises with the angle of incidence: n ends at zero, the lowest that is allowed."""
    gun = gun_of()
    rising = fired(gun, np.array([0.9, 0.25, 0.05, -1.5]), 60, seed=4)
    fits = grid_sticking(paper.SCHEME, rising, gun, np.random.default_rng(0)).fits
    found = [one for fit in fits for one in fit.parameters if one.name == "n"]
    assert found
    for one in found:
        assert one.value == pytest.approx(0.0, abs=1e-6)
        assert one.at_limit


def test_angles_alone_are_drawn_against_the_angle(tmp_path: Path) -> None:
    gun = gun_of(energies=(0.2,), angles=(0.0, 20.0, 40.0))
    found = grid_sticking(
        paper.SCHEME, fired(gun, np.array([0.9, 0.2, 0.1, 2.0]), 30, seed=2), gun, np.random.default_rng(0)
    )
    figure = draw_sticking(found, tmp_path)
    with figure.csv.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["what"] == "bound"]
    assert [float(row["polar_deg"]) for row in rows] == [0.0, 20.0, 40.0]
    assert figure.svg.is_file()


def test_a_single_snapshot_gives_no_interval() -> None:
    gun = gun_of(angles=(0.0,))
    alone = [outcome_of(k, paper.OT_CY if k % 6 > 2 + k % 7 % 2 else paper.SCATTERED, 0, 0) for k in range(240)]
    fits = grid_sticking(paper.SCHEME, alone, gun, np.random.default_rng(0)).fits
    assert fits
    assert all("no interval" in fit.note and fit.covariance is None for fit in fits)
    assert fits[0].parameters[0].low is None


def test_bounds_of_curves_allow_for_snapshots() -> None:
    """Shots of one snapshot that all stick alike: the bounds must be those of as many shots as there are snapshots."""
    rng = np.random.default_rng(5)
    points = [(energy, 0.0) for energy in ENERGIES]
    snapshot, point = np.repeat(np.arange(12), 60), np.tile(np.arange(6), 120)
    chance = curve("logistic", np.array([1.0, 0.4, 0.1]), np.array(ENERGIES), np.ones(6))
    alike, apart = rng.random(12)[snapshot], rng.random(720)
    width = []
    for level, clusters in (
        (alike, Clusters.of(list(snapshot), list(snapshot))),
        (apart, Clusters.of(list(range(720)), list(range(720)))),
    ):
        line = Line(hit=level < chance[point], counted=np.ones(720, dtype=np.bool_))
        fit = fit_curves("stuck", line, point=point, points=points, clusters=clusters, rng=rng)[0]
        middle = fit.parameters[1]
        assert middle.low is not None
        assert middle.high is not None
        width.append(middle.high - middle.low)
    assert width[0] > 2 * width[1]


def test_differences_between_points_are_taken_shot_by_shot() -> None:
    gun = gun_of(energies=(0.3, 0.33), angles=(0.0,))
    outcomes = fired(gun, np.array([0.9, 0.3, 0.08]), 300, seed=4)
    found = grid_differences(paper.SCHEME, outcomes, gun)
    assert found is not None
    assert found.names == ("0.3 eV, 0°", "0.33 eV, 0°")
    (line,) = [one for one in found.differences if one.row == "stuck, of all"]
    assert line.pairs == 300
    apart = found.summaries[1].stuck.cluster[1] - found.summaries[1].stuck.cluster[0]
    assert line.interval[1] - line.interval[0] < 1.1 * apart, "less than the difference of independent campaigns"
    assert line.interval[0] > 0.0
    assert grid_differences(paper.SCHEME, outcomes[:1], gun) is None
