"""A closed loop as small as it can be: CO at twelve copper atoms, EMT as the reference, a MACE of few channels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.build import add_adsorbate, fcc111, molecule
from ase.io import write
from potential_cases import campaign_file
from training_cases import TINY, labelled

TRAJECTORIES = 4


def slab() -> Atoms:
    atoms = fcc111("Cu", (2, 2, 3), a=3.6, vacuum=7.0)
    atoms.pbc = True
    atoms.info = {}  # where adsorbates may stand, which no file keeps
    return atoms


def first_frames(file: Path, trajectories: int = 6) -> None:
    """Trajectories of four frames each: CO at some height above the slab, all of it rattled."""
    rng = np.random.default_rng(0)
    frames = []
    for number in range(trajectories):
        for _ in range(4):
            atoms = slab()
            carbon_monoxide = molecule("CO")
            carbon_monoxide.rotate(rng.uniform(0, 180), "x")
            add_adsorbate(atoms, carbon_monoxide, rng.uniform(2.0, 4.5), position=(1.3 * number, 1.0))
            atoms.positions += rng.normal(0.0, 0.05, atoms.positions.shape)
            atoms.wrap()
            frames.append(labelled(atoms, trajectory=f"first-{number}"))
    write(file, frames)


def loop_files(folder: Path, **changes: Any) -> Path:
    """`loop.yaml` with all that it names."""
    folder.mkdir(parents=True, exist_ok=True)
    sections: Mapping[str, Any] = {
        "name": "co",
        "trajectories": TRAJECTORIES,
        "engine": {"kind": "mace", "commands": []},
        "model": {"folder": "model", "dtype": "float64"},
        "dynamics": {"steps": 40, "dump_every_steps": 4, "thermo_every_steps": 20, "checkpoint_every_steps": 20},
    }
    campaign_file(folder, slab(), molecule("CO"), [], sections)
    first_frames(folder / "first.extxyz")
    training = {
        "name": "tiny",
        "level_of_theory": "EMT",
        "frames": ["first.extxyz"],
        "split": {"validation": ["first-1"], "test": ["first-2"]},
        "limits": {"max_energy_deviation_ev_per_atom": 100.0},
        "architecture": TINY,
        "optimisation": {"epochs": 1, "batch_size": 2},
        "dtype": "float64",
        "threads": 1,
    }
    loop = {
        "name": "learned",
        "campaign": "campaign.yaml",
        "train": "train.yaml",
        "label": "label.yaml",
        "wanted_error_ev_per_angstrom": 1000.0,
        "choice": {"frames": 6, "every": 1, "apart_ps": 0.004},
        "committee": {"members": 1},
        "formats": ["torchscript-float64"],
        "workers": 1,
        **changes,
    }
    label = {"level_of_theory": "EMT", "calculator": "hazardous_calculators:Choosy"}
    for name, document in (("train", training), ("label", label), ("loop", loop)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document))
    return folder / "loop.yaml"
