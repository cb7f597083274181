"""ASE's trajectories are read, and of what is not read the way out is named, on every road and under any name."""

import gzip
from collections.abc import Callable
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
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.dataset.structures import structures_of


def fall() -> list[Atoms]:
    slab = fcc111("Cu", (2, 2, 3), vacuum=9.0)
    slab.pbc, slab.info = True, {}
    frames = []
    for height in (6.0, 4.0, 2.0, 1.8, 2.0, 4.0, 6.0, 8.0):
        place = slab.positions[-1] + [0, 0, height]
        frames.append(slab + Atoms("CO", positions=[place, place + np.array([0, 0, 1.15])]))
        frames[-1].set_velocities(frames[-1].positions * 0.01)
    return frames


def test_ase_s_own_trajectory_is_decided_as_any(tmp_path: Path) -> None:
    frames = fall()
    ase.io.write(tmp_path / "a.traj", frames)
    ase.io.write(tmp_path / "a.extxyz", frames)
    settings = ForeignFiles(frame_interval_fs=30.0)
    outcomes = [decide_files("t", [tmp_path / name], settings, tmp_path)[0] for name in ("a.traj", "a.extxyz")]
    assert outcomes[0].mode == paper.SCATTERED
    assert outcomes[0].events == outcomes[1].events
    (tmp_path / "any.gz").write_bytes(gzip.compress((tmp_path / "a.traj").read_bytes()))
    read = list(read_frames(tmp_path / "any.gz"))
    assert [one.step for one in read] == list(range(8))
    for one, frame in zip(read, frames, strict=True):
        assert one.atoms().get_velocities() == pytest.approx(frame.get_velocities())
    assert all(one.velocities is None for one in read_frames(tmp_path / "a.traj", velocities=False))


def test_a_cut_trajectory_of_ase_ends_with_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.traj"
    ase.io.write(path, fall())
    whole = path.read_bytes()
    for length in (len(whole) - 10, len(whole) // 2):
        path.write_bytes(whole[:length])
        read = list(read_frames(path))
        assert 0 < len(read) < 8
        assert read[-1].cut_after
    path.write_bytes(whole[:30])
    with pytest.raises(InputFileError, match=r"a\.traj, frame 0"):
        list(read_frames(path))


STARTS = {
    "vaspout.h5": (b"\x89HDF\r\n\x1a\n" + bytes(40), r"vasprun\.xml"),
    "run.h5md": (b"\x89HDF\r\n\x1a\n" + bytes(40), "extended XYZ"),
    "torchsim.h5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "write_ase_trajectory"),
    "run.nc": (b"CDF\x02" + bytes(40), "extended XYZ"),
    "run.dcd": (b"\x54\x00\x00\x00CORD" + bytes(40), "extended XYZ"),
    "run.xtc": (b"\x00\x00\x07\xcb" + bytes(40), "extended XYZ"),
    "restart.100": (b"LammpS RestartT\x00" + bytes(40), "restart2data"),
}
ROADS: dict[str, Callable[[Path], object]] = {
    "analyse": lambda path: list(read_frames(path)),
    "dataset": lambda path: read_dataset([path]),
    "label": lambda path: list(structures_of(path)),
}


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("name", STARTS)
def test_what_is_not_read_has_its_way_out(tmp_path: Path, name: str, road: str) -> None:
    content, way = STARTS[name]
    for file, data in ((name, content), (f"{name}.gz", gzip.compress(content))):
        (tmp_path / file).write_bytes(data)
        with pytest.raises(InputFileError, match=rf"which is not read\..*{way}"):
            ROADS[road](tmp_path / file)


def test_files_that_count_no_steps_say_so(tmp_path: Path) -> None:
    frames = fall()
    ase.io.write(tmp_path / "a.traj", frames)
    ase.io.write(tmp_path / "a.extxyz", frames)
    for place, frame in enumerate(frames):
        frame.info["step"] = 20 * place
    ase.io.write(tmp_path / "steps.extxyz", frames)
    counted = {name: [one.counts_steps for one in read_frames(tmp_path / name)] for name in ("a.traj", "a.extxyz")}
    assert counted == {"a.traj": [False] * 8, "a.extxyz": [False] * 8}
    assert all(one.counts_steps for one in read_frames(tmp_path / "steps.extxyz"))
    ends = [
        decide_files("t", [tmp_path / name], settings, tmp_path)[0].time_ps
        for name, settings in (
            ("a.extxyz", ForeignFiles(frame_interval_fs=10.0)),
            ("steps.extxyz", ForeignFiles(frame_interval_fs=10.0)),
            ("steps.extxyz", ForeignFiles(timestep_fs=0.5)),
        )
    ]
    assert ends == pytest.approx([0.07] * 3)
    for name in ("a.traj", "a.extxyz"):
        with pytest.raises(ConfigError, match="frame_interval_fs"):
            decide_files("t", [tmp_path / name], ForeignFiles(timestep_fs=0.5), tmp_path)
