"""A pool that is not what was asked for is named, and why; a good one is not."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111, graphene, molecule
from potential_cases import thermal

from molgun_lmp.arrays import BoolArray
from molgun_lmp.campaign.launch.pool_faults import Equilibrated, faults_of
from molgun_lmp.config import Campaign, Equilibration
from molgun_lmp.gun.equilibration_output import EquilibrationStats, equilibration_stats
from molgun_lmp.gun.equilibration_verdict import few_snapshots, slab_fault, temperature_fault
from molgun_lmp.gun.pool_temperature import PoolTemperature
from molgun_lmp.surface.clean_surface import find_surface
from molgun_lmp.surface.frozen import frozen_mask

CampaignOf = Callable[[dict[str, object]], Campaign]
SETTINGS = Equilibration(temperature_k=300.0, runs=2, duration_ps=12.0, burn_in_ps=2.0, damping_ps=0.2)


def stats(*means: float, error: float = 2.0) -> list[EquilibrationStats]:
    return [
        EquilibrationStats(
            mean_temperature_k=mean, temperature_error_k=error, correlation_time_ps=0.05, independent_snapshots=100.0
        )
        for mean in means
    ]


@pytest.mark.parametrize("means", [(218.0, 221.0), (420.0, 431.0), (567.0,), (300.0, 360.0), (1.0, 1.0)])
def test_a_pool_of_another_temperature_is_no_good(means: Sequence[float]) -> None:
    assert "300 K was asked for" in temperature_fault(stats(*means), SETTINGS, freedom=150)


@pytest.mark.parametrize(("means", "freedom"), [((301.0, 296.0), 150), ((308.0, 306.0), 150), ((350.0, 300.0), 3)])
def test_what_chance_leaves_is_good(means: Sequence[float], freedom: int) -> None:
    assert temperature_fault(stats(*means), SETTINGS, freedom) == ""


def test_a_short_run_says_little() -> None:
    short = SETTINGS.model_copy(update={"duration_ps": 0.2, "burn_in_ps": 0.1})
    assert temperature_fault(stats(210.0, 230.0), short, freedom=72) == ""
    assert "too few" in few_snapshots([dataclasses.replace(stats(300.0)[0], independent_snapshots=400.0)] * 3, 6)
    assert few_snapshots(stats(300.0, 300.0), 60) == ""


def test_the_error_of_the_mean_is_that_of_correlated_numbers() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 20.0, 40_000)
    slow = np.convolve(noise, np.ones(10) / np.sqrt(10.0), mode="valid")
    fast = equilibration_stats(300.0 + noise, noise, 0.005).temperature_error_k
    assert fast == pytest.approx(0.1, rel=0.1)
    assert equilibration_stats(300.0 + slow, slow, 0.005).temperature_error_k == pytest.approx(
        0.1 * np.sqrt(10.0), rel=0.15
    )


def copper() -> tuple[Atoms, BoolArray]:
    slab = fcc111("Cu", (4, 4, 5), a=3.61, vacuum=8.0)
    slab.pbc = True
    return slab, frozen_mask(slab, find_surface(slab), 2)


def runs_of(slab: Atoms, width: float, seed: int = 0) -> tuple[tuple[Atoms, ...], ...]:
    """Two runs of five snapshots, shifted as a deck shifts them, on the other side of a periodic boundary."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        run = []
        for _ in range(5):
            atoms = slab.copy()
            atoms.positions += rng.normal(0.0, width, atoms.positions.shape)
            atoms.positions[:, 2] += 1.0 - slab.positions[:, 2].min()
            run.append(atoms)
        found.append(tuple(run))
    return tuple(found)


def test_a_thermal_slab_is_good_and_a_collapsed_one_is_not() -> None:
    slab, held = copper()
    assert slab_fault(slab, runs_of(slab, 0.1), held, 2) == ""
    wrapped = slab.copy()
    wrapped.positions[:, 2] += 12.0
    wrapped.wrap()
    assert slab_fault(wrapped, runs_of(slab, 0.1), held, 2) == ""
    assert "melted, collapsed or come apart" in slab_fault(slab, runs_of(slab, 1.5), held, 2)
    lower = slab.copy()
    top = find_surface(slab).top
    lower.positions[top, 2] -= 1.2
    assert "layers" in slab_fault(slab, runs_of(lower, 0.02), held, 2)
    one = slab.copy()
    one.positions[-1, :2] += 2.5
    assert slab_fault(slab, runs_of(one, 0.05), held, 2) == "", "a single atom may wander"


def test_a_sheet_may_ripple() -> None:
    sheet = graphene(size=(6, 6, 1), vacuum=8.0)
    sheet.cell[2], sheet.pbc = [0.0, 0.0, 17.0], True
    none = np.zeros(len(sheet), dtype=np.bool_)
    rippled = sheet.copy()
    rippled.positions[:, 2] += 1.1 * np.sin(2 * np.pi * sheet.get_scaled_positions()[:, 0] + 0.3)
    assert slab_fault(sheet, runs_of(rippled, 0.01), none, 0) == ""
    torn = sheet.copy()
    torn.positions[::3, :2] += 2.0
    assert "come apart" in slab_fault(sheet, runs_of(torn, 0.01), none, 0)


def test_a_molecule_that_came_apart_is_named(campaign_of: CampaignOf) -> None:
    campaign = campaign_of({})
    ethanol = molecule("CH3CH2OH")
    ethanol.info["snapshot"] = "molecule-00-1ps"
    none = np.zeros(len(ethanol), dtype=np.bool_)
    moving = [thermal(ethanol, none, 300.0, seed) for seed in range(6)]
    found = Equilibrated(part="molecule", start=ethanol, runs=(tuple(moving),), stats=tuple(stats(300.0)), frozen=none)
    assert faults_of(found, campaign) == ()
    apart = ethanol.copy()
    apart.positions[3] += 3.0 * (apart.positions[3] - apart.positions[2])
    broken = dataclasses.replace(found, runs=((*moving, apart),), stats=tuple(stats(600.0)))
    first, second = faults_of(broken, campaign)
    assert "in snapshot molecule-00-1ps the bond O2-H3" in first
    assert "mean temperature is 600" in second


def test_planning_compares_pool_and_campaign() -> None:
    cold = PoolTemperature(part="molecule", ids=("a",) * 6, snapshots_k=np.full(6, 210.0), freedom=75)
    assert cold.other_than(300.0).startswith("WARNING: the molecule pool is at 210 K, and the campaign says 300 K")
    assert cold.other_than(205.0) == ""
    diatomic = dataclasses.replace(cold, freedom=3)
    assert diatomic.other_than(300.0) == "", "so few say nothing"
