"""Dumps read whole, cut and damaged; ASE's reader is the reference for what is whole."""

import dataclasses
import gzip
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.trajectory import Frame, read_frames

COLUMNS = "id type element x y z ix iy iz vx vy vz"
ORTHOGONAL = "ITEM: BOX BOUNDS pp pp pp\n0 15.5\n0 15.5\n-1 33\n"
TRICLINIC = "ITEM: BOX BOUNDS xy xz yz pp pp ff\n-2.5 17.25 -2.5\n0 15.5 1.75\n-1 33 -0.5\n"
GENERAL = "ITEM: BOX BOUNDS abc origin pp pp pp\n15 1 0 0\n1 15 0 0\n0 0 34 0\n"
ROWS = {
    "id": ["1", "2", "3", "4"],
    "type": ["3", "3", "2", "1"],
    "element": ["Si", "Si", "C", "H"],
    "x": ["0.125", "15.4999999", "7.25", "8.123456789"],
    "y": ["1.5", "2.5", "1e-05", "0.25"],
    "z": ["-0.75", "1.36", "9.5", "10.5"],
    "ix": ["0", "-1", "0", "2"],
    "iy": ["0", "0", "1", "0"],
    "iz": ["0", "0", "0", "-1"],
    "vx": ["0.5", "-1.25", "3.5", "40.25"],
    "vy": ["0.0", "0.5", "-11.125", "2.5"],
    "vz": ["0.125", "0.75", "-2.5", "12.5"],
}


def frame_text(step: int, columns: str = COLUMNS, box: str = ORTHOGONAL, order: Sequence[int] = (0, 1, 2, 3)) -> str:
    lines = [" ".join(ROWS[title][atom] for title in columns.split()) for atom in order]
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(order)}\n{box}ITEM: ATOMS {columns}\n"
        + "\n".join(lines)
        + "\n"
    )


def written(folder: Path, text: str | bytes, name: str = "traj.dump") -> Path:
    path = folder / name
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def frames_of(path: Path) -> list[Frame]:
    return list(read_frames(path))


def same(first: Frame, second: Frame) -> bool:
    ours, theirs = first.atoms(), second.atoms()
    equal: bool = ours == theirs and bool((ours.get_velocities() == theirs.get_velocities()).all())
    return equal and first.step == second.step


@pytest.mark.parametrize("name", ["traj.dump", "traj.dump.gz"])
@pytest.mark.parametrize("box", [ORTHOGONAL, TRICLINIC])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_frames_are_those_of_ase(tmp_path: Path, name: str, box: str, order: tuple[int, ...]) -> None:
    text = frame_text(0, box=box, order=order) + frame_text(40, box=box, order=order)
    path = written(tmp_path, text, name)
    plain = written(tmp_path, text, "plain.dump")
    expected = ase.io.read(plain, index=":", format="lammps-dump-text")
    found = frames_of(path)
    assert [frame.step for frame in found] == [0, 40]
    for frame, reference in zip(found, expected, strict=True):
        atoms = frame.atoms()
        assert atoms.get_chemical_symbols() == reference.get_chemical_symbols()
        assert atoms.positions == pytest.approx(reference.positions, abs=0)
        assert atoms.get_velocities() == pytest.approx(reference.get_velocities(), rel=1e-12)
        assert atoms.cell[:] == pytest.approx(reference.cell[:], abs=1e-12)
        assert atoms.get_celldisp().ravel() == pytest.approx(reference.get_celldisp().ravel(), abs=1e-12)
        assert (atoms.pbc == reference.pbc).all()
        assert not frame.cut_after


def test_image_flags_undo_the_wrapping(tmp_path: Path) -> None:
    frame = frames_of(written(tmp_path, frame_text(0, box=TRICLINIC)))[0]
    a, b, c = frame.cell
    assert frame.unwrapped == pytest.approx(frame.positions + np.array([0 * a, -a, b, 2 * a - c]))
    without = frames_of(written(tmp_path, frame_text(0, "id element x y z")))[0]
    assert (without.images, without.velocities) == (None, None)
    assert without.unwrapped == pytest.approx(without.positions)


def test_cut_at_every_byte_of_the_last_frame(tmp_path: Path) -> None:
    first, last = frame_text(0), frame_text(40)
    whole = frames_of(written(tmp_path, first + last))
    for kept in range(1, len(last)):
        found = frames_of(written(tmp_path, (first + last[:kept])))
        assert len(found) == 1, kept
        assert found[0].cut_after, kept
        assert same(found[0], whole[0])
    assert [frame.cut_after for frame in whole] == [False, False]


def test_gzip_cut_at_every_byte_gives_a_prefix_of_whole_frames(tmp_path: Path) -> None:
    steps = range(0, 200, 40)
    packed = gzip.compress("".join(frame_text(step) for step in steps).encode())
    path = tmp_path / "traj.dump.gz"
    numbers = set()
    for kept in range(20, len(packed) - 1):
        path.write_bytes(packed[:kept])
        try:
            found = frames_of(path)
        except InputFileError as error:
            assert "holds no whole frame" in str(error)
            continue
        assert [frame.step for frame in found] == list(steps)[: len(found)]
        assert found[-1].cut_after
        numbers.add(len(found))
    assert len(numbers) > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no whole frame"),
        (frame_text(0)[:-1], "holds no whole frame"),
        (frame_text(0, "id type x y z"), "no column element"),
        (frame_text(0, "id element x y"), "no column z"),
        (frame_text(0).replace(" C ", " Xx "), "no chemical element"),
        (frame_text(0).replace("7.25", "7.2.5"), "damaged atom lines"),
        (frame_text(0).replace(" 7.25 ", " "), "damaged atom lines"),
        (frame_text(0, order=(0, 1, 1, 2)), "stands twice"),
        (frame_text(40) + frame_text(0), "follows step 40"),
        (frame_text(40) + frame_text(40), "follows step 40"),
        (frame_text(0) + frame_text(40, order=(0, 1, 2)), "3 atoms after 4"),
        ("LAMMPS data file\n\n4 atoms\n", "not a LAMMPS text dump"),
        ("ITEM: TIMESTEP\nzero\n" + frame_text(0)[17:], "not a LAMMPS text dump"),
        (frame_text(0, box=GENERAL), "restricted triclinic kind"),
    ],
)
def test_damage_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputFileError, match=message) as caught:
        frames_of(path)
    assert "traj.dump" in str(caught.value)


def test_damage_in_the_middle_comes_after_the_frames_before_it(tmp_path: Path) -> None:
    path = written(tmp_path, frame_text(0) + frame_text(40)[:-20] + "\n" + frame_text(80))
    with pytest.raises(InputFileError, match="step 40"):
        frames_of(path)


def test_missing_or_unpacked_file(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot read the dump"):
        frames_of(tmp_path / "absent.dump")
    (tmp_path / "plain.dump.gz").write_text(frame_text(0))
    with pytest.raises(InputFileError, match="cannot read the dump"):
        frames_of(tmp_path / "plain.dump.gz")


def test_positions_that_are_no_numbers_are_read_as_such(tmp_path: Path) -> None:
    frame = frames_of(written(tmp_path, frame_text(0).replace("8.123456789", "nan")))[0]
    assert np.isnan(frame.positions[3, 0])
    assert np.isfinite(frame.positions[:3]).all()


def test_extra_items_and_columns_are_passed_over(tmp_path: Path) -> None:
    text = frame_text(0, "element id type x y z")
    extra = "ITEM: UNITS\nmetal\nITEM: TIME\n0.25\n" + text
    assert frames_of(written(tmp_path, extra))[0].symbols == ("Si", "Si", "C", "H")


def test_frames_come_one_at_a_time(tmp_path: Path) -> None:
    path = written(tmp_path, frame_text(0) + frame_text(40) + "rubbish\n" * 20)
    stream = read_frames(path)
    assert next(stream).step == 0
    with pytest.raises(InputFileError, match="rubbish"):
        next(stream)


def test_frame_from_atoms_and_back() -> None:
    atoms = Atoms("SiH", positions=[[0, 0, 0], [0, 0, 1.5]], cell=[5, 6, 7], pbc=[True, True, False])
    assert Frame.from_atoms(atoms).atoms() == atoms
    assert Frame.from_atoms(atoms).velocities is None
    atoms.set_velocities(np.full((2, 3), 0.25))
    frame = Frame.from_atoms(atoms, step=3)
    assert frame.atoms().get_velocities() == pytest.approx(atoms.get_velocities(), rel=1e-12)
    assert frame.velocities == pytest.approx(0.25 / 0.01018050571, rel=1e-6)  # ASE's time unit is 10.18 fs
    assert same(frame, dataclasses.replace(frame))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        path = written(tmp_path, "".join(frame_text(40 * step, order=[0, 1, 2, 3]) for step in range(frames)))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_frames(path)) == frames
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded once
    # about 0.8 and 3 MB of text
    assert peak(12_000) < 1.5 * peak(3_000) + 200_000
