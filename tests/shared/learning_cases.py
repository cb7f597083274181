"""A closed loop as small as it can be: CO at twelve copper atoms, EMT as the reference, a MACE of few channels."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.build import add_adsorbate, fcc111, molecule
from ase.io import write
from campaign_cases import write_model
from model_cases import save_model, tiny_model
from potential_cases import campaign_file
from rich.console import Console
from training_cases import TINY, labelled

from molgun_lmp.learning.inputs import load_loop
from molgun_lmp.learning.loop import learn
from molgun_lmp.learning.session import Session
from molgun_lmp.training.export.deploy import deploy

TRAJECTORIES = 4
ELEMENTS = ("C", "O", "Cu")


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
            atoms.info.clear()  # where adsorbates may stand, which no file keeps
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


def first_model(folder: Path, seed: int, *, is_fired: bool) -> Path:
    """Untrained, and gentle: nothing explodes in a few steps."""
    import torch  # others do not wait for it

    model = tiny_model(atomic_numbers=[6, 8, 29], atomic_energies=np.zeros((1, 3)))
    with torch.no_grad():
        model.scale_shift.scale.fill_(0.05)
        for number, weights in enumerate(model.parameters()):
            noise = torch.randn(weights.shape, generator=torch.Generator().manual_seed(seed + number))
            weights.add_(0.01 * noise)
    file = save_model(model, folder.with_suffix(".model"))
    deployed = folder.with_suffix(".pt")
    if is_fired:
        deploy(file, deployed, dtype="float64", head="Default")
    write_model(folder, deployed if is_fired else b"never read", ELEMENTS, mace=file)
    return folder


@contextmanager
def silent(_: str, __: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def learn_here(file: Path, overrides: tuple[str, ...] = ()) -> Any:
    with Path(os.devnull).open("w") as nowhere:
        return learn(load_loop(file, overrides), Session(console=Console(file=nowhere), counting=silent))
