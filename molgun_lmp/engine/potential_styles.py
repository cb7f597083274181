"""LAMMPS's pair styles whose parameters stand in a file of their own: one row each.

To add one: a reader of its files in `molgun_lmp/readers/lammps/`, and its row here. Not taken are styles that run
programs (python, mliap with Python's models, kim), load code (plugin), or whose files are LAMMPS input themselves
(the `.snap` beside a `.snapcoeff`); `lepton`, since a formula of one's own has no file to hash and a stock style of
numbers does what an atom beam needs.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from molgun_lmp.readers.lammps.potential_file import PotentialFile
from molgun_lmp.readers.lammps.potential_parameters import (
    read_ace,
    read_airebo,
    read_meam_library,
    read_meam_parameters,
    read_reaxff,
    read_rebo,
    read_snap_coefficients,
    read_snap_parameters,
    read_stillinger_weber,
    read_tersoff,
    read_tersoff_mod,
    read_tersoff_modc,
    read_tersoff_zbl,
)
from molgun_lmp.readers.lammps.potential_tables import (
    read_adp,
    read_alloy,
    read_bop,
    read_finnis_sinclair,
    read_funcfl,
)

Read = Callable[[Sequence[str], Sequence[str]], PotentialFile]
"""From the texts of the files and the words after the style's name; raises `ValueError` for what is none of its."""

_NUMBER: Final = r"[\d.eE+-]+"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PotentialStyle:
    """A pair style that reads files.

    `arguments`: what may follow its name in `pair_style`, as an expression over words joined by blanks; `files`: how
    many `pair_coeff` names; `per_type`: whether its `pair_coeff` is for one type each, without a list of elements;
    `named_labels`: whether the labels that it takes from its library stand between its two files (MEAM); `kcal`:
    whether it computes in kcal/mol whatever the deck's units are, with charges that it makes equal (ReaxFF).
    """

    name: str
    read: Read
    arguments: str = ""
    files: int = 1
    per_type: bool = False
    named_labels: bool = False
    kcal: bool = False


def _one(read: Callable[[str], PotentialFile]) -> Read:
    return lambda texts, _: read(texts[0])


def _meam(texts: Sequence[str], _: Sequence[str]) -> PotentialFile:
    library, parameters = read_meam_library(texts[0]), read_meam_parameters("".join(texts[1:]))
    return dataclasses.replace(library, cutoff_angstrom=parameters.cutoff_angstrom)


def _snap(texts: Sequence[str], _: Sequence[str]) -> PotentialFile:
    coefficients, parameters = read_snap_coefficients(texts[0]), read_snap_parameters(texts[1])
    reach = (coefficients.cutoff_angstrom or 0.0) * (parameters.cutoff_angstrom or 0.0)
    return dataclasses.replace(coefficients, cutoff_angstrom=reach)


def _airebo(texts: Sequence[str], arguments: Sequence[str]) -> PotentialFile:
    return read_airebo(texts[0], float(arguments[0]))


_ROWS: Final = (
    PotentialStyle(name="eam", read=_one(read_funcfl), per_type=True),
    PotentialStyle(name="eam/alloy", read=_one(read_alloy)),
    PotentialStyle(name="eam/fs", read=_one(read_finnis_sinclair)),
    PotentialStyle(name="adp", read=_one(read_adp)),
    PotentialStyle(name="meam", read=_meam, files=2, named_labels=True),
    PotentialStyle(name="sw", read=_one(read_stillinger_weber)),
    PotentialStyle(name="tersoff", read=_one(read_tersoff)),
    PotentialStyle(name="tersoff/zbl", read=_one(read_tersoff_zbl)),
    PotentialStyle(name="tersoff/mod", read=_one(read_tersoff_mod)),
    PotentialStyle(name="tersoff/mod/c", read=_one(read_tersoff_modc)),
    PotentialStyle(name="rebo", read=_one(read_rebo)),
    PotentialStyle(name="airebo", read=_airebo, arguments=rf"{_NUMBER}( [01]){{0,2}}"),
    PotentialStyle(
        name="reaxff",
        read=_one(read_reaxff),
        arguments=rf"(NULL( (safezone|mincap|minhbonds) {_NUMBER})*)?",
        kcal=True,
    ),
    PotentialStyle(name="bop", read=_one(read_bop), arguments="(save)?"),
    PotentialStyle(name="snap", read=_snap, files=2),
    PotentialStyle(name="pace", read=_one(read_ace), arguments="(product|recursive)?"),
)

POTENTIAL_STYLES: Final[Mapping[str, PotentialStyle]] = {row.name: row for row in _ROWS}
