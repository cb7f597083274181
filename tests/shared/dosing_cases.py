"""Chains of oxygen atoms onto a small slab of copper under Morse potentials: they stick, and a shot takes 0.1 s."""

import threading
from pathlib import Path
from typing import Any, Final

from ase import Atoms
from ase.build import fcc100
from potential_cases import campaign_file

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.worker.loop import fire_all
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.config import load_campaign

CUTOFF_ANGSTROM: Final = 5.0
PAIRS: Final = {
    frozenset(("O",)): (0.01, 1.5, 3.5),
    frozenset(("O", "Cu")): (1.0, 1.8, 1.9),
    frozenset(("Cu",)): (0.3429, 1.3588, 2.866),
}
"""Depth in eV, steepness in 1/Å, distance in Å."""
MORSE: Final = (
    f"pair_style morse {CUTOFF_ANGSTROM}",
    "pair_modify shift yes",
    *(
        f"pair_coeff {first} {second} {' '.join(map(str, PAIRS[frozenset((first, second))]))}"
        for first, second in (("O", "O"), ("O", "Cu"), ("Cu", "Cu"))
    ),
)
TEMPERATURE_K: Final = 100.0


def dosing_file(folder: Path, *, chains: int = 2, molecules: int = 3, **sections: Any) -> Path:
    """Its campaign file: two of three layers move, parts of 0.2 ps, frames every 50 steps of 2 fs."""
    slab = fcc100("Cu", size=(3, 3, 3), a=3.615, vacuum=6.0, periodic=True)
    slab.info.clear()
    document: dict[str, Any] = {
        "name": "oxygen",
        "dose": {"chains": chains, "molecules": molecules, "between_ps": 0.8},
        "system": {
            "slab": {"pool": "slab.extxyz", "frozen_layers": 1},
            "equilibration": {"temperature_k": TEMPERATURE_K, "damping_ps": 0.05},
        },
        "engine": {"kind": "stock", "commands": list(MORSE), "cutoff_angstrom": CUTOFF_ANGSTROM},
        "dynamics": {
            "timestep_fs": 2.0,
            "steps": 1000,
            "dump_every_steps": 50,
            "thermo_every_steps": 50,
            "checkpoint_every_steps": 100,
        },
        "outcomes": {"scheme": "general"},
    }
    for key, value in sections.items():
        document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
    file = campaign_file(folder, slab, Atoms("O", positions=[[0.0, 0.0, 0.0]]), MORSE, document)
    if document["dose"] is not None:
        file.write_text(file.read_text().replace("trajectories: 2\n", ""))
    return file


def plan_doses(folder: Path, **sections: Any) -> Store:
    """The campaign, planned."""
    return write(check(load_campaign(dosing_file(folder, **sections))), folder / "oxygen")


def fire_here(store: Store, *only: str, interrupt: threading.Event | None = None) -> int:
    """What one worker does, in this process: the number of results stored."""
    work = open_work(store.root, only)
    with open_engine(work) as fire:
        return fire_all(work, fire, interrupt or threading.Event())
