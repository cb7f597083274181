"""Packed files: whatever the packing and the name, the bytes come out, and a cut or damaged file says so."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import struct
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from vasp_cases import Step, outcar

from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.provenance import sha256_bytes
from molgun_lmp.readers.common.packed import (
    UNPACKING_ERRORS,
    Stream,
    is_misnamed,
    open_text,
    open_unpacked,
    plain_file,
    sha256_unpacked,
)
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.training.dataset.read import read_dataset

CONTENT = np.random.default_rng(0).bytes(100_000) + b"the same line again\n" * 20_000


def zstd(content: bytes) -> bytes:
    packed: bytes = pytest.importorskip("zstandard").ZstdCompressor().compress(content)
    return packed


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}
packings = pytest.mark.parametrize("suffix", PACKINGS)


def everything(path: Path) -> bytes:
    with open_unpacked(path) as stream:
        return stream.read()


def streamed(path: Path) -> tuple[bytes, bool]:
    with Stream(path) as stream:
        content = b"".join(iter(lambda: stream.read(7001), b""))
        return content, stream.require_end()


@pytest.mark.parametrize("suffix", [*PACKINGS, ""])
@pytest.mark.parametrize("name", ["plain", "packed.gz", "packed.zst"])
def test_the_bytes_tell_the_packing_and_not_the_name(tmp_path: Path, suffix: str, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(PACKINGS[suffix](CONTENT) if suffix else CONTENT)
    assert everything(file) == CONTENT
    assert streamed(file) == (CONTENT, False)
    with plain_file(file) as plain:
        assert plain.read_bytes() == CONTENT
    assert is_misnamed(file) == (not suffix and name != "plain")


@packings
def test_the_hash_is_that_of_what_is_packed(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"traj.dump{suffix}"
    file.write_bytes(PACKINGS[suffix](CONTENT))
    assert sha256_unpacked(file) == sha256_bytes(CONTENT)


@packings
def test_parts_one_after_the_other_are_one_file(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "file"
    pack = PACKINGS[suffix]
    file.write_bytes(pack(CONTENT) + pack(b"") + pack(b"more"))
    assert everything(file) == CONTENT + b"more"
    if suffix == ".zst":
        file.write_bytes(struct.pack("<II", 0x184D2A50, 4) + b"skip" + pack(CONTENT))
        assert everything(file) == CONTENT


@packings
def test_a_cut_file_gives_what_is_whole_and_says_that_it_is_cut(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"file{suffix}"
    whole = PACKINGS[suffix](CONTENT)
    for kept in (*range(6, 40), *range(40, len(whole), len(whole) // 50), len(whole) - 1):
        file.write_bytes(whole[:kept])
        content, torn = streamed(file)
        assert torn, kept
        assert CONTENT.startswith(content)
        with pytest.raises(EOFError):
            everything(file)


@packings
def test_a_damaged_file_raises_what_readers_expect(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "file"
    whole = PACKINGS[suffix](CONTENT)
    for at in range(6, len(whole), len(whole) // 100):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        with contextlib.suppress(*UNPACKING_ERRORS):  # some changes are of a date, and harm nothing
            everything(file)


@packings
def test_lines_are_read_from_a_pipe(tmp_path: Path, suffix: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[PACKINGS[suffix](b"one\ntwo\n")])
    writer.start()
    with open_text(pipe) as lines:
        assert list(lines) == ["one\n", "two\n"]
    writer.join()


def test_without_its_package_zstandard_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "traj.dump.zst").write_bytes(zstd(b"ITEM: TIMESTEP\n"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputFileError, match=r"traj\.dump\.zst.*pip install 'molgun_lmp\[zst\]'.*zstd -d"):
        list(read_frames(tmp_path / "traj.dump.zst"))


def test_a_dump_that_is_not_packed_as_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "traj.dump.gz").write_bytes(CONTENT)
    with pytest.raises(InputFileError, match=r"traj\.dump\.gz: it is not packed as its name says"):
        list(read_frames(tmp_path / "traj.dump.gz"))


def test_pools_runs_and_archives_packed_with_zstandard_are_read(tmp_path: Path, molecule_pool: Pool) -> None:
    write_pool(tmp_path / "pool.extxyz", molecule_pool.snapshots, None)
    (tmp_path / "pool.extxyz.zst").write_bytes(zstd((tmp_path / "pool.extxyz").read_bytes()))
    assert read_pool(tmp_path / "pool.extxyz.zst", "molecule").ids == molecule_pool.ids
    text = outcar([Step()])
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "OUTCAR.zst").write_bytes(zstd(text.encode()))
    assert len(read_dataset([tmp_path / "runs"]).frames) == 1
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo("a/OUTCAR")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    (tmp_path / "runs.tar.zst").write_bytes(zstd(content.getvalue()))
    assert len(read_dataset([tmp_path / "runs.tar.zst"]).frames) == 1


@packings
def test_a_cut_archive_is_named(tmp_path: Path, suffix: str) -> None:
    text = outcar([Step(), Step()])
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo("a/OUTCAR")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    packed = PACKINGS[suffix](content.getvalue())
    (tmp_path / f"cut.tar{suffix}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputFileError, match=r"cut\.tar.* cannot be unpacked"):
        read_dataset([tmp_path / f"cut.tar{suffix}"])
