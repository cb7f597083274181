"""The frames on which a model is worst, ranked and written out with its answers beside the labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.io import write

from molgun_lmp.config.section import Section
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.evaluation.comparison import ModelComparison


class WorstFrame(Section):
    """One frame and the atom that makes it bad. Errors are the model's value minus the label."""

    index: int
    """Among all frames that were evaluated, from 0."""
    source: str
    trajectory: str
    energy_error_ev_per_atom: float
    force_rmse_ev_per_angstrom: float
    """Over the frame's components."""
    largest_force_error_ev_per_angstrom: float
    """Length of the error vector of the worst atom."""
    worst_atom: int
    """Its index in the frame, from 0."""
    worst_element: str


def worst_frames(comparison: ModelComparison, number: int) -> tuple[WorstFrame, ...]:
    """The `number` frames with the largest error of a single atom's force, worst first.

    One atom in an unknown place is what a model is retrained for, and an average over a slab would hide it.
    """
    lengths = np.linalg.norm(comparison.force_error, axis=1)
    bounds = np.concatenate([[0], np.cumsum(comparison.atoms)]).astype(np.int64)
    largest = np.maximum.reduceat(lengths, bounds[:-1])
    found = []
    for index in np.argsort(-largest, kind="stable")[:number].tolist():
        frame = comparison.frames[index]
        here = slice(bounds[index], bounds[index + 1])
        atom = int(np.argmax(lengths[here]))
        found.append(
            WorstFrame(
                index=index,
                source=frame.source,
                trajectory=frame.trajectory,
                energy_error_ev_per_atom=float(comparison.energy_error_ev[index] / len(frame)),
                force_rmse_ev_per_angstrom=float(np.sqrt(np.square(comparison.force_error[here]).mean())),
                largest_force_error_ev_per_angstrom=float(largest[index]),
                worst_atom=atom,
                worst_element=frame.symbols[atom],
            )
        )
    return tuple(found)


def write_worst(comparison: ModelComparison, worst: Sequence[WorstFrame], file: Path) -> None:
    """Write frames as extxyz: labels under mace's keys, the model's answers as `energy_of_model` and `forces_of_model`.

    The names leave no doubt which are the labels when the file is read again. Each header has the frame's errors too.
    """
    bounds = np.concatenate([[0], np.cumsum(comparison.atoms)]).astype(np.int64)
    structures = []
    for rank, one in enumerate(worst, start=1):
        frame = comparison.frames[one.index]
        atoms = frame.atoms()
        here = slice(bounds[one.index], bounds[one.index + 1])
        atoms.info = {
            ENERGY_KEY: frame.energy_ev,
            "energy_of_model": float(comparison.energy_ev[one.index]),
            "config_type": frame.config_type,
            "rank": rank,
            **one.model_dump(exclude={"index"}),
        }
        atoms.set_array(FORCES_KEY, frame.forces)
        atoms.set_array("forces_of_model", comparison.forces[here])
        atoms.set_array("force_error", np.linalg.norm(comparison.force_error[here], axis=1))
        structures.append(atoms)
    write(file, structures, format="extxyz")
