"""What a reader finds in a file, before anything is decided about it."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.config.section import Section
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.label_names import pairs_of_names


class Labels(Section):
    """The keys under which extxyz files and databases hold their labels.

    `energy` and `forces` alone name what ASE's own readers put there. VASP's files have one pair, the free energy and
    the forces that are minus its gradient, whatever stands here.
    """

    energy: str
    forces: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundFrame:
    """A structure of N atoms with everything in its file that could be a label.

    `symbols`, `positions`, `cell` and `pbc` as in `LabelledFrame`; `energies` eV of the whole structure by key;
    `forces` (N, 3) eV/Å by key; `header` what else was said about the frame, such as its trajectory.
    """

    symbols: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    energies: Mapping[str, float]
    forces: Mapping[str, FloatArray]
    header: Mapping[str, object] = dataclasses.field(default_factory=dict)
    level: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What decides the level of theory, as far as the file says: `{"ENCUT": "400", "POTCAR Si": ...}`."""
    step: int | None = None
    """Its number in the run, where the file counts."""
    timestep_fs: float | None = None
    """From one step to the next, where the file says so: of molecular dynamics, not of a relaxation."""

    def atoms(self) -> Atoms:
        """The structure as ASE atoms, without labels."""
        return Atoms(self.symbols, positions=self.positions, cell=self.cell, pbc=self.pbc)

    def label_pairs(self) -> list[Labels]:
        """The pairs of keys that could be the labels, as `pairs_of_names` finds them."""
        return [Labels(energy=energy, forces=forces) for energy, forces in pairs_of_names(self.energies, self.forces)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unusable:
    """A frame that the reader itself knows to be no reference."""

    reason: DropReason
    detail: str
    structure: FoundFrame | None = None
    """Where its atoms were all the same, where the file has that whole: a step of a trajectory, if no reference."""


class Reader(Protocol):
    """Reads one family of formats."""

    @property
    def labels(self) -> Labels | None:
        """The one pair of labels that the format has; None where the keys are free."""

    def read(self, path: Path) -> Iterator[FoundFrame | Unusable]:
        """The frames of a file in their order, one in memory at a time.

        The file may be packed (gz, bz2, xz) whatever its name. May raise anything for a file that it cannot parse.
        """
