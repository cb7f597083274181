"""Files that ASE reads: extended XYZ, ASE databases, and whatever else it knows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.atom_order import order_of
from molgun_lmp.readers.common.extxyz_text import parsed_frames
from molgun_lmp.readers.common.packed import open_text, plain_file
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels


class ExtxyzReader:
    """Extended XYZ with labels under free keys, or where ASE puts those of a calculator."""

    labels: Labels | None = None

    def read(self, path: Path) -> Iterator[FoundFrame]:
        """The frames of a file. Raises `ValueError` where one is cut.

        ASE parses each frame from its own text: its reader of whole files seeks, which packed files cannot do quickly.
        """
        with open_text(path, errors="strict") as lines:
            yield from map(_found, parsed_frames(lines))


class AseDatabaseReader:
    """ASE databases (SQLite). A row's key-value pairs are its header."""

    labels: Labels | None = None

    def read(self, path: Path) -> Iterator[FoundFrame]:
        """The rows in the order of their ids."""
        from ase.db import connect  # noqa: PLC0415

        with plain_file(path) as plain, connect(str(plain), type="db") as database:
            for row in database.select():
                atoms = row.toatoms()
                atoms.info.update(row.key_value_pairs)
                yield _found(atoms)


class OtherReader:
    """Any other format that ASE recognises by the file's name and contents, such as .traj."""

    labels: Labels | None = None

    def read(self, path: Path) -> Iterator[FoundFrame]:
        """The frames of a file; whether memory holds more than one depends on ASE's reader.

        Raises `InputFileError` for a file of no format that ASE knows.
        """
        from ase.io import iread  # noqa: PLC0415
        from ase.io.formats import UnknownFileTypeError  # noqa: PLC0415

        with plain_file(path) as plain:
            try:
                for atoms in iread(str(plain), index=":"):
                    yield _found(atoms)
            except UnknownFileTypeError as error:
                raise InputFileError(
                    f"{path} is of no format that is read: neither its name nor its beginning says what it is. Name "
                    "another file, or write it again as extxyz."
                ) from error


def _found(atoms: Atoms) -> FoundFrame:
    # The calculator's own arrays: get_forces() would zero those of constrained atoms.
    results = getattr(atoms.calc, "results", {})
    values = {**results, **atoms.info}
    energies = {
        key: float(value)
        for key, value in values.items()
        if np.ndim(value) == 0 and isinstance(value, int | float | np.number) and not isinstance(value, bool)
    }
    forces = {
        key: np.asarray(value, dtype=np.float64)
        for key, value in {**results, **atoms.arrays}.items()
        if key != "positions" and np.shape(value) == (len(atoms), 3) and np.asarray(value).dtype.kind in "fi"
    }
    order = order_of(atoms)
    if order is not None:
        atoms = atoms[order]
        forces = {key: value[order] for key, value in forces.items()}
    return FoundFrame(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=np.array(atoms.positions),
        cell=np.array(atoms.cell),
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energies=energies,
        forces=forces,
        header=atoms.info,
    )
