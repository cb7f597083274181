"""XYZ files of any dialect, split into frames: a number of atoms, a comment line, a line for each atom."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.packed import Stream

_MOST_DIGITS: Final = 18
_STRETCH: Final = 1 << 18


class XyzBlock(NamedTuple):
    """One frame as it stands: its number in the file from 0, its comment, and the atoms' lines with their newlines."""

    number: int
    comment: str
    lines: list[bytes]


class XyzBlocks:
    """A file's whole frames; `cut`: it ends within one."""

    def __init__(self, stream: Stream, name: str) -> None:
        self._stream, self._name = stream, name
        self.cut = False

    def blocks(self) -> Iterator[XyzBlock]:
        """Raises `InputFileError` where a number of atoms should stand and does not, after the frames before it."""
        lines = self._lines()
        index = 0
        for first in lines:
            if not first.strip():
                continue
            n_atoms = self._number(first, index)
            body: list[bytes] = []
            for line in lines:
                body.append(line)
                if len(body) == n_atoms + 1:
                    break
            if len(body) < n_atoms + 1:
                self.cut = True
                break
            yield XyzBlock(index, body[0].decode("utf-8", "replace"), body[1:])
            index += 1
        self.cut = self._stream.require_end() or self.cut

    def _lines(self) -> Iterator[bytes]:
        """Lines with their newline; a last one without it is cut."""
        rest = b""
        while not self._stream.ended:
            lines = (rest + self._stream.read(_STRETCH)).splitlines(keepends=True)
            rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
            yield from lines
        self.cut = bool(rest.strip())

    def _number(self, line: bytes, index: int) -> int:
        if line.strip().isdigit() and len(line.strip()) <= _MOST_DIGITS and int(line) > 0:
            return int(line)
        found = line.decode("utf-8", "replace").strip()[:60]
        raise InputFileError(
            f"{self._name}, frame {index}: expected the number of atoms, found {found!r}. "
            "This is not an extended XYZ file, or it is damaged here."
        )
