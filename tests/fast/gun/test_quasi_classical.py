"""Quasi-classical states: textbook frequencies, and the laws of energy that the written pool has, and no others."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import molecule
from scipy import stats
from spring_model import STIFFNESS, Springs

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import HarmonicStates
from molgun_lmp.engine.force_models import ForceModelInput
from molgun_lmp.engine.molecule_forces import relaxed_molecule
from molgun_lmp.errors import GeometryError
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.gun.quasi_classical import HBAR, NormalModes, hessian, normal_modes, quasi_classical_pool
from molgun_lmp.isotopes import isotopic_masses_u, standard_masses_u


def modes_of(rest: Atoms, masses: FloatArray | None = None) -> NormalModes:
    of_atoms = standard_masses_u(rest.get_chemical_symbols()) if masses is None else masses
    return normal_modes(rest.positions, of_atoms, hessian(Springs(rest).forces, rest.positions))


def pool_of(rest: Atoms, folder: Path, masses: FloatArray | None = None, **states: float) -> Pool:
    rng = np.random.default_rng(0)
    modes = modes_of(rest, masses)
    asked = HarmonicStates.model_validate({"kind": "harmonic", "snapshots": 600, **states})
    snapshots = quasi_classical_pool(tuple(rest.get_chemical_symbols()), modes, asked, rng)
    write_pool(folder / "pool.extxyz", snapshots, None)
    return read_pool(folder / "pool.extxyz", "molecule")


@pytest.mark.parametrize("isotopes", [{}, {"H": "D"}])
def test_a_diatomic_has_one_mode_of_its_reduced_mass(isotopes: dict[str, str | float]) -> None:
    masses = isotopic_masses_u(("H", "H"), isotopes)
    modes = modes_of(molecule("H2"), masses)
    expected = units._hbar * 1e10 / np.sqrt(units._e * units._amu) * np.sqrt(STIFFNESS / (masses[0] / 2))
    assert modes.quanta_ev == pytest.approx([expected], rel=1e-4)
    assert modes.zero_point_ev == pytest.approx(expected / 2, rel=1e-4)


def test_modes_are_orthonormal_and_neither_shift_nor_turn() -> None:
    water = molecule("H2O")
    modes = modes_of(water)
    assert len(modes.quanta_ev) == 3
    assert np.allclose(modes.vectors @ modes.vectors.T, np.eye(3), atol=1e-9)
    moves = modes.vectors.reshape(3, 3, 3) * np.sqrt(modes.masses_u)[None, :, None]
    assert np.abs(moves.sum(axis=1)).max() < 1e-9
    assert np.abs(np.cross(modes.positions, moves).sum(axis=1)).max() < 1e-9


def energies_of(rest: Atoms, pool: Pool) -> FloatArray:
    """Total energy of each snapshot that was read, less that of its rotation."""
    springs, found = Springs(rest), []
    for atoms in pool.snapshots:
        structure = ForceModelInput(
            numbers=atoms.numbers, positions=atoms.positions, cell=np.eye(3) * 30, pbc=(False, False, False)
        )
        turning = np.linalg.norm(atoms.get_angular_momentum())
        assert turning < 1e-4
        found.append(springs.evaluate(structure).energy_ev + atoms.get_kinetic_energy())
    return np.array(found)


def test_written_pools_have_the_zero_point_energy_and_its_phases(tmp_path: Path) -> None:
    rest = molecule("H2")
    modes, pool = modes_of(rest), pool_of(rest, tmp_path)
    assert energies_of(rest, pool) == pytest.approx(modes.zero_point_ev, rel=1e-5)
    stretch = np.array([atoms.get_distance(0, 1) for atoms in pool.snapshots]) - rest.get_distance(0, 1)
    largest = np.sqrt(2 * modes.zero_point_ev / STIFFNESS)
    # A random phase of one energy: arcsine, and not the Gaussian of a thermal oscillator.
    assert stats.kstest(stretch / largest, stats.arcsine(loc=-1, scale=2).cdf).pvalue > 1e-3
    assert stats.kstest(stretch, stats.norm(scale=stretch.std()).cdf).pvalue < 1e-6
    assert len(set(pool.run_of_each)) == 600
    assert {atoms.info["quanta"] for atoms in pool.snapshots} == {0}


def test_thermal_quanta_are_bose_s_and_neither_classical_nor_zero_point(tmp_path: Path) -> None:
    rest = molecule("H2")
    quantum = float(modes_of(rest).quanta_ev[0])
    temperature = quantum / units.kB  # one quantum
    energies = energies_of(rest, pool_of(rest, tmp_path, vibrational_temperature_k=temperature))
    quanta = energies / quantum - 0.5
    assert np.abs(quanta - np.rint(quanta)).max() < 1e-3
    counts = np.bincount(np.rint(quanta).astype(int), minlength=4)[:4]
    law = (1 - np.exp(-1)) * np.exp(-np.arange(4))
    assert stats.chisquare([*counts, 600 - counts.sum()], [*(600 * law), 600 * (1 - law.sum())]).pvalue > 1e-3
    bose = 0.5 + 1 / np.expm1(1.0)
    scatter = (energies / quantum).std() / np.sqrt(600)
    assert abs((energies / quantum).mean() - bose) < 4 * scatter
    assert stats.kstest(energies, stats.expon(scale=units.kB * temperature).cdf).pvalue < 1e-6


@pytest.mark.parametrize(("name", "freedom"), [("H2", 2), ("H2O", 3)])
def test_rotation_has_its_own_temperature(tmp_path: Path, name: str, freedom: int) -> None:
    rest = molecule(name)
    pool = pool_of(rest, tmp_path, rotational_temperature_k=200.0)
    energy = []
    for atoms in pool.snapshots:
        moments, axes = atoms.get_moments_of_inertia(vectors=True)
        momentum = axes @ atoms.get_angular_momentum()
        free = moments > 1e-3 * moments.max()
        energy.append(float((momentum[free] ** 2 / (2 * moments[free])).sum()))
    law = stats.gamma(freedom / 2, scale=units.kB * 200.0)
    assert stats.kstest(energy, law.cdf).pvalue > 1e-3
    assert stats.kstest(energy, stats.gamma(freedom / 2, scale=units.kB * 300.0).cdf).pvalue < 1e-6
    assert np.abs([atoms.get_center_of_mass() for atoms in pool.snapshots]).max() < 1e-6
    # Turned at random: the first bond points anywhere.
    bonds = np.array([atoms.positions[1] - atoms.positions[0] for atoms in pool.snapshots])
    cosines = bonds[:, 2] / np.linalg.norm(bonds, axis=1)
    assert stats.kstest((cosines + 1) / 2, "uniform").pvalue > 1e-3


def test_a_structure_that_is_no_minimum_is_refused_and_one_nearby_is_relaxed() -> None:
    rest = molecule("H2O")
    with pytest.raises(GeometryError, match="softest mode has 0 cm"):
        normal_modes(rest.positions, standard_masses_u(rest.get_chemical_symbols()), -np.eye(9))
    start = rest.copy()
    start.positions += np.random.default_rng(1).normal(0.0, 0.05, (3, 3))
    relaxed = relaxed_molecule(Springs(rest), start)
    assert np.abs(relaxed.forces(relaxed.positions)).max() < 1e-3
    assert Atoms("OHH", relaxed.positions).get_all_distances() == pytest.approx(rest.get_all_distances(), abs=1e-3)


def test_a_linear_molecule_keeps_what_its_bends_have_about_its_axis() -> None:
    """It is bent whenever it is looked at, and no rotation at rest: its vibrations hold half of the zero-point energy
    as kinetic energy, less what they have about the two axes that it does turn about."""
    rest = Atoms("OCO", positions=[[0.0, 0.0, -1.16], [0.0, 0.0, 0.0], [0.0, 0.0, 1.16]])
    masses = standard_masses_u(rest.get_chemical_symbols())
    modes = normal_modes(rest.positions, masses, carbon_dioxide())
    assert len(modes.quanta_ev) == 4
    asked = HarmonicStates.model_validate({"kind": "harmonic", "snapshots": 2000})
    pool = quasi_classical_pool(("O", "C", "O"), modes, asked, np.random.default_rng(0))
    kinetic = np.array([atoms.get_kinetic_energy() for atoms in pool])
    assert kinetic.mean() == pytest.approx(modes.zero_point_ev / 2, rel=0.02)
    spin = [np.abs(atoms.get_angular_momentum() @ axis_of(atoms)) for atoms in pool]
    assert np.median(spin) > 0.1 * HBAR


def carbon_dioxide() -> FloatArray:
    """The Hessian of CO2 from its force field, 100 eV/Å^2 of a stretch and 5 eV of its bend."""
    second = np.zeros((9, 9))
    for first, other in ((0, 1), (1, 2)):
        stretch = np.zeros(9)
        stretch[[3 * first + 2, 3 * other + 2]] = (-1.0, 1.0)
        second += 100.0 * np.outer(stretch, stretch)
    for axis in range(2):
        bend = np.zeros(9)
        bend[[axis, 3 + axis, 6 + axis]] = np.array([1.0, -2.0, 1.0]) / 1.16
        second += 5.0 * np.outer(bend, bend)
    return second


def axis_of(atoms: Atoms) -> FloatArray:
    along: FloatArray = atoms.positions[2] - atoms.positions[0]
    return along / np.linalg.norm(along)
