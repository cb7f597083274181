"""Which files are CP2K's XYZ, and where the others of the same run lie: NAME-pos-1.xyz, NAME-frc-1.xyz, NAME-1.cell."""

import re
from pathlib import Path
from typing import Final, Literal

from molgun_lmp.readers.common.packed import PACKED_SUFFIXES, beginning, without_packing

Quantity = Literal["frc", "vel"]

CP2K_HEAD: Final = 256
"""Bytes that tell an XYZ file of CP2K."""
_BEGINNING: Final = re.compile(rb"\A\s*\d+[^\S\n]*\n[^\S\n]*i[^\S\n]*=[^\S\n]*\d+[^\S\n]*,")
_NAME: Final = re.compile(r"^(?P<project>.+)-(?P<what>pos|frc|vel)-(?P<number>\d+)\.xyz$")
CELL: Final = "{project}-{number}.cell"
ENERGIES: Final = "{project}-{number}.ener"
"""Names of tables beside the positions, for `beside`."""


def is_cp2k(start: bytes) -> bool:
    """Whether a file that begins so is an XYZ file of CP2K, by its first comment line."""
    return _BEGINNING.match(start) is not None


def is_cp2k_file(path: Path) -> bool:
    """Whether a file, packed or not, is an XYZ file of CP2K."""
    return is_cp2k(beginning(path, CP2K_HEAD))


def holds_no_positions(path: Path) -> bool:
    """Whether CP2K's file holds forces or velocities by its name, which alone tells: its lines are the same."""
    named = _NAME.match(without_packing(path.name))
    return named is not None and named["what"] != "pos"


def tables_beside(path: Path) -> tuple[Path, ...]:
    """The files of cells and energies that are read with a file of positions; none for any other file."""
    return tuple(found for pattern in (CELL, ENERGIES) if (found := beside(path, pattern)) is not None)


def labels_beside(path: Path) -> tuple[Path, ...]:
    """All files that labelled frames are read from beside a file of positions; none for any other file."""
    forces = beside(path, vectors("frc"))
    return (*tables_beside(path), *([] if forces is None else [forces]))


def vectors(quantity: Quantity) -> str:
    """The name of the file of forces or velocities, for `beside`."""
    return f"{{project}}-{quantity}-{{number}}.xyz"


def beside(path: Path, pattern: str) -> Path | None:
    """Another file of the run, packed or not; None where there is none, or `path` is not named as CP2K names it."""
    named = _NAME.match(without_packing(path.name))
    if named is None:
        return None
    plain = path.with_name(pattern.format(**named.groupdict()))
    names = (plain, *(plain.with_name(plain.name + suffix) for suffix in PACKED_SUFFIXES))
    return next((name for name in names if name.is_file()), None)
