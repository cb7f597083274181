"""One trajectory followed frame by frame: bonds with their history, contact, clearance, and the sequence of modes."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np

from molgun_lmp.analysis.bonds import BondLimits, Bonds
from molgun_lmp.analysis.dumps import Frame
from molgun_lmp.analysis.history import ModeHistory
from molgun_lmp.analysis.modes import Classified, classify
from molgun_lmp.analysis.molecule import MoleculeReference
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.surface import Surface
from molgun_lmp.records import FloatArray, Mode
from molgun_lmp.units import FS_PER_PS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """What the frames of one trajectory are judged against: its clean surface and its intact molecule.

    `symbols`: all N atoms, the slab's `n_slab` first; `limits`: when two of them are bonded.
    """

    symbols: tuple[str, ...]
    n_slab: int
    surface: Surface
    molecule: MoleculeReference
    limits: BondLimits

    @classmethod
    def of(
        cls,
        *,
        symbols: Sequence[str],
        positions: FloatArray,
        surface: Surface,
        n_slab: int,
        groups: Mapping[str, tuple[int, int]],
        criteria: OutcomeCriteria,
    ) -> Self:
        """From the start of the trajectory, positions (N, 3) in Å, the molecule intact and clear of the surface.

        Raises `ConfigError` for groups or pair limits that do not fit the molecule.
        """
        molecule = MoleculeReference.find(symbols[n_slab:], positions[n_slab:], groups, surface.lattice, criteria)
        return cls(
            symbols=tuple(symbols),
            n_slab=n_slab,
            surface=surface,
            molecule=molecule,
            limits=BondLimits.of(symbols[n_slab:], symbols[:n_slab], criteria),
        )


@dataclasses.dataclass(kw_only=True)
class Path:
    """What was seen of a trajectory so far; times in ps, lengths in Å."""

    history: ModeHistory
    frames: int = 0
    bonds: Bonds | None = None
    classified: Classified | None = None
    settled: tuple[FloatArray, FloatArray] | None = None
    """(n, n) and (n, m): when each length was last outside the range between forming and breaking."""
    first_contact_ps: float | None = None
    first_bond_ps: float | None = None
    near: bool = False
    nearest: float = np.inf
    closest: float = np.inf
    """The smallest of all `nearest`."""
    lowest_clearance: float | None = None
    blew_up: bool = False
    truncated: bool = False

    @classmethod
    def empty(cls, criteria: OutcomeCriteria) -> Self:
        """Before the first frame."""
        return cls(history=ModeHistory(persistence_ps=criteria.persistence_fs / FS_PER_PS))


def follow(
    trajectory_id: str, frames: Iterable[Frame], reference: Reference, criteria: OutcomeCriteria, timestep_fs: float
) -> Path:
    """All frames of a trajectory, the first frame's step taken as time zero.

    Bonds form and break with hysteresis, so each frame's bonds depend on those before. Ends at a frame whose positions
    are no numbers. Raises `InputFileError` for frames that are not of the reference's atoms.
    """
    path = Path.empty(criteria)
    first_step = 0
    for frame in frames:
        if frame.symbols != reference.symbols:
            raise InputFileError(
                f"trajectory {trajectory_id}, step {frame.step}: its {len(frame.symbols)} atoms are not the "
                f"{len(reference.symbols)} of the start, element by element. Is it the dump of another trajectory?"
            )
        first_step = frame.step if path.frames == 0 else first_step
        time_ps = (frame.step - first_step) * timestep_fs / FS_PER_PS
        path.frames += 1
        path.truncated = frame.cut_after
        if not np.isfinite(frame.positions).all():
            path.blew_up = True
            path.history.add(time_ps, Mode.EXPLOSION)
            break
        _add_frame(path, frame, time_ps, reference, criteria)
    if path.bonds is not None:  # once more, for the lengths of the last frame
        path.classified = classify(path.bonds, reference.molecule, reference.surface, criteria.max_fragments)
    return path


def _add_frame(path: Path, frame: Frame, time_ps: float, reference: Reference, criteria: OutcomeCriteria) -> None:
    positions = frame.unwrapped
    molecule, slab = positions[reference.n_slab :], positions[: reference.n_slab]
    bonds = reference.limits.bonds(molecule, slab, reference.surface.lattice, path.bonds)
    if path.classified is None or path.bonds is None or not bonds.same_bonds(path.bonds):
        path.classified = classify(bonds, reference.molecule, reference.surface, criteria.max_fragments)
    path.bonds = bonds
    _settle(path, bonds, reference.limits, time_ps)
    clearance = float(molecule[:, 2].min() - slab[:, 2].max())
    path.lowest_clearance = clearance if path.lowest_clearance is None else min(path.lowest_clearance, clearance)
    path.nearest = float(bonds.surface_lengths.min())
    path.closest = min(path.closest, path.nearest)
    path.near = path.nearest < (criteria.departed_angstrom if path.near else criteria.contact_angstrom)
    if path.near and path.first_contact_ps is None:
        path.first_contact_ps = time_ps
    if path.classified.bound and path.first_bond_ps is None:
        path.first_bond_ps = time_ps
    path.history.add(time_ps, path.classified.mode or _fate(path))


def _settle(path: Path, bonds: Bonds, limits: BondLimits, time_ps: float) -> None:
    if path.settled is None:
        path.settled = (np.full(bonds.lengths.shape, -np.inf), np.full(bonds.surface_lengths.shape, -np.inf))
    for since, between in zip(path.settled, limits.between_thresholds(bonds), strict=True):
        since[~between] = time_ps


def _fate(path: Path) -> Mode:
    if path.first_contact_ps is None:
        return Mode.IN_FLIGHT
    return Mode.PHYSISORBED if path.near else Mode.SCATTERED
