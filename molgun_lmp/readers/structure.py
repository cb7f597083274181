"""One structure from a file, for where a campaign starts and what a trajectory is judged against."""

from collections import deque
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.io.formats import filetype

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.atom_order import by_id
from molgun_lmp.readers.common.extxyz_text import ended, parsed_frames
from molgun_lmp.readers.common.packed import open_text
from molgun_lmp.readers.cp2k_run_files import is_cp2k_file
from molgun_lmp.readers.lammps_files import read_lammps_structures
from molgun_lmp.readers.trajectory import read_frames


def read_structure(path: Path) -> Atoms:
    """The last structure of a file of LAMMPS, or of one that ASE can read. Raises `InputFileError`."""
    try:
        lammps = read_lammps_structures(path)
        if lammps is not None:
            atoms = lammps[-1]
        elif is_cp2k_file(path):
            atoms = deque(read_frames(path, velocities=False, one_run=False), maxlen=1).pop().atoms()
        else:
            atoms = by_id(_read_other(path))
    except InputFileError:
        raise
    except Exception as error:  # ASE's readers raise whatever their parsing meets
        raise InputFileError(
            f"cannot read a structure from {path}: {error or type(error).__name__}. "
            "Name a file that ASE reads, such as .xyz, .extxyz, .cif or POSCAR."
        ) from error
    if len(atoms) == 0 or not np.isfinite(atoms.positions).all():
        raise InputFileError(f"{path} holds no atoms, or positions that are not numbers.")
    return atoms


def _read_other(path: Path) -> Atoms:
    if filetype(str(path)) in {"extxyz", "xyz"}:
        with open_text(path, errors="strict") as lines:
            return deque(parsed_frames(ended(lines)), maxlen=1).pop()
    atoms: Atoms = ase.io.read(path, index=-1)
    return atoms
