"""Files of frames whose headers say which set each is of, as `split: {by: given}` reads them, and of isolated atoms."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from ase import Atoms
from ase.io import write

from molgun_lmp.atomic_files import write_whole
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY, ISOLATED_ATOM
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame


def write_given(file: Path, sets: Mapping[str, Sequence[LabelledFrame]]) -> None:
    """Write the frames of some sets, whatever was there. Raises `OSError`."""
    _write_whole(
        file,
        [
            dataclasses.replace(frame, set_name=name).labelled_atoms(ENERGY_KEY, FORCES_KEY)
            for name, frames in sets.items()
            for frame in frames
        ],
    )


def write_isolated(file: Path, energies_ev: Mapping[str, float]) -> None:
    """Write one isolated atom for each element. Raises `OSError`."""
    structures = []
    for element, energy in energies_ev.items():
        atom = Atoms(element)
        atom.info = {ENERGY_KEY: energy, "config_type": ISOLATED_ATOM}
        structures.append(atom)
    _write_whole(file, structures)


def _write_whole(file: Path, structures: Sequence[Atoms]) -> None:
    with write_whole(file) as written:
        write(written, structures, format="extxyz")
