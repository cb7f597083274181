"""What a dose has left on its surface: its last frame, less what is on the surface no more."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from ase import Atoms

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.analysis.outcomes.standing import standing
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.config import Campaign
from molgun_lmp.errors import CampaignError, InputFileError
from molgun_lmp.gun.covered import CoveredSurface, kept_and_left
from molgun_lmp.isotopes import isotopic_masses_u, standard_masses_u
from molgun_lmp.readers.common.packed import UNPACKING_ERRORS, sha256_unpacked
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Stop, TrajectoryResult
from molgun_lmp.surface.clean_surface import Surface, find_surface


class NoSurfaceError(Exception):
    """There is no surface that a next molecule could meet; why, in words."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grounds:
    """What all chains of a campaign stand on: its clean slab, and what counts as standing on that."""

    store: Store
    config: Campaign
    clean: Atoms
    surface: Surface

    @classmethod
    def of(cls, store: Store) -> Self:
        """Of a campaign. Raises `CampaignError` where its slab cannot be read."""
        return cls(store=store, config=store.config(), clean=store.clean_slab, surface=find_surface(store.clean_slab))

    def left_by(
        self, before: TrajectoryFolder, result: TrajectoryResult, molecule: Sequence[str]
    ) -> tuple[CoveredSurface, tuple[Adsorbate, ...]]:
        """What the dose `before` has left, and what of each molecule was no longer there at its end.

        `molecule`: the chemical symbols of one that is whole. Raises `NoSurfaceError` for a dose that has left nothing
        to go on from, `CampaignError` for a dump that is not that of its result.
        """
        if result.state == "failed":
            raise NoSurfaceError(f"trajectory {before.id} failed ({result.cause}): {result.message}")
        if result.stop is Stop.TOO_HOT:
            raise NoSurfaceError(f"trajectory {before.id} blew up ({result.message})")
        dump = before.dump(result)
        if not _is_whole(dump, result):
            raise CampaignError(
                f"{dump} is missing or is not what trajectory {before.id} has left, and the next dose of its chain "
                f"starts from its end. Copy the campaign folder again, or delete {before.result_file} to fire it again."
            )
        (frame,) = collections.deque(read_frames(dump), maxlen=1)
        shot, masses = before.shot(), isotopic_masses_u(molecule, self.config.system.molecule.isotopes)
        assert self.config.dose is not None  # or there would be no next one
        _, dose = self.config.dose.place(shot.index)
        there = (*shot.adsorbates, Adsorbate(dose=dose, atoms=tuple(range(len(molecule)))))
        if frame.velocities is None or not (frame.finite and np.isfinite(frame.velocities).all()):
            raise NoSurfaceError(f"the last frame of trajectory {before.id} holds no numbers")
        own = [masses[list(one.atoms)] for one in there]
        covered = CoveredSurface(
            snapshot=f"after-{before.id}",
            run=shot.slab_run,
            symbols=frame.symbols,
            masses_u=np.concatenate((standard_masses_u(self.surface.symbols), *own)),
            positions=self._in_place(frame.unwrapped),
            velocities=frame.velocities,
            adsorbates=there,
        )
        return self.what_stands(covered)

    def what_stands(self, covered: CoveredSurface) -> tuple[CoveredSurface, tuple[Adsorbate, ...]]:
        """A surface with what is still on it, as `dose.keep` says, and what is not. Raises `NoSurfaceError` where the
        slab itself has lost atoms."""
        found = standing(covered.symbols, covered.positions, self.surface, self.config.outcomes)
        if found.slab_lost:
            raise NoSurfaceError(f"the slab has lost {found.slab_lost} of its own atoms")
        assert self.config.dose is not None
        kept = found.bound | found.near if self.config.dose.keep == "bound_and_physisorbed" else found.bound
        stays, left = kept_and_left(covered.adsorbates, kept)
        return _only(covered, np.append(np.ones(len(self.clean), dtype=np.bool_), kept), stays), left

    def _in_place(self, positions: FloatArray) -> FloatArray:
        """Positions (N, 3) Å with the slab as high in the cell as the clean one: with no atom held it may rise."""
        if self.config.system.slab.frozen_layers:
            return positions
        placed = positions.copy()
        placed[:, 2] += self.clean.positions[:, 2].mean() - positions[: len(self.clean), 2].mean()
        return placed


def _only(covered: CoveredSurface, atoms: BoolArray, adsorbates: tuple[Adsorbate, ...]) -> CoveredSurface:
    return dataclasses.replace(
        covered,
        symbols=tuple(symbol for symbol, one in zip(covered.symbols, atoms.tolist(), strict=True) if one),
        masses_u=covered.masses_u[atoms],
        positions=covered.positions[atoms],
        velocities=covered.velocities[atoms],
        adsorbates=adsorbates,
    )


def _is_whole(dump: Path, result: TrajectoryResult) -> bool:
    """Whether a dump, plain or packed, is there and is what the trajectory has left."""
    try:
        return sha256_unpacked(dump) == result.hashes["dump"]
    except (*UNPACKING_ERRORS, InputFileError):
        return False
