"""What `molgun plan` says of a campaign before anything of it is written."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.campaign.plan.company_notes import company_notes
from molgun_lmp.campaign.plan.dose_notes import dose_notes
from molgun_lmp.campaign.plan.dynamics_notes import dynamics_notes, settled_notes
from molgun_lmp.campaign.plan.flight_notes import flight_notes
from molgun_lmp.campaign.plan.pool_notes import grid_notes, image_notes, orientation_notes, pool_notes, shared_note
from molgun_lmp.campaign.plan.projection import precision_notes, project
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.config import Campaign
from molgun_lmp.engine.multistep import NOT_SENT
from molgun_lmp.engine.registry import runs_no_model
from molgun_lmp.engine.targets import targets_that_take
from molgun_lmp.gun.pool_temperature import pool_temperatures
from molgun_lmp.gun.pools import Pool, Pools
from molgun_lmp.gun.setup import Setup
from molgun_lmp.gun.smiles import smiles_of
from molgun_lmp.models.card import ModelCard

_MANY_ENOUGH_TO_SAY: Final = 1000


def details_of(setup: Setup, pools: Pools, card: ModelCard, engine: EngineChoice) -> tuple[str, ...]:
    """What is known of what will be fired, in sentences."""
    details = list(pool_notes(setup, pools.slab, pools.molecule))
    molecule = None if setup.molecule.is_atom else smiles_of(pools.molecule.snapshots[0])
    if molecule is not None:
        details.append(f"The molecule is {molecule} (its first snapshot, as RDKit reads it).")
    if engine.multistep is not None:
        details.append(NOT_SENT)
    elif not runs_no_model(engine.kind):
        details.append(targets_that_take(card, engine.dtype, engine.elements, engine.dispersion))
    return tuple(details)


def notes_of(
    config: Campaign, setup: Setup, molecules: Pool, card: ModelCard, scheme: Sequence[str]
) -> tuple[str, ...]:
    """What should be minded before firing, in sentences; `scheme` has those about the outcome classes."""
    shots = config.trajectories
    temperatures, protocol_k = pool_temperatures(setup), config.system.equilibration.temperature_k
    mobile = len(setup.slab.symbols) - int(np.count_nonzero(setup.slab.frozen)) + len(setup.molecule.symbols)
    notes = [
        f"The model's labels are {card.level_of_theory}: compare results only with those of the same level.",
        shared_note(setup),
        f"Kinetic temperatures of the pools' mobile atoms: {'; '.join(pool.sentence() for pool in temperatures)}. The "
        f"protocol (system.equilibration) has {protocol_k:g} K.",
    ]
    notes += [warning for pool in temperatures if (warning := pool.other_than(protocol_k))]
    notes += grid_notes(config)
    notes += dose_notes(config, setup)
    notes += company_notes(setup, card)
    notes += precision_notes(config)
    if shots >= _MANY_ENOUGH_TO_SAY:
        n_atoms = len(setup.slab.symbols) + len(setup.molecule.symbols)
        notes.append(project(shots, n_atoms, config.dynamics).sentence(shots))
    notes += scheme
    notes += orientation_notes(setup, molecules)
    notes += image_notes(setup, card.architecture.r_max_angstrom)
    if not shots:
        notes.append("The campaign has no trajectories: `--set trajectories=N` plans some.")
    notes += flight_notes(setup)
    notes += dynamics_notes(config.dynamics, mobile)
    notes += settled_notes(config.stop.settled)
    return tuple(notes)
