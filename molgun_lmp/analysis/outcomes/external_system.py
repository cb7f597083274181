"""Trajectories and structures made elsewhere: which atoms are the molecule, what the surface is, what became of it."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from ase import Atoms

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.decide import decide
from molgun_lmp.analysis.outcomes.file_times import timed
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.isomorphism import matching_atoms
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.whole_system import WholeSystem
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.geometry import formula_of, make_whole
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.readers.trajectory import Frame, StepsGoBackError, read_parts
from molgun_lmp.records import Outcome
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.partition import molecule_atoms

FoundT = TypeVar("FoundT")
_SAME_CELL: Final = 1e-3  # of the longest in-plane vector


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundMolecule:
    """How the N atoms of a file are divided: `slab` and `molecule` are places in the file's frames.

    `whole`: how each frame is put together; `cell` (3, 3) Å, of the first frame.
    """

    whole: WholeSystem
    reference: Reference
    cell: FloatArray

    @property
    def slab(self) -> IntArray:
        """The slab's atoms, by their places in the file."""
        return self.whole.slab

    @property
    def molecule(self) -> IntArray:
        """The molecule's atoms."""
        return self.whole.molecule

    @property
    def order(self) -> IntArray:
        """(N,) the slab's atoms first, as outcomes are decided."""
        return np.concatenate([self.slab, self.molecule])

    def sentence(self) -> str:
        """What was found, for the user to check."""
        surface, symbols = self.reference.surface, self.reference.symbols
        slab, molecule = formula_of(symbols[: len(self.slab)]), formula_of(symbols[len(self.slab) :])
        return f"slab {slab} ({surface.in_words()}), molecule {molecule} (atoms {_ranges(self.molecule)})"

    def in_order(self, frames: Iterator[Frame], where: str) -> Iterator[Frame]:
        """Frames with the slab's atoms first, slab and molecule whole in heights that go on from frame to frame.

        Raises `InputFileError` where the cell has changed.
        """
        order = self.order
        for frame, positions in self.whole.in_one_piece(frames):
            change = float(np.abs(frame.cell[:2, :2] - self.cell[:2, :2]).max())
            if change > _SAME_CELL * float(np.abs(self.cell[:2, :2]).max()):
                raise InputFileError(
                    f"{where}, step {frame.step}: the in-plane cell has changed by {change:.3f} Å since the first "
                    "frame. Surface and sites are those of one cell: classify each frame by itself (--each-frame)."
                )
            yield dataclasses.replace(
                frame, symbols=self.reference.symbols, positions=positions[order], images=None, velocities=None
            )


def find(frame: Frame, settings: ForeignFiles, folder: Path, like: MoleculeReference | None = None) -> FoundMolecule:
    """Divide a first frame into slab and molecule. `folder`: where the paths of the settings start from.

    `like`: the same molecule with its groups, for settings that name none. Raises `ConfigError` where the molecule
    cannot be told or does not fit, `InputFileError` for a frame without a cell, `GeometryError` for what is no slab.
    """
    if settings.clean_slab is None and not frame.cell[:2].any():
        raise InputFileError(
            f"step {frame.step}: the frame has no cell, without which nobody knows where the surface goes on. Write it "
            'into each header (Lattice="..." of extended XYZ; plain XYZ has none), for CP2K lay NAME-1.cell beside '
            "NAME-pos-1.xyz, or name a `clean_slab` that has it."
        )
    atoms = atoms_of(frame)
    molecule = molecule_atoms(atoms, settings.molecule)
    slab = np.setdiff1d(np.arange(len(atoms)), molecule)
    clean = atoms[slab]
    if settings.clean_slab is not None:
        clean = _same_atoms(read_structure(folder / settings.clean_slab), clean, "clean_slab")
    surface = find_surface(clean)
    limits = BondLimits.of(atoms[molecule].get_chemical_symbols(), (), settings.outcomes)
    whole = WholeSystem(
        slab=slab, molecule=molecule, reach=limits.molecule + limits.hysteresis, lattice=surface.lattice
    )
    atoms.positions += whole.turns(frame)[:, None] * frame.cell[2]
    intact = atoms[molecule]
    if settings.intact_molecule is not None:
        intact = _same_atoms(read_structure(folder / settings.intact_molecule), intact, "intact_molecule")
        make_whole(intact)
    symbols = intact.get_chemical_symbols()
    named = MoleculeReference.named(symbols, intact.positions, settings.patterns, surface.lattice, settings.outcomes)
    groups = {**settings.groups, **named}
    if not groups and like is not None:
        bonded = MoleculeReference.find(symbols, intact.positions, {}, surface.lattice, settings.outcomes).bonded
        groups = _groups_like(like, symbols, bonded)
    return FoundMolecule(
        whole=whole,
        reference=Reference.of(
            symbols=[*clean.get_chemical_symbols(), *symbols],
            positions=np.concatenate([clean.positions, intact.positions]),
            surface=surface,
            n_slab=len(slab),
            groups=groups,
            criteria=settings.outcomes,
            scheme=load_scheme(settings.outcomes.scheme, folder),
        ),
        cell=frame.cell,
    )


def _groups_like(like: MoleculeReference, symbols: Sequence[str], bonded: BoolArray) -> dict[str, tuple[int, int]]:
    atoms = matching_atoms(like.symbols, like.bonded, symbols, bonded)
    if atoms is None:
        names = ", ".join(like.groups)
        raise ConfigError(
            f"the molecule of the first frame, {formula_of(symbols)}, is not bonded "
            f"as the campaign's is, so its groups ({names}) cannot be named. Name them (`groups` or `patterns` in the "
            "file after --config), or give the molecule as it was before with `intact_molecule`."
        )
    return {name: (atoms[a], atoms[b]) for name, (a, b) in like.groups.items()}


def decide_files(
    name: str, paths: Sequence[Path], settings: ForeignFiles, folder: Path
) -> tuple[Outcome, FoundMolecule]:
    """The outcome of one trajectory in one or more files, its atoms named by their places in the file.

    Raises `ConfigError` and `InputFileError`.
    """

    def decided(frames: Iterator[Frame]) -> tuple[Outcome, FoundMolecule]:
        again, times = timed(name, frames, settings)
        return decide_frames(name, again, settings, folder, timestep_fs=times.timestep_fs)

    return of_files(paths, settings, decided)


def decide_frames(
    name: str,
    frames: Iterator[Frame],
    settings: ForeignFiles,
    folder: Path,
    *,
    timestep_fs: float | None,
    like: MoleculeReference | None = None,
) -> tuple[Outcome, FoundMolecule]:
    """The outcome of one trajectory from its frames, whatever they are read from; `like` as in `find`.

    `timestep_fs` is that of `timed`, None where the frames say their times.
    """
    first = next(frames)
    found = find(first, settings, folder, like)
    outcome = decide(
        name,
        found.in_order(_again(first, frames), name),
        found.reference,
        settings.outcomes,
        None,
        timestep_fs=timestep_fs,
        slab_snapshot=name,
        molecule_snapshot=name,
    )
    order = found.order
    bonds = tuple((int(order[atom]), int(order[partner]), length) for atom, partner, length in outcome.bonds)
    return dataclasses.replace(outcome, bonds=bonds), found


def of_files(paths: Sequence[Path], settings: ForeignFiles, found: Callable[[Iterator[Frame]], FoundT]) -> FoundT:
    """What is `found` in the frames of one trajectory in one or more files. Raises `InputFileError`.

    Where a restarted run was appended to a file, its frames are gone through once more, without what came twice.
    """
    read = functools.partial(
        read_parts, paths, types=settings.elements or None, columns=settings.columns, velocities=False
    )
    try:
        return found(read())
    except InputFileError as error:
        if not isinstance(error.__cause__, StepsGoBackError):
            raise
    return found(read(restarted=True))


def _again(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def atoms_of(frame: Frame) -> Atoms:
    """A frame as a structure that surfaces are looked for in."""
    atoms = dataclasses.replace(frame, positions=frame.unwrapped, velocities=None).atoms()
    if not frame.pbc[2]:  # a box that shrinks to its atoms has no vacuum, and needs none
        atoms.cell[2] = 0.0
    return atoms


def _same_atoms(given: Atoms, here: Atoms, key: str) -> Atoms:
    if given.get_chemical_symbols() != here.get_chemical_symbols():
        raise ConfigError(
            f"{key}: it holds {given.symbols.formula.convert('hill')}, and the first frame "
            f"{here.symbols.formula.convert('hill')} there, or in another order. Give the same atoms in the same order."
        )
    return given


def _ranges(numbers: IntArray) -> str:
    """`128-153` or `0,4,7-9`."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    parts: Mapping[int, IntArray] = dict(enumerate(np.split(numbers, breaks)))
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts.values())
