"""Numbers as Fortran programs print them."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray

_GLUED: Final = re.compile(r"(?<=[0-9])-(?=[0-9])")


def number(text: str) -> float:
    """A number; NaN for what is none, such as the stars that Fortran prints where a field is too narrow."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def table(rows: Sequence[str], columns: int) -> FloatArray | None:
    """Rows of numbers as (len(rows), columns); None where a row has another number of them.

    Columns that touch (`1.25-0.50`) are told apart; stars become NaN.
    """
    try:
        values = np.array(" ".join(rows).split(), dtype=np.float64)
    except ValueError:
        split = [_GLUED.sub(" -", row).split() for row in rows]
        if any(len(row) != columns for row in split):
            return None
        values = np.array([[number(text) for text in row] for row in split], dtype=np.float64)
    return values.reshape(len(rows), columns) if values.size == len(rows) * columns else None
