"""Each kick law against its textbook moments and distribution, with numbers worked out by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from beam_cases import beam_share
from pydantic import TypeAdapter
from scipy import stats

from molgun_lmp.config import Direction, Gun, Kick, SupersonicKick
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun import kicks
from molgun_lmp.units import BOLTZMANN_EV_PER_K, MVV_TO_EV

ECCO_MASS = 158.24  # C12H14
SHOTS = 4000


def _kick(**values: object) -> Kick:
    kick: Kick = TypeAdapter(Kick).validate_python(values)
    return kick


def _direction(**values: object) -> Direction:
    direction: Direction = TypeAdapter(Direction).validate_python(values)
    return direction


def _draws(kick: Kick) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rng = np.random.default_rng(0)
    return np.array([kicks.draw_kick(kick, ECCO_MASS, 26, rng) for _ in range(SHOTS)])


def test_the_two_readings_of_300_kelvin() -> None:
    assert kicks.thermal_width(ECCO_MASS, 300.0) == pytest.approx(1.256, abs=1e-3)
    all_atoms = kicks.thermal_all_atoms_speed(ECCO_MASS, 26, 300.0)
    assert all_atoms == pytest.approx(11.09, abs=1e-2)
    assert kicks.kinetic_energy_ev(np.array([0.0, 0.0, -all_atoms]), ECCO_MASS) == pytest.approx(
        1.5 * 26 * BOLTZMANN_EV_PER_K * 300.0
    )
    assert kicks.speed_of_energy(1.00824, ECCO_MASS) == pytest.approx(all_atoms, rel=1e-4)


def test_an_effusive_beam_at_300_kelvin() -> None:
    velocities = _draws(_kick(kind="flux", temperature_k=300.0))
    assert -velocities[:, 2].mean() == pytest.approx(1.574, abs=0.03)
    # The share that does not cross 13 Å within 10 ps.
    assert (-velocities[:, 2] < 1.3).mean() == pytest.approx(0.41, abs=0.03)
    energies = [kicks.kinetic_energy_ev(velocity, ECCO_MASS) for velocity in velocities]
    assert np.mean(energies) == pytest.approx(2.0 * BOLTZMANN_EV_PER_K * 300.0, rel=0.05)


_WIDTH = kicks.thermal_width(ECCO_MASS, 300.0)


@pytest.mark.parametrize(
    ("kick", "component", "law"),
    [
        (_kick(kind="thermal_com"), 2, stats.halfnorm(scale=_WIDTH).cdf),
        (_kick(kind="thermal_com"), 0, stats.norm(scale=_WIDTH).cdf),
        (_kick(kind="thermal_com", axes="z"), 2, stats.halfnorm(scale=_WIDTH).cdf),
        (_kick(kind="flux"), 2, stats.rayleigh(scale=_WIDTH).cdf),
        (_kick(kind="flux"), 1, stats.norm(scale=_WIDTH).cdf),
    ],
)
def test_velocity_components_follow_their_law(kick: Kick, component: int, law: Callable[[Any], Any]) -> None:
    values = _draws(kick)[:, component]
    assert stats.kstest(-values if component == 2 else values, law).pvalue > 1e-3


def test_a_supersonic_beam_is_a_flux_with_the_stream_and_width_asked_for() -> None:
    beam = _kick(kind="supersonic", stream_velocity_m_per_s=2000.0, width_m_per_s=500.0)
    rng = np.random.default_rng(0)
    speeds = np.array([-kicks.draw_kick(beam, ECCO_MASS, 26, rng)[2] for _ in range(2000)])
    for power in (2, 3, 4):
        probability = stats.kstest(speeds, beam_share(20.0, 5.0, power=power)).pvalue
        assert probability > 1e-3 if power == 3 else probability < 1e-6, power
    for wrong in ((21.0, 5.0), (20.0, 6.0)):
        assert stats.kstest(speeds, beam_share(*wrong, power=3)).pvalue < 1e-6


@pytest.mark.parametrize("width", [{"width_m_per_s": 300.0}, {"speed_ratio": 6.0}, {"speed_ratio": 0.5}])
def test_the_mean_energy_of_a_supersonic_beam_is_the_one_asked_for(width: dict[str, float]) -> None:
    beam = TypeAdapter(SupersonicKick).validate_python({"kind": "supersonic", "energy_ev": 0.5, **width})
    stream, a = kicks.supersonic_beam(beam, 28.0)
    speeds = np.linspace(0.0, stream + 9 * a, 200_001)
    law = speeds**3 * np.exp(-(((speeds - stream) / a) ** 2))
    mean = 0.5 * 28.0 * MVV_TO_EV * np.sum(law * speeds**2) / np.sum(law)
    assert mean == pytest.approx(0.5, rel=1e-6)
    if "speed_ratio" in width:
        assert stream / a == pytest.approx(width["speed_ratio"])
    else:
        assert a == pytest.approx(3.0)


def test_the_quickest_of_a_broad_beam_and_the_slowest_are_speeds() -> None:
    for ratio in (1e-3, 0.1, 1.0, 40.0):
        found = [kicks.supersonic_speed(ratio, 1.0, chance) for chance in (0.0, 1e-12, 0.5, 1 - 1e-12)]
        assert found == sorted(found)
        assert found[0] >= 0.0
    # A gas at rest: v^2 / a^2 is a sum of two exponentials (Gamma of shape 2).
    assert kicks.supersonic_speed(1e-9, 1.0, 0.5) == pytest.approx(np.sqrt(stats.gamma(2).ppf(0.5)), rel=1e-6)


def test_a_beam_too_broad_for_its_energy_is_refused() -> None:
    beam = _kick(kind="supersonic", energy_ev=0.01, width_m_per_s=2000.0)
    with pytest.raises(ConfigError, match=r"has 6.56 eV at least"):
        _draws(beam)


def test_only_the_normal_component_is_drawn_along_z() -> None:
    assert not _draws(_kick(kind="thermal_com", axes="z"))[:, :2].any()


@pytest.mark.parametrize(
    "kick",
    [
        _kick(kind="thermal_com"),
        _kick(kind="thermal_com", axes="z"),
        _kick(kind="flux"),
        _kick(kind="thermal_all_atoms", direction={"kind": "components"}),
        _kick(kind="fixed_energy", energy_ev=0.2, direction={"kind": "cone", "max_polar_deg": 80}),
        _kick(kind="supersonic", energy_ev=0.2, speed_ratio=8, direction={"kind": "components"}),
    ],
)
def test_every_kick_points_down(kick: Kick) -> None:
    assert (_draws(kick)[:, 2] < 0).all()


def test_a_fixed_energy_is_fixed_whatever_the_direction() -> None:
    for direction in ({"kind": "normal"}, {"kind": "fixed", "polar_deg": 30}, {"kind": "components"}):
        velocities = _draws(_kick(kind="fixed_energy", energy_ev=0.2, direction=direction))
        energies = [kicks.kinetic_energy_ev(velocity, ECCO_MASS) for velocity in velocities]
        assert np.allclose(energies, 0.2, rtol=1e-12)


def test_directions_are_unit_vectors_with_the_angles_asked_for() -> None:
    rng = np.random.default_rng(0)
    assert kicks.draw_direction(_direction(kind="normal"), rng).tolist() == [0.0, 0.0, -1.0]
    fixed = kicks.draw_direction(_direction(kind="fixed", polar_deg=30.0, azimuth_deg=250.0), rng)
    assert kicks.polar_and_azimuth_deg(fixed) == pytest.approx((30.0, 250.0))
    assert kicks.polar_and_azimuth_deg(np.array([0.0, -1.0, -1.0])) == pytest.approx((45.0, 270.0))
    for direction in (
        _direction(kind="cone", max_polar_deg=50.0),
        _direction(kind="cone", max_polar_deg=50.0, weighting="cosine"),
        _direction(kind="components"),
    ):
        assert np.linalg.norm(kicks.draw_direction(direction, rng)) == pytest.approx(1.0)


@pytest.mark.parametrize("weighting", ["solid_angle", "cosine"])
def test_cones_have_their_weighting_and_any_azimuth(weighting: str) -> None:
    rng = np.random.default_rng(0)
    cone = _direction(kind="cone", max_polar_deg=60.0, weighting=weighting)
    angles = np.array([kicks.polar_and_azimuth_deg(kicks.draw_direction(cone, rng)) for _ in range(SHOTS)])
    polar = np.radians(angles[:, 0])
    uniform = {"solid_angle": (1.0 - np.cos(polar)) / 0.5, "cosine": np.sin(polar) ** 2 / 0.75}
    other = "cosine" if weighting == "solid_angle" else "solid_angle"
    assert stats.kstest(uniform[weighting], "uniform").pvalue > 1e-3
    assert stats.kstest(uniform[other], "uniform").pvalue < 1e-6
    assert stats.kstest(angles[:, 1] / 360.0, "uniform").pvalue > 1e-3


def test_independent_components_favour_the_corners() -> None:
    rng = np.random.default_rng(0)
    directions = np.array([kicks.independent_components(rng) for _ in range(SHOTS)])
    assert (directions[:, 2] < 0).all()
    assert directions[:, 0].mean() == pytest.approx(0.0, abs=0.03)
    # Of the points of a cube more lie towards its edges than on a sphere.
    azimuth = np.degrees(np.arctan2(directions[:, 1], directions[:, 0])) % 90.0
    assert (abs(azimuth - 45.0) < 22.5).mean() > 0.53


def test_the_default_gun_is_one_of_these_kicks() -> None:
    assert Gun().kick.kind == "thermal_all_atoms"
