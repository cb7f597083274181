"""The comment lines of i-PI's XYZ files (https://docs.ipi-code.org/output-files.html): cell, step, property, units.

Such as `# CELL(abcABC): 10 10 30 90 90 90 Step: 0 Bead: 0 positions{angstrom} cell{angstrom}`.
"""

import dataclasses
import re
from typing import Final

import numpy as np
from ase.geometry import cellpar_to_cell
from ase.units import Bohr

from molgun_lmp.arrays import FloatArray

_BEGINNING: Final = re.compile(r"^\s*#\s*CELL\s*[(\[{]\s*(\w+)\s*[)\]}]\s*:")
_CELL: Final = re.compile(r"CELL\s*\(\s*abcABC\s*\)\s*:((?:\s+[^\s:]+){6})(?=\s|$)")
_STEP: Final = re.compile(r"\bStep:\s*(\d{1,18})(?=\s|$)")
_PROPERTY: Final = re.compile(r"(\w+)\{(\w*)\}")
_PLACES: Final = ("positions", "x_centroid")
_ANGSTROM: Final = {"angstrom": 1.0, "atomic_unit": Bohr, "": Bohr}  # without a unit i-PI means its own


@dataclasses.dataclass(frozen=True, kw_only=True)
class IpiHeader:
    """`step`, `cell` (3, 3) Å, rows are vectors, and what to multiply coordinates by for Å."""

    step: int
    cell: FloatArray
    to_angstrom: float


def ipi_header(comment: str) -> IpiHeader | None:
    """What a comment line of i-PI says; None for any other line.

    Raises `ValueError` where it is damaged, its unit is none of the two that i-PI writes, or the file does not hold
    positions.
    """
    begins = _BEGINNING.match(comment)
    if begins is None:
        return None
    cell, step = _CELL.search(comment), _STEP.search(comment)
    if begins[1] != "abcABC" or cell is None or step is None:
        raise ValueError("the comment line is not i-PI's `# CELL(abcABC): a b c alpha beta gamma Step: n Bead: n ...`")
    units = dict(_PROPERTY.findall(comment))
    of_cell = units.pop("cell", "")
    held = next((name for name in _PLACES if name in units), None)
    if held is None:
        what = ", ".join(units) or "nothing that its comment line names"
        raise ValueError(f"the file holds {what}. Name i-PI's file of positions (`<trajectory ...> positions`)")
    for unit in (of_cell, units[held]):
        if unit not in _ANGSTROM:
            raise ValueError(f"the unit {unit!r} is not read. Let i-PI write `positions{{angstrom}} cell{{angstrom}}`")
    parameters = np.array([float(word) for word in cell[1].split()])
    lengths, angles = parameters[:3] * _ANGSTROM[of_cell], parameters[3:]
    if not (np.isfinite(parameters).all() and (lengths > 0).all() and ((angles > 0) & (angles < 180)).all()):
        raise ValueError(f"no cell has the lengths and angles {cell[1].strip()}")
    vectors = np.asarray(cellpar_to_cell([*lengths, *angles]), dtype=np.float64)
    if not (np.isfinite(vectors).all() and abs(np.linalg.det(vectors)) > 0):
        raise ValueError(f"no cell has the angles {cell[1].strip()}")
    return IpiHeader(step=int(step[1]), cell=vectors, to_angstrom=_ANGSTROM[units[held]])
