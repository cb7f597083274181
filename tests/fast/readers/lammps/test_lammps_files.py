"""LAMMPS files are known by how they begin, types are no elements, and units and times are those that they say."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import ase.io
import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms
from ase.build import fcc111

from molgun_lmp.analysis.outcomes.external_system import decide_files
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.gun.pools import read_pool
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.readers.trajectory import is_dump, read_frames
from molgun_lmp.readers.vasp_trajectories import Given
from molgun_lmp.results.external import trajectories
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.labelling.label import read_structures
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY

WATER = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0 10
0 10
0 10
ITEM: ATOMS id type{title} x y z vx vy vz
1 1{o} 5.0 5.0 5.0 0.001 -0.002 0.003
2 2{h} 5.96 5.0 5.0 -0.007 0.008 -0.009
3 2{h} 4.76 5.93 5.0 0.0005 0.00025 0.000125
"""
TYPES_ALONE = WATER.format(title="", o="", h="")
WITH_ELEMENTS = WATER.format(title=" element", o=" O", h=" H")
DATA = """{head}

3 atoms
2 atom types

0.0 10.0 xlo xhi
0.0 10.0 ylo yhi
0.0 10.0 zlo zhi

{masses}Atoms # atomic

1 1 5.0 5.0 5.0
2 2 5.96 5.0 5.0
3 2 4.76 5.93 5.0

Velocities

1 0.001 -0.002 0.003
2 -0.007 0.008 -0.009
3 0.0005 0.00025 0.000125
"""
MASSES = "Masses\n\n1 15.9994\n2 1.008\n\n"
OF_REAL = "LAMMPS data file via write_data, version 22 Jul 2025, timestep = 0, units = {units}"
ROADS: Sequence[Callable[[Path], object]] = (
    read_structure,
    lambda path: read_structures([path]),
    lambda path: read_pool(path, "molecule"),
)
NAMES = ("dump.water", "water.lammpstrj", "water.lammpstrj.bz2", "water.dump.xz", "water.txt", "water.extxyz", "water")
PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def packed(path: Path, text: str) -> Path:
    path.write_bytes(PACKINGS.get(path.suffix, bytes)(text.encode()))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_dump_without_elements_is_refused_on_every_road(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, TYPES_ALONE)
    assert is_dump(path)
    for read in ROADS:
        with pytest.raises(InputFileError, match="say which element each type is"):
            read(path)
    with pytest.raises((InputFileError, ConfigError), match="say which element each type is"):
        read_dataset([path])


@pytest.mark.parametrize("name", NAMES)
def test_a_dump_with_elements_is_read_under_any_name(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, WITH_ELEMENTS)
    assert read_structure(path).get_chemical_symbols() == ["O", "H", "H"]
    assert read_structures([path])[0].symbols == ("O", "H", "H")
    assert read_pool(path, "molecule").symbols == ("O", "H", "H")
    with pytest.raises(ConfigError, match="no frame of"):
        read_dataset([path])


@pytest.mark.parametrize("name", ["data.water", "water.lmp", "water.data.gz", "water"])
def test_a_data_file_says_its_elements_by_masses_or_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, DATA.format(head="water", masses=MASSES))
    assert read_structure(path).get_chemical_symbols() == ["O", "H", "H"]
    assert read_structures([path])[0].symbols == ("O", "H", "H")
    labels = "Atom Type Labels\n\n1 OW\n2 HW\n\n"
    for masses in ("", labels, MASSES.replace("15.9994", "500")):
        packed(path, DATA.format(head="water", masses=masses))
        for read in ROADS:
            with pytest.raises(InputFileError, match="element"):
                read(path)
    packed(path, DATA.format(head="water", masses="Atom Type Labels\n\n1 O\n2 H\n\n"))
    assert read_structure(path).get_chemical_symbols() == ["O", "H", "H"]


def test_elements_are_told_by_a_column_of_masses(tmp_path: Path) -> None:
    path = tmp_path / "water.dump"
    path.write_text(WATER.format(title=" mass", o=" 15.9994", h=" 1.008"))
    assert read_structure(path).get_chemical_symbols() == ["O", "H", "H"]
    path.write_text(WATER.format(title=" mass", o=" 13.2", h=" 1.008"))
    with pytest.raises(InputFileError, match=r"mass 13\.2"):
        read_structure(path)


@pytest.mark.parametrize("style", ["dump", "data"])
def test_velocities_of_a_pool_are_in_the_units_that_the_file_says(tmp_path: Path, style: str) -> None:
    def written(units: str) -> Path:
        path = tmp_path / f"water.{style}"
        item = f"ITEM: UNITS\n{units}\n" if units else ""
        head = OF_REAL.format(units=units) if units else "water"
        path.write_text(item + WITH_ELEMENTS if style == "dump" else DATA.format(head=head, masses=MASSES))
        return path

    for units, factor in (("metal", 1.0), ("real", 1000.0), ("", 1.0)):
        (snapshot,) = read_pool(written(units), "molecule").snapshots
        found = snapshot.get_velocities() * ANGSTROM_PER_PS_PER_ASE_VELOCITY
        assert found[1] == pytest.approx(np.array([-0.007, 0.008, -0.009]) * factor, rel=1e-4)
    for units in ("lj", "si", "electron", "nano"):
        with pytest.raises(InputFileError, match=f"its units are `{units}`"):
            read_pool(written(units), "molecule")


SLAB = fcc111("Cu", (3, 3, 3), a=3.61, vacuum=9.0)
SLAB.pbc = True
FALL = (6.0, 4.0, 2.0, 1.7, 1.7, 1.9, 3.0, 5.0, 7.0, 9.0)
SYMBOLS = [*SLAB.get_chemical_symbols(), "C", "O"]
NOISE = np.random.default_rng(5).normal(0.0, 0.01, (64, len(SYMBOLS), 3))


def fallen(height: float, step: int) -> Atoms:
    carbon = [*SLAB.positions[-1, :2], SLAB.positions[:, 2].max() + height]
    atoms = SLAB + Atoms("CO", positions=[carbon, [carbon[0], carbon[1], carbon[2] + 1.15]])
    atoms.positions += NOISE[step // 10 % len(NOISE)]
    return atoms


def frame_of(step: int, height: float, *, time: float | None = None, units: str = "") -> str:
    atoms = fallen(height, step)
    (xx, _, _), (xy, yy, _), (_, _, zz) = atoms.cell.tolist()
    head = (f"ITEM: UNITS\n{units}\n" if units else "") + (f"ITEM: TIME\n{time!r}\n" if time is not None else "")
    rows = "".join(
        f"{atom + 1} {symbol} {x:.6f} {y:.6f} {z:.6f}\n"
        for atom, (symbol, (x, y, z)) in enumerate(zip(SYMBOLS, atoms.positions.tolist(), strict=True))
    )
    return (
        f"{head}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\nITEM: BOX BOUNDS xy xz yz pp pp pp\n"
        f"0 {xx + xy} {xy}\n0 {yy} 0\n0 {zz} 0\nITEM: ATOMS id element x y z\n{rows}"
    )


def timed(factor: float = 1.0, units: str = "metal") -> str:
    """1 fs a step far from the surface, 0.1 fs near it; the times in ps are the factor's part."""
    times_ps = np.cumsum([0.0, *(0.001 if height < 2.5 else 0.01 for height in FALL[1:])])
    return "".join(
        frame_of(10 * index, height, time=float(time) * factor, units=units if index == 0 else "")
        for index, (height, time) in enumerate(zip(FALL, times_ps, strict=True))
    )


SETTINGS = ForeignFiles()


@pytest.mark.parametrize(("factor", "units"), [(1.0, "metal"), (1000.0, "real"), (1.0, "")])
def test_times_that_a_dump_says_count_and_no_timestep_is_needed(tmp_path: Path, factor: float, units: str) -> None:
    path = tmp_path / "time.dump"
    path.write_text(timed(factor, units))
    outcome, _ = decide_files("t", [path], SETTINGS, tmp_path)
    assert outcome.mode == paper.SCATTERED
    assert outcome.first_contact_ps == pytest.approx(0.011, abs=1e-9)
    assert outcome.time_ps == pytest.approx(0.054, abs=1e-9)


def test_a_timestep_that_disagrees_with_them_is_said(tmp_path: Path) -> None:
    path = tmp_path / "time.dump"
    path.write_text(timed())
    for timestep, said in ((1.0, 1), (None, 0)):
        settings = ForeignFiles(timestep_fs=timestep)
        (one,) = trajectories([Given(name="t", path=path)], settings, tmp_path, one=False, processes=1)
        assert one.outcome.time_ps == pytest.approx(0.054, abs=1e-9)
        assert len(one.notes) == said
    path.write_text("".join(frame_of(10 * i, height, time=0.01 * i) for i, height in enumerate(FALL)))
    (one,) = trajectories([Given(name="t", path=path)], ForeignFiles(timestep_fs=1.0), tmp_path, one=False, processes=1)
    assert one.notes == ()


def test_times_in_undeclared_fs_are_not_taken_for_ps(tmp_path: Path) -> None:
    path = tmp_path / "time.dump"
    path.write_text(timed(1000.0, ""))
    with pytest.raises(InputFileError, match="ITEM: UNITS"):
        decide_files("t", [path], SETTINGS, tmp_path)
    path.write_text(frame_of(0, 6.0, time=0.0) + frame_of(10, 4.0, time=0.0))
    with pytest.raises(InputFileError, match="have passed since step 0"):
        decide_files("t", [path], SETTINGS, tmp_path)
    path.write_text(frame_of(0, 6.0, time=0.0) + frame_of(10, 4.0))
    with pytest.raises(InputFileError, match="this frame has no time"):
        decide_files("t", [path], SETTINGS, tmp_path)


def test_a_binary_dump_says_its_times_too(tmp_path: Path) -> None:
    def frame(step: int, time: float) -> bytes:
        magic, units, titles = b"DUMPCUSTOM", b"real", b"id mass x y z"
        rows = np.array([[1, 15.9994, 5, 5, 5], [2, 1.008, 6, 5, 5]], dtype="<f8").tobytes()
        return (
            struct.pack("<q", -len(magic)) + magic + struct.pack("<iiqqi", 1, 2, step, 2, 0)
            + struct.pack("<6i", 0, 0, 0, 0, 0, 0) + struct.pack("<6d", 0, 10, 0, 10, 0, 10) + struct.pack("<i", 5)
            + struct.pack("<i", len(units)) + units + struct.pack("<bd", 1, time)
            + struct.pack("<i", len(titles)) + titles + struct.pack("<ii", 1, 10) + rows
        )  # fmt: skip

    path = tmp_path / "any.name"
    path.write_bytes(frame(0, 0.0) + frame(10, 5.0) + frame(20, 6.0))
    frames = list(read_frames(path))
    assert [one.time_ps for one in frames] == pytest.approx([0.0, 0.005, 0.006])
    assert frames[2].symbols == ("O", "H")


def parts(*runs: Sequence[tuple[int, float]]) -> str:
    return "".join(frame_of(step, height) for run in runs for step, height in run)


def test_a_restarted_run_appended_to_its_dump_is_joined(tmp_path: Path) -> None:
    path = tmp_path / "run.dump"
    whole = [(10 * index, height) for index, height in enumerate(FALL)]
    path.write_text(parts(whole))
    settings = ForeignFiles(timestep_fs=3.0)
    truth, _ = decide_files("t", [path], settings, tmp_path)
    astray = [(40, 1.6), (50, 1.4), (60, 1.3)]  # what was computed before the crash, and did not happen
    for text in (
        parts(whole[:4], astray, whole[4:]),
        parts(whole[:7], whole[2:]),
        parts(whole[:4], astray[:1], whole[3:5], whole[4:]),
    ):
        path.write_text(text)
        found, _ = decide_files("t", [path], settings, tmp_path)
        assert found.events == truth.events
        assert found.lowest_clearance_angstrom == truth.lowest_clearance_angstrom
        assert found.time_ps == pytest.approx(0.27)


def test_two_runs_in_one_file_are_still_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.dump"
    whole = [(10 * index, height) for index, height in enumerate(FALL)]
    elsewhere = [(step, height + 3.0) for step, height in whole]
    for text in (parts(whole, whole), parts(whole, elsewhere[3:])):
        path.write_text(text)
        with pytest.raises(InputFileError, match="Two runs in one file"):
            decide_files("t", [path], ForeignFiles(timestep_fs=3.0), tmp_path)


def test_a_file_of_another_kind_is_none_of_lammps(tmp_path: Path) -> None:
    plain = fallen(3.0, 0)
    plain.info.clear()
    ase.io.write(tmp_path / "a.extxyz", plain)
    assert not is_dump(tmp_path / "a.extxyz")
    assert not is_dump(tmp_path / "absent")
    (tmp_path / "cut.dump.gz").write_bytes(gzip.compress(TYPES_ALONE.encode())[:30])
    with pytest.raises(InputFileError):
        read_pool(tmp_path / "cut.dump.gz", "molecule")
