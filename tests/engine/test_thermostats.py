"""NVT: the thermostat holds the slab, and the molecule only where that is said; what arrives is known."""

import csv
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from fault_cases import STOCK, plan_stock
from fired_decks import fire_deck, fire_trajectories

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.isotopes import standard_masses_u
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.records import Stop
from molgun_lmp.results.analyse import analyse
from molgun_lmp.units import BOLTZMANN_EV_PER_K, MVV_TO_EV

pytestmark = pytest.mark.engine

N_SLAB, HOT_K = 128, 900.0
NO_FORCES = {**STOCK, "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.0 1.0"]}
EVERY = {"dump_every_steps": 20, "thermo_every_steps": 20, "checkpoint_every_steps": None}
KINDS = ["nose_hoover", "langevin"]


def planned(
    folder: Path, slab: Pool, molecule: Pool, thermostat: Mapping[str, Any], *, steps: int, **sections: Any
) -> Store:
    """A campaign without forces under a thermostat."""
    dynamics = {"steps": steps, **EVERY, "ensemble": "nvt", "thermostat": thermostat}
    stop = {"max_temperature_k": None, "departed": "gun" in sections}
    shots = {"trajectories": 3 if "gun" in sections else 1}
    return Store.open(
        plan_stock(folder, slab, molecule, **shots, dynamics=dynamics, engine=NO_FORCES, stop=stop, **sections)
    )


def velocities(frames: Sequence[Frame]) -> FloatArray:
    found = []
    for frame in frames:
        assert frame.velocities is not None
        found.append(frame.velocities)
    return np.array(found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_slab_is_held_and_the_molecule_flies(
    kind: str, tmp_path: Path, slab_pool: Pool, molecule_pool: Pool
) -> None:
    """At its temperature, by the degrees of freedom of the slab's mobile atoms."""
    thermostat = {"kind": kind, "temperature_k": HOT_K, "damping_ps": 0.02}
    store = planned(tmp_path, slab_pool, molecule_pool, thermostat, steps=1000)
    frames = list(fire_deck(store, tmp_path / "run").values())
    found = velocities(frames)
    assert np.abs(found[:, N_SLAB:] - found[0, N_SLAB:]).max() < 1e-7, "nothing acts on the molecule"
    slab = found[:, :N_SLAB]
    mobile = np.abs(slab).max(axis=(0, 2)) > 0
    assert 0 < mobile.sum() < N_SLAB
    masses = standard_masses_u(frames[0].symbols[:N_SLAB])[mobile]
    twice = MVV_TO_EV * (masses[:, None] * slab[:, mobile] ** 2).sum(axis=(1, 2))
    temperatures = twice / (3 * mobile.sum() * BOLTZMANN_EV_PER_K)
    assert temperatures[0] < 400.0
    assert temperatures[len(temperatures) // 2 :].mean() == pytest.approx(HOT_K, rel=0.06)

    coupled = planned(tmp_path / "all", slab_pool, molecule_pool, {**thermostat, "molecule": True}, steps=100)
    held = velocities(list(fire_deck(coupled, tmp_path / "coupled").values()))
    assert np.abs(held[-1, N_SLAB:] - held[0, N_SLAB:]).max() > 1e-3


GUN = {
    "start": {"kind": "height", "angstrom": 20.0},
    "kick": {"kind": "fixed_energy", "energy_ev": 0.5},
    "skip_free_flight": False,
}


def beam(folder: Path, slab: Pool, thermostat: Mapping[str, Any], *, steps: int) -> Store:
    """Argon atoms from 20 Å: they stay in one piece without forces."""
    atom = Atoms("Ar", positions=[[0.0, 0.0, 0.0]])
    atom.set_velocities([[0.0, 0.0, 0.0]])
    write_pool(folder / "argon.extxyz", [atom], None)
    argon = read_pool(folder / "argon.extxyz", "molecule")
    system = {"slab": {"pool": slab.source.name}, "molecule": {"pool": argon.source.name}}
    return planned(folder / "beam", slab, argon, thermostat, steps=steps, gun=GUN, system=system)


@pytest.mark.parametrize("molecule", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_arrives_is_stored(kind: str, molecule: bool, tmp_path: Path, slab_pool: Pool) -> None:
    thermostat = {"kind": kind, "temperature_k": 100.0, "damping_ps": 0.5, "molecule": molecule}
    store = beam(tmp_path, slab_pool, thermostat, steps=5000)
    fire_trajectories(store)
    outcomes = [one.outcome for one in analyse(store).ended]
    energies = [outcome.energy_at_contact_ev for outcome in outcomes]
    with (store.analysis / "outcomes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["energy_at_contact_ev"] for row in rows] == ["" if e is None else str(e) for e in energies]
    if molecule:
        arrived = any(energy is not None for energy in energies)
        assert arrived is (kind != "langevin"), "friction stops it on its way"
        assert all(energy is None or abs(energy - 0.5) > 0.01 for energy in energies), "braked or heated in flight"
    else:
        assert energies == pytest.approx([0.5] * 3, abs=1e-6)
        assert all(outcome.contact for outcome in outcomes)


def test_a_molecule_that_noise_turns_round_in_flight_has_not_departed(tmp_path: Path, slab_pool: Pool) -> None:
    thermostat = {"kind": "langevin", "temperature_k": 100.0, "damping_ps": 0.1, "molecule": True}
    store = beam(tmp_path, slab_pool, thermostat, steps=4000)
    results = fire_trajectories(store)
    turned = 0
    for folder, result, one in zip(store.trajectories(), results, analyse(store).ended, strict=True):
        heights = [
            float(standard_masses_u(frame.symbols[N_SLAB:]) @ frame.unwrapped[N_SLAB:, 2])
            for frame in read_frames(folder.dump(result))
        ]
        turned += any(after > before for before, after in itertools.pairwise(heights))
        above = heights[-1] > heights[0]
        assert (result.stop is Stop.DEPARTED) <= above
        left = above and result.stop is Stop.DEPARTED
        assert one.outcome.mode.kind is (Kind.LEFT if left else Kind.IN_FLIGHT)
    assert turned, "noise turned at least one of them round"
