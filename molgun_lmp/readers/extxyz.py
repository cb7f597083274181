"""Extended XYZ files, a frame at a time (https://github.com/libAtoms/extxyz); ASE reads through a file twice.

i-PI's XYZ files are among them: their comment lines are of another kind.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from ase.data import atomic_masses

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.atom_order import is_id, order_of_ids
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.ipi_header import IpiHeader, ipi_header
from molgun_lmp.readers.common.packed import Stream
from molgun_lmp.readers.common.xyz_blocks import XyzBlock, XyzBlocks
from molgun_lmp.readers.lammps.columns import Symbols
from molgun_lmp.readers.lammps.number_table import DamagedTableError, Table
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY

_PLAIN: Final = "species:S:1:pos:R:3"
_STEPS: Final = ("step", "Step", "timestep", "Timestep")


class ExtendedXyz:
    """A file's whole frames, atoms in the order of a column `id` where there is one; `cut`: it ends within one.

    A frame's step is its `step` or `timestep`, or else its number in the file; i-PI's files count theirs.
    """

    def __init__(self, stream: Stream, name: str) -> None:
        self._stream, self._name = stream, name
        self._symbols = Symbols()
        self.cut = False

    def frames(self) -> Iterator[Frame]:
        """Raises `InputFileError` for what is damaged, after the whole frames before it."""
        blocks = XyzBlocks(self._stream, self._name)
        for block in blocks.blocks():
            yield self._frame(block)
        self.cut = blocks.cut

    def _frame(self, block: XyzBlock) -> Frame:
        try:
            header = ipi_header(block.comment)
        except ValueError as error:
            raise InputFileError(f"{self._name}, frame {block.number}: {error}.") from error
        try:
            return self._parsed(*block) if header is None else self._of_ipi(header, block.lines)
        except (DamagedTableError, ValueError, KeyError, TypeError) as error:
            raise InputFileError(f"{self._name}, frame {block.number}: it is damaged ({error}).") from error

    def _of_ipi(self, header: IpiHeader, body: list[bytes]) -> Frame:
        numbers, coordinates = symbols_and_vectors(body)
        return Frame(
            step=header.step,
            symbols=self._symbols.of(numbers),
            positions=coordinates * header.to_angstrom,
            images=None,
            velocities=None,
            cell=header.cell,
            origin=np.zeros(3),
            pbc=(True, True, True),
        )

    def _parsed(self, index: int, comment: str, body: list[bytes]) -> Frame:
        from ase.io.extxyz import key_val_str_to_dict  # noqa: PLC0415 - it loads a third of scipy, and dumps need none

        about: dict[str, Any] = key_val_str_to_dict(comment)
        places, n_columns = _places(str(about.get("Properties", _PLAIN)))
        table = Table.of(body, rows=len(body), columns=n_columns)
        order = order_of_ids(table.numbers([places["id"]])[:, 0]) if "id" in places else None
        numbers = _elements(table, places["species"])
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
        step = next((int(about[key]) for key in _STEPS if key in about), None)
        return Frame(
            step=index if step is None else step,
            counts_steps=step is not None,
            symbols=self._symbols.of(numbers),
            positions=positions,
            images=None,
            velocities=velocities,
            cell=cell,
            origin=np.zeros(3),
            pbc=(bool(periodic[0]), bool(periodic[1]), bool(periodic[2])),
        )


def symbols_and_vectors(body: list[bytes]) -> tuple[IntArray, FloatArray]:
    """Atomic numbers (N,) and three numbers (N, 3) of each atom, of lines `symbol x y z`.

    Raises `DamagedTableError`, and `ValueError` for what is no element.
    """
    table = Table.of(body, rows=len(body), columns=4)
    return _elements(table, 0), table.numbers([1, 2, 3])


def _elements(table: Table, column: int) -> IntArray:
    numbers = table.elements(column)
    if not numbers.all():
        raise ValueError(f"{table.word(int(np.argmin(numbers)), column)} is no chemical element")
    return numbers


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
