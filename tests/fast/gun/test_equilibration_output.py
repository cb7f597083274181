"""What an equilibration leaves is read to the last digit, and its length judged by its own memory."""

from pathlib import Path

import numpy as np
import pytest

from molgun_lmp.config import Equilibration
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.correlation import correlation_time
from molgun_lmp.gun.equilibration_output import (
    equilibration_stats,
    kinetic_temperature_k,
    read_equilibration_dump,
)
from molgun_lmp.gun.pools import read_pool, write_pool
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY, BOLTZMANN_EV_PER_K, MVV_TO_EV

SETTINGS = Equilibration(duration_ps=4.0, burn_in_ps=1.0, snapshot_every_ps=1.0, timestep_fs=0.5)
NONE_FROZEN = np.zeros(2, dtype=np.bool_)


def _dump(steps: list[int], box: str = "pp pp pp\n0.0 10.0\n0.0 10.0\n0.0 10.0") -> str:
    return "".join(
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS {box}\n"
        "ITEM: ATOMS id type element xu yu zu vx vy vz\n"
        f"1 1 H 0.1 -0.25 {step} 1.0 2.0 3.0\n2 2 O 0.1 0.75 {step} 1.0 2.0 -5.0\n"
        for step in steps
    )


def test_snapshots_after_the_burn_in(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.dump"
    path.write_text(_dump([0, 2000, 4000, 6000, 8000]))
    slab = read_equilibration_dump(path, "slab", 3, SETTINGS, frozen=np.array([True, False]))
    assert [atoms.info["snapshot"] for atoms in slab] == ["slab-03-002.000ps", "slab-03-003.000ps", "slab-03-004.000ps"]
    assert slab[0].positions.tolist() == [[0.1, -0.25, 4000.0], [0.1, 0.75, 4000.0]]
    velocities = slab[0].get_velocities() * ANGSTROM_PER_PS_PER_ASE_VELOCITY
    assert velocities == pytest.approx(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, -5.0]]))
    molecule = read_equilibration_dump(path, "molecule", 0, SETTINGS, frozen=NONE_FROZEN)
    momentum = molecule[0].get_masses() @ molecule[0].get_velocities()
    assert momentum == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    free = read_equilibration_dump(path, "slab", 0, SETTINGS, frozen=NONE_FROZEN)
    assert free[0].get_velocities() == pytest.approx(molecule[0].get_velocities()), "nothing holds it"
    assert free[0].info["temperature_k"] == molecule[0].info["temperature_k"]
    write_pool(tmp_path / "pool.extxyz", molecule, None)
    assert read_pool(tmp_path / "pool.extxyz", "molecule").ids[0] == "molecule-00-002.000ps"


def test_a_tilted_box(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.dump"
    box = "xy xz yz pp pp pp\n-2.0 10.0 -2.0\n0.0 9.0 0.0\n0.0 30.0 0.0"  # LAMMPS bounds the corners
    path.write_text(_dump([0, 2000, 4000, 6000, 8000], box))
    cell = read_equilibration_dump(path, "slab", 0, SETTINGS, frozen=NONE_FROZEN)[0].cell[:]
    assert cell.tolist() == [[10.0, 0.0, 0.0], [-2.0, 9.0, 0.0], [0.0, 0.0, 30.0]]


def test_a_dump_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.dump"
    whole = _dump([0, 2000, 4000, 6000, 8000])
    for text in (whole[:-3], whole[:-40], _dump([0, 2000]), _dump([0, 1000, 2000]), "", "nonsense\n" * 20):
        path.write_text(text)
        with pytest.raises(InputFileError, match="equilibrate again"):
            read_equilibration_dump(path, "slab", 0, SETTINGS, frozen=NONE_FROZEN)
    with pytest.raises(InputFileError, match="cannot read"):
        read_equilibration_dump(tmp_path / "absent", "slab", 0, SETTINGS, frozen=NONE_FROZEN)


def test_the_kinetic_temperature_by_hand() -> None:
    # Two atoms of 3 u at 2 Å/ps: E = 12 u (Å/ps)^2 over 6 degrees of freedom.
    velocities = np.array([[2.0, 0, 0], [0, -2.0, 0]])
    masses = np.array([3.0, 3.0])
    expected = 2 * 12 * MVV_TO_EV / (6 * BOLTZMANN_EV_PER_K)
    assert kinetic_temperature_k(velocities, masses) == pytest.approx(expected)
    assert kinetic_temperature_k(velocities, masses, constrained=3) == pytest.approx(2 * expected)
    assert kinetic_temperature_k(velocities[:1], masses[:1], constrained=3) == 0.0


def test_the_correlation_time_of_a_known_process() -> None:
    rng = np.random.default_rng(0)
    for memory in (0.0, 0.8, 0.95):
        values = np.zeros(100_000)
        noise = rng.normal(size=len(values))
        for step in range(1, len(values)):
            values[step] = memory * values[step - 1] + noise[step]
        # An AR(1) process: 1/2 + sum of memory^t.
        assert correlation_time(values) == pytest.approx(0.5 + memory / (1.0 - memory), rel=0.1)


def test_the_correlation_time_of_nothing() -> None:
    assert correlation_time(np.array([])) == 0.5
    assert correlation_time(np.ones(10)) == 0.5
    assert correlation_time(np.array([1.0, -1.0] * 50)) == 0.5


def test_stats_of_a_run() -> None:
    rng = np.random.default_rng(0)
    stats = equilibration_stats(np.full(4000, 300.0), rng.normal(size=4000), 0.005)
    assert stats.mean_temperature_k == 300.0
    assert stats.correlation_time_ps == pytest.approx(0.0025, rel=0.2)
    assert stats.independent_snapshots == pytest.approx(4000, rel=0.2)
