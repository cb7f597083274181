"""Pools that need no dynamics: of an atom, and of quasi-classical states of a molecule."""

from collections.abc import Callable

import numpy as np
from ase import Atoms

from molgun_lmp.campaign.launch.equilibrated_pool import EquilibratedPool, place_for, pool_file
from molgun_lmp.campaign.plan.engine_choice import choose_engine
from molgun_lmp.config import DiatomicStates, LoadedCampaign
from molgun_lmp.engine.molecule_forces import RelaxedMolecule, python_model, relaxed_molecule
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.equilibration_deck import equilibration_masses_u
from molgun_lmp.gun.pools import write_pool
from molgun_lmp.gun.quasi_classical import STATES_KEY, hessian, normal_modes, quasi_classical_pool
from molgun_lmp.gun.rovibrational import bond_angstrom, diatomic_pool, diatomic_state
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
    """The quasi-classical states that `system.molecule.states` asks for, sampled without any run.

    The molecule is relaxed from `start` first. They are a function of the campaign's seed and its model. Raises
    `ConfigError` for an engine without a model and for states that are not this molecule's, `GeometryError` where there
    is no minimum, or no such state.
    """
    pool, said = _drawn(loaded, start, types, card)
    file = pool_file(loaded, "molecule")
    kept = place_for(file)
    write_pool(file, pool, None)
    return EquilibratedPool(
        part="molecule",
        file=file,
        snapshots=len(pool),
        runs=(),
        memory=(),
        smiles=smiles_of(start),
        states=said,
        kept=kept,
    )


def _drawn(loaded: LoadedCampaign, start: Atoms, types: AtomTypes, card: ModelCard) -> tuple[list[Atoms], str]:
    """The snapshots, and what they were drawn of, in words."""
    config = loaded.config
    states = config.system.molecule.states
    symbols = tuple(start.get_chemical_symbols())
    if states is None or (isinstance(states, DiatomicStates) and len(symbols) != 2):
        raise ConfigError(
            f"system.molecule.states: `diatomic` is for two atoms, and the molecule has {len(symbols)}. Take {{kind: "
            "harmonic}."
        )
    masses = equilibration_masses_u("molecule", symbols, config)
    folder = loaded.path(config.model.folder)
    engine = choose_engine(config, card, folder, types.elements)
    relaxed = relaxed_molecule(python_model(engine.kind, engine.dtype, folder / engine.model_file), start)
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=STATES_KEY))
    if isinstance(states, DiatomicStates):
        state = diatomic_state(_curve(relaxed), bond_angstrom(relaxed.positions), masses, states.v, states.j)
        return diatomic_pool(symbols, state, states, rng), state.sentence(states)
    modes = normal_modes(relaxed.positions, masses, hessian(relaxed.forces, relaxed.positions))
    return quasi_classical_pool(symbols, modes, states, rng), modes.sentence()


def _curve(relaxed: RelaxedMolecule) -> Callable[[float], float]:
    """The energy of a diatomic at a distance in Å."""
    bond = relaxed.positions[1] - relaxed.positions[0]
    unit = bond / np.linalg.norm(bond)
    return lambda length: relaxed.energy_ev(np.array([-unit * length / 2, unit * length / 2]))
