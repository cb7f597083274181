"""Draws are a pure function of (config, seed, index), and what was drawn is recovered from the written data files."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from ase.geometry import get_distances
from beam_cases import beam_share
from scipy import stats

from molgun_lmp.config import Campaign
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.initial_conditions import STREAMS, draw, stream
from molgun_lmp.gun.kicks import thermal_width
from molgun_lmp.gun.pools import Pool
from molgun_lmp.gun.recover import MeasuredShot, recover_shot
from molgun_lmp.gun.setup import Setup, prepare
from molgun_lmp.isotopes import standard_masses_u
from molgun_lmp.provenance import trajectory_rng
from molgun_lmp.records import InitialCondition, Shot
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY, BOLTZMANN_EV_PER_K

SetupOf = Callable[[Mapping[str, Any]], Setup]
SHOTS = 150


def _same(one: InitialCondition, other: InitialCondition) -> bool:
    return (
        one.shot == other.shot
        and np.array_equal(one.positions, other.positions)
        and np.array_equal(one.velocities, other.velocities)
    )


@pytest.mark.parametrize("seed", [0, 24])
def test_a_draw_depends_on_seed_and_index_alone(setup_of: SetupOf, seed: int) -> None:
    forwards = [draw(index, setup_of({"seed": seed})) for index in range(5)]
    backwards = [draw(index, setup_of({"seed": seed, "trajectories": 7})) for index in reversed(range(5))]
    assert all(_same(one, other) for one, other in zip(forwards, reversed(backwards), strict=True))
    assert not _same(forwards[0], forwards[1])
    assert not _same(forwards[0], draw(0, setup_of({"seed": seed + 1})))


def test_another_kick_moves_no_molecule(setup_of: SetupOf) -> None:
    one, other = (draw(3, setup_of({"gun": {"kick": {"kind": kind}}})) for kind in ("flux", "thermal_all_atoms"))
    assert np.array_equal(one.positions, other.positions)
    assert not np.array_equal(one.velocities, other.velocities)
    campaign = setup_of({}).campaign
    assert len({stream(campaign, 3, name).random() for name in STREAMS}) == len(STREAMS)
    spawned = trajectory_rng(24, 3).spawn(len(STREAMS))
    assert [stream(campaign, 3, name).random() for name in STREAMS] == [rng.random() for rng in spawned]


def test_points_of_a_grid_differ_in_energy_and_angle_alone(setup_of: SetupOf) -> None:
    direction = {"kind": "fixed", "azimuth_deg": "random"}
    kick: dict[str, Any] = {"kind": "fixed_energy", "direction": direction}
    grid = {"energies_ev": [0.3, 0.1, 0.2], "polar_deg": [0.0, 40.0]}
    setup = setup_of({"gun": {"kick": kick, "grid": grid}})
    alone = setup_of({"gun": {"kick": kick | {"energy_ev": 0.3, "direction": direction | {"polar_deg": 40.0}}}})
    shots = [draw(index, setup) for index in range(24)]
    assert [shot.shot.index for shot in shots] == list(range(24))
    fired = [(one.shot.kick_energy_ev, one.shot.polar_deg) for one in shots[:6]]
    wanted = [(energy, angle) for angle in (0.0, 40.0) for energy in (0.3, 0.1, 0.2)]
    assert np.allclose(fired, wanted, atol=1e-9)
    for number in range(4):
        mine = shots[6 * number : 6 * number + 6]
        single = draw(number, alone)
        assert _same(dataclasses.replace(mine[3], shot=dataclasses.replace(mine[3].shot, index=number)), single)
        for one in mine:
            assert np.array_equal(one.positions, single.positions)
        assert mine[4].shot.azimuth_deg == pytest.approx(mine[5].shot.azimuth_deg)
    azimuths = {round(shots[6 * number + 3].shot.azimuth_deg, 6) for number in range(4)}
    assert len(azimuths) == 4
    decks = [trajectory_deck(condition, setup) for condition in shots[:6]]
    measured = [recover_shot(deck.data_text, setup.slab.top) for deck in decks]
    assert np.allclose([(one.kick_energy_ev, one.polar_deg) for one in measured], wanted, atol=1e-6)


def test_thermostats_of_a_grid_s_points_share_their_noise_too(setup_of: SetupOf) -> None:
    gun = {"kick": {"kind": "fixed_energy"}, "grid": {"energies_ev": [0.1, 0.2]}}
    campaign = setup_of({"gun": gun}).campaign
    seeds = [stream(campaign, index, "thermostat").integers(1 << 30) for index in range(4)]
    assert seeds[0] == seeds[1] != seeds[2] == seeds[3]


def test_the_record_round_trips_through_json(setup_of: SetupOf) -> None:
    shot = draw(2, setup_of({})).shot
    assert Shot.from_json(shot.to_json()) == shot


def test_the_slab_is_the_pool_s_snapshot_and_the_molecule_a_turned_one(setup_of: SetupOf) -> None:
    setup = setup_of({})
    condition = draw(1, setup)
    k = setup.slab.ids.index(condition.shot.slab_snapshot)
    assert np.array_equal(condition.positions[: condition.n_slab], setup.slab.positions[k])
    assert np.array_equal(condition.velocities[: condition.n_slab], setup.slab.velocities[k])
    assert condition.positions[: condition.n_slab, 2].min() == pytest.approx(1.0)
    assert not condition.velocities[condition.frozen].any()
    k = setup.molecule.ids.index(condition.shot.molecule_snapshot)
    _, distances = get_distances(condition.positions[condition.molecule])
    _, in_the_pool = get_distances(setup.molecule.positions[k])
    assert distances == pytest.approx(in_the_pool)


def test_turning_the_molecule_turns_its_velocities(setup_of: SetupOf) -> None:
    turned, straight = draw(4, setup_of({})), draw(4, setup_of({"gun": {"orientation": "as_drawn"}}))
    assert straight.shot.rotation == (0.0, 0.0, 0.0, 1.0)
    assert turned.shot.rotation != straight.shot.rotation
    assert turned.shot.molecule_snapshot == straight.shot.molecule_snapshot

    def invariants(condition: InitialCondition) -> list[float]:
        """Internal kinetic energy per mass, and the velocities along the bonds."""
        r = condition.positions[condition.molecule] - np.array(condition.shot.com_start)
        v = condition.velocities[condition.molecule] - np.array(condition.shot.kick_velocity)
        return [float((v**2).sum()), float((r * v).sum()), *np.einsum("ij,ij->i", r, v)]

    assert invariants(turned) == pytest.approx(invariants(straight))


def test_orientations_are_uniform(setup_of: SetupOf) -> None:
    setup = setup_of({})
    quaternions = np.array([draw(index, setup).shot.rotation for index in range(400)])
    # A fixed body axis points in every direction alike: its z component is uniform in [-1, 1].
    x, y, z, w = quaternions.T
    for component in (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)):
        assert stats.kstest((component + 1) / 2, "uniform").pvalue > 1e-3


def test_paired_snapshots_stay_together(setup_of: SetupOf) -> None:
    paired = [draw(index, setup_of({"gun": {"pairing": "paired"}})).shot for index in range(30)]
    assert all(shot.slab_snapshot[-2:] == shot.molecule_snapshot[-2:] for shot in paired)
    assert len({shot.slab_snapshot for shot in paired}) == 6
    setup = setup_of({})
    independent = [draw(index, setup).shot for index in range(30)]
    assert any(shot.slab_snapshot[-2:] != shot.molecule_snapshot[-2:] for shot in independent)


def test_a_shot_knows_the_runs_of_its_snapshots_and_an_old_one_may_not(setup_of: SetupOf) -> None:
    shot = draw(0, setup_of({})).shot
    assert (shot.slab_run, shot.molecule_run) == ("0", "0")
    old = {key: value for key, value in shot.to_json().items() if key not in {"slab_run", "molecule_run"}}
    assert Shot.from_json(old) == dataclasses.replace(shot, slab_run="", molecule_run="")


def test_a_slab_that_is_held_nowhere_does_not_drift(
    campaign_of: Callable[[Mapping[str, Any]], Campaign], slab_pool: Pool, molecule_pool: Pool
) -> None:
    system = campaign_of({}).system.model_dump()
    system["slab"]["frozen_layers"] = 0
    free = dataclasses.replace(slab_pool, frozen=np.zeros(len(slab_pool.symbols), dtype=np.bool_))
    setup = prepare(campaign_of({"system": system}), free, molecule_pool, 5.0)
    held = prepare(campaign_of({}), slab_pool, molecule_pool, 5.0)
    masses = standard_masses_u(setup.slab.symbols)
    for index in range(5):
        condition = draw(index, setup)
        assert not condition.frozen.any()
        slab = condition.velocities[: condition.n_slab]
        assert masses @ slab / masses.sum() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
        # Only that: atoms move against each other as in the snapshot.
        k = setup.slab.ids.index(condition.shot.slab_snapshot)
        pool = slab_pool.snapshots[k].get_velocities() * ANGSTROM_PER_PS_PER_ASE_VELOCITY
        assert slab - slab[0] == pytest.approx(pool - pool[0])
        assert np.abs(masses @ draw(index, held).velocities[: condition.n_slab]).max() > 1.0


def test_starts_are_at_the_height_or_clearance_asked_for(setup_of: SetupOf) -> None:
    top = setup_of({}).slab.top
    for index in range(5):
        high = draw(index, setup_of({"gun": {"start": {"kind": "height", "angstrom": 17.0}}}))
        assert high.shot.com_height_angstrom == pytest.approx(17.0)
        plane = high.positions[: high.n_slab][top, 2].mean()
        assert high.shot.com_start[2] - plane == pytest.approx(17.0)
        clear = draw(index, setup_of({"gun": {"start": {"kind": "clearance", "angstrom": 4.0}}}))
        lowest = clear.positions[clear.molecule, 2].min()
        assert clear.shot.clearance_angstrom == pytest.approx(lowest - clear.positions[: clear.n_slab, 2].max())
        assert clear.shot.clearance_angstrom >= 4.0 - 1e-9
        assert clear.shot.rotation == high.shot.rotation  # raised, not drawn again


@pytest.mark.parametrize(
    "gun",
    [{"start": {"kind": "clearance", "angstrom": 6.0}}, {"skip_free_flight": True}],
    ids=["clearance", "skipped flight"],
)
@pytest.mark.parametrize("pairing", ["independent", "paired"])
@pytest.mark.parametrize("orientation", ["random", "as_drawn"])
def test_every_orientation_starts_at_one_height(
    setup_of: SetupOf, gun: Mapping[str, Any], orientation: str, pairing: str
) -> None:
    setup = setup_of({"gun": {**gun, "orientation": orientation, "pairing": pairing}})
    shots = [draw(index, setup).shot for index in range(40)]
    assert len({shot.rotation for shot in shots}) == (1 if orientation == "as_drawn" else 40)
    assert len({shot.com_start[2] for shot in shots}) == 1
    wanted = 6.0 if "start" in gun else setup.cutoff_angstrom + 0.5
    assert min(shot.clearance_angstrom for shot in shots) >= wanted - 1e-9
    # No higher than needed: the longest molecule, upright over the highest atom of the slab, is just so far from it.
    radius = np.linalg.norm(setup.molecule.positions, axis=2).max()
    assert shots[0].com_start[2] == pytest.approx(setup.slab.positions[..., 2].max() + wanted + radius)


def test_a_point_of_the_cell(setup_of: SetupOf) -> None:
    setup = setup_of({"gun": {"place": {"kind": "point", "fractional": [0.25, 0.5]}}})
    assert draw(0, setup).shot.com_start[:2] == pytest.approx(np.array([0.25, 0.5]) @ setup.cell[:2, :2])


def test_skipping_free_flight_changes_only_the_height(setup_of: SetupOf) -> None:
    gun: dict[str, Any] = {"kick": {"kind": "fixed_energy", "energy_ev": 0.3, "direction": {"kind": "components"}}}
    full, skipping = setup_of({"gun": gun}), setup_of({"gun": gun | {"skip_free_flight": True}})
    for index in range(10):
        one, other = draw(index, full).shot, draw(index, skipping).shot
        assert other.clearance_angstrom >= 5.5  # cutoff + 0.5 Å
        assert other.com_start[2] == pytest.approx(skipping.start_z(5.5))
        assert other.kick_velocity == one.kick_velocity
        assert other.skipped_flight_ps * -one.kick_velocity[2] == pytest.approx(
            one.com_height_angstrom - other.com_height_angstrom
        )
        apart = np.subtract(other.impact_xy_angstrom, one.impact_xy_angstrom) @ np.linalg.inv(full.cell[:2, :2])
        assert apart - np.rint(apart) == pytest.approx([0.0, 0.0], abs=1e-9)  # the same point of the cell
    close = draw(
        0, setup_of({"gun": gun | {"skip_free_flight": True, "start": {"kind": "clearance", "angstrom": 4.0}}})
    )
    assert close.shot.skipped_flight_ps == 0.0
    assert close.shot.com_start[2] == pytest.approx(skipping.start_z(4.0))


def _measured(setup: Setup) -> list[MeasuredShot]:
    return [recover_shot(trajectory_deck(draw(i, setup), setup).data_text, setup.slab.top) for i in range(SHOTS)]


def test_the_written_file_holds_exactly_what_was_drawn(setup_of: SetupOf) -> None:
    setup = setup_of({"gun": {"kick": {"kind": "flux"}, "skip_free_flight": True}})
    for index in range(5):
        condition = draw(index, setup)
        found = recover_shot(trajectory_deck(condition, setup).data_text, setup.slab.top)
        assert np.array_equal(found.frame.positions, condition.positions)
        assert np.array_equal(found.velocities, condition.velocities)
        assert np.array_equal(found.frame.cell[:], condition.cell)
        assert tuple(found.frame.get_chemical_symbols()) == condition.symbols
        shot = condition.shot
        assert found.kick_velocity == pytest.approx(shot.kick_velocity)
        for name in ("kick_energy_ev", "polar_deg", "azimuth_deg", "com_height_angstrom", "clearance_angstrom"):
            assert getattr(found, name) == pytest.approx(getattr(shot, name)), name
        assert found.com_start == pytest.approx(shot.com_start)
        assert found.impact_xy_angstrom == pytest.approx(shot.impact_xy_angstrom)


def test_a_text_that_is_no_data_file_is_refused(setup_of: SetupOf) -> None:
    setup = setup_of({})
    text = trajectory_deck(draw(0, setup), setup).data_text
    for broken in ("", "nothing", text[: len(text) // 2], text.split("Velocities", maxsplit=1)[0]):
        with pytest.raises(InputFileError, match="not the data file"):
            recover_shot(broken, setup.slab.top)


READINGS: dict[str, dict[str, Any]] = {
    "thermal_com": {"kind": "thermal_com", "temperature_k": 300.0},
    "thermal_com z": {"kind": "thermal_com", "temperature_k": 300.0, "axes": "z"},
    "flux": {"kind": "flux", "temperature_k": 300.0},
    "thermal_all_atoms": {"kind": "thermal_all_atoms", "temperature_k": 300.0},
    "fixed_energy": {"kind": "fixed_energy", "energy_ev": 0.2},
    "supersonic": {"kind": "supersonic", "stream_velocity_m_per_s": 800.0, "speed_ratio": 4.0},
    "supersonic, by energy": {"kind": "supersonic", "energy_ev": 0.3, "width_m_per_s": 100.0},
}


BEAMS = {"supersonic": (8.0, 2.0), "supersonic, by energy": (5.756, 1.0)}
"""Stream velocity and width in Å/ps."""


def _probability(reading: str, shots: list[MeasuredShot], mass_u: float) -> float:
    """How well measured kicks agree with a reading: the smallest p-value over its independent components."""
    velocity = np.array([shot.kick_velocity for shot in shots])
    energy = np.array([shot.kick_energy_ev for shot in shots])
    width = thermal_width(mass_u, 300.0)
    fixed = {"thermal_all_atoms": 1.5 * 26 * BOLTZMANN_EV_PER_K * 300.0, "fixed_energy": 0.2}
    if reading in fixed:
        return float(np.allclose(energy, fixed[reading], rtol=1e-9))
    if reading in BEAMS:
        along = velocity[:, 2] < 0.999 * -np.linalg.norm(velocity, axis=1)
        return min(
            float(along.all()), float(stats.kstest(-velocity[:, 2], beam_share(*BEAMS[reading], power=3)).pvalue)
        )
    normal = stats.rayleigh if reading == "flux" else stats.halfnorm
    values = [stats.kstest(-velocity[:, 2], normal(scale=width).cdf).pvalue]
    if reading == "thermal_com z":
        values.append(float(np.allclose(velocity[:, :2], 0.0, atol=1e-12)))
    else:
        values += [stats.kstest(velocity[:, axis], stats.norm(scale=width).cdf).pvalue for axis in (0, 1)]
    return float(min(values))


@pytest.mark.parametrize("asked", READINGS)
def test_written_kicks_follow_their_law_and_no_other_reading(setup_of: SetupOf, asked: str) -> None:
    setup = setup_of({"gun": {"kick": READINGS[asked]}})
    shots = _measured(setup)
    for reading in READINGS:
        probability = _probability(reading, shots, setup.molecule.mass_u)
        assert probability > 1e-3 if reading == asked else probability < 1e-6, reading


def test_written_angles_follow_their_law_and_not_the_other_weighting(setup_of: SetupOf) -> None:
    largest = np.radians(85.0)
    for weighting in ("cosine", "solid_angle"):
        direction = {"kind": "cone", "max_polar_deg": 85.0, "weighting": weighting}
        setup = setup_of({"gun": {"kick": {"kind": "fixed_energy", "energy_ev": 0.2, "direction": direction}}})
        shots = _measured(setup)
        polar = np.radians([shot.polar_deg for shot in shots])
        uniform = {
            "solid_angle": (1.0 - np.cos(polar)) / (1.0 - np.cos(largest)),
            "cosine": (np.sin(polar) / np.sin(largest)) ** 2,
        }
        for law, values in uniform.items():
            probability = stats.kstest(values, "uniform").pvalue
            assert probability > 1e-3 if law == weighting else probability < 1e-6, (weighting, law)
        assert stats.kstest(np.array([shot.azimuth_deg for shot in shots]) / 360.0, "uniform").pvalue > 1e-3


def test_written_impact_points_cover_the_cell_evenly(setup_of: SetupOf) -> None:
    kick = READINGS["fixed_energy"] | {"direction": {"kind": "cone", "max_polar_deg": 60.0}}
    setup = setup_of({"gun": {"kick": kick, "skip_free_flight": True}})
    impacts = np.array([shot.impact_xy_angstrom for shot in _measured(setup)])
    fractions = impacts @ np.linalg.inv(setup.cell[:2, :2])
    counts, _, _ = np.histogram2d(fractions[:, 0], fractions[:, 1], bins=4, range=[[0, 1], [0, 1]])
    assert counts.sum() == SHOTS
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_the_molecule_s_own_motion_is_kept_and_its_drift_removed(setup_of: SetupOf) -> None:
    setup = setup_of({})
    for index in range(5):
        condition = draw(index, setup)
        found = recover_shot(trajectory_deck(condition, setup).data_text, setup.slab.top)
        assert found.kick_velocity == pytest.approx(condition.shot.kick_velocity, abs=1e-10)
        # 26 atoms at 300 K: (3 * 26 - 3) / 2 kT, with the scatter of one snapshot.
        assert found.internal_energy_ev == pytest.approx(75 / 2 * BOLTZMANN_EV_PER_K * 300.0, rel=0.6)
