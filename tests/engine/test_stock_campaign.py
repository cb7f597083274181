"""A campaign under ReaxFF: charges, checkpoints, the hash of its force field, and the way to a cluster."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from campaign_cases import write_model
from cluster_cases import LMP
from fired_decks import fire_deck, fire_trajectories
from potential_cases import methane_on_graphene

from molgun_lmp.campaign.cluster.write import ClusterSite, write_cluster
from molgun_lmp.campaign.plan.replay import Changes, plan_replay
from molgun_lmp.campaign.store.integrity import verify_shared
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.engine.stock import find_potential
from molgun_lmp.engine.targets import check_model, load_target
from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.models.card import read_card
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Stop

pytestmark = pytest.mark.engine


def test_a_campaign_under_reaxff(tmp_path: Path) -> None:
    store = methane_on_graphene(tmp_path, trajectories=1)
    folder = tmp_path / "cluster"
    write_cluster(store, folder, target=load_target("stock"), target_name="stock", site=ClusterSite())
    assert [result.stop for result in fire_trajectories(store)] == [Stop.COMPLETED]
    assert store.manifest.cutoff_angstrom == 10.0
    straight = fire_deck(store, tmp_path / "straight")
    checkpoint = tmp_path / "straight/restart.a"
    resumed = fire_deck(store, tmp_path / "resumed", resume=checkpoint)
    assert np.allclose(straight[40].positions, resumed[40].positions, atol=1e-7), "charges are known to a tolerance"

    assert (folder / "engine.in").read_bytes() == (store.root / "engine.in").read_bytes()
    run = folder / "trajectories/000000"
    subprocess.run([LMP, "-in", "in.lammps", "-var", "root", folder, "-screen", "none"], cwd=run, check=True)
    there = {frame.step: frame for frame in read_frames(run / "traj.dump")}
    assert np.allclose(there[40].positions, straight[40].positions, atol=1e-7)


def test_a_force_field_belongs_to_its_campaign(tmp_path: Path) -> None:
    store = methane_on_graphene(tmp_path)
    file = store.model / "ffield.reax.cho"
    card = read_card(store.model)
    assert [*card.potentials] == ["ffield.reax.cho"]
    assert "Chenoweth" in store.manifest.level_of_theory
    with pytest.raises(ConfigError, match="take the target `stock`"):
        check_model(load_target("pip"), card, "float64", store.manifest.engine.elements)
    with pytest.raises(ConfigError, match="no pair style for a model"):
        check_model(load_target("stock"), write_model(tmp_path / "model"), "float64", ("H",))

    # A replay takes the campaign's own copy, whatever LAMMPS has under that name.
    again = plan_replay(store, "000000", Changes(timestep_fs=0.25))
    assert (again.model / "ffield.reax.cho").read_bytes() == file.read_bytes()
    assert file.read_bytes() != find_potential("ffield.reax.cho", ()).read_bytes()

    file.write_text(file.read_text().replace("50.0000", "51.0000"))
    with pytest.raises(ModelError, match=r"ffield\.reax\.cho was changed after the campaign was planned"):
        verify_shared(campaign_work(store))
