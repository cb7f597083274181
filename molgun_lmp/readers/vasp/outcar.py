"""VASP's OUTCAR, line by line: memory holds one ionic step.

ASE's reader stops at steps of a machine-learned force field and at steps without forces (NWRITE = 0), and does not tell
unconverged steps from converged ones.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, open_text
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels, Unusable
from molgun_lmp.readers.vasp.common import (
    VASP_LABELS,
    converged,
    element_of,
    not_converged,
    vasp_level,
    vasp_timestep_fs,
)
from molgun_lmp.readers.vasp.fortran_numbers import number, table

_ITERATION: Final = re.compile(r"Iteration\s+(\d+)\(\s*(\d+)\)")
_ENERGY: Final = re.compile(r"free\s+energy\s+(?:ML\s+)?TOTEN\s*=\s*(\S+)\s+eV\s*$")
_SETTING: Final = re.compile(r"^\s*([A-Z_]+)\s*=\s*([^\s;]+)")
_TYPE: Final = re.compile(r"VRHFIN\s*=\s*([A-Z][a-z]?)\s*:")


class OutcarReader:
    """Ionic steps of molecular dynamics and relaxations; the energy is the free energy TOTEN without PV term.

    With NWRITE below 2 VASP may leave out the electronic steps; such steps are taken as converged.
    """

    labels: Labels | None = VASP_LABELS

    def read(self, path: Path) -> Iterator[FoundFrame | Unusable]:
        """The steps of a file; a cut one ends with what is whole."""
        run = _Run()
        cut = "no accounting at its end"
        try:
            with open_text(path) as lines:
                for line in lines:
                    yield from run.feed(line, lines)
        except UNPACKING_ERRORS as error:
            cut = str(error)
            run.ended = False
        yield from run.last_step()
        if run.steps == 0 or (run.in_step and not run.ended):
            yield Unusable(reason=DropReason.CUT, detail=f"not whole after {run.steps} ionic steps: {cut}")


class _Run:
    """What was read so far of the header and of the ionic step that is going on."""

    def __init__(self) -> None:
        self.steps = 0
        self.ended = False
        """Whether VASP came to its last lines."""
        self._types: list[str] = []
        self._titles: list[str] = []
        self._potcars: list[str] = []
        self._counts: list[int] = []
        self._counting = False
        """Whether the line before was one of numbers of ions."""
        self._settings: dict[str, str] = {}
        self._level: dict[str, str] = {}
        self._cell: FloatArray | None = None
        self._symbols: tuple[str, ...] = ()
        self._iteration = (0, 0)
        self._table = False
        """Whether a table of positions and forces has begun."""
        self._electronic = False
        """Whether electronic steps were written since the last frame."""
        self._prediction: FloatArray | None = None
        """The table of a prediction whose ab-initio step may follow, or not."""
        self._positions_and_forces: FloatArray | None = None

    @property
    def in_step(self) -> bool:
        """Whether an ionic step has begun and not ended."""
        return self._electronic or self._positions_and_forces is not None

    def feed(self, line: str, following: Iterator[str]) -> Sequence[FoundFrame | Unusable]:
        """Take in one line, and those of `following` that belong to it; the steps that this ends."""
        items: Sequence[FoundFrame | Unusable] = ()
        if "Iteration" in line and (found := _ITERATION.search(line)):
            self._iteration = (int(found[1]), int(found[2]))
            self._electronic = True
        elif "TOTAL-FORCE" in line and "POSITION" in line:
            self._table = True
            block = _block(following, len(self._atoms()))
            if "(ML)" in line:
                items, self._prediction = self.last_step(), block
            else:
                self._positions_and_forces = block
        elif "direct lattice vectors" in line:
            self._cell = table([next(following, "") for _ in range(3)], 6)
        elif "TOTEN" in line and line.startswith("  free  energy   TOTEN") and (found := _ENERGY.search(line)):
            items = (*self._foregone(), self._finish(number(found[1])))
        elif "General timing and accounting" in line:
            self.ended = True
        elif self.steps == 0 and not self._electronic:
            self._header(line)
        return items

    def last_step(self) -> Sequence[Unusable]:
        """The prediction that no ab-initio step followed, if there is one."""
        if self._prediction is None:
            return ()
        structure, self._prediction = self._structure(self._prediction[:, :3]), None
        self.steps += 1
        detail = f"ionic step {self.steps} was not computed but predicted (ML_LMLFF)"
        return (Unusable(reason=DropReason.MACHINE_LEARNED, detail=detail, structure=structure),)

    def _foregone(self) -> Sequence[Unusable]:
        """A prediction that was of an earlier step than the one that now ends."""
        prediction, computed = self._prediction, self._positions_and_forces
        if prediction is None or computed is None or np.array_equal(prediction[:, :3], computed[:, :3]):
            self._prediction = None
        return self.last_step()

    def _header(self, line: str) -> None:
        counting, self._counting = self._counting, False
        if counting and (words := line.split()) and all(word.isdecimal() for word in words):
            self._counts += map(int, words)  # more types than fit into one line
            self._counting = True
        elif found := _TYPE.search(line):
            self._types.append(found[1])
        elif "TITEL" in line:
            self._titles.append(line.partition("=")[2].strip())
        elif line.startswith(" POTCAR:"):
            self._potcars.append(line.partition(":")[2].strip())
        elif "ions per type" in line:
            self._counts = [int(text) for text in line.partition("=")[2].split()]
            self._counting = True
        elif found := _SETTING.match(line):
            self._settings[found[1]] = found[2]

    def _atoms(self) -> tuple[str, ...]:
        if not self._symbols:
            if len(self._types) != len(self._counts):
                self._types_from_potcars()
            if len(self._types) == len(self._counts):
                pairs = zip(self._types, self._counts, strict=True)
                self._symbols = tuple(element for element, count in pairs for _ in range(count))
        return self._symbols

    def _types_from_potcars(self) -> None:
        """VASP 6 writes neither VRHFIN nor TITEL with NWRITE = 0, but lists its potentials first, then each again."""
        titles = self._potcars[: len(self._counts)]
        elements = [element_of(title.split()[1]) for title in titles if len(title.split()) > 1]
        if len(elements) == len(self._counts) and None not in elements:
            self._types, self._titles = [element for element in elements if element], titles

    def _finish(self, energy_ev: float) -> FoundFrame | Unusable:
        self.steps += 1
        block, electronic = self._positions_and_forces, self._electronic
        self._positions_and_forces, self._electronic = None, False
        if electronic and not converged(self._iteration[1], self._settings.get("NELM")):
            structure = None if block is None else self._structure(block[:, :3])
            return not_converged(self.steps, self._iteration[1], structure)
        if block is None:
            if self._table and not self._atoms():
                detail = (
                    f"ionic step {self.steps} has forces, but the head tells no elements for its {len(self._counts)} "
                    "types (VRHFIN, POTCAR:, ions per type)"
                )
                return Unusable(reason=DropReason.CUT, detail=detail)
            written = f" with NWRITE = {self._settings['NWRITE']}" if "NWRITE" in self._settings else ""
            detail = f"VASP{written} wrote no positions and forces for ionic step {self.steps}"
            return Unusable(reason=DropReason.NO_FORCES, detail=detail)
        frame = self._structure(block[:, :3], {"free_energy": energy_ev}, {"forces": block[:, 3:]})
        if frame is None:
            return Unusable(reason=DropReason.CUT, detail=f"no lattice vectors before ionic step {self.steps}")
        return frame

    def _structure(
        self,
        positions: FloatArray,
        energies: Mapping[str, float] | None = None,
        forces: Mapping[str, FloatArray] | None = None,
    ) -> FoundFrame | None:
        """The step with these labels; None where no lattice vectors came before it."""
        if self._cell is None:
            return None
        potentials = dict(zip(self._types, self._titles, strict=False))
        self._level = self._level or vasp_level(self._settings, potentials)
        return FoundFrame(
            symbols=self._symbols,
            positions=positions,
            cell=self._cell[:, :3],
            pbc=(True, True, True),
            energies=energies or {},
            forces=forces or {},
            level=self._level,
            timestep_fs=vasp_timestep_fs(self._settings),
        )


def _block(following: Iterator[str], atoms: int) -> FloatArray | None:
    """The (N, 6) table between two rules; None where it is not whole."""
    next(following, "")
    rows = [next(following, "") for _ in range(atoms)]
    return table(rows, 6) if atoms and "-----" in next(following, "") else None
