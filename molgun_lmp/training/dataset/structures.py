"""Structures to be looked at, with or without labels: from files of frames and from LAMMPS dumps."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.geometry import formula_of
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.readers.common.reference_frame import FoundFrame
from molgun_lmp.readers.sources import find_sources, items_of
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.training.dataset.labelled_frame import DEFAULT_CONFIG_TYPE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Structure:
    """N atoms: `symbols`, `positions` (N, 3) Å, `cell` (3, 3) Å, rows are vectors, `pbc` three flags."""

    symbols: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    set_name: str
    """The file or campaign it is from."""
    source: str
    """The file and its index there, such as `frames.extxyz.xz#17`."""
    trajectory: str
    config_type: str = DEFAULT_CONFIG_TYPE
    mode: Mode | None = None
    """How the campaign's trajectory ended."""

    def atoms(self) -> Atoms:
        """As ASE atoms."""
        return Atoms(self.symbols, positions=self.positions, cell=self.cell, pbc=self.pbc)

    @property
    def formula(self) -> str:
        """Hill formula, such as `C12H46Si96`."""
        return formula_of(self.symbols)


def structures_of(path: Path, *others: Path, every: int = 1) -> Iterator[Structure]:
    """Every n-th structure of each file, folder or archive of frames, or dump; they are one set, called as the first.

    Files of one name, such as the dumps of several trajectories, are told apart by their folders. Raises
    `InputFileError`.
    """
    with find_sources([path, *others]) as sources:
        for source in sources.files:
            for index, found in enumerate(items_of(source)):
                if index % every == 0 and isinstance(found, FoundFrame):
                    yield Structure(
                        symbols=found.symbols,
                        positions=found.positions,
                        cell=found.cell,
                        pbc=found.pbc,
                        set_name=path.name,
                        source=f"{source.name}#{index}",
                        trajectory=str(found.header.get("trajectory", source.name)),
                        config_type=str(found.header.get("config_type", DEFAULT_CONFIG_TYPE)),
                    )


def dump_structures(
    path: Path, *, set_name: str, trajectory: str, every: int = 1, mode: Mode | None = None
) -> Iterator[Structure]:
    """Every n-th whole frame of a dump. Raises `InputFileError` for one that is damaged."""
    for index, frame in enumerate(read_frames(path)):
        if index % every == 0:
            yield _from_dump(frame, set_name, f"{trajectory}#{index}", trajectory, mode)


def _from_dump(frame: Frame, set_name: str, source: str, trajectory: str, mode: Mode | None) -> Structure:
    return Structure(
        symbols=frame.symbols,
        positions=frame.positions,
        cell=frame.cell,
        pbc=frame.pbc,
        set_name=set_name,
        source=source,
        trajectory=trajectory,
        mode=mode,
    )


def without_isolated_atoms(structures: Sequence[Structure], where: str) -> list[Structure]:
    """Structures of more than one atom. Raises `InputFileError` where none is left."""
    kept = [structure for structure in structures if len(structure.symbols) > 1]
    if not kept:
        raise InputFileError(f"{where} holds no structure of more than one atom: name another file.")
    return kept
