"""The deck of a replay, from the first frame in the planned data file."""

import numpy as np

from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.config import Campaign
from molgun_lmp.gun.covered import CoveredSurface, setup_above
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.names import DATA_NAME
from molgun_lmp.gun.recover import recover_shot
from molgun_lmp.gun.snapshots import MoleculeSnapshots
from molgun_lmp.records import InitialCondition
from molgun_lmp.surface.clean_surface import find_surface


def replay_deck(store: Store, original: TrajectoryFolder, config: Campaign, cutoff: float) -> str:
    """The LAMMPS input of a trajectory under a changed campaign file, from the first frame in its data file.

    With nothing changed it is the planned one, byte for byte.
    """
    slab, shot = store.clean_slab, original.shot()
    standing = sum(len(one.atoms) for one in shot.adsorbates)
    n_slab = len(slab) + standing
    top = np.append(find_surface(slab).top, np.zeros(standing, dtype=np.bool_))
    measured = recover_shot((original.path / DATA_NAME).read_text(encoding="utf-8"), top)
    frame = measured.frame
    symbols, masses = tuple(frame.get_chemical_symbols()), frame.get_masses()
    setup = setup_above(
        config,
        slab,
        CoveredSurface(
            snapshot=shot.slab_snapshot,
            run=shot.slab_run,
            symbols=symbols[:n_slab],
            masses_u=masses[:n_slab],
            positions=frame.positions[:n_slab],
            velocities=measured.velocities[:n_slab],
            adsorbates=shot.adsorbates,
        ),
        MoleculeSnapshots(
            ids=(shot.molecule_snapshot,),
            runs=(shot.molecule_run,),
            symbols=symbols[n_slab:],
            positions=frame.positions[None, n_slab:],
            velocities=measured.velocities[None, n_slab:],
            masses_u=masses[n_slab:],
            radius=0.0,
        ),
        cell=frame.cell[:],
        cutoff_angstrom=cutoff,
    )
    condition = InitialCondition(
        shot=shot,
        symbols=symbols,
        positions=frame.positions,
        velocities=measured.velocities,
        cell=frame.cell[:],
        n_slab=n_slab,
        frozen=setup.frozen,
    )
    return trajectory_deck(condition, setup).input_text
