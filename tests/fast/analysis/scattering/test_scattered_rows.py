"""The table of what came back and the means over it: energies add up, and shots that share snapshots count as such."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paper_classes import SCATTERED, SCHEME
from report_cases import a_shot
from scattering_cases import looked_at, masses_of, over_resting_slab, speed

from molgun_lmp.analysis.scattering.diatomic import fit_curve
from molgun_lmp.analysis.scattering.means import ACCOMMODATIONS, QUANTITIES, mean_of, means
from molgun_lmp.analysis.scattering.scattered import Scattered, Species, curves_of, scattered
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, two_way_variance
from molgun_lmp.arrays import FloatArray
from molgun_lmp.heat_records import Heat
from molgun_lmp.records import Outcome, Shot
from molgun_lmp.results.scattering import SCATTERED_CSV, SCATTERING_CSV, CameBack, write_scattering
from molgun_lmp.scattering_records import Flight, Particle, Scattering
from molgun_lmp.units import BOLTZMANN_EV_PER_K, HBAR, MVV_TO_EV

MASS = float(masses_of(["O"])[0])


def outcome_with(scattering: Scattering | None, index: int = 0) -> Outcome:
    return Outcome(
        trajectory_id=f"{index:06d}",
        mode=SCATTERED,
        stuck=False,
        contact=True,
        first_contact_ps=0.3,
        first_bond_ps=None,
        time_ps=2.0,
        lowest_clearance_angstrom=2.0,
        events=(),
        bonds=(),
        reason="",
        truncated=False,
        slab_snapshot=f"s{index % 3}",
        molecule_snapshot=f"m{index % 4}",
        scattering=scattering,
    )


def shot(velocity: tuple[float, float, float] = (3.0, 4.0, -12.0)) -> Shot:
    return dataclasses.replace(
        a_shot(0), slab_snapshot="s0", molecule_snapshot="m0", kick_velocity=velocity, kick_energy_ev=0.7, polar_deg=0.0
    )


def diatomic(velocity: tuple[float, float, float], spin: float, stretch: float = 0.0) -> Flight:
    """One frame of O2, 1.2 Å long, with an angular momentum (ħ) along x and a speed of stretching in Å/ps."""
    reduced = MASS / 2
    rotation = 0.5 * MVV_TO_EV * (spin * HBAR) ** 2 / (reduced * 1.2**2)
    kinetic = 0.5 * MVV_TO_EV * reduced * stretch**2
    return Flight(
        frames=1,
        duration_ps=0.0,
        velocity=velocity,
        translation_ev=MVV_TO_EV * MASS * float(np.square(velocity).sum()),
        angular_momentum=(spin, 0.0, 0.0),
        rotation_ev=rotation,
        vibration_kinetic_ev=kinetic,
        vibrations=1,
        reduced_mass_u=reduced,
        phases=((1.2, rotation + kinetic),),
    )


def particle(flight: Flight | None, **different: Any) -> Particle:
    usual = Particle(
        atoms=(9, 10), formula="O2", of_slab=0, intact=True, flight=flight,
        first_contact_ps=0.3, last_contact_ps=0.8, bounces=2,
    )  # fmt: skip
    return dataclasses.replace(usual, **different)


def test_what_a_molecule_gives_away_is_what_it_has_less_in_all_its_motions() -> None:
    came, went = diatomic((3.0, 4.0, -12.0), 5.0, 8.0), diatomic((3.0, 4.0, 7.0), 11.0, 2.0)
    (row,) = scattered([(outcome_with(Scattering(incidence=came, particles=(particle(went),))), shot())], {})
    assert row.incidence_polar_deg == pytest.approx(np.degrees(np.arctan(5 / 12)))
    assert row.incidence_azimuth_deg == pytest.approx(np.degrees(np.arctan(4 / 3)))
    assert (row.polar_deg, row.in_plane_deg) == pytest.approx((np.degrees(np.arctan(5 / 7)),) * 2)
    assert row.out_of_plane_deg == pytest.approx(0.0, abs=1e-9)
    assert row.translation_lost_ev == pytest.approx(MVV_TO_EV * MASS * (144 - 49))
    assert row.fraction_lost == pytest.approx((144 - 49) / 169)
    assert came.rotation_ev and came.vibration_kinetic_ev and went.rotation_ev and went.vibration_kinetic_ev
    within = came.rotation_ev + 2 * came.vibration_kinetic_ev - went.rotation_ev - 2 * went.vibration_kinetic_ev
    assert row.to_surface_ev == pytest.approx(MVV_TO_EV * MASS * (144 - 49) + within)
    assert (row.vibration_by, row.angular_momentum) == ("virial", 11.0)
    assert row.vibration_error_ev == pytest.approx(2 * went.vibration_kinetic_ev / np.sqrt(2))
    assert row.j == pytest.approx(-0.5 + np.sqrt(121.25)) and row.v is None
    assert row.residence_ps == pytest.approx(0.5)
    assert (row.bounces, row.note) == (2, "")


def test_with_a_curve_the_vibration_is_all_that_is_not_rotation() -> None:
    rng = np.random.default_rng(3)
    stiff, reduced = 70.0, MASS / 2
    flights = []
    for energy in (0.1, 0.25, 0.4):
        phase = rng.uniform(0, 2 * np.pi, 12)
        lengths = 1.2 + np.sqrt(2 * energy / stiff) * np.sin(phase)
        phases = tuple(zip(lengths.tolist(), (energy * np.cos(phase) ** 2).tolist(), strict=True))
        flights.append(dataclasses.replace(diatomic((0.0, 0.0, 9.0), 0.0), frames=12, phases=phases))
    curve = fit_curve("O2", reduced, flights)
    assert curve is not None
    curves = {Species("O2", reduced): curve}
    found = outcome_with(Scattering(incidence=flights[2], particles=(particle(flights[0]),)))
    (row,) = scattered([(found, shot())], curves)
    assert row.vibration_by == "curve"
    assert row.vibration_ev == pytest.approx(0.1, rel=0.02)
    assert row.incidence_vibration_ev == pytest.approx(0.4, rel=0.02)
    quantum = HBAR * np.sqrt(stiff * MVV_TO_EV / reduced)
    assert row.v == pytest.approx(0.1 / quantum - 0.5, abs=0.02)
    assert row.incidence_v == pytest.approx(0.4 / quantum - 0.5, abs=0.05)
    assert row.translation_lost_ev == pytest.approx(0.0) and row.to_surface_ev == pytest.approx(0.3, rel=0.03)
    assert row.note == ""
    strong = dataclasses.replace(flights[2], phases=((1.2, 0.6),))  # 0.4 eV was seen
    (row,) = scattered([(outcome_with(Scattering(incidence=None, particles=(particle(strong),))), shot())], curves)
    assert row.note == "its vibration goes beyond what was seen of its curve"
    again = curves_of([outcome_with(Scattering(incidence=one, particles=(particle(one),))) for one in flights])
    assert again.keys() == curves.keys()
    isotope = dataclasses.replace(flights[0], reduced_mass_u=8.5)
    other = outcome_with(Scattering(incidence=isotope, particles=(particle(isotope),)))
    (row,) = scattered([(other, shot())], curves)
    assert row.vibration_by == "virial", "a curve is of one isotope"


def test_what_was_not_in_free_flight_and_what_is_no_whole_molecule_has_fewer_numbers() -> None:
    went = diatomic((0.0, 0.0, 7.0), 11.0, 2.0)
    both = (
        particle(None, note="not in free flight: 5.1 Å from other atoms"),
        particle(went, intact=False, formula="NiO", of_slab=1),
    )
    bound, piece = scattered([(outcome_with(Scattering(incidence=None, particles=both)), shot())], {}, held=True)
    assert (bound.frames, bound.translation_ev, bound.polar_deg, bound.translation_lost_ev) == (0, None, None, None)
    assert bound.note.startswith("not in free flight") and "thermostat" not in bound.note
    assert bound.incidence_ev == 0.7, "as it was kicked where it began within reach"
    assert (piece.translation_lost_ev, piece.to_surface_ev, piece.incidence_rotation_ev) == (None, None, None)
    assert piece.polar_deg == pytest.approx(0.0) and piece.particle == 1
    assert piece.note == "under a thermostat in flight"
    assert scattered([(outcome_with(None), shot())], {}) == ()


def test_an_atom_gives_the_surface_what_it_loses() -> None:
    mass = float(masses_of(["Ar"])[0])
    come = speed(0.5, mass)

    def path(time_ps: float) -> tuple[FloatArray, FloatArray]:
        after = time_ps - 0.8
        how = np.array([0.0, 0.0, -come if after < 0 else 0.5 * come])
        return np.array([[0.0, 0.0, 5.0]]) + after * how, how[None]

    found = looked_at(over_resting_slab(["Ar"], path, count=230), left=True)
    (row,) = scattered([(outcome_with(found), shot())], curves_of([outcome_with(found)]))
    assert row.to_surface_ev == row.translation_lost_ev == pytest.approx(0.375)
    assert row.fraction_lost == pytest.approx(0.75)
    assert row.vibration_by == ""
    assert (row.rotation_ev, row.vibration_ev, row.j, row.v, row.in_plane_deg) == (None,) * 5


def rows_of(values: FloatArray) -> tuple[Scattered, ...]:
    """Atoms that left with these energies, eV, one a shot."""
    shots = []
    for index, energy in enumerate(values.tolist()):
        flight = Flight(frames=3, duration_ps=0.1, velocity=(0.0, 0.0, speed(energy, MASS)), translation_ev=energy)
        one = particle(flight, atoms=(9,), formula="O")
        shots.append((outcome_with(Scattering(incidence=None, particles=(one,)), index), shot()))
    return scattered(shots, {})


def test_means_have_intervals_over_snapshots() -> None:
    rng = np.random.default_rng(5)
    slab = np.repeat(np.arange(12), 5)
    molecule = np.tile(np.arange(20), 3)
    values = 0.2 + 0.02 * rng.normal(size=12)[slab] + 0.01 * rng.normal(size=60)
    clusters = Clusters.of(slab.tolist(), molecule.tolist())
    mean = mean_of("O", "translation_ev", values, clusters)
    half = 2.201 * np.sqrt(two_way_variance(values, clusters))  # Student's t of 11 degrees of freedom
    assert (mean.mean, mean.spread) == pytest.approx((values.mean(), values.std(ddof=1)))
    assert mean.note == ""
    assert (mean.low, mean.high) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-4)
    independent = Clusters.of(range(60), range(60))
    free = mean_of("O", "translation_ev", values, independent)
    assert free.high is not None and mean.high is not None
    assert free.high - free.mean == pytest.approx(2.001 * values.std(ddof=1) / np.sqrt(60), rel=1e-3)
    assert mean.high - mean.mean > 1.5 * (free.high - free.mean), "shots of one slab snapshot are alike"
    alone = mean_of("O", "translation_ev", values, Clusters.of([0] * 60, range(60)))
    assert (alone.low, alone.high) == (None, None) and "snapshot" in alone.note
    table = means(rows_of(values), clusters)
    assert {one.quantity for one in table} <= QUANTITIES.keys()
    (energy,) = (one for one in table if one.quantity == "translation_ev")
    assert (energy.mean, energy.low) == pytest.approx((mean.mean, mean.low))
    assert energy.cells()[:3] == ("O", "translational energy / eV", "60")
    assert "unknown" in alone.cells()[4]
    points = {"0.1 eV": np.arange(60) % 2 == 1, "0.5 eV": np.arange(60) % 2 == 0, "1 eV": np.zeros(60, dtype=np.bool_)}
    at = [one for one in means(rows_of(values), clusters, points) if one.quantity == "translation_ev"]
    assert [(one.point, one.particles) for one in at] == [("0.1 eV", 30), ("0.5 eV", 30)]
    assert [one.mean for one in at] == pytest.approx([values[1::2].mean(), values[::2].mean()])
    assert at[0].cells()[0] == "O, 0.1 eV" and energy.point == ""
    assert not [one for one in table if one.quantity in {"v", "rotation_ev"}], "an atom has none"


@pytest.mark.parametrize("share", [0.0, 1.0, 0.3])
def test_accommodation_is_none_of_a_mirror_and_all_of_a_surface_in_equilibrium(share: float) -> None:
    """Maxwell's surface: a share of the molecules leaves as an effusive flux at its temperature, the others as from a
    mirror (J. C. Maxwell, Phil. Trans. R. Soc. 170, 231 (1879))."""
    rng = np.random.default_rng(0)
    number, slab_k = 1500, 400.0
    width = np.sqrt(BOLTZMANN_EV_PER_K * slab_k / (MASS * MVV_TO_EV))
    came = speed(0.5, MASS) * np.array([np.sin(0.6), 0.0, -np.cos(0.6)])
    heat = Heat(
        slab_before_k=slab_k, slab_end_k=None, molecule_before_k=None, molecule_end_k=None,
        translation_before_ev=None, translation_end_ev=None,
    )  # fmt: skip
    arrives = Flight(frames=1, duration_ps=0.0, velocity=(came[0], came[1], came[2]), translation_ev=0.5)
    shots = []
    for index in range(number):
        how = came * [1.0, 1.0, -1.0]
        if rng.random() < share:
            how = np.array([*rng.normal(0.0, width, 2), rng.rayleigh(width)])
        energy = float(0.5 * MASS * MVV_TO_EV * how @ how)
        flight = Flight(frames=1, duration_ps=0.0, velocity=(how[0], how[1], how[2]), translation_ev=energy)
        one = particle(flight, atoms=(9,), formula="O")
        outcome = outcome_with(Scattering(incidence=arrives, particles=(one,)), index)
        shots.append((dataclasses.replace(outcome, heat=heat), shot()))
    clusters = Clusters.of(range(number), range(number))
    found = {one.quantity: one for one in means(scattered(shots, {}), clusters) if one.quantity in ACCOMMODATIONS}
    assert found.keys() == ACCOMMODATIONS.keys()
    for coefficient in found.values():
        assert coefficient.low is not None and coefficient.high is not None
        half = (coefficient.high - coefficient.low) / 2
        assert half < 0.05
        assert coefficient.mean == pytest.approx(share, abs=2 * half + 1e-9)
    straight = [(outcome, shot((0.0, 0.0, -9.0))) for outcome, _ in shots[:50]]
    down = Flight(frames=1, duration_ps=0.0, velocity=(1e-9, 0.0, -9.0), translation_ev=2 * BOLTZMANN_EV_PER_K * slab_k)
    alone = [
        (dataclasses.replace(outcome, scattering=dataclasses.replace(outcome.scattering, incidence=down)), fired)
        for outcome, fired in straight
        if outcome.scattering is not None
    ]
    few = {one.quantity for one in means(scattered(alone, {}), clusters.take(np.arange(number) < 50))}
    assert few & ACCOMMODATIONS.keys() == {"normal_accommodation"}, "nothing else could be exchanged"


def test_tables_hold_every_number_and_headers_alone_where_nothing_left(tmp_path: Path) -> None:
    rows = rows_of(np.array([0.1, 0.3]))
    clusters = Clusters.of(["a", "b"], ["c", "d"])
    write_scattering(CameBack(rows=rows, clusters=clusters, means=means(rows, clusters), curves=()), tmp_path)
    with (tmp_path / SCATTERED_CSV).open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert [float(line["translation_ev"]) for line in lines] == [row.translation_ev for row in rows]
    assert [line["mode"] for line in lines] == ["scattered"] * 2
    assert [line["v"] for line in lines] == ["", ""]
    with (tmp_path / SCATTERING_CSV).open(newline="") as handle:
        assert {line["quantity"] for line in csv.DictReader(handle)} >= {"translation_ev", "polar_deg"}
    write_scattering(CameBack(rows=(), clusters=Clusters.of([], []), means=(), curves=()), tmp_path)
    assert (tmp_path / SCATTERED_CSV).read_text().splitlines() == [",".join(lines[0])]


def test_it_is_kept_with_the_outcome_to_the_last_bit() -> None:
    went = diatomic((0.1, 0.2, 0.7), 11.0, 2.0)
    outcome = outcome_with(Scattering(incidence=went, particles=(particle(went), particle(None, note="n"))))
    assert Outcome.from_json(outcome.to_json(), SCHEME) == outcome
    before = {key: value for key, value in outcome_with(None).to_json().items() if key != "scattering"}
    assert Outcome.from_json(before, SCHEME) == outcome_with(None), "of an earlier version"
