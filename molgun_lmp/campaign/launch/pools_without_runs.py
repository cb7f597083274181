"""Pools that need no dynamics: of an atom, and of quasi-classical states of a molecule."""

import numpy as np
from ase import Atoms

from molgun_lmp.campaign.launch.equilibrated_pool import EquilibratedPool, place_for, pool_file
from molgun_lmp.campaign.plan.engine_choice import choose_engine
from molgun_lmp.config import HarmonicStates, LoadedCampaign
from molgun_lmp.engine.molecule_forces import python_model, relaxed_molecule
from molgun_lmp.gun.equilibration_deck import equilibration_masses_u
from molgun_lmp.gun.pools import write_pool
from molgun_lmp.gun.quasi_classical import STATES_KEY, hessian, normal_modes, quasi_classical_pool
from molgun_lmp.gun.smiles import smiles_of
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.models.card import ModelCard


def atom_pool(loaded: LoadedCampaign, start: Atoms) -> EquilibratedPool:
    """The one snapshot of an atom, written without any run: it neither turns nor vibrates, and the gun gives it its
    velocity."""
    symbols = tuple(start.get_chemical_symbols())
    masses = equilibration_masses_u("molecule", symbols, loaded.config)
    atom = Atoms(symbols, masses=masses, info={"snapshot": "atom", "run": 0})
    atom.set_velocities([[0.0, 0.0, 0.0]])
    file = pool_file(loaded, "molecule")
    kept = place_for(file)
    write_pool(file, [atom], None)
    return EquilibratedPool(part="molecule", file=file, snapshots=1, runs=(), memory=(), kept=kept)


def state_pool(loaded: LoadedCampaign, start: Atoms, types: AtomTypes, card: ModelCard) -> EquilibratedPool:
    """Quasi-classical states, sampled without any run."""
    config = loaded.config
    states = config.system.molecule.states or HarmonicStates()
    symbols = tuple(start.get_chemical_symbols())
    masses = equilibration_masses_u("molecule", symbols, config)
    folder = loaded.path(config.model.folder)
    engine = choose_engine(config, card, folder, types.elements)
    model = python_model(engine.kind, engine.dtype, folder / engine.model_file)
    forces, minimum = relaxed_molecule(model, start)
    modes = normal_modes(minimum, masses, hessian(forces, minimum))
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=STATES_KEY))
    file = pool_file(loaded, "molecule")
    kept = place_for(file)
    write_pool(file, quasi_classical_pool(symbols, modes, states, rng), None)
    return EquilibratedPool(
        part="molecule",
        file=file,
        snapshots=states.snapshots,
        runs=(),
        memory=(),
        smiles=smiles_of(start),
        states=modes.sentence(),
        kept=kept,
    )
