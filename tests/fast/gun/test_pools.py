"""Pools keep velocities through every format, and refuse what is no thermal snapshot."""

import lzma
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms

from molgun_lmp.config import Bath
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.geometry import make_whole
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import bath_mask, frozen_mask, require_same_frozen
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY

# One water molecule with hand-made velocities in Å/ps, as LAMMPS writes it in metal units.
DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0.0 10.0
0.0 10.0
0.0 10.0
ITEM: ATOMS id type{element} x y z vx vy vz
2 1{h} 5.96 5.0 5.0 -7.0 8.0 -9.0
1 2{o} 5.0 5.0 5.0 1.0 -2.0 3.0
3 1{h} 4.76 5.93 5.0 0.5 0.25 0.125
"""
VELOCITIES = [[1.0, -2.0, 3.0], [-7.0, 8.0, -9.0], [0.5, 0.25, 0.125]]
DATA = """water

3 atoms
2 atom types

0.0 10.0 xlo xhi
0.0 10.0 ylo yhi
0.0 10.0 zlo zhi

Masses

1 1.008
2 15.999

Atoms # atomic

1 2 5.0 5.0 5.0 0 0 0
2 1 5.96 5.0 5.0 0 0 0
3 1 4.76 5.93 5.0 0 0 0

Velocities

1 1.0 -2.0 3.0
2 -7.0 8.0 -9.0
3 0.5 0.25 0.125
"""
# VASP's CONTCAR gives velocities in Å/fs.
CONTCAR = """water
1.0
10.0 0.0 0.0
0.0 10.0 0.0
0.0 0.0 10.0
O H
1 2
Cartesian
5.0 5.0 5.0
5.96 5.0 5.0
4.76 5.93 5.0

0.001 -0.002 0.003
-0.007 0.008 -0.009
0.0005 0.00025 0.000125
"""


def _velocities(pool: Pool) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(pool.snapshots[0].get_velocities()) * ANGSTROM_PER_PS_PER_ASE_VELOCITY


@pytest.mark.parametrize(
    ("name", "text", "elements"),
    [
        ("water.dump", DUMP.format(element=" element", h=" H", o=" O"), None),
        ("water.lammpstrj", DUMP.format(element="", h="", o=""), ("H", "O")),
        ("water.data", DATA, None),
        ("water.lmp", DATA.replace("1 1.008\n2 15.999", "1 1.0\n2 16.0"), ("H", "O")),
        ("CONTCAR", CONTCAR, None),
    ],
)
def test_velocities_of_other_programs_arrive_in_their_units(
    tmp_path: Path, name: str, text: str, elements: tuple[str, ...] | None
) -> None:
    (tmp_path / name).write_text(text)
    pool = read_pool(tmp_path / name, "molecule", elements)
    assert pool.symbols == ("O", "H", "H")
    assert _velocities(pool) == pytest.approx(np.array(VELOCITIES), abs=1e-9)
    assert pool.snapshots[0].positions[1] == pytest.approx([5.96, 5.0, 5.0])


def test_types_without_elements_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text(DUMP.format(element="", h="", o=""))
    (tmp_path / "a.data").write_text(DATA.replace("Masses\n\n1 1.008\n2 15.999\n\n", ""))
    for name in ("a.dump", "a.data"):
        with pytest.raises(InputFileError, match="which element"):
            read_pool(tmp_path / name, "molecule")
    with pytest.raises(InputFileError, match="not elements"):
        read_pool(tmp_path / "a.dump", "molecule", ("Xyz", "O"))


def test_our_own_pools_round_trip(slab_pool: Pool, molecule_pool: Pool, si001: Atoms, tmp_path: Path) -> None:
    assert slab_pool.ids == tuple(f"slab-{number:02d}" for number in range(6))
    assert slab_pool.frozen is not None
    assert np.array_equal(slab_pool.frozen, frozen_mask(si001, find_surface(si001), 1))
    assert molecule_pool.frozen is None
    copy = tmp_path / "copy.extxyz.gz"
    write_pool(copy, slab_pool.snapshots, slab_pool.frozen)
    again = read_pool(copy, "slab")
    assert again.ids == slab_pool.ids
    assert again.snapshots[3].info["time_ps"] == 3.0
    for one, other in zip(slab_pool.snapshots, again.snapshots, strict=True):
        assert other.positions == pytest.approx(one.positions, abs=1e-8)
        assert other.get_velocities() == pytest.approx(one.get_velocities(), abs=1e-8)
    assert list(tmp_path.iterdir()) == [copy]  # nothing is left beside it


DIRECT = "0.0001 -0.0002 0.0003\n-0.0007 0.0008 -0.0009\n0.00005 0.000025 0.0000125\n"


@pytest.mark.parametrize("name", ["POSCAR", "CONTCAR.xz", "water.vasp", "water.poscar"])
@pytest.mark.parametrize("word", ["Direct", "direct", "D", "Fractional"])
def test_velocities_in_lattice_vectors_a_timestep_are_refused(tmp_path: Path, name: str, word: str) -> None:
    positions = CONTCAR.split("\n\n", maxsplit=1)[0]
    held = positions.replace("Cartesian", "Selective dynamics\nCartesian").replace(" 5.0\n5.96", " 5.0 T T T\n5.96")
    lattice = "Lattice velocities and vectors\n1\n" + "0 0 0\n" * 3 + "10 0 0\n0 10 0\n0 0 10\n"
    for text in (f"{positions}\n{word}\n", f"{held}\n{word}\n", f"{positions}\n{lattice}{word}\n"):
        content = (text + DIRECT).encode()
        (tmp_path / name).write_bytes(lzma.compress(content) if name.endswith(".xz") else content)
        with pytest.raises(InputFileError, match=rf"'{word}': lattice vectors a timestep"):
            read_pool(tmp_path / name, "molecule")
    (tmp_path / "POSCAR").write_text(CONTCAR.replace("\n\n", "\nCartesian\n"))
    assert _velocities(read_pool(tmp_path / "POSCAR", "molecule")) == pytest.approx(np.array(VELOCITIES), abs=1e-9)


def _water(velocities: bool = True) -> Atoms:
    atoms = Atoms("OH2", positions=[[5, 5, 5], [5.96, 5, 5], [4.76, 5.93, 5]], cell=[10, 10, 10], pbc=True)
    if velocities:
        atoms.set_velocities(VELOCITIES)
    return atoms


def test_a_pool_remembers_the_run_of_each_snapshot(molecule_pool: Pool, tmp_path: Path) -> None:
    snapshots = [atoms.copy() for atoms in molecule_pool.snapshots]
    for number, atoms in enumerate(snapshots):
        atoms.set_momenta(molecule_pool.snapshots[number].get_momenta())
        atoms.info["run"] = number // 2
    write_pool(tmp_path / "runs.extxyz", snapshots, None)
    found = read_pool(tmp_path / "runs.extxyz", "molecule")
    assert found.runs == found.run_of_each == ("0", "0", "1", "1", "2", "2")
    for atoms in snapshots[1:]:  # one name says nothing of the others
        del atoms.info["run"]
    write_pool(tmp_path / "unknown.extxyz", snapshots, None)
    unknown = read_pool(tmp_path / "unknown.extxyz", "molecule")
    assert unknown.runs is None
    assert unknown.run_of_each == ("unknown.extxyz",) * 6


def test_a_pool_without_velocities_is_refused(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "a.extxyz", _water(velocities=False))
    (tmp_path / "POSCAR").write_text(CONTCAR.split("\n\n", maxsplit=1)[0] + "\n")
    (tmp_path / "a.data").write_text(DATA.split("Velocities", maxsplit=1)[0])
    for name in ("a.extxyz", "POSCAR", "a.data"):
        with pytest.raises(InputFileError, match="no velocities"):
            read_pool(tmp_path / name, "molecule")
    (tmp_path / "XDATCAR").write_text("positions only")
    with pytest.raises(InputFileError, match="XDATCAR"):
        read_pool(tmp_path / "XDATCAR", "molecule")
    still = _water()
    still.set_velocities(np.zeros((3, 3)))
    ase.io.write(tmp_path / "still.extxyz", still)
    with pytest.raises(InputFileError, match="all zero"):
        read_pool(tmp_path / "still.extxyz", "molecule")


def test_a_velocity_column_of_unknown_unit_is_refused(tmp_path: Path) -> None:
    atoms = _water(velocities=False)
    atoms.new_array("velocities", np.ones((3, 3)))
    ase.io.write(tmp_path / "a.extxyz", atoms)
    with pytest.raises(InputFileError, match="no unit"):
        read_pool(tmp_path / "a.extxyz", "molecule")


def test_snapshots_of_other_systems_are_refused(tmp_path: Path) -> None:
    shuffled, wider, twice = _water()[[1, 0, 2]], _water(), [_water(), _water()]
    wider.set_cell([11, 10, 10])
    for atoms in twice:
        atoms.info["snapshot"] = "same"
    evil = _water()
    evil.info["snapshot"] = "${HOME}"
    cases: list[tuple[list[Atoms], str]] = [
        ([_water(), shuffled], "same order"),
        ([_water(), wider], "in-plane cell"),
        (twice, "stand twice"),
        ([evil], "plain name"),
    ]
    for snapshots, message in cases:
        ase.io.write(tmp_path / "a.extxyz", snapshots)
        with pytest.raises(InputFileError, match=message):
            read_pool(tmp_path / "a.extxyz", "slab")


def test_files_that_are_no_pool(tmp_path: Path) -> None:
    (tmp_path / "a.extxyz").write_text("3\n\nO 1 2\n")
    (tmp_path / "a.dump.xz").write_bytes(b"not compressed")
    (tmp_path / "a.unknown").write_text("")
    (tmp_path / "empty.extxyz").write_text("")
    for name, message in (
        ("a.extxyz", "cannot read"),
        ("a.dump.xz", "cannot read"),
        ("a.unknown", "no format known"),
        ("empty.extxyz", "cannot read|no structures"),
        ("absent.extxyz", "does not exist"),
        (".", "is no file"),
    ):
        with pytest.raises(InputFileError, match=message):
            read_pool(tmp_path / name, "molecule")


def test_molecules_are_made_whole(ecco: Atoms) -> None:
    periodic = ecco.copy()
    periodic.set_cell([12.0, 13.0, 14.0])
    periodic.set_pbc(True)
    inside = periodic.get_all_distances()
    periodic.positions += [5.0, 6.0, 13.0]
    periodic.wrap()
    assert not np.allclose(periodic.get_all_distances(), inside)
    make_whole(periodic)
    assert periodic.get_all_distances() == pytest.approx(inside)


def test_frozen_is_the_lowest_layers_and_all_below(si001: Atoms) -> None:
    mask = frozen_mask(si001, find_surface(si001), 1)
    assert set(np.flatnonzero(mask)) == {*range(16), *range(96, 128)}  # the lowest 16 Si and every H
    assert not frozen_mask(si001, find_surface(si001), 0).any()
    assert frozen_mask(si001, find_surface(si001), 2).sum() == 64
    assert set(np.flatnonzero(bath_mask(si001, find_surface(si001), 1, Bath().layers))) == set(range(16, 32))
    assert bath_mask(si001, find_surface(si001), 0, 1).sum() == 48  # with its hydrogen
    with pytest.raises(ConfigError, match="frozen_layers is 6"):
        frozen_mask(si001, find_surface(si001), 6)
    with pytest.raises(ConfigError, match="free of the bath"):
        bath_mask(si001, find_surface(si001), 1, 5)


def test_another_frozen_set_is_refused(si001: Atoms) -> None:
    one = frozen_mask(si001, find_surface(si001), 1)
    require_same_frozen(None, one, "pool", 1)
    require_same_frozen(one.copy(), one, "pool", 1)
    with pytest.raises(ConfigError, match=r"48 frozen atoms.*= 2 freezes 64"):
        require_same_frozen(one, frozen_mask(si001, find_surface(si001), 2), "slab.extxyz", 2)


def test_vasp_s_selective_dynamics_is_a_record_of_frozen_atoms(tmp_path: Path) -> None:
    atoms = _water()
    atoms.set_constraint(FixAtoms([0]))
    ase.io.write(tmp_path / "CONTCAR", atoms, format="vasp", vasp5=True)
    pool = read_pool(tmp_path / "CONTCAR", "slab")
    assert pool.frozen is not None
    assert pool.frozen.tolist() == [True, False, False]


def test_snapshots_that_disagree_on_frozen_atoms_are_refused(tmp_path: Path) -> None:
    first, second = _water(), _water()
    first.new_array("frozen", np.array([True, False, False]))
    second.new_array("frozen", np.array([False, True, False]))
    for other in (second, _water()):
        ase.io.write(tmp_path / "a.extxyz", [first, other])
        with pytest.raises(InputFileError, match=r"disagree|cannot read"):
            read_pool(tmp_path / "a.extxyz", "slab")
