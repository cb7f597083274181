"""What several test modules fire: a thermal ECCO at a thermal Si(001) slab, through real pool files."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from ase import Atoms
from hypothesis import HealthCheck, settings

import molgun_lmp
from molgun_lmp.config import Campaign, Si001Start
from molgun_lmp.gun.builders import build_si001
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.gun.setup import Setup, prepare
from molgun_lmp.processes import thread_environment
from molgun_lmp.readers.structure import read_structure
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask
from molgun_lmp.units import ASE_VELOCITY_PER_ANGSTROM_PER_PS, BOLTZMANN_EV_PER_K, MVV_TO_EV

# As a worker runs, and before any library counts the cores: with more threads sums are taken in any order, and the
# last bits of a force change from call to call.
os.environ.update(thread_environment(1))

# An example that takes long is no wrong one: hypothesis has limits of time that a slow machine does not keep.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

CUTOFF_ANGSTROM = 5.0
SNAPSHOTS = 6
CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SetupOf = Callable[[Mapping[str, Any]], Setup]


def thermal(rest: Atoms, name: str, frozen: np.ndarray[Any, np.dtype[np.bool_]], seed: int) -> list[Atoms]:
    """Snapshots around `rest` with 300 K velocities, frozen atoms at rest."""
    rng = np.random.default_rng(seed)
    width = np.sqrt(300.0 * BOLTZMANN_EV_PER_K / (rest.get_masses() * MVV_TO_EV))[:, None]
    snapshots = []
    for number in range(SNAPSHOTS):
        atoms = rest.copy()
        atoms.positions += np.where(frozen[:, None], 0.0, rng.normal(0.0, 0.05, atoms.positions.shape))
        velocities = np.where(frozen[:, None], 0.0, width * rng.normal(size=atoms.positions.shape))
        atoms.set_velocities(velocities * ASE_VELOCITY_PER_ANGSTROM_PER_PS)
        atoms.info = {"snapshot": f"{name}-{number:02d}", "run": 0, "time_ps": float(number), "temperature_k": 300.0}
        snapshots.append(atoms)
    return snapshots


@pytest.fixture(scope="session", autouse=True)
def no_watchdog_ends_the_tests() -> Iterator[None]:
    """What would end this process over a step that takes long fails its own test, and the others go on."""
    this_process, leave = os.getpid(), os._exit

    def leave_or_fail(code: int) -> NoReturn:
        caller = str(sys._getframe(1).f_globals.get("__name__"))
        if os.getpid() == this_process and caller.startswith("molgun_lmp."):
            raise AssertionError(f"{caller} would end the process of the tests, with exit status {code}")
        leave(code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "_exit", leave_or_fail)
        yield


@pytest.fixture(scope="session")
def ecco() -> Atoms:
    return read_structure(Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001" / "ecco.xyz")


@pytest.fixture(scope="session")
def si001() -> Atoms:
    return build_si001(Si001Start(kind="si001"))


@pytest.fixture(scope="session")
def slab_pool(si001: Atoms, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    path = tmp_path_factory.mktemp("pools") / "slab.extxyz.xz"
    frozen = frozen_mask(si001, find_surface(si001), 1)
    write_pool(path, thermal(si001, "slab", frozen, seed=1), frozen)
    return read_pool(path, "slab")


@pytest.fixture(scope="session")
def molecule_pool(ecco: Atoms, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    path = tmp_path_factory.mktemp("pools") / "molecule.extxyz"
    write_pool(path, thermal(ecco, "molecule", np.zeros(len(ecco), dtype=np.bool_), seed=2), None)
    return read_pool(path, "molecule")


@pytest.fixture(scope="session")
def campaign_of() -> CampaignOf:
    """A campaign of 20 shots with the given sections on top of the defaults."""

    def make(sections: Mapping[str, Any]) -> Campaign:
        document = {
            "name": "example",
            "seed": 24,
            "trajectories": 20,
            "system": {"slab": {"pool": "slab.extxyz.xz"}, "molecule": {"pool": "molecule.extxyz"}},
            "model": {"folder": "model"},
        }
        return Campaign.model_validate(document | dict(sections))

    return make


@pytest.fixture(scope="session")
def setup_of(campaign_of: CampaignOf, slab_pool: Pool, molecule_pool: Pool) -> SetupOf:
    """A checked campaign with the example's pools and a cutoff of 5 Å."""
    return lambda sections: prepare(campaign_of(sections), slab_pool, molecule_pool, CUTOFF_ANGSTROM)
