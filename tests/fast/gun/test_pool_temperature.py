"""A pool in the wrong units is not thermal, and planning says how hot each pool is."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from molgun_lmp.errors import InputFileError
from molgun_lmp.gun.pool_temperature import PoolTemperature, pool_temperatures, require_thermal
from molgun_lmp.gun.setup import Setup
from molgun_lmp.units import BOLTZMANN_EV_PER_K, MVV_TO_EV

SetupOf = Callable[[Mapping[str, Any]], Setup]


@pytest.fixture
def setup(setup_of: SetupOf) -> Setup:
    return setup_of({})


def faster(setup: Setup, *, slab: float = 1.0, molecule: float = 1.0) -> Setup:
    """The same pools with all velocities multiplied."""
    return dataclasses.replace(
        setup,
        slab=dataclasses.replace(setup.slab, velocities=setup.slab.velocities * slab),
        molecule=dataclasses.replace(setup.molecule, velocities=setup.molecule.velocities * molecule),
    )


def test_temperatures_are_those_of_the_mobile_atoms(setup: Setup) -> None:
    slab, molecule = pool_temperatures(setup)
    assert setup.slab.frozen.any()
    assert slab.mean_k == pytest.approx(300.0, rel=0.1)
    assert molecule.mean_k == pytest.approx(300.0, rel=0.25)
    assert slab.sentence().startswith(f"slab {slab.snapshots_k.min():.0f} to {slab.snapshots_k.max():.0f} K (mean ")
    require_thermal((slab, molecule), 300.0)
    require_thermal((slab, molecule), 150.0)


def test_a_slab_that_is_held_nowhere_is_as_warm_as_its_motion_about_its_centre_of_mass(setup: Setup) -> None:
    rng = np.random.default_rng(3)
    atoms, masses, kept = 8, np.full(8, 12.011), 4000
    velocities = rng.normal(size=(kept, atoms, 3)) * np.sqrt(BOLTZMANN_EV_PER_K * 300.0 / (12.011 * MVV_TO_EV))
    velocities -= velocities.mean(axis=1, keepdims=True)
    slab = dataclasses.replace(
        setup.slab,
        ids=tuple(map(str, range(kept))),
        velocities=velocities,
        masses_u=masses,
        frozen=np.zeros(atoms, dtype=np.bool_),
    )
    free, _ = pool_temperatures(dataclasses.replace(setup, slab=slab))
    assert free.mean_k == pytest.approx(300.0, rel=0.02)


@pytest.mark.parametrize(
    ("slab", "molecule", "named"),
    [
        (1e-3, 1.0, "the slab pool"),  # Å/fs taken for Å/ps
        (1e3, 1.0, "the slab pool"),
        (1.0, 1e-3, "the molecule pool"),
        (1.0, 1e3, "the molecule pool"),
        (0.2, 1.0, "the slab pool"),
        (1.0, 3.0, "the molecule pool"),
    ],
)
def test_a_pool_in_other_units_or_of_another_protocol_is_refused(
    setup: Setup, slab: float, molecule: float, named: str
) -> None:
    with pytest.raises(InputFileError, match=named):
        require_thermal(pool_temperatures(faster(setup, slab=slab, molecule=molecule)), 300.0)


def test_a_pool_of_another_temperature_is_taken_when_the_campaign_says_so(setup: Setup) -> None:
    hot = pool_temperatures(faster(setup, slab=3.0, molecule=3.0))
    with pytest.raises(InputFileError, match="far from the 300 K of its protocol"):
        require_thermal(hot, 300.0)
    require_thermal(hot, 2700.0)


def test_one_snapshot_among_thermal_ones_is_named(setup: Setup) -> None:
    velocities = setup.slab.velocities.copy()
    velocities[2] *= 1e-3
    cold = dataclasses.replace(setup, slab=dataclasses.replace(setup.slab, velocities=velocities))
    with pytest.raises(InputFileError, match=f"snapshot {setup.slab.ids[2]} of the slab pool"):
        require_thermal(pool_temperatures(cold), 300.0)


def test_what_a_diatomic_shows_by_chance_is_no_reason() -> None:
    rng = np.random.default_rng(1)
    chance = rng.chisquare(3, 2000) / 3 * 300.0
    assert chance.min() < 5.0
    pool = PoolTemperature(part="molecule", ids=tuple(f"{n:04d}" for n in range(2000)), snapshots_k=chance, freedom=3)
    require_thermal((pool,), 300.0)
    units = dataclasses.replace(pool, ids=("a",), snapshots_k=np.array([4e-4]))
    with pytest.raises(InputFileError, match=r"0\.0004 K"):
        require_thermal((units,), 300.0)
