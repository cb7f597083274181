"""Which files of folders and archives are read, by which reader, and under which names."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ase.db import connect
from ase.io import write
from frame_cases import hydrogen
from vasp_cases import Step, outcar, vasprun

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.readers.sources import find_sources
from molgun_lmp.training.dataset.read import read_dataset

DISTANCES = {"run-1/vasprun.xml": 0.75, "run-2/vasprun.xml": 0.85}
CONTENT = {name: vasprun([Step(distance=d), Step(distance=d + 0.5)]) for name, d in DISTANCES.items()} | {
    "run-2/OUTCAR": outcar([Step(distance=0.85)]),
    "run-3/OUTCAR": outcar([Step(distance=0.95)]),
    "run-3/INCAR": "NSW = 1",
    "run-3/.OUTCAR.swp": "scratch",
}
TRAJECTORIES = ["run-1/vasprun.xml"] * 2 + ["run-2/vasprun.xml"] * 2 + ["run-3/OUTCAR"]


def fill(folder: Path) -> Path:
    for name, text in CONTENT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def make_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in CONTENT.items():
            archive.writestr(name, text)
    return path


def make_tar(path: Path) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, text in CONTENT.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("run-4/OUTCAR")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


@pytest.mark.parametrize(
    ("make", "name"), [(fill, "aimd"), (make_zip, "aimd.zip"), (make_tar, "aimd.tar.xz")], ids=["folder", "zip", "tar"]
)
def test_all_runs_of_a_folder_or_archive_are_read_once(tmp_path: Path, make: Callable[[Path], Path], name: str) -> None:
    packed = make(tmp_path / name)
    with find_sources([packed]) as sources:
        assert dict(sources.skipped) == {
            f"{name}/run-2/OUTCAR": f"of the same run as {name}/run-2/vasprun.xml, which is read"
        }
    dataset = read_dataset([packed])
    assert [frame.trajectory for frame in dataset.frames] == [f"{name}/{each}" for each in TRAJECTORIES]
    assert not dataset.dropped


def test_a_path_that_leads_out_of_an_archive_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a" / "b"))
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../OUTCAR", outcar([Step()]))
    assert len(read_dataset([tmp_path / "evil.zip"]).frames) == 1
    assert not list(tmp_path.rglob("OUTCAR"))


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputFileError, match=r"cut\.zip cannot be unpacked"):
        read_dataset([tmp_path / "cut.zip"])


def test_files_of_one_name_in_two_folders_are_two_trajectories(tmp_path: Path) -> None:
    for number, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "frames.extxyz", hydrogen(0.7 + 0.1 * number))
    frames = read_dataset([tmp_path / "a" / "frames.extxyz", tmp_path / "b" / "frames.extxyz"]).frames
    assert [frame.trajectory for frame in frames] == ["a/frames.extxyz", "b/frames.extxyz"]
    assert [frame.source for frame in frames] == ["a/frames.extxyz#0", "b/frames.extxyz#0"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "frames.extxyz", hydrogen())
    dataset = read_dataset([tmp_path / "frames.extxyz", tmp_path / "." / "frames.extxyz"])
    assert (len(dataset.frames), len(dataset.dropped)) == (1, 0)


def test_runs_with_names_of_their_own_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR.cold").write_text(outcar([Step()]))
    (tmp_path / "vasprun.cold.xml").write_text(vasprun([Step()]))
    (tmp_path / "OUTCAR.hot").write_text(outcar([Step(distance=0.9)]))
    with find_sources([tmp_path / "OUTCAR.cold", tmp_path / "vasprun.cold.xml", tmp_path / "OUTCAR.hot"]) as sources:
        assert [source.path.name for source in sources.files] == ["vasprun.cold.xml", "OUTCAR.hot"]


def test_a_folder_without_frames_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "INCAR").write_text("NSW = 1")
    with pytest.raises(InputFileError, match=r"no file of frames in .*vasprun\*\.xml"):
        read_dataset([tmp_path])


def test_ase_databases_keep_their_keys(tmp_path: Path) -> None:
    atoms = hydrogen(0.75, energy=None, force=None)
    with connect(tmp_path / "frames.db") as database:
        database.write(labelled(atoms, -31.5), trajectory="shot", config_type="hot")
        database.write(hydrogen(0.8, energy=None, force=None))
    dataset = read_dataset([tmp_path / "frames.db"])
    (frame,) = dataset.frames
    assert (frame.energy_ev, frame.trajectory, frame.config_type) == (-31.5, "shot", "hot")
    assert [drop.reason for drop in dataset.dropped] == [DropReason.NO_ENERGY]
    assert dataset.labels == Labels(energy="energy", forces="forces")


def test_other_formats_of_ase_are_read_when_named(tmp_path: Path) -> None:
    write(tmp_path / "frames.traj", [labelled(hydrogen(0.75, energy=None, force=None), -31.5)])
    assert read_dataset([tmp_path / "frames.traj"]).frames[0].energy_ev == -31.5


def labelled(atoms: object, energy: float) -> object:
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    assert isinstance(atoms, Atoms)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=[[0, 0, -0.5], [0, 0, 0.5]])
    return atoms
