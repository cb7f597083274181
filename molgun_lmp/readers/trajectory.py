"""A trajectory's frames, one at a time, from the files of this tool and of others.

LAMMPS text dumps, binary dumps, extended XYZ, XYZ of i-PI and CP2K, plain or packed, several files for one trajectory.
ASE's readers are slower, drop the box crossings, without which a slab that straddles the box is torn, and cannot tell a
cut last number from a whole one.
"""

import contextlib
import dataclasses
from collections.abc import Container, Generator, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.ase_trajectory import AseTrajectory, is_ase_trajectory
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.not_read import not_read
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, Stream, beginning, is_misnamed, without_packing
from molgun_lmp.readers.cp2k import Cp2kTrajectory
from molgun_lmp.readers.cp2k_run_files import CP2K_HEAD, is_cp2k
from molgun_lmp.readers.extxyz import ExtendedXyz
from molgun_lmp.readers.lammps.binary_dump import BinaryDump, is_binary
from molgun_lmp.readers.lammps.columns import TypeMap
from molgun_lmp.readers.lammps.text_dump import TextDump, is_text_dump

__all__ = ["Frame", "StepsGoBackError", "frames_of_text", "is_dump", "read_chosen", "read_frames", "read_parts"]

_LOOKED_AT: Final = 32
"""Bytes that tell a dump."""
_XYZ: Final = (".xyz", ".extxyz")
_BINARY: Final = ".bin"
_SAME_PLACE_ANGSTROM: Final = 0.5
"""An atom may be so far from where it was at the step at which a run was taken up again: of rounding, a few steps."""
_LONGEST_STEP_PS: Final = 0.05
"""A step of dynamics never takes so long: time in fs was taken for ps."""


class StepsGoBackError(ValueError):
    """The cause where steps of one file go back: a restarted run was appended (`restarted` of `read_parts`), or another
    run."""


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

    A LAMMPS dump is known by how it begins, whatever its name. `types`: which element each LAMMPS type is, for dumps
    that do not say (binary ones never do); `columns`: the titles of a binary dump's columns where it has none (LAMMPS
    before 2021); `velocities` are read only where asked for; `one_run`: steps grow and atoms stay the same, as in one
    trajectory.

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


def frames_of_text(content: bytes, name: str) -> Iterator[Frame]:
    """The whole frames in the text of a LAMMPS dump, or of a part of one, that says the elements; `name` is for errors.

    Raises `InputFileError` for what is damaged.
    """
    with Stream(content) as stream:
        yield from TextDump(stream, name, None, velocities=True).frames()


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
    paths: Sequence[Path],
    *,
    types: TypeMap | None = None,
    columns: Sequence[str] = (),
    velocities: bool = True,
    restarted: bool = False,
) -> Iterator[Frame]:
    """One trajectory from several files in order, as a run leaves them that was continued.

    Steps that two files have are taken once, from the later one, which went on from them. `restarted`: the same within
    each file, to which a run was appended that began at an earlier step; the file is read twice. Raises
    `InputFileError` as `read_frames`, and where a file begins before the one in front of it.
    """
    starts = [_first_step(path, types, columns) for path in paths]
    for path, start, before in zip(paths[1:], starts[1:], starts, strict=False):
        if start <= before:
            raise InputFileError(
                f"{path} begins at step {start}, and the file before it at step {before}. Name the files of one "
                "trajectory in order; other trajectories are analysed apart."
            )
    read = _restarted_frames if restarted else read_frames
    for path, end in zip(paths, [*starts[1:], None], strict=True):
        with contextlib.closing(read(path, types=types, columns=columns, velocities=velocities)) as frames:
            for frame in frames:
                if end is not None and frame.step >= end:
                    break
                yield frame if end is None else dataclasses.replace(frame, cut_after=False)


def _first_step(path: Path, types: TypeMap | None, columns: Sequence[str]) -> int:
    with contextlib.closing(read_frames(path, types=types, columns=columns, velocities=False)) as frames:
        return next(frames).step


def _restarted_frames(
    path: Path, *, types: TypeMap | None, columns: Sequence[str], velocities: bool
) -> Generator[Frame, None, None]:
    """The frames of a file in which steps go back, without those that a later part has again.

    Raises `InputFileError` where a part begins before the file does, or elsewhere than the part before it was.
    """

    def every(velocities: bool) -> Iterator[Frame]:
        return read_frames(path, types=types, columns=columns, velocities=velocities, one_run=False)

    kept: dict[int, int] = {}
    """Step -> place of the frame that counts, in order."""
    again: dict[int, int] = {}
    """Place where a part begins -> place of the frame of the same step before it."""
    last: int | None = None
    for place, frame in enumerate(every(False)):
        if last is not None and frame.step <= last:
            if frame.step <= next(iter(kept)):
                raise _two_runs(path, frame.step, last)
            if frame.step in kept:
                again[place] = kept[frame.step]
            kept = {step: earlier for step, earlier in kept.items() if step < frame.step}
        kept[frame.step] = place
        last = frame.step
    counts, witnesses = set(kept.values()), set(again.values())
    seen: dict[int, Frame] = {}
    previous: Frame | None = None
    for place, frame in enumerate(every(velocities)):
        if place in witnesses:
            seen[place] = frame
        if place in again and not _is_same_structure(frame, seen[again[place]]):
            raise _two_runs(path, frame.step, seen[again[place]].step)
        if place in counts:
            if previous is not None:
                _require_order(previous, frame, path)
            yield frame
            previous = frame


def _is_same_structure(first: Frame, second: Frame) -> bool:
    """Whether all atoms are where they were, in whichever image of the cell."""
    if first.symbols != second.symbols or abs(np.linalg.det(first.cell)) == 0:
        return False
    fractions = np.linalg.solve(first.cell.T, (first.positions - second.positions).T).T
    moved = (fractions - np.rint(fractions)) @ first.cell
    return bool(np.linalg.norm(moved, axis=1).max() < _SAME_PLACE_ANGSTROM)


def _reader(stream: Stream, path: Path, types: TypeMap | None, columns: Sequence[str], velocities: bool) -> _Reader:
    name = without_packing(path.name)
    start = stream.peek(_LOOKED_AT)
    if is_text_dump(start):
        return TextDump(stream, str(path), types, velocities=velocities)
    if is_ase_trajectory(start):
        return AseTrajectory(path, velocities=velocities)
    if (way_out := not_read(start)) is not None:
        raise InputFileError(f"{path} {way_out}")
    if is_binary(start) or name.endswith(_BINARY):
        return BinaryDump(stream, str(path), types, columns, velocities=velocities)
    if is_cp2k(stream.peek(CP2K_HEAD)):
        return Cp2kTrajectory(stream, path, velocities=velocities)
    if name.endswith(_XYZ):
        return ExtendedXyz(stream, str(path))
    return TextDump(stream, str(path), types, velocities=velocities)


def is_dump(path: Path) -> bool:
    """Whether a file is a LAMMPS dump, text or binary, by how it begins, packed or not."""
    start = beginning(path, _LOOKED_AT)
    return is_text_dump(start) or is_binary(start)


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
        raise _two_runs(path, frame.step, previous.step) from StepsGoBackError()
    if len(frame.symbols) != len(previous.symbols):
        raise InputFileError(
            f"{path}, frame of step {frame.step}: {len(frame.symbols)} atoms after {len(previous.symbols)}: "
            "the run lost atoms. Run the trajectory again."
        )
    if frame.time_ps is None or previous.time_ps is None:
        return
    passed_ps = frame.time_ps - previous.time_ps
    if not 0.0 < passed_ps <= _LONGEST_STEP_PS * (frame.step - previous.step):
        raise InputFileError(
            f"{path}, frame of step {frame.step}: by the times that the file says {passed_ps:g} ps have passed since "
            f"step {previous.step}. Those of a dump (ITEM: TIME) are in ps, or in fs where it says `real` in ITEM: "
            "UNITS (`dump_modify ... units yes`), those of CP2K in fs. Leave a dump's item out and say `timestep_fs` "
            "if they mean something else."
        )


def _two_runs(path: Path, step: int, last: int) -> InputFileError:
    return InputFileError(
        f"{path}, frame of step {step}: it follows step {last}. Two runs in one file? Analyse them apart."
    )
