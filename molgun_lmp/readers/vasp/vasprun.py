"""VASP's vasprun.xml, parsed as it streams by: memory holds one ionic step.

ASE's reader holds the whole tree (gigabytes for a long run), does not tell unconverged steps from converged ones, and
stops at steps of a machine-learned force field. The parser here is expat with document types refused, so no entity is
ever defined, let alone expanded.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, open_unpacked
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

_EV_PER_ANGSTROM3_PER_KBAR: Final = 6.241509074e-4
_CHUNK_BYTES: Final = 1 << 20


class VasprunReader:
    """Ionic steps of molecular dynamics and relaxations.

    The energy is the free energy `e_fr_energy` of the step without PV term and kinetic energy, of which the forces are
    minus the gradient; `e_0_energy` (zero smearing) is not, and is 0 in the steps of some VASP versions.
    """

    labels: Labels | None = VASP_LABELS

    def read(self, path: Path) -> Iterator[FoundFrame | Unusable]:
        """The steps of a file; a cut one ends with what is whole."""
        document = _Document(path)
        try:
            with open_unpacked(path) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    document.parser.Parse(chunk, False)
                    yield from document.finished()
                document.parser.Parse(b"", True)
        except (expat.ExpatError, *UNPACKING_ERRORS) as error:
            yield from document.finished()
            if document.in_step or document.steps == 0 or "no element found" not in str(error):
                yield Unusable(reason=DropReason.CUT, detail=f"not whole after {document.steps} ionic steps: {error}")
            return
        yield from document.finished()
        if document.steps == 0:
            yield Unusable(reason=DropReason.CUT, detail="no ionic step")


class _Document:
    """State of the parser: where it stands, and the ionic step that is being collected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.steps = 0
        self._tags: list[str] = []
        self._names: list[str | None] = []
        self._text: list[str] = []
        self._row: list[str] = []
        self._rows: list[str] = []
        self._settings: dict[str, str] = {}
        self._symbols: list[str] = []
        self._potentials: dict[str, str] = {}
        self._level: dict[str, str] = {}
        self._done: deque[FoundFrame | Unusable] = deque()
        self._begin_step()

    @property
    def in_step(self) -> bool:
        """Whether an ionic step has begun and not ended."""
        return "calculation" in self._tags

    def finished(self) -> Iterator[FoundFrame | Unusable]:
        """Steps that ended since the last call."""
        while self._done:
            yield self._done.popleft()

    def _refuse(self, *_: object) -> None:
        raise InputFileError(
            f"{self._path} declares a document type, which VASP never writes and which could define entities. It was "
            "not read: take the file as VASP wrote it."
        )

    def _begin_step(self) -> None:
        self._varrays: dict[str, list[str]] = {}
        self._energies: dict[str, str] = {}
        self._iterations = 0

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = attributes.get("name")
        self._tags.append(tag)
        self._names.append(name)
        if tag in {"v", "i", "c"}:
            self._text.clear()
            self.parser.CharacterDataHandler = self._text.append
        elif tag == "varray":
            self._rows = []
        elif tag == "rc":
            self._row = []
        elif tag == "scstep":
            self._iterations += 1
        elif tag == "calculation":
            self._begin_step()

    def _end(self, tag: str) -> None:
        self.parser.CharacterDataHandler = None
        self._tags.pop()
        name = self._names.pop()
        parent = self._tags[-1] if self._tags else ""
        if tag == "v" and parent == "varray":
            self._rows.append("".join(self._text))
        elif tag == "c":
            self._row.append("".join(self._text).strip())
        elif tag == "i" and name is not None:
            self._scalar(name, "".join(self._text).strip())
        elif tag == "rc" and "atominfo" in self._tags:
            self._atom(self._names)
        elif tag == "varray" and name in {"basis", "positions", "forces"}:
            self._varrays[name] = self._rows
        elif tag == "structure" and parent == "modeling" and name is None:
            # Steps of a force field stand outside of any <calculation>.
            self.steps += 1
            detail = f"ionic step {self.steps} was not computed but predicted (ML_LMLFF)"
            structure = self._structure({}, {})
            self._done.append(Unusable(reason=DropReason.MACHINE_LEARNED, detail=detail, structure=structure))
        elif tag == "calculation":
            self.steps += 1
            self._done.append(self._step())

    def _scalar(self, name: str, text: str) -> None:
        if self._tags[-2:] == ["calculation", "energy"]:
            self._energies[name] = text
        elif "incar" in self._tags or "parameters" in self._tags:
            # The first counts: a later section repeats NELM with another meaning.
            self._settings.setdefault(name, text)

    def _atom(self, names: list[str | None]) -> None:
        if "atoms" in names and self._row:
            self._symbols.append(element_of(self._row[0]) or self._row[0])
        elif "atomtypes" in names and len(self._row) > 4:
            self._potentials[element_of(self._row[1]) or self._row[1]] = self._row[4]

    def _step(self) -> FoundFrame | Unusable:
        energies = {"free_energy": number(text)} if (text := self._energies.get("e_fr_energy")) is not None else {}
        forces = table(self._varrays.get("forces", ()), 3)
        frame = self._structure(energies, {} if forces is None or not len(forces) else {"forces": forces})
        if self._iterations == 0:
            detail = f"ionic step {self.steps} has no electronic step: it was predicted (ML_LMLFF)"
            return Unusable(reason=DropReason.MACHINE_LEARNED, detail=detail, structure=frame)
        if not converged(self._iterations, self._settings.get("NELM")):
            return not_converged(self.steps, self._iterations, frame)
        if frame is None:
            return Unusable(reason=DropReason.CUT, detail=f"ionic step {self.steps} has no whole structure")
        return frame

    def _structure(self, energies: dict[str, float], forces: dict[str, FloatArray]) -> FoundFrame | None:
        """Where the atoms of the step are, with these labels; None where that is not whole."""
        cell = table(self._varrays.get("basis", ()), 3)
        fractions = table(self._varrays.get("positions", ()), 3)
        if cell is None or cell.shape != (3, 3) or fractions is None or len(fractions) != len(self._symbols):
            return None
        # Under a target pressure the energy of a step is the enthalpy.
        pressure = number(self._settings.get("PSTRESS", "0")) * _EV_PER_ANGSTROM3_PER_KBAR
        self._level = self._level or vasp_level({"IVDW": "0", **self._settings}, self._potentials)
        return FoundFrame(
            symbols=tuple(self._symbols),
            positions=fractions @ cell,
            cell=cell,
            pbc=(True, True, True),
            energies={key: energy - pressure * abs(np.linalg.det(cell)) for key, energy in energies.items()},
            forces=forces,
            level=self._level,
            timestep_fs=vasp_timestep_fs(self._settings),
        )
