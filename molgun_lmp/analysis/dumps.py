"""A trajectory's LAMMPS dump, one frame at a time, as arrays or as `ase.Atoms`.

Text dumps (plain or .gz) with the columns id, element, x, y, z and, where written, ix, iy, iz and vx, vy, vz, in
`metal` units (https://docs.lammps.org/dump.html). ASE's reader is as fast, but drops the box crossings, without which a
slab that straddles the box is torn, and cannot tell a cut last number from a whole one.
"""

import dataclasses
import gzip
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Final, Self

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.data import atomic_numbers

from molgun_lmp.errors import InputFileError
from molgun_lmp.records import FloatArray, IntArray
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS

_NEEDED: Final = ("id", "element", "x", "y", "z")
_IMAGES: Final = ("ix", "iy", "iz")
_VELOCITIES: Final = ("vx", "vy", "vz")
_DTYPES: Final = (
    {"id": "i8", "element": "U4"}
    | dict.fromkeys(("x", "y", "z"), "f8")
    | {
        **dict.fromkeys(_IMAGES, "i8"),
        **dict.fromkeys(_VELOCITIES, "f8"),
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of N atoms in the order of their ids.

    `step`: LAMMPS's timestep; `symbols`: N chemical symbols, e.g. ("Si", ..., "C", "H"); `positions` (N, 3) Å as in the
    dump (inside the box); `images` (N, 3): box crossings, None where not written; `velocities` (N, 3) Å/ps or None;
    `cell` (3, 3) Å, rows are vectors; `origin` (3,) Å, the box's lower corner; `pbc`: periodic along each vector;
    `cut_after`: the file ends in the middle of the frame after this one.
    """

    step: int
    symbols: tuple[str, ...]
    positions: FloatArray
    images: IntArray | None
    velocities: FloatArray | None
    cell: FloatArray
    origin: FloatArray
    pbc: tuple[bool, bool, bool]
    cut_after: bool = False

    @property
    def unwrapped(self) -> FloatArray:
        """(N, 3) Å: positions with the box crossings undone; those of the dump where it does not count them."""
        return self.positions if self.images is None else self.positions + self.images @ self.cell

    def atoms(self) -> Atoms:
        """The frame as ASE's reader gives it: positions as in the dump, `celldisp` the box's lower corner."""
        atoms = Atoms(
            symbols=list(self.symbols), positions=self.positions, cell=self.cell, celldisp=self.origin, pbc=self.pbc
        )
        if self.velocities is not None:
            atoms.set_velocities(self.velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
        return atoms

    @classmethod
    def from_atoms(cls, atoms: Atoms, *, step: int = 0) -> Self:
        """A frame from a structure read elsewhere; its positions are taken as they are, velocities where it has any."""
        velocities = atoms.get_velocities() / ASE_VELOCITY_PER_ANGSTROM_PER_PS if atoms.has("momenta") else None
        return cls(
            step=step,
            symbols=tuple(atoms.get_chemical_symbols()),
            positions=np.array(atoms.positions, dtype=np.float64),
            images=None,
            velocities=velocities,
            cell=np.array(atoms.cell[:], dtype=np.float64),
            origin=np.array(atoms.get_celldisp(), dtype=np.float64).ravel(),
            pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        )


def read_frames(path: Path) -> Iterator[Frame]:
    """The whole frames of a dump, one after the other; memory holds two at a time.

    A frame is whole when all its lines are there, each with its newline: a number cut in its digits would still be a
    number. A last frame that is not whole is left out and marked by `cut_after` of the frame before it.

    Raises `InputFileError` for a file that cannot be read or holds no whole frame, for missing columns, and for lines
    that are damaged before the end of the file.
    """
    try:
        with _open(path) as handle:
            lines = _Lines(handle)
            previous: Frame | None = None
            while (frame := _next_frame(lines, path, previous)) is not None:
                if previous is not None:
                    yield previous
                previous = frame
            if previous is None:
                raise InputFileError(
                    f"{path} holds no whole frame ({lines.count} lines were read): the run ended before its first "
                    "dump was written. Run the trajectory again."
                )
            yield dataclasses.replace(previous, cut_after=lines.cut)
    except (OSError, zlib.error) as error:
        raise InputFileError(
            f"cannot read the dump {path}: {error}. Check the file, or run the trajectory again."
        ) from error


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


class _Lines:
    """Whole lines of a file; `cut` becomes true where the file ends inside what was asked for."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self.count = 0
        self.cut = False

    def take(self, number: int) -> list[bytes]:
        """The next `number` lines, or none of them where one is missing or has lost its newline."""
        lines: list[bytes] = []
        try:
            lines.extend(islice(self._handle, number))
        except EOFError:  # a gzip stream without its end
            self.cut = True
        self.count += len(lines)
        if len(lines) == number and lines[-1].endswith(b"\n"):
            return lines
        self.cut = self.cut or bool(lines)
        return []


def _next_frame(lines: _Lines, path: Path, previous: Frame | None) -> Frame | None:
    header = _header(lines, path)
    if header is None:
        return None
    step, n_atoms, box, titles = header
    body = lines.take(n_atoms)
    if not body:
        lines.cut = True
        return None
    where = f"{path}, frame of step {step} (up to line {lines.count})"
    if previous is not None and step <= previous.step:
        raise InputFileError(f"{where}: it follows step {previous.step}. Two runs in one file? Analyse them apart.")
    if previous is not None and n_atoms != len(previous.symbols):
        raise InputFileError(
            f"{where}: {n_atoms} atoms after {len(previous.symbols)}: the run lost atoms. Run the trajectory again."
        )
    return _parse(body, titles, box, step, where)


def _header(lines: _Lines, path: Path) -> tuple[int, int, "_Box", list[str]] | None:
    """Step, number of atoms, box and column titles; None at the end of the file."""
    values: dict[str, list[bytes]] = {}
    while line := lines.take(1):
        title = line[0].decode("utf-8", "replace").strip()
        if title.startswith("ITEM: ATOMS"):
            try:
                step, n_atoms = int(values["TIMESTEP"][0]), int(values["NUMBER OF ATOMS"][0])
                box = _Box.parse(next(key for key in values if key.startswith("BOX BOUNDS")), values)
            except (KeyError, StopIteration, ValueError) as error:
                raise InputFileError(
                    f"{path}, line {lines.count}: atoms without a readable timestep, number of atoms and box "
                    f"before them ({error}). This is not a LAMMPS text dump, or it is damaged here."
                ) from error
            return step, n_atoms, box, title.split()[2:]
        if not title.startswith("ITEM: "):
            raise InputFileError(
                f"{path}, line {lines.count}: expected 'ITEM: ...', found {title[:60]!r}. This is not a LAMMPS text "
                "dump, or it is damaged here."
            )
        values[title.removeprefix("ITEM: ")] = lines.take(3 if title.startswith("ITEM: BOX BOUNDS") else 1)
    lines.cut = lines.cut or bool(values)
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Box:
    cell: FloatArray
    origin: FloatArray
    pbc: tuple[bool, bool, bool]

    @classmethod
    def parse(cls, title: str, values: dict[str, list[bytes]]) -> Self:
        """From 'BOX BOUNDS [xy xz yz] pp pp pp'; raises `ValueError` (https://docs.lammps.org/Howto_triclinic.html)."""
        flags = [word for word in title.split()[2:] if set(word) <= set("pfsm")]
        bounds = np.array([[float(word) for word in line.split()] for line in values[title]])
        if len(flags) != 3 or bounds.ndim != 2 or len(bounds) != 3 or bounds.shape[1] not in {2, 3}:
            raise ValueError(f"box {title!r} is not of the orthogonal or restricted triclinic kind")
        xy, xz, yz = bounds[:, 2] if bounds.shape[1] == 3 else (0.0, 0.0, 0.0)
        low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
        low[:2] -= min(0.0, xy, xz, xy + xz), min(0.0, yz)
        high[:2] -= max(0.0, xy, xz, xy + xz), max(0.0, yz)
        lengths = high - low
        cell = np.array([[lengths[0], 0.0, 0.0], [xy, lengths[1], 0.0], [xz, yz, lengths[2]]])
        periodic = [flag == "pp" for flag in flags]
        return cls(cell=cell, origin=low, pbc=(periodic[0], periodic[1], periodic[2]))


def _parse(body: Sequence[bytes], titles: Sequence[str], box: _Box, step: int, where: str) -> Frame:
    missing = [title for title in _NEEDED if title not in titles]
    if missing:
        raise InputFileError(
            f"{where}: no column {', '.join(missing)} (found: {' '.join(titles)}). Write the dump with "
            "`dump custom ... id type element x y z ix iy iz` and `dump_modify ... element H C Si`."
        )
    wanted = [title for title in (*_NEEDED, *_IMAGES, *_VELOCITIES) if title in titles]
    table = np.dtype([(title, _DTYPES[title]) for title in wanted])
    try:
        rows = np.loadtxt(body, dtype=table, usecols=[titles.index(title) for title in wanted], comments=None, ndmin=1)
        if len(rows) != len(body):
            raise ValueError(f"{len(rows)} atoms in {len(body)} lines")
    except (ValueError, UnicodeDecodeError) as error:
        raise InputFileError(f"{where}: damaged atom lines ({error}). Run the trajectory again.") from error
    if (np.diff(rows["id"]) <= 0).any():
        rows = rows[np.argsort(rows["id"], kind="stable")]
        if (np.diff(rows["id"]) == 0).any():
            raise InputFileError(f"{where}: an atom id stands twice. Run the trajectory again.")
    symbols = tuple(rows["element"].tolist())
    unknown = set(symbols) - atomic_numbers.keys()
    if unknown:
        raise InputFileError(
            f"{where}: {', '.join(sorted(unknown))} in the column `element` is no chemical element. "
            "Name the elements with `dump_modify ... element`."
        )
    return Frame(
        step=step,
        symbols=symbols,
        positions=_columns(rows, ("x", "y", "z")),
        images=_columns(rows, _IMAGES).astype(np.int64) if set(_IMAGES) <= set(wanted) else None,
        velocities=_columns(rows, _VELOCITIES) if set(_VELOCITIES) <= set(wanted) else None,
        cell=box.cell,
        origin=box.origin,
        pbc=box.pbc,
    )


def _columns(rows: npt.NDArray[np.void], titles: Sequence[str]) -> FloatArray:
    return np.array([rows[title] for title in titles], dtype=np.float64).T
