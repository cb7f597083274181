"""States (v, J) of a Morse oscillator, whose energies are known, recovered from the written pool; no others."""

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import DiatomicStates
from molgun_lmp.errors import GeometryError
from molgun_lmp.gun.pools import read_pool, write_pool
from molgun_lmp.gun.quasi_classical import HBAR
from molgun_lmp.gun.rovibrational import DiatomicState, diatomic_pool, diatomic_state

DEPTH_EV, STEEPNESS, BOND = 4.7, 1.94, 0.741
MASSES = np.array([1.008, 1.008])
REDUCED = 0.504


def morse(length: float) -> float:
    return DEPTH_EV * (1 - float(np.exp(-STEEPNESS * (length - BOND)))) ** 2


def level_ev(v: int) -> float:
    """Morse's own levels, for which the semiclassical ones are exact (Landau and Lifshitz, section 23)."""
    quantum = HBAR * STEEPNESS * np.sqrt(2 * DEPTH_EV / REDUCED) * (v + 0.5)
    return float(quantum - quantum**2 / (4 * DEPTH_EV))


def pool_of(folder: Path, v: int, j: int) -> tuple[DiatomicState, FloatArray, FloatArray, FloatArray]:
    """The state, and of the pool that was read: energies, angular momenta, bond lengths."""
    states = DiatomicStates(kind="diatomic", v=v, j=j, snapshots=1000)
    state = diatomic_state(morse, BOND, MASSES, v, j)
    write_pool(folder / "pool.extxyz", diatomic_pool(("H", "H"), state, states, np.random.default_rng(0)), None)
    read = read_pool(folder / "pool.extxyz", "molecule").snapshots
    lengths = np.array([atoms.get_distance(0, 1) for atoms in read])
    energies = np.array([morse(float(r)) + atoms.get_kinetic_energy() for r, atoms in zip(lengths, read, strict=True)])
    momenta = np.array([np.linalg.norm(atoms.get_angular_momentum()) for atoms in read])
    assert np.abs([atoms.get_momenta().sum(axis=0) for atoms in read]).max() < 1e-6
    return state, energies, momenta, lengths


@pytest.mark.parametrize("v", [0, 1, 5])
def test_levels_are_those_of_a_morse_oscillator(v: int) -> None:
    assert diatomic_state(morse, BOND, MASSES, v, 0).energy_ev == pytest.approx(level_ev(v), abs=1e-5)


@pytest.mark.parametrize(("v", "j"), [(0, 0), (2, 7)])
def test_a_written_pool_is_in_its_state_and_no_other(tmp_path: Path, v: int, j: int) -> None:
    state, energies, momenta, lengths = pool_of(tmp_path, v, j)
    assert energies == pytest.approx(state.energy_ev, abs=1e-3)
    assert abs(energies.mean() - diatomic_state(morse, BOND, MASSES, v + 1, j).energy_ev) > 0.3
    assert abs(energies.mean() - diatomic_state(morse, BOND, MASSES, v, j + 1).energy_ev) > 5e-3
    assert momenta == pytest.approx(HBAR * np.sqrt(j * (j + 1)), abs=1e-5)
    # The time that a classical vibration spends below a length, by plain quadrature of dr / speed.
    grid = np.linspace(state.lengths[0], state.lengths[-1], 20_001)
    left = (
        state.energy_ev - np.array([morse(float(r)) for r in grid]) - (HBAR**2 * j * (j + 1)) / (2 * REDUCED * grid**2)
    )
    spent = integrate.cumulative_trapezoid(1 / np.sqrt(np.maximum(left, 1e-5)), grid, initial=0.0)
    share = np.interp(lengths, grid, spent / spent[-1])
    assert stats.kstest(share, "uniform").pvalue > 1e-3
    even = (lengths - grid[0]) / (grid[-1] - grid[0])
    assert stats.kstest(even, "uniform").pvalue < 1e-6, "lengths are not spread evenly"


def test_a_state_above_the_well_is_refused() -> None:
    with pytest.raises(GeometryError, match="binds no state v = 30, J = 0"):
        diatomic_state(morse, BOND, MASSES, 30, 0)
    with pytest.raises(GeometryError, match="binds no state v = 0, J = 80"):
        diatomic_state(morse, BOND, MASSES, 0, 80)
