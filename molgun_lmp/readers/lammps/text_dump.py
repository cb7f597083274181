"""LAMMPS text dumps, a stretch of the file at a time (https://docs.lammps.org/dump.html)."""

from collections.abc import Container, Iterator
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.arrays import IntArray
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
from molgun_lmp.readers.lammps.number_table import DamagedTableError, Table
from molgun_lmp.readers.lammps.units import METAL, units_of

_STRETCH: Final = 1 << 18  # bytes: a few tens of frames of a hundred atoms, which the processor's cache holds
_CARBON: Final = 6
_FIRST: Final = b"ITEM: TIMESTEP\n"
_TIME: Final = b"ITEM: TIME\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def is_text_dump(start: bytes) -> bool:
    """Whether a file that begins so is a text dump, whatever its name."""
    return start.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"ITEM:")


class _TextHead(NamedTuple):
    """What stands before a frame's atoms, but for its step and time."""

    n_atoms: int
    box: Box
    titles: tuple[str, ...]


class _Raw(NamedTuple):
    """A whole frame in the buffer; `line`: the number of its last line in the file."""

    step: int
    time: float | None
    head: _TextHead
    start: int
    end: int
    line: int


class TextDump:
    """A text dump's whole frames, one after the other; memory holds one stretch of the file.

    `cut` becomes true where the file ends within a frame. `types` says which element each type is; without it the dump
    needs a column `element`. Velocities are left out where they are not asked for.
    """

    def __init__(self, stream: Stream, name: str, types: TypeMap | None, *, velocities: bool) -> None:
        self._stream, self._name, self._types, self._velocities = stream, name, types, velocities
        self._buffer = b""
        self._newlines: IntArray = np.empty(0, dtype=np.int64)
        self._known = (b"", _TextHead(0, Box(cell=np.eye(3), origin=np.zeros(3), pbc=(True, True, True)), ()))
        self._symbols = Symbols()
        self._units = METAL
        self._named = False
        self.lines = 0
        self.passed = 0
        self.cut = False

    def frames(self, places: Container[int] | None = None) -> Iterator[Frame]:
        """All frames, or those at some places (from 0): the atoms of the others are not looked at.

        `passed` counts all whole frames so far. Raises `InputFileError` for what is damaged, after the whole frames
        before it.
        """
        for raws in self._stretches():
            first, self.passed = self.passed, self.passed + len(raws)
            wanted = raws if places is None else [raw for place, raw in enumerate(raws, first) if place in places]
            for _, group in groupby(wanted, key=lambda raw: id(raw.head)):
                yield from self._decoded(list(group))

    def _stretches(self) -> Iterator[list[_Raw]]:
        while True:
            raws: list[_Raw] = []
            position, damage = 0, None
            try:
                while (raw := self._next(position)) is not None:
                    raws.append(raw)
                    position = raw.end
            except InputFileError as error:
                damage = error
            if raws:
                yield raws
            if damage is not None:
                raise damage
            rest = self._buffer[position:]
            if self._stream.ended:
                self.lines += rest.count(b"\n")
                self.cut = self._stream.require_end() or bool(rest.strip())
                return
            self.lines += int(np.searchsorted(self._newlines, position))
            self._buffer = rest + self._stream.read(max(_STRETCH, len(rest)))
            self._newlines = np.flatnonzero(np.frombuffer(self._buffer, dtype=np.uint8) == ord("\n"))

    def _next(self, position: int) -> _Raw | None:
        """The frame that begins at a place of the buffer, None where the buffer does not hold all of it."""
        found = self._known_head(position) or self._new_head(position)
        if found is None:
            return None
        step, time, head, start = found
        last = int(np.searchsorted(self._newlines, start)) + head.n_atoms - 1
        if last >= len(self._newlines):
            return None
        return _Raw(step, time, head, start, int(self._newlines[last]) + 1, self.lines + last + 1)

    def _known_head(self, position: int) -> tuple[int, float | None, _TextHead, int] | None:
        """The head in one comparison where it is that of the frame before, but for the step and the time."""
        text, head = self._known
        time = None
        if text and self._buffer.startswith(_TIME, position):
            end = self._buffer.find(b"\n", position + len(_TIME))
            if end < 0:
                return None
            time = _time(self._buffer[position + len(_TIME) : end])
            position = end + 1
        if not text or not self._buffer.startswith(_FIRST, position):
            return None
        start = position + len(_FIRST)
        end = self._buffer.find(b"\n", start)
        step = self._buffer[start:end]
        if end < 0 or not step.isdigit() or not self._buffer.startswith(text, end):
            return None
        return int(step), time, head, end + len(text)

    def _new_head(self, position: int) -> tuple[int, float | None, _TextHead, int] | None:
        values: dict[str, list[bytes]] = {}
        step_end = 0
        index = int(np.searchsorted(self._newlines, position))
        while index < len(self._newlines):
            line = self.lines + index + 1
            text = self._buffer[position : self._newlines[index]].removeprefix(_BYTE_ORDER_MARK)
            title = text.decode("utf-8", "replace").strip()
            position, index = int(self._newlines[index]) + 1, index + 1
            if title.startswith("ITEM: ATOMS"):
                step, head = self._head(title, values, line)
                self._known = (self._buffer[step_end - 1 : position], head)
                return step, _time(values["TIME"][0]) if "TIME" in values else None, head, position
            if not title and not values:  # empty lines between frames
                continue
            if not title.startswith("ITEM: "):
                raise InputFileError(
                    f"{self._name}, line {line}: expected 'ITEM: ...', found {title[:60]!r}. This is not a LAMMPS text "
                    "dump, or it is damaged here."
                )
            n_lines = 3 if title.startswith("ITEM: BOX BOUNDS") else 1
            if index + n_lines > len(self._newlines):
                return None
            end = int(self._newlines[index + n_lines - 1]) + 1
            values[title.removeprefix("ITEM: ")] = self._buffer[position:end].splitlines()
            position, index = end, index + n_lines
            step_end = end if title == "ITEM: TIMESTEP" else step_end
        return None

    def _head(self, title: str, values: dict[str, list[bytes]], line: int) -> tuple[int, _TextHead]:
        try:
            step, n_atoms = int(values["TIMESTEP"][0]), int(values["NUMBER OF ATOMS"][0])
            bounds = next(key for key in values if key.startswith("BOX BOUNDS"))
            box = Box.of_text(bounds, values[bounds])
            if n_atoms < 1:
                raise ValueError(f"{n_atoms} atoms")
        except (KeyError, StopIteration, ValueError, IndexError) as error:
            raise InputFileError(
                f"{self._name}, line {line}: atoms without a readable timestep, number of atoms and box "
                f"before them ({error}). This is not a LAMMPS text dump, or it is damaged here."
            ) from error
        if "UNITS" in values:
            self._units = units_of(values["UNITS"][0].decode("utf-8", "replace").strip(), self._name)
        return step, _TextHead(n_atoms, box, tuple(title.split()[2:]))

    def _decoded(self, raws: list[_Raw]) -> Iterator[Frame]:
        """Frames with the same head."""
        try:
            block = self._block(raws)
        except (DamagedTableError, InputFileError) as error:
            if len(raws) > 1:  # one by one, to give those before the damage
                for raw in raws:
                    yield from self._decoded([raw])
                return
            if isinstance(error, InputFileError):
                raise
            raise InputFileError(
                f"{self._where(raws[0])}: damaged atom lines ({error}). Run the trajectory again."
            ) from error
        yield from block.frames(self._symbols, self._name)

    def _where(self, raw: _Raw) -> str:
        return f"{self._name}, frame of step {raw.step} (up to line {raw.line})"

    def _block(self, raws: list[_Raw]) -> Block:
        head, where = raws[0].head, self._where(raws[0])
        layout = Layout.of(head.titles, self._types, where)
        bodies = [self._buffer[raw.start : raw.end] for raw in raws]
        n_frames, n_atoms = len(raws), head.n_atoms
        table = Table.of(bodies, rows=n_frames * n_atoms, columns=len(head.titles))
        velocities = layout.velocities if self._velocities else None
        whole = table.integers([layout.id, *(layout.images or ())]).reshape(n_frames, n_atoms, -1)
        values = table.numbers([*layout.coordinates, *(velocities or ())]).reshape(n_frames, n_atoms, -1)
        if self._types is not None and head.titles[layout.species] == "type":
            numbers = numbers_of_types(table.integers([layout.species])[:, 0], self._types, where)
        elif head.titles[layout.species] == "mass":
            numbers = numbers_of_masses(table.numbers([layout.species])[:, 0], where)
        else:
            numbers = _elements(table, layout.species, where)
            if not self._named:
                _require_named(table, layout, numbers, where)
                self._named = True
        return Block(
            steps=[raw.step for raw in raws],
            boxes=[head.box] * n_frames,
            ids=whole[..., 0],
            numbers=numbers.reshape(n_frames, n_atoms),
            coordinates=values[..., :3],
            scaled=layout.scaled,
            beyond_box=layout.beyond_box,
            images=whole[..., 1:] if layout.images else None,
            velocities=values[..., -3:] * self._units.speed if velocities else None,
            times_ps=[None if raw.time is None else raw.time * self._units.time for raw in raws],
        )


def _time(text: bytes) -> float:
    """NaN for what is no number, which no order of frames agrees with."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _require_named(table: Table, layout: Layout, numbers: IntArray, where: str) -> None:
    """Refuse what LAMMPS writes where nobody has named the elements: carbon for every type."""
    if layout.kind is not None and (numbers == _CARBON).all():
        types = np.unique(table.integers([layout.kind]))
        if len(types) > 1:
            raise InputFileError(
                f"{where}: the column `element` says C for all of the {len(types)} types, as LAMMPS does where nobody "
                "has named them. Say which element each type is (`elements: {1: H, 2: C}`)."
            )


def _elements(table: Table, column: int, where: str) -> IntArray:
    numbers = table.elements(column)
    if not numbers.all():
        unknown = {table.word(row, column) for row in np.flatnonzero(numbers == 0).tolist()} - atomic_numbers.keys()
        raise InputFileError(
            f"{where}: {', '.join(sorted(unknown)[:9])} in the column `element` is no chemical element. "
            "Name the elements with `dump_modify ... element`."
        )
    return numbers
