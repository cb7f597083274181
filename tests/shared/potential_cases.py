"""Campaigns under potentials of the literature: thermal pools of small slabs and molecules, and the file that names
them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.build import graphene
from ase.build import molecule as ase_molecule

from molgun_lmp.arrays import BoolArray
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.config import load_campaign
from molgun_lmp.gun.pools import write_pool
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS, BOLTZMANN_EV_PER_K, MVV_TO_EV


def thermal(atoms: Atoms, frozen: BoolArray, temperature_k: float, seed: int) -> Atoms:
    """A copy with Maxwell's velocities; frozen atoms are at rest."""
    width = np.sqrt(BOLTZMANN_EV_PER_K * temperature_k / (atoms.get_masses() * MVV_TO_EV))
    velocities = np.random.default_rng(seed).normal(size=(len(atoms), 3)) * width[:, None]
    velocities[frozen] = 0.0
    copy = atoms.copy()
    copy.set_velocities(velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
    return copy


def thermal_pool(
    file: Path, atoms: Atoms, frozen: BoolArray | None = None, *, snapshots: int = 3, temperature_k: float = 300.0
) -> None:
    """Snapshots that differ in their velocities alone."""
    held = np.zeros(len(atoms), dtype=np.bool_) if frozen is None else frozen
    write_pool(file, [thermal(atoms, held, temperature_k, seed) for seed in range(snapshots)], frozen)


def campaign_file(
    folder: Path, slab: Atoms, molecule: Atoms, commands: Sequence[str], sections: Mapping[str, Any]
) -> Path:
    """`campaign.yaml` with its pools beside it; nothing of the slab is frozen unless `sections` says so."""
    folder.mkdir(parents=True, exist_ok=True)
    thermal_pool(folder / "slab.extxyz", slab)
    thermal_pool(folder / "molecule.extxyz", molecule)
    document = {
        "name": "beam",
        "trajectories": 2,
        "system": {
            "slab": {"pool": "slab.extxyz", "frozen_layers": 0},
            "molecule": {"pool": "molecule.extxyz"},
        },
        "engine": {"kind": "stock", "commands": list(commands)},
        "gun": {"skip_free_flight": True, "kick": {"kind": "fixed_energy", "energy_ev": 0.5}},
        "dynamics": {"steps": 40, "dump_every_steps": 20, "thermo_every_steps": 20, "checkpoint_every_steps": 20},
        "stop": {"max_temperature_k": None},
    }
    for key, value in sections.items():
        below = document.get(key)
        document[key] = {**below, **value} if isinstance(below, dict) else value
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def methane_on_graphene(folder: Path, **sections: Any) -> Store:
    """Planned under ReaxFF: 18 + 5 atoms."""
    slab = graphene(size=(3, 3, 1), vacuum=8.0)
    slab.cell[2] = [0.0, 0.0, 20.0]
    slab.pbc = True
    file = campaign_file(
        folder, slab, ase_molecule("CH4"), ["pair_style reaxff", "pair_coeff * * ffield.reax.cho"], sections
    )
    return write(check(load_campaign(file)), folder / "campaign")
