"""What left the surface, against exact answers: mirrors, springs, binary collisions, pieces, the edge of the cell."""

import dataclasses

import numpy as np
import pytest
from scattering_cases import (
    CELL,
    DUMP_PS,
    REACH,
    frames,
    looked_at,
    masses_of,
    only,
    over_resting_slab,
    slab,
    speed,
    verlet,
)

from molgun_lmp.analysis.scattering.departures import bounces
from molgun_lmp.analysis.scattering.directions import exit_direction
from molgun_lmp.arrays import FloatArray
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.units import MVV_TO_EV

TOP = 2.0
"""Å, height of the slab."""


def mirror(polar_deg: float, azimuth_deg: float, velocities: bool = True, wall: float = 3.0) -> list[Frame]:
    """An argon atom of 0.5 eV that a hard wall, 3 Å above the slab, reflects at 0.8 ps."""
    polar, azimuth = np.radians([polar_deg, azimuth_deg])
    along = np.array([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), -np.cos(polar)])
    come = speed(0.5, masses_of(["Ar"])[0]) * along
    hit = np.array([8.5, 0.4, TOP + wall])

    def path(time_ps: float) -> tuple[FloatArray, FloatArray]:
        after = time_ps - 0.8
        how = come if after < 0 else come * [1.0, 1.0, -1.0]
        return hit[None] + after * how, how[None]

    return over_resting_slab(["Ar"], path, count=161, velocities=velocities)


@pytest.mark.parametrize("velocities", [True, False])
@pytest.mark.parametrize(("polar", "azimuth"), [(0.0, 0.0), (30.0, 20.0), (55.0, 215.0)])
def test_a_mirror_takes_nothing_and_gives_the_angle_of_incidence(
    polar: float, azimuth: float, velocities: bool
) -> None:
    found = looked_at(mirror(polar, azimuth, velocities), left=True)
    assert found is not None and found.incidence is not None
    flight = only(found).flight
    assert flight is not None
    assert flight.translation_ev == pytest.approx(0.5, rel=1e-9)
    assert found.incidence.translation_ev == pytest.approx(0.5, rel=1e-9)
    leaves = exit_direction(flight.velocity, found.incidence.velocity)
    assert leaves.polar == pytest.approx(polar, abs=1e-6)
    if polar == 0.0:
        assert leaves.in_plane is None and leaves.out_of_plane is None
        return
    assert leaves.azimuth == pytest.approx(azimuth, abs=1e-6)
    assert leaves.in_plane == pytest.approx(polar, abs=1e-6)
    assert leaves.out_of_plane == pytest.approx(0.0, abs=1e-6)


def test_flight_is_measured_beyond_the_reach_alone_and_the_edge_of_the_cell_does_not_matter() -> None:
    shown = mirror(55.0, 215.0)
    crossings = {tuple(frame.images[-1]) for frame in shown if frame.images is not None}
    assert len(crossings) > 2, "it goes over the edges of the cell on its way"
    found = looked_at(shown, left=True)
    particle = only(found)
    flight = particle.flight
    assert flight is not None and found is not None and found.incidence is not None
    down = speed(0.5, masses_of(["Ar"])[0]) * np.cos(np.radians(55.0))
    least = (REACH - 3.0) / down  # no slab atom is nearer than by height
    assert 0 < flight.frames <= (0.8 - least) / DUMP_PS + 1
    assert flight.frames > (0.8 - least) / DUMP_PS - 25, "and slab atoms aside are a little farther"
    assert flight.duration_ps == pytest.approx((flight.frames - 1) * DUMP_PS)
    assert abs(found.incidence.frames - flight.frames) <= 25
    aside = np.array([2.3, -1.7, 0.0])
    shifted = [dataclasses.replace(frame, positions=frame.positions + aside) for frame in shown]
    there = only(looked_at(shifted, left=True)).flight
    assert there is not None
    assert there.frames == flight.frames
    assert there.velocity == pytest.approx(flight.velocity)


def test_residence_and_bounces_on_a_spring() -> None:
    """A surface that is a massless spring of stiffness k, touched at height h, holds a particle for pi sqrt(m / k)."""
    mass = float(masses_of(["Ar"])[0])
    come, stiff, touch = speed(0.5, mass), 2.0, 3.9
    frequency = np.sqrt(stiff / (mass * MVV_TO_EV))
    held = np.pi / frequency

    def path(time_ps: float) -> tuple[FloatArray, FloatArray]:
        after = time_ps - 0.7
        if after < 0.0:
            height, how = -come * after, -come
        elif after < held:
            height, how = -come / frequency * np.sin(frequency * after), -come * np.cos(frequency * after)
        else:
            height, how = come * (after - held), come
        return np.array([[0.0, 0.0, TOP + touch + height]]), np.array([[0.0, 0.0, how]])

    found = looked_at(over_resting_slab(["Ar"], path, count=220), left=True)
    particle = only(found)
    assert found is not None and found.incidence is not None and particle.flight is not None
    assert particle.flight.translation_ev == pytest.approx(found.incidence.translation_ev, rel=1e-12)
    assert particle.bounces == 1
    assert particle.first_contact_ps is not None and particle.last_contact_ps is not None
    # It is above an atom of the slab: contact, at 4 Å, is 0.1 Å of flight longer at both ends.
    exact = held + 2 * (4.0 - touch) / come
    assert particle.last_contact_ps - particle.first_contact_ps == pytest.approx(exact, abs=2 * DUMP_PS)


@pytest.mark.parametrize("light", ["He", "Ar"])
def test_a_head_on_hit_of_a_free_atom_gives_what_baule_says(light: str) -> None:
    """E. Baule, Ann. Phys. 349, 145 (1914): 4 mu / (1 + mu)^2 of the energy, mu the ratio of the masses."""
    rest = slab()
    symbols = [*rest.get_chemical_symbols(), light]
    masses = masses_of(symbols)
    struck = 4
    start = np.concatenate((rest.positions, rest.positions[struck : struck + 1] + np.array([0.0, 0.0, 9.0])))
    how = np.zeros_like(start)
    how[-1, 2] = -speed(0.3, masses[-1])

    def force(here: FloatArray) -> FloatArray:
        between = here[-1] - here[struck]
        distance = float(np.linalg.norm(between))
        pull = np.zeros_like(here)
        pull[-1] = 40.0 * np.exp(-3.0 * (distance - 1.5)) * between / distance * (distance < REACH)
        pull[struck] = -pull[-1]
        return pull

    places, speeds = verlet(masses, start, how, force, step_ps=5e-4, count=4000 if light == "Ar" else 1600, every=20)
    found = looked_at(frames(symbols, places, speeds), left=True)
    particle = only(found)
    assert found is not None and found.incidence is not None and particle.flight is not None
    mu = masses[-1] / masses[struck]
    lost = 1.0 - particle.flight.translation_ev / found.incidence.translation_ev
    assert lost == pytest.approx(4 * mu / (1 + mu) ** 2, rel=2e-5)


def test_directions_out_of_the_plane_of_incidence_have_a_side() -> None:
    beam = (1.0, 0.0, -1.0)
    assert exit_direction((1.0, 0.0, 1.0), beam) == pytest.approx((45.0, 0.0, 45.0, 0.0))
    back = exit_direction((-1.0, 0.0, 1.0), beam)
    assert (back.in_plane, back.out_of_plane) == pytest.approx((-45.0, 0.0))
    # The beam goes along +x: +y is to the left of who looks along it from above.
    left = exit_direction((0.0, 1.0, 1.0), beam)
    assert (left.azimuth, left.in_plane, left.out_of_plane) == pytest.approx((90.0, 0.0, 45.0))
    right = exit_direction((1.0, -1.0, 1.0), beam)
    assert right.out_of_plane == pytest.approx(-np.degrees(np.arcsin(1 / np.sqrt(3))))
    for turn in (70.0, 200.0):  # about the normal nothing changes but the azimuth
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        turned = exit_direction((c + s, s - c, 1.0), (c, s, -1.0))
        assert (turned.polar, turned.in_plane, turned.out_of_plane) == pytest.approx(
            (right.polar, right.in_plane, right.out_of_plane)
        )


def test_a_molecule_that_has_left_but_still_feels_the_surface_has_no_numbers() -> None:
    shown = mirror(30.0, 0.0)
    early = [frame for frame in shown if frame.unwrapped[-1, 2] < TOP + 5.5]
    particle = only(looked_at(early, left=True))
    assert particle.flight is None
    assert particle.note.startswith("not in free flight: 5.") and "6.0 Å" in particle.note
    assert (particle.bounces, particle.intact, particle.formula) == (1, True, "Ar")
    assert looked_at(shown, left=False) is None, "by its outcome it has not left"
    assert looked_at(shown, left=True, reach=4.0) != looked_at(shown, left=True)
    beyond = only(looked_at(shown, left=True, reach=16.0)).flight
    assert beyond is None, "it feels the slab's image above before it no longer feels the slab"


def test_a_run_whose_positions_are_no_numbers_says_nothing() -> None:
    shown = mirror(30.0, 0.0)
    positions = shown[-1].positions.copy()
    positions[0] = np.nan
    assert looked_at([*shown[:-1], dataclasses.replace(shown[-1], positions=positions)], left=True) is None
    assert looked_at(shown[:1], left=False) is None


def apart(symbols: list[str], at: list[list[float]], how: list[list[float]], replaced: FloatArray) -> list[Frame]:
    """Forty frames of atoms in uniform motion from `at`; `replaced` (9, 3) Å/ps: the slab's velocities."""
    start = np.concatenate((slab().positions, np.array(at)))
    motion = np.concatenate((replaced, np.array(how)))
    count = 60
    return frames(
        ["Ni"] * 9 + symbols,
        [start + motion * index * DUMP_PS for index in range(count)],
        [motion] * count,
    )


def test_each_piece_that_left_is_a_particle_and_what_stays_is_none() -> None:
    rest = np.zeros((9, 3))
    shown = apart(
        ["O", "O", "H", "C"],
        [[1.0, 1.0, 3.0], [6.0, 3.0, 3.5], [6.9, 3.0, 3.5], [4.0, 5.0, 4.0]],
        [[0.0, 0.0, 0.0], [0.0, 2.0, 12.0], [0.0, 2.0, 12.0], [0.0, 0.0, -1.0]],
        rest,
    )
    found = looked_at(shown, left=False)
    particle = only(found)
    assert (particle.formula, particle.atoms, particle.of_slab, particle.intact) == ("HO", (10, 11), 0, False)
    flight = particle.flight
    assert flight is not None and flight.rotation_ev == pytest.approx(0.0, abs=1e-12)
    assert flight.velocity == pytest.approx((0.0, 2.0, 12.0))
    # Of a class that says that all of it left, pieces are pieces still.
    assert looked_at(shown, left=True) == found


def test_pieces_that_left_side_by_side_are_there_and_say_what_they_still_feel() -> None:
    """They part at 10 Å/ps, from 2.5 Å: in the last frame they are 8.4 Å apart, beyond the reach for a while."""
    at, how = [[4.0, 4.0, 5.0], [4.0, 4.0, 7.5]], [[0.0, 0.0, 10.0], [0.0, 0.0, 20.0]]
    shown = apart(["C", "O"], at, how, np.zeros((9, 3)))
    found = looked_at(shown, left=False)
    assert found is not None
    assert [(one.formula, one.intact, one.note) for one in found.particles] == [("C", False, ""), ("O", False, "")]
    for one, speed_up in zip(found.particles, (10.0, 20.0), strict=True):
        assert one.flight is not None and one.flight.velocity[2] == pytest.approx(speed_up)
        assert one.flight.duration_ps == pytest.approx(0.23, abs=0.015), "since they were 6 Å apart"
    early = looked_at(shown[:30], left=False)
    assert early is not None
    assert [one.flight for one in early.particles] == [None, None]
    assert all("5.4 Å from other atoms" in one.note for one in early.particles)


def test_an_atom_of_the_slab_may_leave_alone_or_with_the_molecule_across_the_edge() -> None:
    taken = np.zeros((9, 3))
    taken[0] = [0.0, 0.0, 14.0]  # it sits at the cell's corner
    picked = apart(["H"], [(CELL[0] + CELL[1] + [-0.2, -0.1, 3.4]).tolist()], [[0.0, 0.0, 14.0]], taken)
    particle = only(looked_at(picked, left=False))
    assert (particle.formula, particle.atoms, particle.of_slab, particle.intact) == ("HNi", (0, 9), 1, False)
    assert particle.flight is not None
    mass = masses_of(["Ni", "H"]).sum()
    assert particle.flight.translation_ev == pytest.approx(0.5 * MVV_TO_EV * mass * 14.0**2)
    # Contact is with what it leaves behind: the nearest slab atom is then 3 Å to its side, and 1.4 Å below.
    assert particle.first_contact_ps == 0.0 and particle.last_contact_ps is not None
    assert 0.05 < particle.last_contact_ps < 0.3
    # Whole: the two are 1.4 Å apart through the corner, not a cell.
    ((distance, _), *_) = particle.flight.phases
    assert distance == pytest.approx(np.sqrt(0.2**2 + 0.1**2 + 1.4**2))
    alone = apart(["H"], [[1.0, 1.0, 3.0]], [[0.0, 0.0, 0.0]], taken)
    sputtered = only(looked_at(alone, left=False))
    assert (sputtered.formula, sputtered.of_slab, sputtered.bounces) == ("Ni", 1, None)
    assert sputtered.first_contact_ps is None


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([5, 4, 3, 4, 5], 1),
        ([5, 4, 3, 3.2, 3.0, 3.2, 5], 1),
        ([5, 3, 4, 3, 5], 2),
        ([5, 3, 4, 3, 3.1], 1),
        ([5, 3, 3.25, 3.0, 3.29, 2.9, 3.3], 1),
        ([5, 4, 3], 0),
        ([3, 4, 5], 1),
        ([9, 8, 7.5, 8, 9], 0),
        ([9, 7, 9, 3, 9], 1),
    ],
)
def test_bounces_are_lowest_points_near_the_surface(heights: list[float], expected: int) -> None:
    values = np.array(heights, dtype=np.float64)
    assert bounces(values, values < 6.0) == expected
