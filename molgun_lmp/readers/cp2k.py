"""Molecular dynamics of CP2K: NAME-pos-1.xyz, and what lies beside it of the same run, matched by the step.

NAME-1.cell (Å), NAME-frc-1.xyz (hartree/bohr), NAME-vel-1.xyz (bohr per atomic unit of time) and NAME-1.ener (hartree);
positions in Å, times in fs, energies in hartree (https://manual.cp2k.org/trunk/CP2K_INPUT/MOTION/PRINT.html, with the
units that CP2K has where the input names none).
"""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from ase.units import AUT, Bohr, Hartree

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.readers.common.packed import Stream
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels, Unusable
from molgun_lmp.readers.common.xyz_blocks import XyzBlock, XyzBlocks
from molgun_lmp.readers.cp2k_run_files import CELL, ENERGIES, Quantity, beside, holds_no_positions, vectors
from molgun_lmp.readers.cp2k_tables import Cells, potential_energies
from molgun_lmp.readers.extxyz import symbols_and_vectors
from molgun_lmp.readers.lammps.columns import Symbols
from molgun_lmp.readers.lammps.number_table import DamagedTableError
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY, FS_PER_PS

CELL_MISSING: Final = (
    "CP2K's XYZ has no cell: lay the run's NAME-1.cell beside its NAME-pos-1.xyz (&MOTION &PRINT &CELL writes it; one "
    "line, `0 0.0 Ax Ay Az Bx By Bz Cx Cy Cz volume` in Å, is enough for a cell that stays), or write the frames as "
    'extended XYZ with Lattice="..." in each header'
)

_COMMENT: Final = re.compile(
    r"^\s*i\s*=\s*(?P<step>\d{1,18})\s*,(?:\s*time\s*=\s*(?P<time>[^\s,]+)\s*,)?\s*E\s*=\s*(?P<energy>\S+)\s*$"
)
_WORDS: Final = {"frc": "forces", "vel": "velocities"}
_UNITS: Final = {"frc": Hartree / Bohr, "vel": Bohr / AUT * ANGSTROM_PER_PS_PER_ASE_VELOCITY}
_SAME_HARTREE: Final = 1e-5
"""The energy of a step in two files of one run: each is written with nine digits or more after the point."""


class Cp2kReader:
    """Labelled frames of a run: the potential energy that stands with the positions, and the forces beside them."""

    labels: Labels | None = Labels(energy="energy", forces="forces")

    def read(self, path: Path) -> Iterator[FoundFrame | Unusable]:
        """The steps of a file. Raises `InputFileError` for what is damaged, and where the run's cell is missing."""
        with Stream(path) as stream:
            run = Cp2kRun(stream, path, "frc")
            for one in run.steps():
                if one.cell is None:
                    raise InputFileError(f"{path}: {CELL_MISSING}.")
                yield FoundFrame(
                    symbols=one.symbols,
                    positions=one.positions,
                    cell=one.cell,
                    pbc=(True, True, True),
                    energies={"energy": one.energy_ev},
                    forces={} if one.beside is None else {"forces": one.beside},
                    step=one.step,
                )
            if run.cut:
                yield Unusable(reason=DropReason.CUT, detail="the file ends within a frame")


class Cp2kTrajectory:
    """A run's whole frames, with the velocities beside them where asked for; `cut`: the file ends within one.

    Without NAME-1.cell beside the file its frames have no cell.
    """

    def __init__(self, stream: Stream, path: Path, *, velocities: bool) -> None:
        self._run = Cp2kRun(stream, path, "vel" if velocities else None)
        self.cut = False

    def frames(self) -> Iterator[Frame]:
        """Raises `InputFileError` for what is damaged, in any of the run's files, after the whole frames before it."""
        for one in self._run.steps():
            periodic = one.cell is not None
            yield Frame(
                step=one.step,
                symbols=one.symbols,
                positions=one.positions,
                images=None,
                velocities=one.beside,
                cell=np.zeros((3, 3)) if one.cell is None else one.cell,
                origin=np.zeros(3),
                pbc=(periodic, periodic, periodic),
                time_ps=one.time_ps,
            )
        self.cut = self._run.cut


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cp2kStep:
    """One step of N atoms: `positions` (N, 3) Å, `energy_ev` the potential energy, `time_ps` None where the run had
    none, `cell` (3, 3) Å or None, `beside` (N, 3) forces in eV/Å or velocities in Å/ps, None where not written."""

    step: int
    time_ps: float | None
    energy_ev: float
    symbols: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray | None
    beside: FloatArray | None


class Cp2kRun:
    """The steps of NAME-pos-1.xyz with what stands beside it, `quantity` of them where asked for; `cut`: it ends within
    one."""

    def __init__(self, stream: Stream, path: Path, quantity: Quantity | None) -> None:
        self._stream, self._path, self._quantity = stream, path, quantity
        self.cut = False

    def steps(self) -> Iterator[Cp2kStep]:
        """Raises `InputFileError` for what is damaged in any of the files, and for files of different runs."""
        path = self._path
        if holds_no_positions(path):
            raise InputFileError(
                f"{path} holds forces or velocities of CP2K by its name. Name the run's NAME-pos-1.xyz: what lies "
                "beside it is found."
            )
        cell_file, energy_file = beside(path, CELL), beside(path, ENERGIES)
        cells = None if cell_file is None else Cells.read(cell_file)
        energies = {} if energy_file is None else potential_energies(energy_file)
        file = _File(self._stream, path)
        with ExitStack() as opened:
            other = self._other(opened)
            for place, one in _counted(file.steps()):
                known = energies.get(one.step)
                if known is not None and min(abs(one.energy - value) for value in known) > _SAME_HARTREE:
                    raise InputFileError(
                        f"{path}, step {one.step}: its energy is {one.energy:.9g} hartree, and {energy_file} says "
                        f"{known[0]:.9g}. The files are of different runs: lay those of one run together."
                    )
                yield Cp2kStep(
                    step=one.step,
                    time_ps=one.time_ps,
                    energy_ev=one.energy * Hartree,
                    symbols=one.symbols,
                    positions=one.vectors,
                    cell=None if cells is None else cells.at(one.step),
                    beside=None if other is None else other.at(place, one),
                )
            self.cut = file.cut
            if other is not None:
                other.require_match(path)

    def _other(self, opened: ExitStack) -> "_Beside | None":
        if self._quantity is None:
            return None
        found = beside(self._path, vectors(self._quantity))
        return None if found is None else _Beside(opened.enter_context(Stream(found)), found, self._quantity)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Step:
    """As it stands in a file: `vectors` (N, 3) in its units, `energy` hartree."""

    step: int
    time_ps: float | None
    energy: float
    symbols: tuple[str, ...]
    vectors: FloatArray


class _File:
    """The steps of one of a run's XYZ files, all of the same atoms; `cut`: it ends within one."""

    def __init__(self, stream: Stream, path: Path) -> None:
        self._stream, self._path = stream, path
        self._symbols = Symbols()
        self.cut = False

    def steps(self) -> Iterator[_Step]:
        blocks = XyzBlocks(self._stream, str(self._path))
        first: tuple[str, ...] | None = None
        for block in blocks.blocks():
            one = self._step(block)
            first = first or one.symbols
            if one.symbols != first:
                raise InputFileError(
                    f"{self._path}, frame {block.number}: its {len(one.symbols)} atoms are not the {len(first)} of the "
                    "first frame. A run has the same atoms in the same order at all steps: the file is damaged, or of "
                    "several runs."
                )
            yield one
        self.cut = blocks.cut

    def _step(self, block: XyzBlock) -> _Step:
        where = f"{self._path}, frame {block.number}"
        said = _COMMENT.match(block.comment)
        try:
            if said is None:
                raise ValueError(
                    f"its comment line is {block.comment.strip()[:60]!r}, not `i = ..., time = ..., E = ...`"
                )
            numbers, vectors = symbols_and_vectors(block.lines)
            return _Step(
                step=int(said["step"]),
                time_ps=None if said["time"] is None else float(said["time"]) / FS_PER_PS,
                energy=float(said["energy"]),
                symbols=self._symbols.of(numbers),
                vectors=vectors,
            )
        except (DamagedTableError, ValueError) as error:
            raise InputFileError(f"{where}: it is damaged ({error}). Write the file again, or cut it there.") from error


_Place = tuple[int, int]
"""Which part of a file that runs were appended to, and the step."""


def _counted(steps: Iterator[_Step]) -> Iterator[tuple[_Place, _Step]]:
    """Steps with their places, which grow: where a run was taken up again, steps go back."""
    part, last = 0, -1
    for one in steps:
        part += one.step <= last
        last = one.step
        yield (part, one.step), one


class _Beside:
    """Forces or velocities, given at the steps that the positions have, too."""

    def __init__(self, stream: Stream, path: Path, quantity: Quantity) -> None:
        self._path, self._quantity = path, quantity
        self._steps = _counted(_File(stream, path).steps())
        self._next = next(self._steps, None)
        self._empty, self._matched = self._next is None, False

    def at(self, place: _Place, positions: _Step) -> FloatArray | None:
        """(N, 3) eV/Å or Å/ps, at growing places."""
        while self._next is not None and self._next[0] < place:
            self._next = next(self._steps, None)
        if self._next is None or self._next[0] != place:
            return None
        one = self._next[1]
        if one.symbols != positions.symbols:
            raise InputFileError(
                f"{self._path}, step {one.step}: {len(one.symbols)} atoms, which are not the "
                f"{len(positions.symbols)} of the positions. The files are of different runs, or damaged: lay those of "
                "one run together."
            )
        self._matched = True
        return one.vectors * float(_UNITS[self._quantity])

    def require_match(self, positions: Path) -> None:
        """Raises `InputFileError` where no step of the file was one of the positions."""
        if not (self._matched or self._empty):
            raise InputFileError(
                f"{self._path}: none of its steps is one of {positions}, so its {_WORDS[self._quantity]} belong to no "
                "frame. The files are of different runs, or were written at different steps (EACH): lay those of one "
                "run together, or move the file away."
            )
