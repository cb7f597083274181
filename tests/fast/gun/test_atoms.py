"""Atoms as projectiles: one state by nature, nothing to turn or equilibrate, intervals over the slab's snapshots."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms
from outcome_cases import outcome_of
from rich.console import Console

from molgun_lmp.analysis.kinetics.heat import heat_sentence
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, cluster_interval
from molgun_lmp.analysis.statistics.estimates import clusters_of
from molgun_lmp.analysis.statistics.sample_size import size
from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.campaign.launch.equilibrate import equilibrate
from molgun_lmp.campaign.plan.pool_notes import image_notes, orientation_notes, pool_notes, shared_note
from molgun_lmp.config import Campaign, load_campaign
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.pool_temperature import pool_temperatures
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.gun.setup import prepare
from molgun_lmp.heat_records import Heat
from molgun_lmp.records import Outcome

CampaignOf = Callable[[Mapping[str, Any]], Campaign]


def argon(file: Path, snapshots: int) -> Pool:
    """A pool of an atom as somebody may have made it: the same atom, moving, again and again."""
    pool = []
    for number in range(snapshots):
        atom = Atoms("Ar", positions=[[1.0, 2.0, float(number)]], info={"snapshot": f"a{number}", "run": number})
        atom.set_velocities([[0.0, 0.1 * number, 0.0]])
        pool.append(atom)
    write_pool(file, pool, None)
    return read_pool(file, "molecule")


@pytest.mark.parametrize("gun", [{}, {"pairing": "paired"}, {"preset": "paper-ml"}, {"orientation": "as_drawn"}])
@pytest.mark.parametrize("snapshots", [1, 6])
def test_every_pool_of_an_atom_is_one_state(
    campaign_of: CampaignOf, slab_pool: Pool, tmp_path: Path, gun: dict[str, Any], snapshots: int
) -> None:
    pool = argon(tmp_path / "argon.extxyz", snapshots)
    setup = prepare(campaign_of({"gun": gun}), slab_pool, pool, 5.0)
    assert len(setup.molecule.ids) == 1
    shots = [draw(index, setup) for index in range(8)]
    for condition in shots:
        assert condition.shot.molecule_snapshot == "a0"
        assert np.allclose(condition.velocities[-1], condition.shot.kick_velocity)
        assert np.allclose(condition.positions[-1], condition.shot.com_start)
    assert len({condition.shot.slab_snapshot for condition in shots}) > 1
    assert "group molecule id 129:129" in trajectory_deck(shots[0], setup).input_text
    assert [temperature.part for temperature in pool_temperatures(setup)] == ["slab"]
    notes = " ".join(
        (
            shared_note(setup),
            *pool_notes(setup, slab_pool, pool),
            *orientation_notes(setup, pool),
            *image_notes(setup, 5.0),
        )
    )
    assert "The projectile is an atom, Ar" in notes
    assert "molecule snapshots" not in notes
    assert "as_drawn" not in notes
    assert image_notes(setup, 5.0) == () and "The atom's periodic images" in image_notes(setup, 50.0)[0]


def outcomes(slabs: int, shots: int, *, atom: bool) -> list[Outcome]:
    """A campaign of which every slab snapshot has shots of both ends, all fired with one molecule snapshot."""
    modes = [paper.OTHER if index % 3 else paper.SCATTERED for index in range(shots)]
    return [
        dataclasses.replace(outcome_of(index, mode, slab=index % slabs, molecule=0), atom=atom, heat=HEAT)
        for index, mode in enumerate(modes)
    ]


HEAT = Heat(
    slab_before_k=300.0,
    slab_end_k=310.0,
    molecule_before_k=0.0,
    molecule_end_k=0.0,
    translation_before_ev=0.3,
    translation_end_ev=0.1,
)


def test_intervals_of_atoms_are_over_the_slab_s_snapshots_alone() -> None:
    shots = outcomes(12, 120, atom=True)
    clusters = clusters_of(shots)
    hit = np.array([one.mode is paper.OTHER for one in shots])
    interval = cluster_interval(hit, clusters)
    # As if every shot had a molecule snapshot of its own.
    own = Clusters.of([one.slab_snapshot for one in shots], [one.trajectory_id for one in shots])
    expected = cluster_interval(hit, own)
    assert (interval.low, interval.high) == (expected.low, expected.high)
    assert 0.0 < interval.low < 0.66 < interval.high < 1.0
    summary = summarise(paper.SCHEME, shots, [])
    assert summary.pools() == "12 slab snapshots (an atom has none of its own)"
    assert summary.mode(paper.OTHER).cluster[0] > 0.0
    assert "molecule" not in heat_sentence(shots)

    molecules = outcomes(12, 120, atom=False)
    assert cluster_interval(hit, clusters_of(molecules)).high == 1.0, (
        "one snapshot of a molecule says nothing of others"
    )
    assert "centres of mass" in heat_sentence(molecules)


def test_a_single_slab_snapshot_is_all_that_is_missing() -> None:
    shots = outcomes(1, 20, atom=True)
    interval = cluster_interval(np.ones(20, dtype=np.bool_), clusters_of(shots))
    assert interval.note.startswith("a single slab snapshot: ")
    few = cluster_interval(np.arange(40) % 2 == 0, clusters_of(outcomes(4, 40, atom=True)))
    assert "only 4 slab snapshots" in few.note


def test_the_size_of_a_campaign_of_atoms_has_no_molecule_pool() -> None:
    target = parse_target("scattered:0.05", paper.SCHEME)
    sizing = size(target, fraction=0.5, correlation=0.02, slabs=200, molecules=None, planned=100)
    with_many = size(target, fraction=0.5, correlation=0.02, slabs=200, molecules=1_000_000, planned=100)
    assert sizing.shots == with_many.shots
    assert "molecule" not in " ".join(sizing.sentences())
    single = size(target, fraction=0.5, correlation=0.02, slabs=200, molecules=1, planned=100)
    assert single.shots is None, "one snapshot of a molecule"


def test_an_atom_is_not_equilibrated(tmp_path: Path) -> None:
    (tmp_path / "h.xyz").write_text("1\n\nH 0.5 0.5 0.5\n")
    document = {
        "name": "beam",
        "trajectories": 3,
        "system": {
            "slab": {"pool": "slab.extxyz"},
            "molecule": {"pool": "pools/h.extxyz", "start": {"kind": "file", "path": "h.xyz"}},
        },
    }
    (tmp_path / "campaign.yaml").write_text(json.dumps(document))
    loaded = load_campaign(tmp_path / "campaign.yaml")
    (made,) = equilibrate(loaded, ["molecule"], workers=None, force=False, console=Console(quiet=True))
    assert (made.snapshots, made.runs, made.memory) == (1, (), ())
    pool = read_pool(tmp_path / "pools/h.extxyz", "molecule")
    assert (pool.ids, pool.symbols) == (("atom",), ("H",))
    assert not pool.snapshots[0].get_velocities().any()
    assert not (tmp_path / "beam.equilibration").exists()
    (again,) = equilibrate(loaded, ["molecule"], workers=None, force=True, console=Console(quiet=True))
    assert again.kept == tmp_path / "pools/h-1.extxyz", "no pool is lost"


def test_a_short_reach_brings_no_shot_closer_than_atoms_may_start(
    campaign_of: CampaignOf, slab_pool: Pool, tmp_path: Path
) -> None:
    setup = prepare(campaign_of({"gun": {"skip_free_flight": True}}), slab_pool, argon(tmp_path / "a.extxyz", 1), 2.0)
    shots = [draw(index, setup).shot for index in range(6)]
    assert min(shot.clearance_angstrom for shot in shots) >= setup.campaign.gun.min_distance_angstrom
    assert all(shot.skipped_flight_ps > 0 for shot in shots)
