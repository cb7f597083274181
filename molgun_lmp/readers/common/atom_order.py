"""Atoms in the order of their ids: a file may list them anew in each frame, as parallel programs do."""

import numpy as np
import numpy.typing as npt
from ase import Atoms

from molgun_lmp.arrays import IntArray


def order_of_ids(ids: npt.ArrayLike) -> IntArray | None:
    """(N,) places by growing id; None where they stand so. Raises `ValueError` for one that stands twice."""
    values = np.asarray(ids)
    steps = np.diff(values)
    if (steps > 0).all():
        return None
    order: IntArray = np.argsort(values, kind="stable")
    twice = values[order][1:][np.diff(values[order]) == 0]
    if len(twice):
        raise ValueError(f"the id {twice[0]:g} stands twice")
    return order


def is_id(name: str) -> bool:
    """Whether a column of this name holds the atoms' ids."""
    return name.lower() == "id"


def order_of(atoms: Atoms) -> IntArray | None:
    """As `order_of_ids`, of a structure that may have a column of ids that are numbers."""
    for name, values in atoms.arrays.items():
        if is_id(name) and values.ndim == 1 and values.dtype.kind in "iuf":
            return order_of_ids(values)
    return None


def by_id(atoms: Atoms) -> Atoms:
    """The structure with its atoms by growing id. Raises as `order_of_ids`."""
    order = order_of(atoms)
    return atoms if order is None else atoms[order]
