"""Isotopes: their masses reach data files, kicks, temperatures and what is read back; the model sees elements."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from scipy import stats

from molgun_lmp.config import Campaign
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.equilibration_deck import equilibration_deck, equilibration_types
from molgun_lmp.gun.equilibration_output import kinetic_temperature_k
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.kicks import thermal_width
from molgun_lmp.gun.pool_temperature import pool_temperatures
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.gun.setup import Setup, prepare
from molgun_lmp.isotopes import ISOTOPES, AtomTypes, isotopic_masses_u, standard_masses_u
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS, BOLTZMANN_EV_PER_K, MVV_TO_EV

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SYSTEM = {"slab": {"pool": "slab.extxyz.xz"}, "molecule": {"pool": "molecule.extxyz"}}
DEUTERIUM = ISOTOPES["D"][1]
HEAVY: dict[str, Any] = {"H": "D", "0": "13C"}


def system_of(isotopes: Mapping[Any, Any]) -> dict[str, Any]:
    return SYSTEM | {"molecule": SYSTEM["molecule"] | {"isotopes": dict(isotopes)}}


@pytest.fixture(scope="module")
def heavy_pool(ecco: Atoms, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """ECCO with deuterium and one carbon-13, its velocities those of 300 K with these masses."""
    rng = np.random.default_rng(3)
    masses = isotopic_masses_u(ecco.get_chemical_symbols(), HEAVY)
    width = np.sqrt(300.0 * BOLTZMANN_EV_PER_K / (masses * MVV_TO_EV))[:, None]
    snapshots = []
    for number in range(6):
        atoms = ecco.copy()
        atoms.set_masses(masses)
        velocities = width * rng.normal(size=atoms.positions.shape)
        atoms.set_velocities(velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
        atoms.info = {"snapshot": f"molecule-{number:02d}", "run": 0}
        snapshots.append(atoms)
    path = tmp_path_factory.mktemp("heavy") / "molecule.extxyz"
    write_pool(path, snapshots, None)
    pool = read_pool(path, "molecule")
    for written, read in zip(snapshots, pool.snapshots, strict=True):
        assert read.get_masses() == pytest.approx(masses)
        assert read.get_velocities() == pytest.approx(written.get_velocities(), abs=1e-7)
    return pool


@pytest.fixture(scope="module")
def heavy(campaign_of: CampaignOf, slab_pool: Pool, heavy_pool: Pool) -> Setup:
    kick = {"kind": "thermal_com", "temperature_k": 300.0}
    return prepare(campaign_of({"system": system_of(HEAVY), "gun": {"kick": kick}}), slab_pool, heavy_pool, 5.0)


def test_an_atom_s_own_isotope_comes_before_its_element_s() -> None:
    symbols = ("C", "H", "H", "O")
    found = isotopic_masses_u(symbols, {"2": "T", "H": "D", "3": 20.5})
    assert found == pytest.approx([12.011, DEUTERIUM, ISOTOPES["T"][1], 20.5])
    assert np.array_equal(isotopic_masses_u(symbols, {}), standard_masses_u(symbols))
    types = AtomTypes.of(symbols, found)
    assert types.elements == ("H", "H", "C", "O")
    assert types.numbers(symbols, found) == [3, 1, 2, 4]
    assert AtomTypes.of(("Si", "H", "C"), standard_masses_u(("Si", "H", "C"))) == AtomTypes.standard(("H", "C", "Si"))


@pytest.mark.parametrize(
    ("isotopes", "message"),
    [({"N": "15N"}, "names N"), ({"4": 2.0}, "names 4"), ({"0": "D"}, "0 is C, and D an isotope of H")],
)
def test_isotopes_that_are_not_the_molecule_s_are_refused(isotopes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        isotopic_masses_u(("C", "H", "H", "O"), isotopes)


@pytest.mark.parametrize("isotopes", [{"Q": "D"}, {"H": "2X"}, {"H": -1.0}, {"-1": 2.0}, {True: 2.0}])
def test_what_is_no_isotope_is_refused_in_the_file(campaign_of: CampaignOf, isotopes: Mapping[Any, Any]) -> None:
    with pytest.raises(ValueError, match="isotopes"):
        campaign_of({"system": system_of(isotopes)})


def test_indices_of_a_file_survive_being_written_again(campaign_of: CampaignOf) -> None:
    campaign = campaign_of({"system": system_of({0: "13C", "H": 2.0141})})
    assert campaign.system.molecule.isotopes == {"0": "13C", "H": 2.0141}
    assert Campaign.model_validate(campaign.model_dump(mode="json")) == campaign


def test_data_files_have_a_type_for_each_mass_and_the_deck_their_elements(heavy: Setup) -> None:
    assert heavy.types.elements == ("H", "H", "C", "C", "Si")
    condition = draw(0, heavy)
    deck = trajectory_deck(condition, heavy)
    data = read_data(deck.data_text)
    assert "5 atom types" in deck.data_text
    for number, mass in enumerate(heavy.types.masses_u, start=1):
        assert f"\nmass {number} {mass!r}\n" in deck.input_text, "after engine.in, which may set those of the elements"
    assert "element H H C C Si" in deck.input_text
    assert data.symbols == condition.symbols
    n_slab = condition.n_slab
    assert np.array_equal(data.masses_u[:n_slab], standard_masses_u(condition.symbols[:n_slab]))
    assert np.array_equal(data.masses_u[n_slab:], isotopic_masses_u(condition.symbols[n_slab:], HEAVY))


def test_kicks_and_temperatures_are_those_of_the_isotopes(heavy: Setup, slab_pool: Pool, molecule_pool: Pool) -> None:
    light = prepare(heavy.campaign.model_copy(update={"system": _plain(heavy)}), slab_pool, molecule_pool, 5.0)
    assert heavy.molecule.mass_u - light.molecule.mass_u == pytest.approx(14 * (DEUTERIUM - 1.008) + 0.99235, abs=1e-3)
    texts = [trajectory_deck(draw(index, heavy), heavy).data_text for index in range(80)]
    measured = [recover_shot(text, heavy.slab.top) for text in texts]
    speeds = np.array([shot.kick_velocity for shot in measured])
    width = thermal_width(heavy.molecule.mass_u, 300.0)
    assert stats.kstest(speeds[:, 0], stats.norm(scale=width).cdf).pvalue > 1e-3
    drawn = draw(3, heavy).shot
    assert measured[3].kick_energy_ev == pytest.approx(drawn.kick_energy_ev)
    momentum = heavy.molecule.masses_u @ heavy.molecule.velocities
    assert np.abs(momentum).max() < 1e-9
    (_, molecule) = pool_temperatures(heavy)
    assert molecule.mean_k == pytest.approx(300.0, rel=0.15)
    wrong = [kinetic_temperature_k(v, light.molecule.masses_u, 3) for v in heavy.molecule.velocities]
    assert np.mean(wrong) < 250.0


def _plain(heavy: Setup) -> Any:
    molecule = heavy.campaign.system.molecule.model_copy(update={"isotopes": {}})
    return heavy.campaign.system.model_copy(update={"molecule": molecule})


def test_a_pool_of_other_masses_is_refused(
    heavy: Setup, slab_pool: Pool, molecule_pool: Pool, heavy_pool: Pool
) -> None:
    with pytest.raises(ConfigError, match=r"weighs 12\.011 u, and 13\.003 u"):
        prepare(heavy.campaign, slab_pool, molecule_pool, 5.0)
    with pytest.raises(ConfigError, match=r"equilibrate the molecule with the isotopes"):
        prepare(heavy.campaign.model_copy(update={"system": _plain(heavy)}), slab_pool, heavy_pool, 5.0)


def test_equilibrations_have_the_types_of_the_shots(heavy: Setup, si001: Atoms, ecco: Atoms) -> None:
    types = equilibration_types(si001, ecco, heavy.campaign)
    assert types == heavy.types
    deck = equilibration_deck("molecule", 0, ecco, campaign=heavy.campaign, types=types, cutoff_angstrom=5.0)
    data = read_data(deck.data_text)
    assert np.array_equal(data.masses_u, heavy.molecule.masses_u)
    deck = equilibration_deck("slab", 0, si001, campaign=heavy.campaign, types=types, cutoff_angstrom=5.0)
    assert np.array_equal(read_data(deck.data_text).masses_u, standard_masses_u(si001.get_chemical_symbols()))


def test_an_unchanged_molecule_is_written_as_before(tmp_path: Path, ecco: Atoms, molecule_pool: Pool) -> None:
    write_pool(tmp_path / "pool.extxyz", molecule_pool.snapshots, None)
    assert "masses" not in (tmp_path / "pool.extxyz").read_text().splitlines()[1]
    atoms = dataclasses.replace(molecule_pool).snapshots[0]
    assert np.array_equal(atoms.get_masses(), ecco.get_masses())
