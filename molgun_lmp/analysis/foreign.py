"""Trajectories and structures made elsewhere: which atoms are the molecule, what the surface is, what became of it."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from pydantic import ConfigDict

from molgun_lmp.analysis.dumps import Frame, read_frames, read_parts
from molgun_lmp.analysis.following import Reference
from molgun_lmp.analysis.modes import classify
from molgun_lmp.analysis.molecule import MoleculeReference
from molgun_lmp.analysis.outcomes import decide
from molgun_lmp.config.foreign import ForeignFiles
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.gun.builders import read_structure
from molgun_lmp.gun.surface import find_surface
from molgun_lmp.records import FloatArray, IntArray, JsonRecord, Mode, Outcome

_LOWER_MARGIN: Final = 2.0  # Å below the slab that its lowest atoms may reach while they vibrate
_SAME_CELL: Final = 1e-3  # of the longest in-plane vector

Apart = Callable[[Atoms, str | None], IntArray]
"""The molecule's atoms in a structure, by the user's words or by what hangs together. Raises `ConfigError`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """How the N atoms of a file are divided: `slab` and `molecule` are places in the file's frames.

    `lowest` Å: where the slab begins in a file of wrapped coordinates, None where none has to be put together.
    """

    slab: IntArray
    molecule: IntArray
    reference: Reference
    lowest: float | None
    cell: FloatArray

    @property
    def order(self) -> IntArray:
        """(N,) the slab's atoms first, as outcomes are decided."""
        return np.concatenate([self.slab, self.molecule])

    def sentence(self) -> str:
        """What was found, for the user to check."""
        surface, symbols = self.reference.surface, self.reference.symbols
        formulas = [
            str(Atoms(list(part)).symbols.formula.convert("hill"))
            for part in (symbols[: len(self.slab)], symbols[len(self.slab) :])
        ]
        dimers = (
            f"{len(surface.dimers)} dimers in {len(set(surface.row.tolist()))} rows"
            if len(surface.dimers)
            else ("no dimers: sites are named by the atoms")
        )
        return (
            f"slab {formulas[0]} ({surface.n_layers} layers, {dimers}), molecule {formulas[1]} "
            f"(atoms {_ranges(self.molecule)})"
        )

    def put_in_order(self, frame: Frame, where: str) -> Frame:
        """A frame with the slab's atoms first, the slab whole. Raises `InputFileError` where the cell has changed."""
        change = float(np.abs(frame.cell[:2, :2] - self.cell[:2, :2]).max())
        if change > _SAME_CELL * float(np.abs(self.cell[:2, :2]).max()):
            raise InputFileError(
                f"{where}, step {frame.step}: the in-plane cell has changed by {change:.3f} Å since the first frame. "
                "Surface and sites are those of one cell: classify each frame by itself (--each-frame)."
            )
        order = self.order
        positions = frame.positions[order]
        if self.lowest is not None:
            turns = np.floor((positions[:, 2] - self.lowest) / frame.cell[2, 2])
            positions = positions - turns[:, None] * frame.cell[2]
        return dataclasses.replace(
            frame,
            symbols=self.reference.symbols,
            positions=positions,
            images=None if frame.images is None else frame.images[order],
            velocities=None,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameClass(JsonRecord):
    """One structure by itself: what it is, and the numbers behind it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    file: str
    step: int
    mode: Mode
    """Without a bond to the slab: physisorbed within the contact distance, in flight beyond it."""
    detail: str
    bound: bool
    nearest_angstrom: float
    reason: str


def find(frame: Frame, settings: ForeignFiles, folder: Path, apart: Apart) -> Found:
    """Divide a first frame into slab and molecule. `folder`: where the paths of the settings start from.

    Raises `ConfigError` where the molecule cannot be told or does not fit, `GeometryError` for what is no slab.
    """
    atoms = _atoms(frame)
    molecule = apart(atoms, settings.molecule)
    slab = np.setdiff1d(np.arange(len(atoms)), molecule)
    clean = atoms[slab]
    if settings.clean_slab is not None:
        clean = _same_atoms(read_structure(folder / settings.clean_slab), clean, "clean_slab")
    surface = find_surface(clean)
    intact = atoms[molecule]
    if settings.intact_molecule is not None:
        intact = _same_atoms(read_structure(folder / settings.intact_molecule), intact, "intact_molecule")
    symbols = intact.get_chemical_symbols()
    named = MoleculeReference.named(symbols, intact.positions, settings.patterns, surface.lattice, settings.outcomes)
    whole = Found(
        slab=slab,
        molecule=molecule,
        reference=Reference.of(
            symbols=[*clean.get_chemical_symbols(), *symbols],
            positions=np.concatenate([clean.positions, intact.positions]),
            surface=surface,
            n_slab=len(slab),
            groups={**settings.groups, **named},
            criteria=settings.outcomes,
        ),
        lowest=None,
        cell=frame.cell,
    )
    if frame.images is not None or not frame.pbc[2] or frame.cell[2, 2] <= 0:
        return whole
    return dataclasses.replace(whole, lowest=_lowest(frame.positions[slab, 2], float(frame.cell[2, 2])))


def decide_files(
    name: str, paths: Sequence[Path], settings: ForeignFiles, folder: Path, apart: Apart
) -> tuple[Outcome, Found]:
    """The outcome of one trajectory in one or more files, its atoms named by their places in the file.

    Raises `ConfigError` and `InputFileError`.
    """
    if settings.timestep_fs is None:
        raise ConfigError(
            "a trajectory's times need `timestep_fs`, the time of one step: say it in the file after --config or with "
            "--set timestep_fs=0.5; --each-frame needs none."
        )
    frames = _frames(paths, settings)
    first = next(frames)
    found = find(first, settings, folder, apart)
    outcome = decide(
        name,
        (found.put_in_order(frame, name) for frame in _again(first, frames)),
        found.reference,
        settings.outcomes,
        None,
        timestep_fs=settings.timestep_fs,
        slab_snapshot=name,
        molecule_snapshot=name,
    )
    order = found.order
    bonds = tuple((int(order[atom]), int(order[partner]), length) for atom, partner, length in outcome.bonds)
    return dataclasses.replace(outcome, bonds=bonds), found


def classify_frames(path: Path, settings: ForeignFiles, folder: Path, apart: Apart) -> Iterator[FrameClass]:
    """Every frame of a file by itself, in constant memory.

    Which atoms are the molecule, and its bonds, are found once for all frames of the same atoms; layers and dimers in
    each frame, or in the clean slab of the settings. Raises `ConfigError`, `GeometryError` and `InputFileError`.
    """
    known: dict[tuple[str, ...], Found] = {}
    types = settings.elements or None
    for frame in read_frames(path, types=types, columns=settings.columns, velocities=False, one_run=False):
        if not np.isfinite(frame.positions).all():
            yield _lost(path, frame)
            continue
        found = known.get(frame.symbols)
        if found is None:
            found = known[frame.symbols] = find(frame, settings, folder, apart)
        yield _classified(path, frame, found, settings)


def _classified(path: Path, frame: Frame, found: Found, settings: ForeignFiles) -> FrameClass:
    reference, criteria = found.reference, settings.outcomes
    same = dataclasses.replace(found, cell=frame.cell)
    ordered = same.put_in_order(frame, str(path)).unwrapped
    n_slab = reference.n_slab
    surface = reference.surface
    if settings.clean_slab is None:
        surface = find_surface(_atoms(frame)[found.slab])
        surface = surface.without_dimers() if criteria.sites == "atoms" else surface
    bonds = reference.limits.bonds(ordered[n_slab:], ordered[:n_slab], surface.lattice)
    classified = classify(bonds, reference.molecule, surface, criteria.max_fragments)
    nearest = float(bonds.surface_lengths.min())
    fate = Mode.PHYSISORBED if nearest < criteria.contact_angstrom else Mode.IN_FLIGHT
    return FrameClass(
        file=str(path),
        step=frame.step,
        mode=classified.mode or fate,
        detail=classified.detail,
        bound=classified.bound,
        nearest_angstrom=nearest,
        reason=classified.reason if classified.mode else f"no bond to the slab, closest atom {nearest:.2f} Å from it",
    )


def _lost(path: Path, frame: Frame) -> FrameClass:
    return FrameClass(
        file=str(path),
        step=frame.step,
        mode=Mode.EXPLOSION,
        detail="",
        bound=False,
        nearest_angstrom=0.0,
        reason="positions are no numbers",
    )


def _frames(paths: Sequence[Path], settings: ForeignFiles) -> Iterator[Frame]:
    return read_parts(paths, types=settings.elements or None, columns=settings.columns, velocities=False)


def _again(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _atoms(frame: Frame) -> Atoms:
    atoms = dataclasses.replace(frame, positions=frame.unwrapped, velocities=None).atoms()
    if not frame.pbc[2]:  # a box that shrinks to its atoms has no vacuum, and needs none
        atoms.cell[2] = 0.0
    return atoms


def _lowest(heights: FloatArray, cell_height: float) -> float:
    """Å: just below the lowest atom of a slab that may be wrapped: above the largest gap."""
    inside = np.sort(heights % cell_height)
    gaps = np.diff(inside, append=inside[0] + cell_height)
    widest = int(np.argmax(gaps))
    above = inside[(widest + 1) % len(inside)]
    return float(above - min(_LOWER_MARGIN, gaps[widest] / 4))


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
