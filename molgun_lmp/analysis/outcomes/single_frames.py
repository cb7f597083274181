"""Structures made elsewhere, each classified by itself: what it is, whatever came before it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.analysis.outcomes.external_system import FoundMolecule, atoms_of, find
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.records import JsonRecord
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.minimum_image import MinimumImage


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


def classify_frames(
    path: Path, settings: ForeignFiles, folder: Path, like: MoleculeReference | None = None
) -> Iterator[FrameClass]:
    """Every frame of a file by itself, in constant memory; `like` as in `external_system.find`.

    Which atoms are the molecule, and its bonds, are found once for all frames of the same atoms; layers and dimers in
    each frame, or in the clean slab of the settings. Raises `ConfigError`, `GeometryError` and `InputFileError`.
    """
    types = settings.elements or None
    frames = read_frames(path, types=types, columns=settings.columns, velocities=False, one_run=False)
    return classify_each(str(path), frames, settings, folder, like=like)


def classify_each(
    where: str,
    frames: Iterator[Frame],
    settings: ForeignFiles,
    folder: Path,
    *,
    like: MoleculeReference | None = None,
) -> Iterator[FrameClass]:
    """Every one of some frames by itself, whatever they are read from; settings and errors as in `classify_frames`."""
    known: dict[tuple[str, ...], FoundMolecule] = {}
    scheme = load_scheme(settings.outcomes.scheme, folder)
    for frame in frames:
        if not np.isfinite(frame.positions).all():
            yield _lost(where, frame, scheme)
            continue
        found = known.get(frame.symbols)
        if found is None:
            found = known[frame.symbols] = find(frame, settings, folder, like)
        yield _classified(where, frame, found, settings)


def _classified(where: str, frame: Frame, found: FoundMolecule, settings: ForeignFiles) -> FrameClass:
    reference, criteria = found.reference, settings.outcomes
    whole = found.whole
    if not np.array_equal(frame.cell, found.cell):
        whole = dataclasses.replace(whole, lattice=MinimumImage.of_cell(frame.cell))
    ordered = (frame.unwrapped + whole.turns(frame)[:, None] * frame.cell[2])[found.order]
    n_slab = reference.n_slab
    surface = reference.surface
    if settings.clean_slab is None:
        surface = find_surface(atoms_of(frame)[found.slab])
        surface = surface.without_dimers() if criteria.sites == "atoms" else surface
    bonds = reference.limits.bonds(ordered[n_slab:], ordered[:n_slab], surface.lattice)
    classified = dataclasses.replace(reference, surface=surface).classify(bonds)
    nearest = float(bonds.surface_lengths.min())
    kind = Kind.NEAR if nearest < criteria.contact_angstrom else Kind.IN_FLIGHT
    return FrameClass(
        file=where,
        step=frame.step,
        mode=classified.mode or reference.scheme.at_rest(kind),
        detail=classified.detail,
        bound=classified.bound,
        nearest_angstrom=nearest,
        reason=classified.reason if classified.mode else f"no bond to the slab, closest atom {nearest:.2f} Å from it",
    )


def _lost(where: str, frame: Frame, scheme: OutcomeScheme) -> FrameClass:
    return FrameClass(
        file=where,
        step=frame.step,
        mode=scheme.blown_up,
        detail="",
        bound=False,
        nearest_angstrom=0.0,
        reason="positions are no numbers",
    )
