"""A trajectory's frames, one at a time, from the files of this tool and of others.

LAMMPS text dumps, binary dumps and extended XYZ, plain or packed, several files for one trajectory. ASE's readers are
slower, drop the box crossings, without which a slab that straddles the box is torn, and cannot tell a cut last number
from a whole one.
"""

import contextlib
import dataclasses
from collections.abc import Container, Generator, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, Stream, is_misnamed, without_packing
from molgun_lmp.readers.extxyz import ExtendedXyz
from molgun_lmp.readers.lammps.binary_dump import BinaryDump, is_binary
from molgun_lmp.readers.lammps.columns import TypeMap
from molgun_lmp.readers.lammps.text_dump import TextDump

__all__ = ["Frame", "read_chosen", "read_frames", "read_parts"]

_XYZ: Final = (".xyz", ".extxyz")
_BINARY: Final = ".bin"


class _Reader(Protocol):
    cut: bool

    def frames(self) -> Iterator[Frame]: ...


def read_frames(
    path: Path,
    *,
    types: TypeMap | None = None,
    columns: Sequence[str] = (),
    velocities: bool = True,
    one_run: bool = True,
) -> Generator[Frame, None, None]:
    """The whole frames of a file, one after the other; memory holds a few tens of them at a time.

    `types`: which element each LAMMPS type is, for dumps that do not say (binary ones never do); `columns`: the titles
    of a binary dump's columns where it has none (LAMMPS before 2021); `velocities` are read only where asked for;
    `one_run`: steps grow and atoms stay the same, as in one trajectory.

    A frame is whole when all its lines are there, each with its newline: a number cut in its digits would still be a
    number. A last frame that is not whole is left out and marked by `cut_after` of the frame before it.

    Raises `InputFileError` for a file that cannot be read or holds no whole frame, for missing columns, and for what is
    damaged before the end of the file.
    """
    with _stream_of(path) as stream:
        yield from _whole(_reader(stream, path, types, columns, velocities), path, one_run=one_run)


def read_chosen(path: Path, places: Container[int], *, velocities: bool = True) -> Generator[Frame, None, None]:
    """The frames of a file at some places, counted from 0, in order; `cut_after` is not said.

    In a LAMMPS text dump the atoms of the other frames are passed over unread, so that damage in them is not seen: this
    is for files that were read whole before. Raises `InputFileError` as `read_frames`, but for files whose frames are
    out of order.
    """
    with _stream_of(path) as stream:
        reader = _reader(stream, path, None, (), velocities)
        if isinstance(reader, TextDump):
            yield from reader.frames(places)
            if reader.passed == 0:
                raise _no_frame(path)
        else:
            yield from (frame for place, frame in enumerate(_whole(reader, path, one_run=True)) if place in places)


@contextlib.contextmanager
def _stream_of(path: Path) -> Iterator[Stream]:
    """The bytes of a file, and errors that name it."""
    try:
        if is_misnamed(path):
            raise InputFileError(
                f"cannot read the dump {path}: it is not packed as its name says. Check the file, or run the "
                "trajectory again."
            )
        with Stream(path) as stream:
            yield stream
    except UNPACKING_ERRORS as error:
        raise InputFileError(
            f"cannot read the dump {path}: {error}. Check the file, or run the trajectory again."
        ) from error


def read_parts(
    paths: Sequence[Path], *, types: TypeMap | None = None, columns: Sequence[str] = (), velocities: bool = True
) -> Iterator[Frame]:
    """One trajectory from several files in order, as a run leaves them that was continued.

    Steps that two files have are taken once, from the later one, which went on from them. Raises `InputFileError` as
    `read_frames`, and where a file begins before the one in front of it.
    """
    starts = [_first_step(path, types, columns) for path in paths]
    for path, start, before in zip(paths[1:], starts[1:], starts, strict=False):
        if start <= before:
            raise InputFileError(
                f"{path} begins at step {start}, and the file before it at step {before}. Name the files of one "
                "trajectory in order; other trajectories are analysed apart."
            )
    for path, end in zip(paths, [*starts[1:], None], strict=True):
        with contextlib.closing(read_frames(path, types=types, columns=columns, velocities=velocities)) as frames:
            for frame in frames:
                if end is not None and frame.step >= end:
                    break
                yield frame if end is None else dataclasses.replace(frame, cut_after=False)


def _first_step(path: Path, types: TypeMap | None, columns: Sequence[str]) -> int:
    with contextlib.closing(read_frames(path, types=types, columns=columns, velocities=False)) as frames:
        return next(frames).step


def _reader(stream: Stream, path: Path, types: TypeMap | None, columns: Sequence[str], velocities: bool) -> _Reader:
    name = without_packing(path.name)
    if name.endswith(_XYZ):
        return ExtendedXyz(stream, str(path))
    if is_binary(stream.peek(32)) or name.endswith(_BINARY):
        return BinaryDump(stream, str(path), types, columns, velocities=velocities)
    return TextDump(stream, str(path), types, velocities=velocities)


def _whole(reader: _Reader, path: Path, *, one_run: bool) -> Iterator[Frame]:
    previous: Frame | None = None
    for frame in reader.frames():
        if previous is not None:
            if one_run:
                _require_order(previous, frame, path)
            yield previous
        previous = frame
    if previous is None:
        raise _no_frame(path)
    yield dataclasses.replace(previous, cut_after=True) if reader.cut else previous


def _no_frame(path: Path) -> InputFileError:
    return InputFileError(
        f"{path} holds no whole frame: the run ended before its first dump was written. Run the trajectory again."
    )


def _require_order(previous: Frame, frame: Frame, path: Path) -> None:
    if frame.step <= previous.step:
        raise InputFileError(
            f"{path}, frame of step {frame.step}: it follows step {previous.step}. Two runs in one file? "
            "Analyse them apart."
        )
    if len(frame.symbols) != len(previous.symbols):
        raise InputFileError(
            f"{path}, frame of step {frame.step}: {len(frame.symbols)} atoms after {len(previous.symbols)}: "
            "the run lost atoms. Run the trajectory again."
        )
