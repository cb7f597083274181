"""Files of other programs that hold structures with velocities, brought to ASE's units."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import ase.io
from ase import Atoms

from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.atom_order import by_id
from molgun_lmp.readers.common.extxyz_text import ended, parsed_frames
from molgun_lmp.readers.common.packed import PACKED_SUFFIXES, UNPACKING_ERRORS, is_misnamed, open_text
from molgun_lmp.readers.cp2k_run_files import is_cp2k_file
from molgun_lmp.readers.lammps_files import read_lammps_structures
from molgun_lmp.readers.trajectory import read_frames

_LAMMPS: Final = "LAMMPS"
_LATTICE_LINES: Final = 8
"""Of a POSCAR's block on the lattice: its title, a number, three velocities, three vectors."""
_FORMAT_OF_SUFFIX: Final[Mapping[str, str]] = {
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".vasp": "vasp",
    ".poscar": "vasp",
    ".contcar": "vasp",
    **dict.fromkeys((".dump", ".lammpstrj", ".data", ".lmp"), _LAMMPS),
}


def read_snapshots(path: Path, elements: Sequence[str] | None = None) -> list[Atoms]:
    """Every structure of an extended XYZ, VASP, LAMMPS or CP2K file, packed ones included.

    Velocities of CP2K are those of the NAME-vel-1.xyz beside the file.

    LAMMPS files are known by how they begin, and their units by what they say of them (metal or real; metal where they
    say nothing); `elements` names types 1, 2, ... where the file does not. Raises `InputFileError`.
    """
    if not path.is_file():
        raise InputFileError(
            f"the pool {path} {'is no file' if path.exists() else 'does not exist'}. `molgun equilibrate` makes it; or "
            "name a file of snapshots with velocities."
        )
    snapshots = read_lammps_structures(path, elements)
    if snapshots is None and is_cp2k_file(path):
        snapshots = [frame.atoms() for frame in read_frames(path, one_run=False)]
    if snapshots is None:
        snapshots = _read_others(path)
    if not snapshots or any(len(atoms) == 0 for atoms in snapshots):
        raise InputFileError(f"{path} holds no structures, or one without atoms.")
    return snapshots


def _read_others(path: Path) -> list[Atoms]:
    file_format = _format_of(path)
    text = _unpacked(path)
    if file_format == _LAMMPS:
        raise InputFileError(
            f"cannot read {path}: it begins neither as a LAMMPS dump (ITEM: ...) nor as a data file (numbers of atoms, "
            "then the box). Is it complete, and of the format that its name says?"
        )
    if file_format == "vasp":
        _require_cartesian_velocities(text, path)
    try:
        read = ase.io.read(io.StringIO(text), index=":", format="vasp") if file_format == "vasp" else _extxyz(text)
        snapshots = [by_id(atoms) for atoms in read]
    except Exception as error:  # ASE's readers raise whatever their parsing meets
        raise InputFileError(
            f"cannot read {path} as {file_format}: {error or type(error).__name__}. "
            "Is the file complete and its suffix that of its format?"
        ) from error
    return snapshots


def _extxyz(text: str) -> list[Atoms]:
    return list(parsed_frames(ended(io.StringIO(text))))


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


def _require_cartesian_velocities(text: str, path: Path) -> None:
    """Refuse velocities in lattice vectors a timestep, which ASE takes for Å/fs (https://www.vasp.at/wiki/POSCAR)."""
    lines = text.splitlines()
    places = [number for number in (5, 6) if number < len(lines) and _whole_numbers(lines[number])]
    if not places:
        return
    at = places[0] + 1
    if lines[at : at + 1] and lines[at].strip()[:1] in {"S", "s"}:
        at += 1
    at += 1 + sum(int(word) for word in lines[places[0]].split())
    if lines[at : at + 1] and lines[at].strip()[:1] in {"L", "l"}:  # of the lattice: a number, velocities, vectors
        at += _LATTICE_LINES
    word = lines[at].strip() if at < len(lines) else ""
    if word and word[0] not in "CcKk":
        raise InputFileError(
            f"{path}: its velocities are under {word!r}: lattice vectors a timestep, and a POSCAR does not say how "
            "long that is. Multiply them by the lattice and divide by POTIM (fs), under `Cartesian`; or take extended "
            "XYZ with momenta."
        )


def _whole_numbers(line: str) -> bool:
    return bool(line.split()) and all(word.isdecimal() for word in line.split())
