"""Read what LAMMPS wrote into its log: thermo tables and the reason of a `fix halt`. A cut log gives what is whole."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray

_HEADER: Final = re.compile(r"   Step |Step +(Time|Temp) ")
"""LAMMPS of 2022 does not indent it."""
_HALT: Final = re.compile(r"Fix halt condition for fix-id (\S+) met on step (\d{1,18}) with value (\S+)")
_ERROR: Final = re.compile(r"^ERROR.*", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Halt:
    """The `fix halt` that ended a run: its fix ID, the step, and the value of its condition."""

    fix_id: str
    step: int
    value: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class LastError:
    """The error that ended LAMMPS, in its words, and the last step of its thermo output; 0 before the first."""

    error: str
    steps: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThermoTable:
    """One run's thermo output: column names as LAMMPS heads them, `rows` (lines, columns)."""

    columns: tuple[str, ...]
    rows: FloatArray


def thermo_tables(text: str) -> tuple[ThermoTable, ...]:
    """The thermo tables of a log (`thermo_style one` or `custom` with one line an output), one for each run.

    A last line without its end is left out: half a number reads as a number.
    """
    tables: list[ThermoTable] = []
    columns: tuple[str, ...] | None = None
    rows: list[list[float]] = []
    for line in _whole_lines(text):
        words = line.split()
        if _HEADER.match(line):
            tables += _table(columns, rows)
            columns, rows = tuple(words), []
        elif line.startswith("Loop time of "):
            tables += _table(columns, rows)
            columns, rows = None, []
        elif columns is not None and len(words) == len(columns):
            row = _numbers(words)
            if row is not None:
                rows.append(row)
    tables += _table(columns, rows)
    return tuple(tables)


def joined_thermo(tables: Iterable[ThermoTable]) -> Mapping[str, FloatArray]:
    """Column name -> values over all runs of a deck, each step once, in order.

    A run repeats the last line of the one before, and more than that where it goes on from a checkpoint: the later
    line counts, also within one table (a full disk may have taken the head of the later run's). Columns that not every
    table has are left out.
    """
    parts = [table for table in tables if len(table.rows)]
    if not parts:
        return {}
    shared = [name for name in parts[0].columns if all(name in table.columns for table in parts)]
    rows = np.concatenate([table.rows[:, [table.columns.index(name) for name in shared]] for table in parts])
    steps = rows[:, shared.index("Step")]
    lowest_after = np.fmin.accumulate(np.append(steps[1:], np.inf)[::-1])[::-1]
    rows = rows[steps < lowest_after]
    return {name: rows[:, k] for k, name in enumerate(shared)}


def last_halt(text: str) -> Halt | None:
    """The last `fix halt` that acted, or None. It needs `message yes` (LAMMPS' default) in the fix."""
    for fix_id, step, value in reversed(_HALT.findall("\n".join(_whole_lines(text)))):
        numbers = _numbers([value])
        if numbers is not None:
            return Halt(fix_id=fix_id, step=int(step), value=numbers[0])
    return None


def last_error(log: Path) -> LastError | None:
    """The error with which a log ends; None where it names none, or cannot be read."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = _ERROR.findall(text)
    if not found:
        return None
    steps = joined_thermo(thermo_tables(text)).get("Step")
    return LastError(error=found[-1], steps=0 if steps is None else int(steps[-1]))


def _whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines()


def _numbers(words: list[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _table(columns: tuple[str, ...] | None, rows: list[list[float]]) -> list[ThermoTable]:
    if columns is None:
        return []
    return [ThermoTable(columns=columns, rows=np.array(rows, dtype=np.float64).reshape(len(rows), len(columns)))]
