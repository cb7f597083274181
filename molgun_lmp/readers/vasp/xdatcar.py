"""VASP's XDATCAR, which holds no forces: each of its frames is counted and reported, none can be a reference."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.packed import PACKED_SUFFIXES, open_text
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels, Unusable
from molgun_lmp.readers.vasp.common import VASP_LABELS
from molgun_lmp.readers.vasp.fortran_numbers import number, table

_WENT_ON_ANGSTROM: Final = 1.0
"""Half of all atoms move less from one configuration to the next."""
_ENERGY: Final = re.compile(r"^\s*(\d+)\s.*\bF=\s*(\S+)")


class XdatcarReader:
    """Configurations without labels; energies come from the OSZICAR beside the file.

    Where several files were joined, each numbered from its start, the numbers go on.
    """

    labels: Labels | None = VASP_LABELS

    def read(self, path: Path) -> Iterator[Unusable]:
        """One entry for each configuration. Raises `InputFileError` where numbers begin again with atoms elsewhere."""
        energies = _energies(path)
        head: list[str] = []
        box: _Box | None = None
        before, last = 0, 0
        previous: FoundFrame | None = None
        with open_text(path) as lines:
            for line in lines:
                if not line.startswith("Direct configuration="):
                    head.append(line)  # again before a configuration whose cell is another one
                    continue
                box, head = _Box.read(head) or box, []
                step = int(line.partition("=")[2])
                if step <= last:  # the next of several runs, joined
                    before += last
                structure = None if box is None else box.structure(before + step, lines)
                if step <= last and previous is not None and structure is not None:
                    _require_same_run(previous, structure, path)
                last, previous = step, structure or previous
                if step in energies:
                    reason = DropReason.NO_FORCES
                    detail = f"energy {energies[step]} eV from {_oszicar(path).name}, but XDATCAR holds no forces"
                else:
                    reason, detail = DropReason.NO_ENERGY, "XDATCAR holds neither energies nor forces"
                detail = f"{detail}: take the run's vasprun.xml or OUTCAR"
                yield Unusable(reason=reason, detail=detail, structure=structure)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Box:
    """What stands before configurations: `cell` (3, 3) Å, and N symbols."""

    cell: FloatArray
    symbols: tuple[str, ...]

    @classmethod
    def read(cls, head: Sequence[str]) -> Self | None:
        """From title, scale, lattice, elements and numbers; None for lines that are not these."""
        if len(head) < 7:
            return None
        _, scale, *rows, elements, counts = head[:7]
        cell = table(rows, 3)
        if cell is None or not all(word.isdigit() for word in counts.split()):
            return None
        factor = number(scale)
        if factor < 0:  # it is the volume
            factor = (-factor / abs(np.linalg.det(cell))) ** (1 / 3)
        pairs = zip(elements.split(), counts.split(), strict=False)
        # VASP 6 may add the hash of the potential: Si/0123abcd.
        symbols = tuple(element.partition("/")[0] for element, count in pairs for _ in range(int(count)))
        return cls(cell=factor * cell, symbols=symbols)

    def structure(self, step: int, following: Iterator[str]) -> FoundFrame | None:
        """The configuration in the following lines; None where they are not whole."""
        rows = [next(following, "") for _ in self.symbols]
        fractions = table([" ".join(row.split()[:3]) for row in rows], 3)
        if fractions is None or not rows[-1].endswith("\n"):
            return None
        return FoundFrame(
            symbols=self.symbols,
            positions=fractions @ self.cell,
            cell=self.cell,
            pbc=(True, True, True),
            energies={},
            forces={},
            step=step,
        )


def _require_same_run(before: FoundFrame, after: FoundFrame, path: Path) -> None:
    """A run that went on begins where the one before it ended."""
    if before.symbols == after.symbols:
        moved = np.linalg.solve(after.cell.T, (after.positions - before.positions).T).T
        moved = (moved - np.rint(moved)) @ after.cell
        if np.median(np.linalg.norm(moved, axis=1)) < _WENT_ON_ANGSTROM:
            return
    raise InputFileError(
        f"{path.name}: after configuration {before.step} the numbers begin again, with atoms elsewhere: two runs in "
        "one file. Analyse them apart."
    )


def _oszicar(path: Path) -> Path:
    beside = path.with_name(path.name.replace("XDATCAR", "OSZICAR"))
    plain = beside.with_name(beside.name.removesuffix(beside.suffix)) if beside.suffix in PACKED_SUFFIXES else beside
    names = (beside, plain, *(plain.with_name(plain.name + suffix) for suffix in PACKED_SUFFIXES))
    return next((name for name in names if name.is_file()), plain)


def _energies(path: Path) -> dict[int, str]:
    file = _oszicar(path)
    if not file.is_file():
        return {}
    with open_text(file) as lines:
        return {int(found[1]): found[2] for line in lines if (found := _ENERGY.match(line))}
