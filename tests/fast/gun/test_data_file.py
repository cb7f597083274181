"""A data file is read as it was written, by us or by LAMMPS, and damage is told."""

import functools
from pathlib import Path

import numpy as np
import pytest

from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.data_file import centre_of_mass_energy_ev, data_file, molecule_positions, read_data
from molgun_lmp.gun.kicks import kinetic_energy_ev
from molgun_lmp.isotopes import AtomTypes, standard_masses_u

SYMBOLS = ("Si", "Si", "C", "H", "H")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    path = tmp_path / "data.lmp"
    text = data_file(
        "five atoms",
        symbols=SYMBOLS,
        positions=rng.uniform(-3, 12, (5, 3)),
        cell=np.diag([10.0, 10.0, 20.0]),
        types=AtomTypes.standard(("H", "C", "Si")),
        velocities=rng.normal(size=(5, 3)),
    )
    path.write_text(text)
    return path


def test_positions_and_energy_are_those_that_were_written(file: Path) -> None:
    rng = np.random.default_rng(5)
    positions, velocities = rng.uniform(-3, 12, (5, 3)), rng.normal(size=(5, 3))
    assert molecule_positions(file, 2) == pytest.approx(positions[2:], abs=0)
    masses = standard_masses_u(SYMBOLS)[2:]
    expected = kinetic_energy_ev(masses @ velocities[2:] / masses.sum(), float(masses.sum()))
    assert centre_of_mass_energy_ev(file, 2) == pytest.approx(expected)


def test_the_order_of_lines_does_not_matter(file: Path) -> None:
    before = centre_of_mass_energy_ev(file, 2)
    lines = file.read_text().splitlines()
    for title in ("Atoms # atomic", "Velocities"):
        start = lines.index(title) + 2
        lines[start : start + 5] = lines[start : start + 5][::-1]
    file.write_text("\n".join(lines) + "\n")
    assert centre_of_mass_energy_ev(file, 2) == pytest.approx(before)


def test_damage_is_unknown_at_the_end_and_an_error_at_the_start(file: Path) -> None:
    whole = file.read_text()
    file.write_text(whole[: whole.index("Velocities")])
    assert centre_of_mass_energy_ev(file, 2) is None
    assert centre_of_mass_energy_ev(file.with_name("nothing"), 2) is None
    file.write_text("no data file")
    with pytest.raises(CampaignError, match="no section Atoms"):
        molecule_positions(file, 2)


@pytest.mark.parametrize("tilt", [0.0, -2.5])
def test_what_is_written_is_read_to_the_last_bit(tilt: float) -> None:
    rng = np.random.default_rng(7)
    positions, velocities = rng.uniform(-3, 12, (5, 3)), rng.normal(size=(5, 3))
    cell = np.array([[1e1 / 3, 0.0, 0.0], [tilt, 9.1, 0.0], [0.0, 0.0, 20.0]])
    write = functools.partial(
        data_file, "t", symbols=SYMBOLS, positions=positions, cell=cell, types=AtomTypes.standard(("H", "C", "Si"))
    )
    found = read_data(write(velocities=velocities))
    assert found.symbols == SYMBOLS
    assert found.velocities is not None
    for one, other in ((found.positions, positions), (found.velocities, velocities), (found.cell, cell)):
        assert np.array_equal(one, other)
    assert np.array_equal(found.masses_u, standard_masses_u(SYMBOLS))
    assert read_data(write()).velocities is None


def test_a_file_that_lammps_wrote_names_no_elements() -> None:
    text = (
        "LAMMPS data file via write_data, version 22 Jul 2025, timestep = 30, units = metal\n\n"
        "2 atoms\n2 atom types\n\n0 9 xlo xhi\n-1 9 ylo yhi\n0 9 zlo zhi\n-1.5 0 0 xy xz yz\n\nMasses\n\n1 1.008\n"
        "2 28.085\n\nAtoms # atomic\n\n2 1 1.5 2.5 3.5 0 0 1\n1 2 4 5 6 0 0 0\n\nVelocities\n\n2 0 0 -9\n1 0 0 1e-05\n"
    )
    found = read_data(text)
    assert found.symbols is None
    assert found.masses_u.tolist() == [28.085, 1.008]
    assert found.positions.tolist() == [[4, 5, 6], [1.5, 2.5, 3.5]]
    assert found.velocities is not None
    assert found.velocities[:, 2].tolist() == [1e-05, -9]
    assert found.cell.tolist() == [[9, 0, 0], [-1.5, 10, 0], [0, 0, 9]]
    for piece, other, says in (
        ("2 atoms", "3 atoms", "does not hold all of its 3 atoms"),
        ("\n1 2 4 5 6", "\n3 2 4 5 6", "Atoms is damaged"),
        ("1.5 2.5", "inf 2.5", "not finite"),
        ("\n2 28.085", "", "a type without a mass"),
        ("0 9 xlo xhi", "", "the box"),
        ("1e-05\n", "1e-0", "does not hold all"),
    ):
        with pytest.raises(ValueError, match=says):
            read_data(text.replace(piece, other))
