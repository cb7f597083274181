"""A pool of covered surfaces from the chains of a dosing campaign: what their molecules met after so many doses."""

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
from ase import Atoms

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.chains import read_drawn
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.data_file import DataFile, read_data
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.pools import write_pool
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS

_Kept = tuple[tuple[int, ...], ...]
"""As `system.slab.adsorbates`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoveredPool:
    """A pool that was written: `adsorbates` as the campaign file wants them, `chains` it is of, and how many chains had
    something else on their surfaces (`others`) or had not come so far (`missing`)."""

    adsorbates: _Kept
    chains: tuple[int, ...]
    others: int
    missing: int


def write_covered_pool(store: Store, doses: int, file: Path) -> CoveredPool:
    """Write the thermalised surfaces after so many doses, one of each chain, to an extended XYZ file.

    A pool holds snapshots of the same atoms: of the surfaces with different adsorbates those that are most frequent are
    taken, more adsorbates first where that is equal. Raises `CampaignError` for a campaign without chains, a number of
    doses after which none was thermalised, and where a file is missing or nothing stands on any surface.
    """
    dose = store.config().dose
    if dose is None or not 0 < doses < dose.molecules:
        has = "no chains (dose)" if dose is None else f"chains of {dose.molecules} doses, of which 1 to"
        most = "" if dose is None else f" {dose.molecules - 1} have a surface that was thermalised for the next one"
        raise CampaignError(f"campaign {store.manifest.name} has {has}{most}: {doses} doses make no pool.")
    if file.exists():
        raise CampaignError(f"{file} exists already: name a new file, and nothing of yours is overwritten.")
    found: dict[int, tuple[tuple[Adsorbate, ...], DataFile]] = {}
    for chain in range(dose.chains):
        folder = store.trajectory(str(chain * dose.molecules + doses))
        if read_drawn(folder) is not None:
            found[chain] = (folder.shot().adsorbates, _data(folder))
    kinds = Counter(_kept(adsorbates) for adsorbates, _ in found.values() if adsorbates)
    if not kinds:
        raise CampaignError(
            f"after {doses} doses nothing stands on a surface of campaign {store.manifest.name}, or no chain has come "
            "so far: `molgun status` counts them."
        )
    chosen = max(kinds, key=lambda kind: (kinds[kind], len(kind), kind))
    taken = [chain for chain, (adsorbates, _) in found.items() if _kept(adsorbates) == chosen]
    snapshots = [_snapshot(store, chain, doses, *found[chain]) for chain in taken]
    clean = store.clean_slab
    frozen = frozen_mask(clean, find_surface(clean), store.config().system.slab.frozen_layers)
    standing = np.zeros(len(snapshots[0]) - len(clean), dtype=np.bool_)
    write_pool(file, snapshots, np.append(frozen, standing))
    return CoveredPool(
        adsorbates=chosen,
        chains=tuple(taken),
        others=len(found) - len(taken),
        missing=dose.chains - len(found),
    )


def _kept(adsorbates: tuple[Adsorbate, ...]) -> _Kept:
    return tuple(sorted(one.atoms for one in adsorbates))


def _data(folder: TrajectoryFolder) -> DataFile:
    file = folder.path / DATA_NAME
    try:
        return read_data(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CampaignError(f"cannot read {file}: {error}. Copy the campaign folder again.") from error


def _snapshot(store: Store, chain: int, doses: int, adsorbates: tuple[Adsorbate, ...], data: DataFile) -> Atoms:
    """The surface of a shot's start without its newcomer, adsorbates in the order of `_kept`."""
    first, places = store.manifest.n_slab, list[tuple[tuple[int, ...], int]]()
    for one in adsorbates:
        places.append((one.atoms, first))
        first += len(one.atoms)
    order = [*range(store.manifest.n_slab)]
    for atoms, start in sorted(places):
        order += range(start, start + len(atoms))
    if data.symbols is None or data.velocities is None:
        raise CampaignError(f"the data file of chain {chain}, dose {doses} names no elements or holds no velocities.")
    atoms = Atoms(
        [data.symbols[place] for place in order],
        positions=data.positions[order],
        cell=data.cell,
        pbc=True,
        masses=data.masses_u[order],
        info={"snapshot": f"chain-{chain:04d}-after-{doses}", "run": chain},
    )
    atoms.set_velocities(data.velocities[order] * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
    return atoms
