"""Many rows of words at once: the numbers and element symbols of some columns, without a Python object for each.

A decimal number of at most 8 digits before the point and 16 after it is read as two or three integers of 8 digits, all
rows together (eight digits fit one 64-bit word; D. Lemire, https://arxiv.org/abs/2101.11408). With 15 digits or fewer
in all, integer and power of ten are exact doubles, so their quotient is correctly rounded (W. D. Clinger, PLDI 1990);
every other word goes to Python's own `float`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from ase.data import chemical_symbols

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

_PAD: Final = b" " * 24
_SPACE, _NEWLINE, _POINT, _MINUS, _PLUS = 32, 10, 46, 45, 43
_EXACT: Final = 2**53
_MOST_DIGITS: Final = 18  # of a 64-bit integer
_POWERS: Final[FloatArray] = np.array([10.0**power for power in range(23)])
_WHOLE_POWERS: Final[IntArray] = 10 ** np.arange(19, dtype=np.int64)


def _element_numbers() -> IntArray:
    numbers = np.zeros(1 << 16, dtype=np.int64)
    for number, symbol in enumerate(chemical_symbols):
        if number:
            numbers[int.from_bytes(symbol.encode(), "little")] = number
    return numbers


_NUMBERS: Final = _element_numbers()
"""Atomic number by the symbol's letters, 0 for letters that are no symbol."""


class DamagedTableError(ValueError):
    """The text is not the table that it should be."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """R rows of C words: `starts` and `ends` (R, C) of each word in `text`."""

    text: Bytes
    starts: IntArray
    ends: IntArray

    @classmethod
    def of(cls, parts: Sequence[bytes | memoryview], *, rows: int, columns: int) -> Self:
        """From text in parts, which hold all lines together, one row each.

        Raises `DamagedTableError` where a line has more or fewer words than `columns`.
        """
        text = np.frombuffer(b"".join([b"\n", *parts, _PAD]), dtype=np.uint8)
        space = text <= _SPACE
        edges = np.flatnonzero(space[1:] != space[:-1]) + 1
        if len(edges) != 2 * rows * columns:
            raise DamagedTableError(f"{len(edges) // 2} words in {rows} lines of {columns}")
        starts, ends = edges.reshape(rows, columns, 2).transpose(2, 0, 1)
        newlines = np.flatnonzero(text == _NEWLINE)
        if len(newlines) != rows + 1 or (starts[:, 0] < newlines[:-1]).any() or (ends[:, -1] > newlines[1:]).any():
            raise DamagedTableError(f"not every line has {columns} words")
        return cls(text=text, starts=starts, ends=ends)

    def numbers(self, columns: Sequence[int]) -> FloatArray:
        """(R, len(columns)) the numbers of some columns, correctly rounded. Raises `DamagedTableError`."""
        starts, ends = self.starts[:, columns].ravel(), self.ends[:, columns].ravel()
        return self._decimals(starts, ends).reshape(len(self.starts), len(columns))

    def integers(self, columns: Sequence[int]) -> IntArray:
        """(R, len(columns)) the whole numbers of some columns. Raises `DamagedTableError`."""
        starts, ends = self.starts[:, columns].ravel(), self.ends[:, columns].ravel()
        negative = self.text[starts] == _MINUS
        begin = starts + negative
        values, regular = self._integer(begin, ends - begin)
        regular &= (ends > begin) & (ends - begin <= 8)
        np.negative(values, out=values, where=negative)
        for index in np.flatnonzero(~regular):
            word = self._word(starts[index], ends[index])
            digits = word.removeprefix("-")
            if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
                raise DamagedTableError(f"{word!r} is no whole number")
            values[index] = int(word)
        return values.reshape(len(self.starts), len(columns))

    def elements(self, column: int) -> IntArray:
        """(R,) atomic numbers, 0 where the word is no chemical symbol."""
        starts, lengths = self.starts[:, column], self.ends[:, column] - self.starts[:, column]
        first, second = self.text[starts].astype(np.int64), self.text[starts + 1].astype(np.int64)
        codes = np.where(lengths == 1, first, first + 256 * second)
        return np.where(lengths <= 2, _NUMBERS[codes], 0)

    def word(self, row: int, column: int) -> str:
        """One word as it stands."""
        return self._word(int(self.starts[row, column]), int(self.ends[row, column]))

    def _word(self, start: int, end: int) -> str:
        return self.text[start:end].tobytes().decode("ascii", "replace")

    def _decimals(self, starts: IntArray, ends: IntArray) -> FloatArray:
        text = self.text
        first = text[starts]
        negative = first == _MINUS
        begin = starts + (negative | (first == _PLUS))
        points = np.append(np.flatnonzero(text == _POINT), len(text))
        point = np.minimum(points[np.searchsorted(points, begin)], ends)
        fraction = np.minimum(point + 1, ends)
        n_whole, n_fraction = point - begin, ends - fraction
        digits, regular = self._integer(begin, n_whole)
        n_digits = n_whole + n_fraction
        regular &= (n_digits > 0) & (n_digits <= _MOST_DIGITS) & (n_whole <= 8) & (n_fraction <= 16)
        for offset in (0, 8):
            length = np.clip(n_fraction - offset, 0, 8)
            some = np.flatnonzero(length) if offset else slice(None)
            value, valid = self._integer((fraction + offset)[some], length[some])
            digits[some] = digits[some] * _WHOLE_POWERS[length[some]] + value
            regular[some] &= valid
        regular &= digits < _EXACT
        values: FloatArray = digits / _POWERS[np.clip(n_fraction, 0, 16)]
        np.negative(values, out=values, where=negative)
        for index in np.flatnonzero(~regular):
            try:
                values[index] = float(self._word(starts[index], ends[index]).replace("_", "?"))
            except ValueError as error:
                raise DamagedTableError(str(error)) from error
        return values

    def _integer(self, starts: IntArray, lengths: IntArray) -> tuple[IntArray, BoolArray]:
        """The numbers of up to 8 digits at some places, and where there are digits only."""
        # A byte that is no digit borrows from those after it alone, and the shift drops what is after the number.
        windows: Words = np.ndarray(shape=(len(self.text) - 7,), dtype="<u8", buffer=self.text.data, strides=(1,))
        word = (windows[starts].astype(np.uint64, copy=False) - np.uint64(0x3030303030303030)) << (
            8 * (8 - np.clip(lengths, 0, 8))
        ).astype(np.uint64)
        valid = ((word + np.uint64(0x7676767676767676)) | word) & np.uint64(0x8080808080808080) == 0
        pairs = word * np.uint64(10) + (word >> np.uint64(8))
        mask = np.uint64(0x000000FF000000FF)
        value = (
            (pairs & mask) * np.uint64(0x000F424000000064)
            + ((pairs >> np.uint64(16)) & mask) * np.uint64(0x0000271000000001)
        ) >> np.uint64(32)
        return value.astype(np.int64), valid
