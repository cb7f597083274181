"""One short deck with the LAMMPS there, held against the right energy and forces, before a cluster folder is sent."""

import json
from pathlib import Path

import pytest
import yaml
from campaign_commands import molgun
from cluster_cases import LMP, write_store
from engine_cases import TinyModel
from fault_cases import plan_stock

from molgun_lmp.campaign.cluster.check import ClusterCheck, check_cluster
from molgun_lmp.campaign.cluster.write import ClusterSite, write_cluster
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.engine.targets import load_target
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

DEBIAN = Path("/usr/bin/lmp")
WELL = "pair_coeff * * 0.002 1.5\n"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Store:
    return Store.open(plan_stock(tmp_path_factory.mktemp("stock"), slab_pool, molecule_pool, trajectories=2))


def own_target(folder: Path, include: str = f"pair_style lj/cut 4.0\n{WELL}", launch: str = "lmp") -> Path:
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump({"summary": "mine", "include": include, "launch": launch}))
    return file


def checked(store: Store, target: str, folder: Path, program: str, model: Path | None = None) -> ClusterCheck:
    chosen = load_target(target)
    write_cluster(store, folder, target=chosen, target_name="one", site=ClusterSite(), model=model)
    return check_cluster(store, folder, target=chosen, program=program, model=model)


@pytest.mark.skipif(not DEBIAN.is_file(), reason="no /usr/bin/lmp: apt-get install lammps (Debian's, of 2022)")
def test_a_lammps_of_2022_computes_the_same_and_the_folder_may_be_sent(stock: Store, tmp_path: Path) -> None:
    target = own_target(tmp_path, launch="env NOTE=lmp lmp -nocite")
    said = molgun("cluster", stock.root, "--target", target, "--check", DEBIAN, "--json")
    assert said.returncode == 0, said.stderr
    check = json.loads(said.stdout)["check"]
    assert check["lammps"].startswith("29 Sep 2021")
    assert check["reference"] == "this campaign's engine here (stock float64)"
    assert check["steps"] >= 5
    assert check["largest_force_ev_per_angstrom"] > 0
    assert check["energy_ev_per_atom"] < 1e-12
    assert check["force_ev_per_angstrom"] < 1e-12


def test_wrong_forces_are_not_sent(stock: Store, tmp_path: Path) -> None:
    target = own_target(tmp_path, f"pair_style lj/cut 4.0\n{WELL.replace('0.002', '0.00201')}")
    said = molgun("cluster", stock.root, "--target", target, "--check", LMP, "--output", tmp_path / "jobs")
    assert said.returncode == EngineError.exit_code
    assert "do not send it: this LAMMPS computes something else. LAMMPS 22 Jul 2025" in said.stderr
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(
    ("include", "words"),
    [
        (f"pair_style lj/cut four\n{WELL}", "fails on the first deck: ERROR: Expected floating point"),
        ("pair_style eam/nobodys\n", "has no pair_style eam/nobodys"),
    ],
)
def test_a_deck_that_fails_is_not_sent(include: str, words: str, stock: Store, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=rf"do not send it: .*{words}"):
        checked(stock, str(own_target(tmp_path, include)), tmp_path / "jobs", LMP)


def test_the_plug_in_of_this_environment_is_held_against_mace(
    plugin: Path, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool, tmp_path: Path
) -> None:
    del plugin
    store = write_store(tmp_path, slab_pool, molecule_pool, model=tiny_mace)
    check = checked(store, "pip", tmp_path / "jobs", LMP, model=tmp_path / "model")
    assert check.passed
    assert check.reference == "mace itself"
    assert check.force_ev_per_angstrom < 1e-7 < check.largest_force_ev_per_angstrom
