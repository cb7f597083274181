"""How wrong a model's binding energies are, as far as labelled frames hold what is bound and its two parts."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.geometry import formula_of
from molgun_lmp.surface.partition import Group, Grouping
from molgun_lmp.training.evaluation.comparison import ModelComparison


@dataclasses.dataclass(frozen=True, kw_only=True)
class BindingErrors:
    """Errors in eV of the binding energies of M frames."""

    frames: IntArray
    """(M,) which frames of the comparison."""
    error_ev: FloatArray
    """(M,) model minus label, of the energy of the whole less those of surface and molecule."""
    parts: Mapping[str, tuple[str, str]]
    """Formula of a whole -> formulas of its surface and of its molecule."""


def binding_errors(comparison: ModelComparison, grouping: Grouping) -> BindingErrors:
    """Of every frame of a molecule at a surface, where the set holds both by themselves too.

    The binding energy of a frame is its energy less that of both parts, each in the structure with the lowest label.
    What a model has wrong by a constant for each element, and what it has wrong in both parts, cancels in it.
    """
    lowest, error = _lowest(comparison), comparison.energy_error_ev
    parts: dict[str, tuple[str, str]] = {}
    frames, errors = [], []
    for number, (frame, groups) in enumerate(zip(comparison.frames, grouping.groups, strict=True)):
        if groups is None:
            continue
        in_molecule = [group is Group.MOLECULE for group in groups]
        surface, molecule = (
            formula_of(symbol for symbol, here in zip(frame.symbols, in_molecule, strict=True) if here is wanted)
            for wanted in (False, True)
        )
        if surface in lowest and molecule in lowest:
            parts[frame.formula] = (surface, molecule)
            frames.append(number)
            errors.append(error[number] - error[lowest[surface]] - error[lowest[molecule]])
    return BindingErrors(frames=np.array(frames, dtype=np.int64), error_ev=np.array(errors), parts=parts)


def _lowest(comparison: ModelComparison) -> dict[str, int]:
    """Of each formula, the frame with the lowest label."""
    found: dict[str, int] = {}
    for number, frame in enumerate(comparison.frames):
        before = found.setdefault(frame.formula, number)
        if comparison.reference_energy_ev[number] < comparison.reference_energy_ev[before]:
            found[frame.formula] = number
    return found
