"""Frames of periodic structures that say they are not: a training would take them for clusters cut out of them."""

import dataclasses
import functools
from collections import Counter
from typing import Final

import numpy as np

from molgun_lmp.errors import InputFileError
from molgun_lmp.surface.partition import boundaries_that_bonds_cross
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame

_SAME_CELL: Final = 0.05
"""Of its longest vector: what a cell may change by in one run."""
_HOW: Final = (
    'Set it right (ASE: atoms.pbc = True; extended XYZ: pbc="T T T"), or, where it is meant, set '
    "`lost_periodicity: true` in `limits` (--lost-periodicity)."
)
Pbc = tuple[bool, bool, bool]


@dataclasses.dataclass(frozen=True)
class _First:
    """The first frame of some atoms with one periodicity."""

    frame: LabelledFrame

    @functools.cached_property
    def goes_on(self) -> Pbc:
        """Along which of the cell's vectors bonds cross the boundary."""
        return boundaries_that_bonds_cross(self.frame.atoms())


class Periodicities:
    """Counts frames by their periodicity, and knows for each list of atoms what the others of them said."""

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        """How many frames there are of each, such as `T T F`."""
        self._first: dict[tuple[str, ...], dict[Pbc, _First]] = {}

    def add(self, frame: LabelledFrame, *, lost: bool) -> None:
        """Take in a frame. Raises `InputFileError`, unless it may be `lost`, where atoms are bonded across a boundary
        that is said to be none, and where the same atoms in the same cell were said to have another periodicity."""
        self.frames[_named(frame.pbc)] += 1
        known = self._first.setdefault(frame.symbols, {})
        if frame.pbc in known:
            return
        first = known[frame.pbc] = _First(frame)
        if lost:
            return
        missing = [number for number in range(3) if not frame.pbc[number] and first.goes_on[number]]
        if missing:
            vectors = ", ".join("abc"[number] for number in missing)
            raise InputFileError(
                f"{frame.source} says that it is periodic along {_named(frame.pbc)}, but its atoms are bonded across "
                f"the boundaries along {vectors} of its cell: a periodic structure that lost its periodicity, and "
                f"would be learnt as a cluster. {_HOW}"
            )
        for pbc, other in known.items():
            if pbc != frame.pbc and _is_same_system(first, other):
                raise InputFileError(
                    f"{frame.source} is said to be periodic along {_named(frame.pbc)}, and {other.frame.source}, the "
                    f"same atoms, along {_named(pbc)}. {_HOW}"
                )


def _is_same_system(one: _First, other: _First) -> bool:
    """Whether two periodicities cannot both be meant: in one cell, or where one has a structure that goes on."""
    cell, others = one.frame.cell, other.frame.cell
    longest = max(float(np.abs(cell).max()), float(np.abs(others).max()))
    same = longest > 0 and float(np.abs(cell - others).max()) <= _SAME_CELL * longest
    return same or (not (cell.any() and others.any()) and any(one.goes_on + other.goes_on))


def _named(pbc: Pbc) -> str:
    return " ".join("T" if along else "F" for along in pbc)
