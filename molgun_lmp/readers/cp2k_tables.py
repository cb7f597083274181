"""CP2K's tables of a run: NAME-1.cell and NAME-1.ener, a line for each step."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, open_text

_CELL_COLUMNS: Final = 12  # step, time, nine numbers of the vectors, volume
_ENERGY_COLUMNS: Final = 6  # step, time, kinetic, temperature, potential, conserved; later versions time each step
_POTENTIAL: Final = 4
_SAME_VOLUME: Final = 1e-3
_MOST_DIGITS: Final = 18


class _Row(NamedTuple):
    line: int
    step: int
    numbers: list[float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cells:
    """`steps` (S,) in order and `cells` (S, 3, 3) Å, rows are vectors; a single one holds at all steps."""

    path: Path
    steps: IntArray
    cells: FloatArray

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file NAME-1.cell. Raises `InputFileError` where it has no cell, or a line is damaged."""
        found: dict[int, FloatArray] = {}
        for row in _rows(path, _CELL_COLUMNS):
            cell = np.array(row.numbers[2:11]).reshape(3, 3)
            volume = float(abs(np.linalg.det(cell)))
            if not (volume > 0 and abs(volume - abs(row.numbers[11])) <= _SAME_VOLUME * volume):
                raise InputFileError(
                    f"{path}, line {row.line}: the vectors span {volume:g} Å^3, and the line says "
                    f"{row.numbers[11]:g}. It is damaged: write the file again."
                )
            found[row.step] = cell
        if not found:
            raise InputFileError(f"{path} holds no whole line with a cell. Write it again (&MOTION &PRINT &CELL).")
        steps = np.array(sorted(found), dtype=np.int64)
        cells = np.array([found[step] for step in steps.tolist()])
        if (cells == cells[0]).all():
            steps, cells = steps[:1], cells[:1]
        return cls(path=path, steps=steps, cells=cells)

    def at(self, step: int) -> FloatArray:
        """(3, 3) Å. Raises `InputFileError` where the cell changes in the run and is not known at this step."""
        constant = len(self.steps) == 1
        place = 0 if constant else int(np.searchsorted(self.steps, step))
        if not constant and (place == len(self.steps) or self.steps[place] != step):
            raise InputFileError(
                f"{self.path}: the cell changes in the run, and that of step {step} is not in the file. Write cell and "
                "positions at the same steps (EACH), or take files of one run."
            )
        cell: FloatArray = self.cells[place]
        return cell


def potential_energies(path: Path) -> dict[int, tuple[float, ...]]:
    """Step -> hartree, from a file NAME-1.ener; more than one where a run was taken up again before it.

    Raises `InputFileError` where a line is damaged.
    """
    found: dict[int, tuple[float, ...]] = {}
    for row in _rows(path, _ENERGY_COLUMNS):
        found[row.step] = (*found.get(row.step, ()), row.numbers[_POTENTIAL])
    return found


def _rows(path: Path, columns: int) -> Iterator[_Row]:
    """Rows of at least so many numbers; a last line without its newline is cut and left out."""
    try:
        with open_text(path) as lines:
            for number in itertools.count(1):
                line = lines.readline()
                if not line.endswith("\n"):
                    return
                if line.strip() and not line.lstrip().startswith("#"):
                    yield _row(line, number, columns, path)
    except UNPACKING_ERRORS as error:
        raise InputFileError(f"cannot read {path}: {error}. Fetch it again, or move it away.") from error


def _row(line: str, number: int, columns: int, path: Path) -> _Row:
    words = line.split()
    try:
        if len(words) < columns or not words[0].isascii() or not words[0].isdecimal() or len(words[0]) > _MOST_DIGITS:
            raise ValueError(f"{len(words)} words, of which the first should be the step, and {columns} are needed")
        numbers = [float(word) for word in words[:columns]]
        if not np.isfinite(numbers).all():
            raise ValueError("not all of them are finite numbers")
    except ValueError as error:
        raise InputFileError(f"{path}, line {number}: it is damaged ({error}). Write the file again.") from error
    return _Row(number, int(words[0]), numbers)
