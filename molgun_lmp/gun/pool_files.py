"""Files of other programs that hold structures with velocities, read by ASE and brought to its units."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import ase.io
from ase import Atoms
from ase.data import atomic_numbers

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.packed import PACKED_SUFFIXES, UNPACKING_ERRORS, is_misnamed, open_text

_FORMAT_OF_SUFFIX: Final[Mapping[str, str]] = {
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".vasp": "vasp",
    ".poscar": "vasp",
    ".contcar": "vasp",
    ".dump": "lammps-dump-text",
    ".lammpstrj": "lammps-dump-text",
    ".data": "lammps-data",
    ".lmp": "lammps-data",
}


def read_snapshots(path: Path, elements: Sequence[str] | None = None) -> list[Atoms]:
    """Every structure of an extended XYZ, VASP or LAMMPS file (metal units), packed ones included.

    `elements` names LAMMPS types 1, 2, ... where the file does not. Raises `InputFileError`.
    """
    if not path.is_file():
        raise InputFileError(
            f"the pool {path} does not exist. `molgun equilibrate` makes it; or name a file of snapshots "
            "with velocities."
        )
    file_format = _format_of(path)
    text = _unpacked(path)
    options: dict[str, Any] = {}
    if file_format.startswith("lammps"):
        _require_elements(path, text, file_format, elements)
        options["units"] = "metal"
        if elements is not None and file_format == "lammps-data":
            options["Z_of_type"] = {number: atomic_numbers[symbol] for number, symbol in enumerate(elements, start=1)}
        elif elements is not None:
            options["specorder"] = list(elements)
    try:
        snapshots: list[Atoms] = ase.io.read(io.StringIO(text), index=":", format=file_format, **options)
    except Exception as error:  # ASE's readers raise whatever their parsing meets
        raise InputFileError(
            f"cannot read {path} as {file_format}: {error or type(error).__name__}. "
            "Is the file complete and its suffix that of its format?"
        ) from error
    if not snapshots or any(len(atoms) == 0 for atoms in snapshots):
        raise InputFileError(f"{path} holds no structures, or one without atoms.")
    return snapshots


def _format_of(path: Path) -> str:
    name = path.name.lower()
    if name.startswith("xdatcar"):
        raise InputFileError(
            f"{path}: an XDATCAR holds positions only, and a pool needs velocities. Use the run's CONTCAR files."
        )
    stem = path.with_suffix("") if path.suffix.lower() in PACKED_SUFFIXES else path
    if stem.name.lower().startswith(("poscar", "contcar")):
        return "vasp"
    if stem.suffix.lower() not in _FORMAT_OF_SUFFIX:
        raise InputFileError(
            f"{path}: no format known for this name. Pools are .extxyz or .xyz, POSCAR or CONTCAR, LAMMPS .data or "
            ".lmp, .dump or .lammpstrj; .xz, .gz, .bz2 and .zst may follow."
        )
    return _FORMAT_OF_SUFFIX[stem.suffix.lower()]


def _unpacked(path: Path) -> str:
    """The whole text: ASE seeks from snapshot to snapshot, and each seek would unpack the file again."""
    try:
        with open_text(path, errors="strict") as lines:
            text = lines.read()
    except (*UNPACKING_ERRORS, UnicodeDecodeError) as error:
        raise InputFileError(f"cannot read {path}: {error}. Is it a whole text file, compressed as named?") from error
    if is_misnamed(path):
        raise InputFileError(f"cannot read {path}: it is not packed. Is it a whole text file, compressed as named?")
    return text


def _require_elements(path: Path, text: str, file_format: str, elements: Sequence[str] | None) -> None:
    """Refuse a LAMMPS file whose types have no elements: ASE would take type 1 for hydrogen and 2 for helium."""
    if elements is not None:
        unknown = [symbol for symbol in elements if symbol not in atomic_numbers]
        if unknown:
            raise InputFileError(f"{path}: {unknown} are not elements. Name the LAMMPS types by chemical symbols.")
        return
    wanted = "Masses" if file_format == "lammps-data" else "ITEM: ATOMS"
    line = next((line for line in text.splitlines() if line.startswith(wanted)), "")
    if wanted == "Masses" and line:
        return
    if {"element", "mass"} & set(line.split()):
        return
    raise InputFileError(
        f"{path}: nothing says which element each LAMMPS type is. Write a Masses section (data) or the element column "
        "(dump), or convert the file to extended XYZ."
    )
