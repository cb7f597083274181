"""How wrong a model's binding energies are, as far as labelled frames hold what is bound and its two parts."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.training.evaluation.comparison import ModelComparison


@dataclasses.dataclass(frozen=True, kw_only=True)
class BindingErrors:
    """Errors in eV of the binding energies of M frames."""

    frames: IntArray
    """(M,) which frames of the comparison."""
    error_ev: FloatArray
    """(M,) model minus label, of the energy of the whole less those of the parts."""
    parts: Mapping[str, tuple[str, str]]
    """Formula of a whole -> formulas of its two parts, the larger first."""


def binding_errors(comparison: ModelComparison) -> BindingErrors:
    """Of every frame whose composition is the sum of two others that the set holds.

    The binding energy of a frame is its energy less that of both parts, each in the structure with the lowest label.
    What a model has wrong by a constant for each element, and what it has wrong in both parts, cancels in it.
    """
    atoms = {frame.formula: Counter(frame.symbols) for frame in comparison.frames}
    formulas = np.array([frame.formula for frame in comparison.frames])
    parts = {whole: found for whole in sorted(atoms) if (found := _parts(whole, atoms)) is not None}
    error = np.array(comparison.energy_error_ev, copy=True)
    for whole, pair in parts.items():
        for part in pair:
            of = np.flatnonzero(formulas == part)
            lowest = of[np.argmin(comparison.reference_energy_ev[of])]
            error[formulas == whole] -= comparison.energy_error_ev[lowest]
    frames = np.flatnonzero(np.isin(formulas, list(parts)))
    return BindingErrors(frames=frames, error_ev=error[frames], parts=parts)


def _parts(whole: str, atoms: Mapping[str, Counter[str]]) -> tuple[str, str] | None:
    """The two compositions of which it is the sum; of several such pairs the one with the largest part."""
    largest_first = sorted(atoms, key=lambda formula: (-atoms[formula].total(), formula))
    for one in largest_first:
        for other in largest_first:
            if atoms[one].total() >= atoms[other].total() and atoms[one] + atoms[other] == atoms[whole]:
                return one, other
    return None
