"""Molecules fired as drawn: snapshots of one equilibration run look nearly the same way, and intervals are over runs.

Truth is the isotropic average of a fraction that goes with the tilt; each campaign has pools of its own, whose runs
begin with random orientations and turn by rotational diffusion.
"""

import dataclasses

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of
from scipy.special import expit

from molgun_lmp.analysis.kinetics.survival import waits_after_contact
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, cluster_interval
from molgun_lmp.analysis.statistics.estimates import clusters_of
from molgun_lmp.analysis.statistics.sample_size import AS_DRAWN_CORRELATION, size
from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.arrays import FloatArray

CAMPAIGNS = 120
SHOTS = 1000
TURNING_PS = 5.0


def cosines(rng: np.random.Generator, runs: int, snapshots: int) -> FloatArray:
    """(runs * snapshots,) cos tilt of one axis, a snapshot each ps; its autocorrelation is exp(-t / 5 ps)."""
    axis = rng.normal(size=(runs, 3))
    substeps, found = 4, []
    for step in range(snapshots * substeps):
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        axis = axis + np.cross(rng.normal(0.0, np.sqrt(1.0 / TURNING_PS / substeps), axis.shape), axis)
        if step % substeps == 0:
            found.append(axis[:, 2] / np.linalg.norm(axis, axis=1))
    return np.array(found).T.ravel()


def coverages(runs: int, snapshots: int, slope: float, *, paired: bool) -> tuple[float, float]:
    """How often the nominal 95 % over runs hold, and those over snapshots."""
    rng = np.random.default_rng(runs)
    truth = expit(-0.5 + slope * np.linspace(-1.0, 1.0, 2001)).mean()
    covered = np.zeros(2)
    for _ in range(CAMPAIGNS):
        cosine = cosines(rng, runs, snapshots)
        molecule = rng.integers(runs * snapshots, size=SHOTS)
        slab = molecule if paired else rng.integers(30, size=SHOTS)
        hit = rng.random(SHOTS) < expit(-0.5 + slope * cosine[molecule])
        for number, unit in enumerate((molecule // snapshots, molecule)):
            interval = cluster_interval(hit, Clusters.of(slab.tolist(), unit.tolist()))
            covered[number] += interval.low <= truth <= interval.high
    over_runs, over_snapshots = covered / CAMPAIGNS
    return float(over_runs), float(over_snapshots)


@pytest.mark.parametrize("paired", [True, False], ids=["paper-ml", "paper-aimd"])
@pytest.mark.parametrize(("runs", "snapshots", "slope"), [(4, 30, 1.0), (4, 30, 2.0), (3, 10, 2.0)])
def test_intervals_over_runs_hold_where_those_over_snapshots_do_not(
    runs: int, snapshots: int, slope: float, paired: bool
) -> None:
    over_runs, over_snapshots = coverages(runs, snapshots, slope, paired=paired)
    assert over_runs >= 0.90
    assert over_snapshots <= 0.80


def test_outcomes_with_a_run_are_clustered_by_it() -> None:
    outcomes = [outcome_of(i, paper.OT_CY if i % 3 else paper.SCATTERED, i % 6, i % 12) for i in range(48)]
    plain = clusters_of(outcomes)
    assert (plain.slabs, plain.molecules, plain.molecule_unit) == (6, 12, "snapshot")
    by_run = [dataclasses.replace(o, molecule_run=str(i % 12 // 4)) for i, o in enumerate(outcomes)]
    clusters = clusters_of(by_run)
    assert (clusters.slabs, clusters.molecules, clusters.molecule_unit) == (6, 3, "run")
    keep = np.arange(48) < 24
    assert clusters.take(keep).molecule_unit == "run"
    # A run called as a snapshot is not that snapshot, and lifetimes share what the table shares.
    assert dataclasses.replace(outcomes[0], molecule_run="m0").molecule_cluster != outcomes[0].molecule_cluster
    assert len({wait.molecule_snapshot for wait in waits_after_contact(by_run)}) == 3
    summary = summarise(paper.SCHEME, by_run)
    assert (summary.molecule_snapshots, summary.molecule_runs) == (12, 3)
    assert summary.pools() == "6 slab snapshots and 3 molecule runs (12 snapshots, fired as drawn)"
    assert summarise(paper.SCHEME, outcomes).pools() == "6 slab and 12 molecule snapshots"
    assert "only 3 molecule runs" in summary.stuck.note
    single = [dataclasses.replace(o, molecule_run="0") for o in outcomes]
    assert summarise(paper.SCHEME, single).stuck.cluster == (0.0, 1.0)
    assert "a single molecule run" in summarise(paper.SCHEME, single).stuck.note


def test_sizing_counts_runs_and_says_so() -> None:
    target = parse_target("OT-CY:0.2", paper.SCHEME)
    sizing = size(
        target,
        fraction=0.5,
        correlation=AS_DRAWN_CORRELATION,
        slabs=30,
        molecules=4,
        planned=100,
        molecule_unit="run",
    )
    assert sizing.shots is None
    first, second = sizing.sentences()
    assert "cannot be known with 30 slab snapshots and 4 molecule runs" in first
    assert "slab snapshots and as many molecule runs" in second
