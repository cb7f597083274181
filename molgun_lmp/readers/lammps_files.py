"""LAMMPS dumps and data files as structures, with elements that somebody named: ASE takes types for atomic numbers."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import ase.io
import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, beginning, open_text
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels
from molgun_lmp.readers.lammps.columns import TypeMap
from molgun_lmp.readers.lammps.units import units_of
from molgun_lmp.readers.trajectory import is_dump, read_frames

_HEAD: Final = 1 << 12
"""Bytes within which a data file says how many atoms it has, and where its box begins."""
_ATOMS: Final = re.compile(r"^\s*\d+\s+atoms\b", re.MULTILINE)
_BOX: Final = re.compile(r"^\s*\S+\s+\S+\s+xlo\s+xhi\b|^\s*(?:\S+\s+){3}avec\b", re.MULTILINE)
_SAME_MASS_U: Final = 1.1  # as of an isotope, deuterium among them
_UNITS: Final = re.compile(r"\bunits\s*=\s*(\w+)")


class DumpReader:
    """Frames of a dump, without labels: it holds no energy of the whole structure."""

    labels: Labels | None = None

    def read(self, path: Path) -> Iterator[FoundFrame]:
        """The frames of a file. Raises `InputFileError`, also where it holds types alone."""
        for frame in read_frames(path, velocities=False, one_run=False):
            yield FoundFrame(
                symbols=frame.symbols,
                positions=frame.positions,
                cell=frame.cell,
                pbc=frame.pbc,
                energies={},
                forces={},
                step=frame.step,
            )


class DataFileReader:
    """The structure of a data file, without labels."""

    labels: Labels | None = None

    def read(self, path: Path) -> Iterator[FoundFrame]:
        """The one frame. Raises `InputFileError`, also where it holds types alone."""
        frame = Frame.from_atoms(read_data_file(path))
        yield FoundFrame(
            symbols=frame.symbols, positions=frame.positions, cell=frame.cell, pbc=frame.pbc, energies={}, forces={}
        )


def lammps_reader(path: Path) -> DumpReader | DataFileReader | None:
    """What reads a file that is LAMMPS's by how it begins, whatever its name and packing; None for any other."""
    if is_dump(path):
        return DumpReader()
    return DataFileReader() if is_data_file(path) else None


def is_data_file(path: Path) -> bool:
    """Whether a file is what `read_data` reads: in its head stand a number of atoms and a box."""
    head = beginning(path, _HEAD).decode("utf-8", "replace")
    return _ATOMS.search(head) is not None and _BOX.search(head) is not None


def read_lammps_structures(path: Path, elements: Sequence[str] | None = None) -> list[Atoms] | None:
    """Every structure of a dump or data file with its velocities, in ASE's units; None for any other file.

    `elements` names types 1, 2, ... where the file does not. Units are those that the file names, or metal. Raises
    `InputFileError`.
    """
    if elements is not None:
        unknown = [symbol for symbol in elements if symbol not in atomic_numbers]
        if unknown:
            raise InputFileError(f"{path}: {unknown} are not elements. Name the LAMMPS types by chemical symbols.")
    types = None if elements is None else dict(enumerate(elements, start=1))
    if is_dump(path):
        return [frame.atoms() for frame in read_frames(path, types=types, one_run=False)]
    return [read_data_file(path, types)] if is_data_file(path) else None


def read_data_file(path: Path, types: TypeMap | None = None) -> Atoms:
    """The structure of a data file (https://docs.lammps.org/read_data.html), with velocities where it has them.

    Raises `InputFileError` where it cannot be read, its units have no Å, or nothing says which element each type is.
    """
    try:
        with open_text(path, errors="strict") as lines:
            text = lines.read()
    except (*UNPACKING_ERRORS, UnicodeDecodeError) as error:
        raise InputFileError(f"cannot read {path}: {error}. Is it whole, and packed as named?") from error
    named = _UNITS.search(text.partition("\n")[0])
    units = "metal" if named is None else named[1]
    units_of(units, str(path))
    if types is None and not _names_elements(text):
        raise InputFileError(
            f"{path}: nothing says which element each LAMMPS type is. Write a Masses section, or convert the file to "
            "extended XYZ."
        )
    options: dict[str, Any] = {"units": units}
    if types is not None:
        options["Z_of_type"] = {kind: atomic_numbers[symbol] for kind, symbol in types.items()}
    try:
        atoms: Atoms = ase.io.read(io.StringIO(text), format="lammps-data", **options)
    except Exception as error:  # ASE's reader raises whatever its parsing meets
        raise InputFileError(
            f"cannot read the LAMMPS data file {path}: {error or type(error).__name__}. Is it complete?"
        ) from error
    far = np.abs(atomic_masses[atoms.numbers] - atoms.get_masses()) > _SAME_MASS_U
    if (types is None and far.any()) or (atoms.numbers < 1).any():
        raise InputFileError(
            f"{path}: mass {atoms.get_masses()[far][0]:g} is no element's. Write the masses of the elements, or "
            "convert the file to extended XYZ."
        )
    return atoms


def _names_elements(text: str) -> bool:
    """Whether types have masses, or labels that are chemical symbols."""
    if re.search(r"^Masses\b", text, re.MULTILINE):
        return True
    labels = re.search(r"^Atom Type Labels\b.*\n\s*\n((?:\s*\d+\s+\S+.*\n)+)", text, re.MULTILINE)
    return labels is not None and all(line.split()[1] in atomic_numbers for line in labels[1].splitlines())
