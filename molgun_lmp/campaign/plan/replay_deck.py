"""The deck of a replay, from the first frame in the planned data file."""

import numpy as np

from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.config import Campaign
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.gun.setup import MoleculeSnapshots, Setup, SlabSnapshots
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.records import InitialCondition
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import bath_mask, frozen_mask
from molgun_lmp.surface.minimum_image import MinimumImage


def replay_deck(store: Store, original: TrajectoryFolder, config: Campaign, cutoff: float) -> str:
    """The LAMMPS input of a trajectory under a changed campaign file, from the first frame in its data file.

    With nothing changed it is the planned one, byte for byte.
    """
    slab = store.clean_slab
    surface = find_surface(slab)
    n_slab = len(slab)
    measured = recover_shot((original.path / DATA_NAME).read_text(encoding="utf-8"), surface.top)
    frame = measured.frame
    symbols, masses = tuple(frame.get_chemical_symbols()), frame.get_masses()
    layers, bath = config.system.slab.frozen_layers, config.dynamics.bath
    frozen = frozen_mask(slab, surface, layers)
    molecule = np.zeros(len(symbols) - n_slab, dtype=np.bool_)
    shot = original.shot()
    condition = InitialCondition(
        shot=shot,
        symbols=symbols,
        positions=frame.positions,
        velocities=measured.velocities,
        cell=frame.cell[:],
        n_slab=n_slab,
        frozen=np.append(frozen, molecule),
    )
    setup = Setup(
        campaign=config,
        slab=SlabSnapshots(
            ids=(shot.slab_snapshot,),
            runs=(shot.slab_run,),
            symbols=symbols[:n_slab],
            positions=frame.positions[None, :n_slab],
            velocities=measured.velocities[None, :n_slab],
            surface=surface,
            frozen=frozen,
            bath=np.zeros_like(frozen) if bath is None else bath_mask(slab, surface, layers, bath.layers),
        ),
        molecule=MoleculeSnapshots(
            ids=(shot.molecule_snapshot,),
            runs=(shot.molecule_run,),
            symbols=symbols[n_slab:],
            positions=frame.positions[None, n_slab:],
            velocities=measured.velocities[None, n_slab:],
            masses_u=masses[n_slab:],
        ),
        cell=frame.cell[:],
        lattice=MinimumImage.of_cell(frame.cell[:]),
        cutoff_angstrom=cutoff,
        types=AtomTypes.of(symbols, masses),
    )
    return trajectory_deck(condition, setup).input_text
