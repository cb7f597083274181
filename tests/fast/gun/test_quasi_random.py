"""Sobol points: every thing drawn keeps its law, replicates are scrambled apart, and the spread is even."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

from molgun_lmp.gun import quasi_random
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.kicks import thermal_width
from molgun_lmp.gun.quasi_random import REPLICATES, UnitPoint, unit_point
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.gun.setup import Setup
from molgun_lmp.records import Shot

SetupOf = Callable[[Mapping[str, Any]], Setup]
SHOTS = 160
CONE = {"kind": "cone", "max_polar_deg": 60}
KICKS: dict[str, dict[str, Any]] = {
    "thermal_com": {"kind": "thermal_com"},
    "flux": {"kind": "flux"},
    "components": {"kind": "fixed_energy", "energy_ev": 0.2, "direction": {"kind": "components"}},
    "cone": {
        "kind": "supersonic",
        "energy_ev": 0.2,
        "speed_ratio": 9,
        "direction": CONE,
    },
}


def shots_of(setup: Setup, number: int = SHOTS) -> list[Shot]:
    return [draw(index, setup).shot for index in range(number)]


def evenly(**gun: Any) -> dict[str, Any]:
    return {"gun": {"sampling": "sobol", **gun}}


def test_a_point_depends_on_seed_and_number_alone(setup_of: SetupOf) -> None:
    forwards = shots_of(setup_of(evenly()), 40)
    setup = setup_of(evenly())
    assert [draw(index, setup).shot for index in reversed(range(40))] == forwards[::-1]
    assert forwards[0] != forwards[1]
    other = shots_of(setup_of(evenly() | {"seed": 25}), 2)
    assert other[0].rotation != forwards[0].rotation
    far = 300 * REPLICATES + 5  # beyond the first block of points
    place = unit_point(24, far, "place").random(2).tolist()
    quasi_random._points.cache_clear()
    assert unit_point(24, far, "place").random(2).tolist() == place


def test_snapshots_are_those_of_independent_shots(setup_of: SetupOf) -> None:
    one, other = shots_of(setup_of(evenly()), 20), shots_of(setup_of({}), 20)
    pairs = [(shot.slab_snapshot, shot.molecule_snapshot) for shot in one]
    assert pairs == [(shot.slab_snapshot, shot.molecule_snapshot) for shot in other]
    assert {shot.rotation for shot in one}.isdisjoint({shot.rotation for shot in other})


def test_written_places_and_orientations_are_uniform_and_more_even_than_chance(setup_of: SetupOf) -> None:
    setup = setup_of(evenly())
    texts = [trajectory_deck(draw(index, setup), setup).data_text for index in range(SHOTS)]
    measured = [recover_shot(text, setup.slab.top) for text in texts]
    places = np.array([one.com_start[:2] for one in measured]) @ np.linalg.inv(setup.cell[:2, :2])
    for axis in (0, 1):
        assert stats.kstest(places[:, axis], "uniform").pvalue > 1e-3
    counts, _, _ = np.histogram2d(places[:, 0], places[:, 1], bins=4, range=[[0, 1], [0, 1]])
    assert counts.sum() == SHOTS
    assert stats.chisquare(counts.ravel()).pvalue > 0.5, "no cell of the sixteen is left out by chance"
    x, y, z, w = np.array([shot.rotation for shot in shots_of(setup)]).T
    for component in (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)):
        assert stats.kstest((component + 1) / 2, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", KICKS)
def test_kicks_keep_their_law(setup_of: SetupOf, name: str) -> None:
    """The same distribution as independent draws have, and not that of another law."""
    drawn = {
        (kind, sampling): np.array(
            [shot.kick_velocity for shot in shots_of(setup_of({"gun": {"sampling": sampling, "kick": KICKS[kind]}}))]
        )
        for kind, sampling in ((name, "sobol"), (name, "random"))
    }
    even, independent = drawn[name, "sobol"], drawn[name, "random"]
    for axis in range(3):
        assert stats.ks_2samp(even[:, axis], independent[:, axis]).pvalue > 1e-3
    assert (even[:, 2] < 0).all()
    if name == "flux":
        width = thermal_width(setup_of({}).molecule.mass_u, 300.0)
        assert stats.kstest(-even[:, 2], stats.rayleigh(scale=width).cdf).pvalue > 1e-3
        assert stats.kstest(-even[:, 2], stats.halfnorm(scale=width).cdf).pvalue < 1e-6


def test_means_over_a_replicate_scatter_less_than_those_of_independent_shots(setup_of: SetupOf) -> None:
    setup = setup_of(evenly())
    scatter = []
    for sections in (evenly(), {}):
        places = np.array([shot.com_start[0] for shot in shots_of(setup_of(sections), 32 * REPLICATES)])
        scatter.append(places.reshape(32, REPLICATES).mean(axis=0).std())
    assert scatter[0] < 0.3 * scatter[1]
    assert len({draw(index, setup).shot.rotation for index in range(REPLICATES)}) == REPLICATES


def test_points_of_a_grid_share_their_point(setup_of: SetupOf) -> None:
    kick = {"kind": "fixed_energy", "direction": {"kind": "fixed", "azimuth_deg": "random"}}
    setup = setup_of(evenly(kick=kick, grid={"energies_ev": [0.1, 0.2], "polar_deg": [30]}))
    shots = shots_of(setup, 6)
    assert [shot.rotation for shot in shots[::2]] == [shot.rotation for shot in shots[1::2]]
    assert [shot.azimuth_deg for shot in shots[::2]] == pytest.approx([shot.azimuth_deg for shot in shots[1::2]])


def test_a_law_that_takes_too_much_is_an_error_and_an_edge_is_finite() -> None:
    with pytest.raises(IndexError, match="more than the coordinates"):
        UnitPoint(np.array([0.5])).random(2)
    assert np.isfinite(UnitPoint(np.array([0.0, 1.0])).normal(0.0, 1.0, 2)).all()
