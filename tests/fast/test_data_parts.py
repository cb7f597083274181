"""The molecule's part of a data file: positions and the energy of its centre of mass, read without the rest."""

from pathlib import Path

import numpy as np
import pytest

from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.data_file import centre_of_mass_energy_ev, data_file, molecule_positions
from molgun_lmp.gun.kicks import kinetic_energy_ev
from molgun_lmp.gun.setup import masses_u

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
        elements=("H", "C", "Si"),
        velocities=rng.normal(size=(5, 3)),
    )
    path.write_text(text)
    return path


def test_positions_and_energy_are_those_that_were_written(file: Path) -> None:
    rng = np.random.default_rng(5)
    positions, velocities = rng.uniform(-3, 12, (5, 3)), rng.normal(size=(5, 3))
    assert molecule_positions(file, 2) == pytest.approx(positions[2:], abs=0)
    masses = masses_u(SYMBOLS)[2:]
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
