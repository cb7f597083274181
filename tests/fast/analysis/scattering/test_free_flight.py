"""Energies within a molecule in free flight, against rotors and vibrations whose answers are known."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from scattering_cases import masses_of, verlet
from scipy.spatial.transform import Rotation

from molgun_lmp.analysis.scattering.diatomic import Curve, fit_curve, rotational_number, vibrational_number
from molgun_lmp.analysis.scattering.free_flight import measure
from molgun_lmp.arrays import FloatArray
from molgun_lmp.scattering_records import Flight
from molgun_lmp.units import HBAR, MVV_TO_EV

HYDROGEN = {"depth_ev": 4.75, "stiffness": 1.94, "length": 0.741}
"""About that of H2: eV, 1/Å, Å."""
MASSES = masses_of(["H", "H"])
REDUCED = float(MASSES.prod() / MASSES.sum())
DRIFT = np.array([3.0, -2.0, 9.0])


def morse(**different: float) -> Curve:
    usual = HYDROGEN | {"mass": REDUCED, "shortest": 0.5, "longest": 1.2, "rms_ev": 0.0}
    return Curve(formula="H2", frames=0, **(usual | different))


def level(curve: Curve, v: float) -> float:
    """The energy of a Morse curve's level v without rotation, eV: w (v + 1/2) - (w (v + 1/2))^2 / 4 D."""
    quantum = HBAR * curve.stiffness * np.sqrt(2.0 * curve.depth_ev * MVV_TO_EV / curve.mass) * (v + 0.5)
    return float(quantum - quantum**2 / (4.0 * curve.depth_ev))


def spaced(count: int, interval: float) -> FloatArray:
    return np.linspace(0.0, (count - 1) * interval, count)


def flown(
    curve: Curve, states: Sequence[tuple[float, float]], *, frames: int, every: int = 200, starts: Sequence[int]
) -> list[Flight]:
    """Flights of diatomics, each with an energy within it (eV) and an angular momentum (ħ) about y, by Newton.

    They begin at r_e, moving apart; a frame every 20 fs, the first of each after `starts` others.
    """
    energies, momenta = np.array(states).T
    around = momenta * HBAR / (curve.mass * curve.length)
    radial = np.sqrt(2.0 * energies / (curve.mass * MVV_TO_EV) - around**2)
    apart = np.tile([curve.length, 0.0, 0.0], (len(states), 1))
    motion = np.column_stack([radial, np.zeros(len(states)), -around])  # x cross -z is +y
    shares = np.array([-MASSES[1], MASSES[0]])[None, :, None] / MASSES.sum()

    def force(here: FloatArray) -> FloatArray:
        between = here[1::2] - here[::2]
        distances = np.linalg.norm(between, axis=1, keepdims=True)
        decay = np.exp(-curve.stiffness * (distances - curve.length))
        pull = -2.0 * curve.depth_ev * curve.stiffness * (1.0 - decay) * decay * between / distances
        forces: FloatArray = np.stack([-pull, pull], axis=1).reshape(-1, 3)
        return forces

    places, speeds = verlet(
        np.tile(MASSES, len(states)),
        (shares * apart[:, None]).reshape(-1, 3),
        (shares * motion[:, None] + DRIFT).reshape(-1, 3),
        force,
        step_ps=1e-4,
        count=every * (frames - 1 + max(starts)),
        every=every,
    )
    shown = [slice(start, start + frames) for start in starts]
    times = spaced(frames, every * 1e-4)
    return [
        measure(
            MASSES, times, np.array(places[part])[:, [2 * k, 2 * k + 1]], np.array(speeds[part])[:, [2 * k, 2 * k + 1]]
        )
        for k, part in enumerate(shown)
    ]


def test_a_rigid_rotor_has_its_rotation_and_nothing_else() -> None:
    length, j, count = 1.128, 7, 9
    masses = masses_of(["C", "O"])
    reduced = float(masses.prod() / masses.sum())
    size = np.sqrt(j * (j + 1)) * HBAR
    axis = np.array([1.0, -2.0, 0.5]) / np.sqrt(5.25)
    first = np.cross(axis, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    rate = size / (reduced * length**2)
    times = spaced(count, 0.02)
    out = np.cos(rate * times)[:, None] * first + np.sin(rate * times)[:, None] * second
    turn = rate * (np.cos(rate * times)[:, None] * second - np.sin(rate * times)[:, None] * first)
    share = np.array([-masses[1], masses[0]])[None, :, None] / masses.sum() * length
    flight = measure(masses, times, share * out[:, None] + DRIFT * times[:, None, None], share * turn[:, None] + DRIFT)
    assert flight.angular_momentum is not None and flight.rotation_ev is not None
    assert np.array(flight.angular_momentum) == pytest.approx(np.sqrt(j * (j + 1)) * axis)
    assert rotational_number(float(np.linalg.norm(flight.angular_momentum))) == pytest.approx(j)
    assert flight.rotation_ev == pytest.approx(MVV_TO_EV * size**2 / (2 * reduced * length**2))
    # B of CO is 1.931 / cm (K. P. Huber and G. Herzberg, Constants of Diatomic Molecules, 1979).
    assert flight.rotation_ev == pytest.approx(1.931 * 1.239842e-4 * j * (j + 1), rel=0.01)
    assert flight.vibration_kinetic_ev == pytest.approx(0.0, abs=1e-12)
    assert flight.velocity == pytest.approx(tuple(DRIFT))
    assert flight.vibrations == 1


def test_a_rigid_top_of_any_shape_has_no_vibration() -> None:
    rng = np.random.default_rng(4)
    masses = masses_of(["O", "H", "H", "C"])
    shape, spin = rng.normal(0.0, 1.0, (4, 3)), np.array([10.0, -7.0, 23.0])
    shape -= masses @ shape / masses.sum()
    turned = [Rotation.from_rotvec(0.3 * index * spin / np.linalg.norm(spin)).apply(shape) for index in range(5)]
    positions = np.array(turned)
    velocities = np.cross(spin, positions) + DRIFT
    flight = measure(masses, spaced(5, 0.1), positions, velocities)
    kinetic = 0.5 * MVV_TO_EV * masses @ ((velocities[0] - DRIFT) ** 2).sum(axis=1)
    assert flight.rotation_ev == pytest.approx(float(kinetic))
    assert flight.vibration_kinetic_ev == pytest.approx(0.0, abs=1e-10)
    assert (flight.vibrations, flight.phases) == (6, ())


def test_bending_of_a_linear_molecule_is_no_rotation() -> None:
    masses = masses_of(["O", "C", "O"])
    straight = np.array([[-1.16, 0.0, 0.0], [0.0, 0.0, 0.0], [1.16, 0.0, 0.0]])
    bend = np.array([[0.0, 0.05, 0.0], [0.0, -0.13328, 0.0], [0.0, 0.05, 0.0]])
    around = np.stack([np.zeros(3), -bend[:, 2], bend[:, 1]], axis=1)  # the same along z: it bends in a circle
    flight = measure(masses, np.zeros(1), (straight + bend)[None], 120.0 * around[None])
    assert flight.vibrations == 4
    assert flight.rotation_ev is not None and flight.vibration_kinetic_ev is not None
    assert flight.rotation_ev < 0.02 * flight.vibration_kinetic_ev


def test_an_atom_has_translation_alone_and_positions_alone_give_no_more_of_a_molecule() -> None:
    times = spaced(6, 0.02)
    path = times[:, None, None] * DRIFT + np.array([[[1.0, 2.0, 3.0]]])
    atom = measure(np.array([40.0]), times, path, np.broadcast_to(DRIFT, path.shape).copy())
    assert atom.translation_ev == pytest.approx(0.5 * MVV_TO_EV * 40.0 * DRIFT @ DRIFT)
    assert (atom.rotation_ev, atom.angular_momentum, atom.vibrations) == (None, None, 0)
    placed = measure(np.array([40.0]), times, path, None)
    assert placed.velocity == pytest.approx(atom.velocity)
    pair = measure(MASSES, times, np.concatenate((path, path + 0.5), axis=1), None)
    assert pair.velocity == pytest.approx(tuple(DRIFT)) and pair.rotation_ev is None
    with pytest.raises(ValueError, match="two frames"):
        measure(MASSES, times[:1], path[:1], None)
    with pytest.raises(ValueError, match="a frame"):
        measure(MASSES, times[:0], path[:0], path[:0])


@pytest.mark.parametrize(("v", "j"), [(0, 0), (1, 0), (3, 0), (0, 6), (2, 9)])
def test_the_action_of_a_morse_curve_gives_its_levels_back(v: int, j: int) -> None:
    curve = morse()
    momentum = float(np.sqrt(j * (j + 1)))
    assert vibrational_number(curve, level(curve, v), 0.0) == pytest.approx(v, abs=1e-4)
    if j == 0:
        return
    # With rotation: C. L. Pekeris, Phys. Rev. 45, 98 (1934), to second order in J (J + 1).
    unit = 0.5 * MVV_TO_EV * HBAR**2 / (curve.mass * curve.length**2)
    quantum = HBAR * curve.stiffness * np.sqrt(2.0 * curve.depth_ev * MVV_TO_EV / curve.mass)
    stretch = curve.stiffness * curve.length
    coupling = 3.0 * quantum * unit / (2.0 * stretch * curve.depth_ev) * (1.0 - 1.0 / stretch)
    square = j * (j + 1)
    energy = level(curve, v) + unit * square - coupling * (v + 0.5) * square - 4 * unit**3 / quantum**2 * square**2
    assert vibrational_number(curve, energy, momentum) == pytest.approx(v, abs=0.02)


def test_what_dissociates_has_no_level_and_what_hardly_moves_has_no_action() -> None:
    curve = morse()
    assert vibrational_number(curve, 4.8, 0.0) is None
    assert vibrational_number(curve, -1e-3, 0.0) == -0.5
    assert vibrational_number(curve, 1e-7, 0.0) == pytest.approx(-0.5, abs=1e-4)


def test_free_flight_gives_the_curve_and_from_it_the_levels() -> None:
    """Flights of few frames 20 fs apart, more than two periods of H2: the curve comes from all of them together."""
    curve = morse()
    levels = [(0, 0.0), (0, 4.0), (1, 2.0), (2, 0.0), (0, 9.0), (1, 6.0)]
    unit = 0.5 * MVV_TO_EV * HBAR**2 / (curve.mass * curve.length**2)
    states = [(level(curve, v) + unit * momentum**2, momentum) for v, momentum in levels]
    flights = flown(curve, states, frames=8, starts=(0, 3, 7, 1, 2, 5))
    found = fit_curve("H2", REDUCED, flights)
    assert found is not None
    assert found.depth_ev == pytest.approx(curve.depth_ev, rel=0.01)
    assert found.stiffness == pytest.approx(curve.stiffness, rel=0.01)
    assert found.length == pytest.approx(curve.length, abs=1e-3)
    assert found.rms_ev < 1e-3 and found.frames == 48
    short = flown(curve, states, frames=1, starts=[4] * 6)  # as short as a flight can be
    for (v, momentum), (energy, _), alone in zip(levels, states, short, strict=True):
        within = found.internal_ev(alone)
        assert within == pytest.approx(energy, abs=4e-3)
        assert alone.angular_momentum == pytest.approx((0.0, momentum, 0.0), abs=1e-6)
        expected = vibrational_number(curve, energy, momentum)
        assert within is not None and expected is not None
        assert vibrational_number(found, within, momentum) == pytest.approx(expected, abs=0.02)
        if momentum == 0.0:
            assert expected == pytest.approx(v, abs=1e-3)


def test_a_harmonic_diatomic_has_evenly_spaced_levels() -> None:
    """k = 30 eV/Å^2: a Morse curve so soft and deep that it is a parabola, as the fit may take it for one."""
    curve = morse(depth_ev=15.0 / 0.2**2, stiffness=0.2)
    quantum = HBAR * np.sqrt(30.0 * MVV_TO_EV / REDUCED)
    states = [(quantum * (v + 0.5), 0.0) for v in range(3)]
    flights = flown(curve, states, frames=12, starts=(0, 1, 2))
    found = fit_curve("H2", REDUCED, flights)
    assert found is not None
    # and twice its kinetic energy over many frames is all of it
    many = flown(curve, states, frames=100, every=13, starts=(0, 1, 2))
    for v, (flight, long) in enumerate(zip(flights, many, strict=True)):
        within = found.internal_ev(flight)
        assert within == pytest.approx(quantum * (v + 0.5), rel=5e-3)
        assert within is not None and vibrational_number(found, within, 0.0) == pytest.approx(v, abs=0.02)
        assert long.vibration_kinetic_ev is not None
        assert 2.0 * long.vibration_kinetic_ev == pytest.approx(quantum * (v + 0.5), rel=0.05)


def test_too_few_frames_or_noise_give_no_curve() -> None:
    curve = morse()
    flights = flown(curve, [(level(curve, v), 0.0) for v in range(3)], frames=4, starts=(0, 1, 2))
    assert fit_curve("H2", REDUCED, flights) is None
    assert fit_curve("H2", REDUCED, []) is None
    rng = np.random.default_rng(0)
    noise = [
        Flight(
            frames=12,
            duration_ps=0.1,
            velocity=(0.0, 0.0, 1.0),
            translation_ev=0.1,
            phases=tuple(zip(rng.uniform(0.6, 0.9, 12).tolist(), rng.uniform(0.0, 0.5, 12).tolist(), strict=True)),
        )
        for _ in itertools.repeat(None, 5)
    ]
    assert fit_curve("H2", REDUCED, noise) is None
