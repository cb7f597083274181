"""Molecules that fly alone by many outer steps: the energies that come out, and what is read from them."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.training.distillation.figure import draw_flights
from molgun_lmp.training.distillation.free_flights import Flights, KeptEnergy, fly

DEPTH_EV, WIDTH, REST_ANGSTROM = 4.5, 1.9, 1.06
REDUCED_U = 1.008 * 12.011 / (1.008 + 12.011)
PERIOD_FS = math.tau / (WIDTH * math.sqrt(2.0 * DEPTH_EV / REDUCED_U)) / units.fs
"""Of small vibrations: 10.1 fs."""


@dataclasses.dataclass
class Bond:
    """A share of a Morse bond between two atoms."""

    share: float = 1.0
    elements: frozenset[str] = frozenset({"C", "H"})
    cutoff_angstrom: float = 5.0

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return self.answer(structure.positions)

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        return [self.evaluate(one) for one in structures]

    def answer(self, positions: FloatArray) -> Evaluation:
        along = positions[1] - positions[0]
        length = np.linalg.norm(along)
        decay = np.exp(-WIDTH * (length - REST_ANGSTROM))
        pull = self.share * 2.0 * DEPTH_EV * WIDTH * (1.0 - decay) * decay * along / length
        return Evaluation(energy_ev=float(self.share * DEPTH_EV * (1.0 - decay) ** 2), forces=np.array([pull, -pull]))


def methylidyne(energy_ev: float) -> Atoms:
    """CH with that energy in its stretch, moving as a whole as well."""
    atoms = Atoms("CH", positions=[[0, 0, 0], [0, 0, REST_ANGSTROM]])
    speed = math.sqrt(2.0 * energy_ev / REDUCED_U)
    of_centre = np.array([0.01, 0.0, -0.02])
    parts = np.array([[0, 0, -1.008], [0, 0, 12.011]]) / (1.008 + 12.011)
    atoms.set_velocities(of_centre + speed * parts)
    return atoms


def textbook_mev(atoms: Atoms, *, share: float, every: int, timestep_fs: float, outer: int) -> float:
    """The largest excursion with the two forces' kicks apart (Tuckerman, Berne and Martyna 1992, eq. 2.21)."""
    x, v, masses = atoms.positions.copy(), atoms.get_velocities(), atoms.get_masses()[:, None]
    h, full, inner = timestep_fs * units.fs, Bond(), Bond(share)
    energies = []
    for _ in range(outer + 1):
        energies.append(full.answer(x).energy_ev + 0.5 * float((masses * v**2).sum()))
        v += 0.5 * every * h * (full.answer(x).forces - inner.answer(x).forces) / masses
        for _ in range(every):
            v += 0.5 * h * inner.answer(x).forces / masses
            x += h * v
            v += 0.5 * h * inner.answer(x).forces / masses
        v += 0.5 * every * h * (full.answer(x).forces - inner.answer(x).forces) / masses
    return 1000.0 * max(abs(energy - energies[0]) for energy in energies)


def test_the_energies_are_the_textbook_s() -> None:
    atoms = methylidyne(0.3)
    before = atoms.get_velocities().copy()
    flown: list[int] = []
    flights = fly(
        Bond(),
        Bond(0.9),
        [atoms],
        timestep_fs=0.5,
        outer_steps_fs=[1.8, 2.0],
        duration_ps=0.2,
        advance=flown.append,
    )
    assert flown == [1, 2, 3]
    np.testing.assert_array_equal(atoms.get_velocities(), before)
    assert [(step.every, step.timestep_fs) for step in flights.outer_steps] == [(4, pytest.approx(0.45)), (4, 0.5)]
    for step, outer in zip(flights.outer_steps, (111, 100), strict=True):
        expected = textbook_mev(atoms, share=0.9, every=4, timestep_fs=step.timestep_fs, outer=outer)
        assert expected > 1.0
        assert step.largest_mev == step.median_mev == pytest.approx(expected, rel=1e-6)
    alone = textbook_mev(atoms, share=1.0, every=1, timestep_fs=0.5, outer=400)
    assert flights.alone.largest_mev == pytest.approx(alone, rel=1e-6)


def test_impulses_at_half_the_period_feed_the_stretch_and_half_as_often_they_do_not() -> None:
    molecules = [methylidyne(energy) for energy in (0.02, 0.1)]
    outer = (PERIOD_FS / 8, PERIOD_FS / 2)
    flights = fly(Bond(), Bond(0.9), molecules, timestep_fs=0.5, outer_steps_fs=outer, duration_ps=0.2)
    short, resonant = (step.largest_mev for step in flights.outer_steps)
    assert short is not None
    assert resonant is None or resonant > 20.0 * short
    assert flights.longest_fs == pytest.approx(PERIOD_FS / 8)


def kept(outer_fs: float, largest_mev: float | None) -> KeptEnergy:
    return KeptEnergy(outer_step_fs=outer_fs, timestep_fs=0.5, every=4, median_mev=largest_mev, largest_mev=largest_mev)


@pytest.mark.parametrize(
    ("largest", "longest"),
    [
        ({1.0: 6.0, 1.8: 11.9, 2.0: 128.0, 2.1: 9.0}, 1.8),
        ({2.1: 9.0, 1.8: 7.0, 1.0: 6.0}, 2.1),
        ({1.0: 6.0, 1.8: None, 2.1: 9.0}, 1.0),
        ({1.0: 12.1, 1.8: 6.0}, None),
    ],
)
def test_an_outer_step_beyond_a_resonance_does_not_count(
    largest: dict[float, float | None], longest: float | None
) -> None:
    steps = tuple(kept(outer, mev) for outer, mev in largest.items())
    flights = Flights(molecules=3, duration_ps=1.0, alone=kept(0.5, 6.0), outer_steps=steps)
    assert flights.longest_fs == longest
    assert flights.model_copy(update={"alone": kept(0.5, None)}).longest_fs is None


def test_the_figure_has_no_point_where_a_molecule_came_apart(tmp_path: Path) -> None:
    steps = (kept(1.0, 6.0), kept(2.0, None))
    files = draw_flights(Flights(molecules=3, duration_ps=1.0, alone=kept(0.5, 6.0), outer_steps=steps), tmp_path)
    assert files.png.stat().st_size > 1000
    rows = files.csv.read_text().splitlines()
    assert rows[0] == "outer_step_fs,timestep_fs,every,median_mev,largest_mev"
    assert rows[1:] == ["0.5,0.5,4,6.0,6.0", "1.0,0.5,4,6.0,6.0", "2.0,0.5,4,,"]
