"""LAMMPS binary dumps (`dump custom ... traj.bin`), as `binary2txt` in LAMMPS's tools reads them."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.frame import Box, Frame
from molgun_lmp.readers.common.packed import Stream
from molgun_lmp.readers.lammps.columns import (
    Block,
    Layout,
    Symbols,
    TypeMap,
    numbers_of_masses,
    numbers_of_types,
)
from molgun_lmp.readers.lammps.units import METAL, units_of

_STRETCH: Final = 1 << 18
_MAGIC: Final = (b"DUMPCUSTOM", b"DUMPATOM")
_LONGEST_TEXT: Final = 1 << 14
_MOST_COLUMNS: Final = 1 << 10
_LARGEST: Final = 1 << 40


class _BinaryHead(NamedTuple):
    """What stands before a frame's numbers; `size`: its bytes, `step_at`, `time_at`: where its 8 bytes of the timestep
    are, and those of the time, None where it has none."""

    step: int
    step_at: int
    time: float | None
    time_at: int | None
    size: int
    n_atoms: int
    n_columns: int
    chunks: int
    box: Box
    titles: tuple[str, ...]
    order: str


class _ShortError(Exception):
    """The buffer ends within what was asked for."""


class _Cursor:
    """Values one after the other in a buffer."""

    def __init__(self, buffer: bytes, at: int, order: str) -> None:
        self.buffer, self.at, self.order = buffer, at, order

    def take(self, letters: str) -> tuple[int | float, ...]:
        pattern = struct.Struct(self.order + letters)
        if self.at + pattern.size > len(self.buffer):
            raise _ShortError
        self.at += pattern.size
        return pattern.unpack_from(self.buffer, self.at - pattern.size)

    def integer(self, letter: str = "i") -> int:
        return int(self.take(letter)[0])

    def text(self, length: int) -> bytes:
        if not 0 <= length <= _LONGEST_TEXT:
            raise ValueError(f"a text of {length} bytes")
        if self.at + length > len(self.buffer):
            raise _ShortError
        self.at += length
        return self.buffer[self.at - length : self.at]


def is_binary(start: bytes) -> bool:
    """Whether a file that begins so is a binary dump that names its columns (LAMMPS since 2021)."""
    return start[8:].startswith(_MAGIC)


class BinaryDump:
    """A binary dump's whole frames; `cut` becomes true where the file ends within a frame.

    It holds types, never elements, so that `types` or a column `mass` is needed; and before 2021 no titles, which are
    `columns` then.
    """

    def __init__(
        self, stream: Stream, name: str, types: TypeMap | None, columns: Sequence[str], *, velocities: bool
    ) -> None:
        self._stream, self._name, self._types = stream, name, types
        self._columns, self._velocities = tuple(columns), velocities
        self._symbols = Symbols()
        self._buffer = b""
        self._units = METAL
        self.cut = False

    def frames(self) -> Iterator[Frame]:
        """Raises `InputFileError` for what is damaged, after the whole frames before it."""
        position = 0
        while True:
            found = self._next(position)
            if found is not None:
                head, values, steps, times = found
                position += len(steps) * (head.size + 8 * head.n_atoms * head.n_columns + 4 * head.chunks)
                yield from self._decoded(head, values, steps, times)
                continue
            rest = self._buffer[position:]
            if self._stream.ended:
                self.cut = self._stream.require_end() or bool(rest)
                return
            self._buffer, position = rest + self._stream.read(max(_STRETCH, len(rest))), 0

    def _next(self, position: int) -> tuple[_BinaryHead, FloatArray, list[int], list[float | None]] | None:
        """The frames with the same head that begin at a place of the buffer, as (F, N, columns), steps and times."""
        if position == len(self._buffer):
            return None
        try:
            head = self._head(position)
            if head.chunks == 1:
                return self._many(head, position)
            return head, self._chunks(head, position + head.size)[None], [head.step], [head.time]
        except _ShortError:
            return None
        except ValueError as error:
            raise InputFileError(
                f"{self._name}: a frame is damaged ({error}), or this is no binary dump of LAMMPS. "
                "Run the trajectory again, or write a text dump."
            ) from error

    def _many(self, head: _BinaryHead, position: int) -> tuple[_BinaryHead, FloatArray, list[int], list[float | None]]:
        start = head.size + 4
        n_numbers = head.n_atoms * head.n_columns
        size = start + 8 * n_numbers
        n_frames = (len(self._buffer) - position) // size
        if n_frames == 0:
            raise _ShortError
        raw = np.frombuffer(self._buffer, dtype=np.uint8, count=n_frames * size, offset=position).reshape(-1, size)
        steps = np.ascontiguousarray(raw[:, head.step_at : head.step_at + 8]).view(f"{head.order}i8")[:, 0]
        differs = raw[:, :start] != raw[0, :start]
        differs[:, head.step_at : head.step_at + 8] = False
        times: list[float | None] = [None] * n_frames
        if head.time_at is not None:
            differs[:, head.time_at : head.time_at + 8] = False
            place = slice(head.time_at, head.time_at + 8)
            times = np.ascontiguousarray(raw[:, place]).view(f"{head.order}f8")[:, 0].tolist()
        if (different := differs.any(axis=1)).any():
            n_frames = int(np.argmax(different))
        counted = int.from_bytes(raw[0, head.size : start].tobytes(), "little" if head.order == "<" else "big")
        if counted != n_numbers:
            raise ValueError(f"{counted} numbers for {head.n_atoms} atoms in {head.n_columns} columns")
        numbers = np.ascontiguousarray(raw[:n_frames, start:]).view(f"{head.order}f8").astype(np.float64, copy=False)
        values = numbers.reshape(n_frames, head.n_atoms, head.n_columns)
        return head, values, steps[:n_frames].tolist(), times[:n_frames]

    def _chunks(self, head: _BinaryHead, position: int) -> FloatArray:
        """(N, columns): each rank of the run has written its own atoms."""
        cursor = _Cursor(self._buffer, position, head.order)
        parts: list[FloatArray] = []
        for _ in range(head.chunks):
            count = cursor.integer()
            if count < 0 or cursor.at + 8 * count > len(self._buffer):
                raise _ShortError if count >= 0 else ValueError(f"{count} numbers")
            parts.append(np.frombuffer(self._buffer, dtype=f"{head.order}f8", count=count, offset=cursor.at))
            cursor.at += 8 * count
        found = np.concatenate(parts).astype(np.float64)
        if len(found) != head.n_atoms * head.n_columns:
            raise ValueError(f"{len(found)} numbers for {head.n_atoms} atoms in {head.n_columns} columns")
        return found.reshape(head.n_atoms, head.n_columns)

    def _head(self, position: int) -> _BinaryHead:
        """Raises `ValueError` for numbers that no dump has, `_ShortError` where the buffer ends before them."""
        cursor = _Cursor(self._buffer, position, "<")
        first, revision, titles = cursor.integer("q"), 0, self._columns
        if first < 0:
            if -first > _LONGEST_TEXT:
                cursor.order = ">"
                first = struct.unpack(">q", struct.pack("<q", first))[0]
            cursor.text(-first)
            if cursor.integer() != 1:
                cursor.order = ">"
            revision = cursor.integer()
        step_at = cursor.at - position if revision else 0
        step = cursor.integer("q") if revision else first
        n_atoms, triclinic = cursor.integer("q"), cursor.integer()
        if triclinic not in {0, 1} or not 0 < n_atoms < _LARGEST or step < 0:
            raise ValueError(f"step {step}, {n_atoms} atoms, box of kind {triclinic}")
        flags = cursor.take("6i")
        bounds = np.array(cursor.take("6d")).reshape(3, 2)
        tilts = cursor.take("3d") if triclinic else (0.0, 0.0, 0.0)
        n_columns = cursor.integer()
        if not 0 < n_columns <= _MOST_COLUMNS:
            raise ValueError(f"{n_columns} columns")
        time, time_at = None, None
        if revision > 1:
            units = cursor.text(cursor.integer())
            if units:
                self._units = units_of(units.decode("utf-8", "replace"), self._name)
            if cursor.integer("b"):
                time_at = cursor.at - position
                time = float(cursor.take("d")[0])
            titles = tuple(cursor.text(cursor.integer()).decode("utf-8", "replace").split())
        chunks = cursor.integer()
        if len(titles) != n_columns or not 0 < chunks < _LARGEST:
            raise ValueError(
                f"{n_columns} columns, titles: {' '.join(titles) or 'none (say `columns`)'}, {chunks} pieces"
            )
        return _BinaryHead(
            step=step,
            step_at=step_at,
            time=time,
            time_at=time_at,
            size=cursor.at - position,
            n_atoms=n_atoms,
            n_columns=n_columns,
            chunks=chunks,
            box=Box.of_bounds(bounds, tilts, [flag == 0 for flag in flags[::2]]),
            titles=titles,
            order=cursor.order,
        )

    def _decoded(
        self, head: _BinaryHead, values: FloatArray, steps: list[int], times: list[float | None]
    ) -> Iterator[Frame]:
        where = f"{self._name}, frame of step {steps[0]}"
        layout = Layout.of(head.titles, self._types, where, binary=True)
        species = values[..., layout.species]
        numbers = (
            numbers_of_masses(species.ravel(), where).reshape(species.shape)
            if self._types is None
            else numbers_of_types(species.astype(np.int64), self._types, where)
        )
        velocities = layout.velocities if self._velocities else None
        block = Block(
            steps=steps,
            boxes=[head.box] * len(steps),
            ids=values[..., layout.id],
            numbers=numbers,
            coordinates=values[..., list(layout.coordinates)],
            scaled=layout.scaled,
            beyond_box=layout.beyond_box,
            images=values[..., list(layout.images)] if layout.images else None,
            velocities=values[..., list(velocities)] * self._units.speed if velocities else None,
            times_ps=[None if time is None else time * self._units.time for time in times],
        )
        yield from block.frames(self._symbols, self._name)
