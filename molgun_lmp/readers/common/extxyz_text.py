"""Extended XYZ split into the texts of its frames: ASE, given a file with a wrong number, would read on and on."""

import io
import itertools
from collections.abc import Iterable, Iterator

from ase import Atoms

from molgun_lmp.readers.common.ipi_header import ipi_header


def ended(lines: Iterable[str]) -> Iterator[str]:
    """Lines of which the last one may lack its end, for files that are not written while they are read."""
    return (line if line.endswith("\n") else f"{line}\n" for line in lines)


def parsed_frames(lines: Iterator[str]) -> Iterator[Atoms]:
    """The structures, as ASE parses each from its own lines; of i-PI's files cell and units as they say.

    Raises `ValueError` where one is cut, or what ASE does.
    """
    from ase.io.extxyz import read_xyz  # noqa: PLC0415

    for line in lines:
        if line.strip():
            n_lines = int(line) + 1
            text = [line, *itertools.islice(lines, n_lines)]
            if len(text) <= n_lines:
                raise ValueError(f"{n_lines - 1} atoms are announced, and the file ends before them")
            if not text[-1].endswith("\n"):
                raise ValueError("the last line does not end (where nothing is missing, add a line break)")
            header = ipi_header(text[1])
            if header is not None:
                text[1] = "\n"
            (atoms,) = read_xyz(io.StringIO("".join(text)), slice(None))
            if header is not None:
                atoms.set_cell(header.cell)
                atoms.set_positions(atoms.positions * header.to_angstrom)
                atoms.pbc = True
                atoms.info["step"] = header.step
            yield atoms
