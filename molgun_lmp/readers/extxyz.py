"""Extended XYZ files, a frame at a time (https://github.com/libAtoms/extxyz); ASE reads through a file twice."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from ase.data import atomic_masses
from ase.io.extxyz import key_val_str_to_dict

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.atom_order import is_id, order_of_ids
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.packed import Stream
from molgun_lmp.readers.lammps.columns import Symbols
from molgun_lmp.readers.lammps.number_table import DamagedTableError, Table
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY

_MOST_DIGITS: Final = 18
_STRETCH: Final = 1 << 18
_PLAIN: Final = "species:S:1:pos:R:3"
_STEPS: Final = ("step", "Step", "timestep", "Timestep")


class ExtendedXyz:
    """A file's whole frames, atoms in the order of a column `id` where there is one; `cut`: it ends within one.

    A frame's step is its `step` or `timestep`, or else its number in the file.
    """

    def __init__(self, stream: Stream, name: str) -> None:
        self._stream, self._name = stream, name
        self._symbols = Symbols()
        self.cut = False

    def frames(self) -> Iterator[Frame]:
        """Raises `InputFileError` for what is damaged, after the whole frames before it."""
        lines = self._lines()
        index = 0
        for first in lines:
            if not first.strip():
                continue
            n_atoms = self._number(first, index)
            body: list[bytes] = []
            for line in lines:
                body.append(line)
                if len(body) == n_atoms + 1:
                    break
            if len(body) < n_atoms + 1:
                self.cut = True
                break
            yield self._frame(index, body[0].decode("utf-8", "replace"), body[1:])
            index += 1
        self.cut = self._stream.require_end() or self.cut

    def _lines(self) -> Iterator[bytes]:
        """Lines with their newline; a last one without it is cut."""
        rest = b""
        while not self._stream.ended:
            lines = (rest + self._stream.read(_STRETCH)).splitlines(keepends=True)
            rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
            yield from lines
        self.cut = bool(rest.strip())

    def _number(self, line: bytes, index: int) -> int:
        if line.strip().isdigit() and len(line.strip()) <= _MOST_DIGITS and int(line) > 0:
            return int(line)
        found = line.decode("utf-8", "replace").strip()[:60]
        raise InputFileError(
            f"{self._name}, frame {index}: expected the number of atoms, found {found!r}. "
            "This is not an extended XYZ file, or it is damaged here."
        )

    def _frame(self, index: int, comment: str, body: list[bytes]) -> Frame:
        try:
            return self._parsed(index, comment, body)
        except (DamagedTableError, ValueError, KeyError, TypeError) as error:
            raise InputFileError(f"{self._name}, frame {index}: it is damaged ({error}).") from error

    def _parsed(self, index: int, comment: str, body: list[bytes]) -> Frame:
        about: dict[str, Any] = key_val_str_to_dict(comment)
        places, n_columns = _places(str(about.get("Properties", _PLAIN)))
        table = Table.of(body, rows=len(body), columns=n_columns)
        order = order_of_ids(table.numbers([places["id"]])[:, 0]) if "id" in places else None
        numbers = table.elements(places["species"])
        if not numbers.all():
            raise ValueError(f"{table.word(int(np.argmin(numbers)), places['species'])} is no chemical element")
        at = places["pos"]
        positions = table.numbers([at, at + 1, at + 2])
        velocities: FloatArray | None = None
        if "momenta" in places:
            momenta = table.numbers([places["momenta"] + axis for axis in range(3)])
            velocities = momenta / atomic_masses[numbers][:, None] * ANGSTROM_PER_PS_PER_ASE_VELOCITY
        if order is not None:
            numbers, positions = numbers[order], positions[order]
            velocities = None if velocities is None else velocities[order]
        has_cell = "Lattice" in about
        cell = np.array(about["Lattice"], dtype=np.float64).reshape(3, 3).T if has_cell else np.zeros((3, 3))
        periodic = np.broadcast_to(np.asarray(about.get("pbc", has_cell)), (3,))
        return Frame(
            step=next((int(about[key]) for key in _STEPS if key in about), index),
            symbols=self._symbols.of(numbers),
            positions=positions,
            images=None,
            velocities=velocities,
            cell=cell,
            origin=np.zeros(3),
            pbc=(bool(periodic[0]), bool(periodic[1]), bool(periodic[2])),
        )


def _places(properties: str) -> tuple[dict[str, int], int]:
    """The first column of each property, and how many columns there are; `id` only where it is a number.

    Raises `ValueError`, `KeyError`.
    """
    words = properties.split(":")
    places: dict[str, int] = {}
    at = 0
    for name, kind, width in zip(words[::3], words[1::3], words[2::3], strict=True):
        if not is_id(name):
            places[name] = at
        elif kind in {"I", "R"}:
            places["id"] = at
        at += int(width)
    if not {"species", "pos"} <= places.keys():
        raise KeyError(f"no species and pos in {properties}")
    return places, at
