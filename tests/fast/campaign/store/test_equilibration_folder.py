"""The folder of an equilibration: another protocol is refused, or begun anew beside the runs that were there."""

from pathlib import Path

import pytest

from molgun_lmp.campaign.store.equilibration_folder import Equilibrations, open_or_write, unused
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.errors import CampaignError
from molgun_lmp.records import Deck

ENGINE = EngineChoice(kind="stock", dtype="float64", threads=1, model_file="card.json", elements=("H",))


def opened(root: Path, deck: str, *, anew: bool = False) -> Equilibrations:
    return open_or_write(
        root,
        part="slab",
        campaign_file=root.with_name("campaign.yaml"),
        engine=ENGINE,
        shared={"engine.in": b"pair_style zero 5.0", "model/card.json": b"{}"},
        decks=[Deck(trajectory_id="slab-00", input_text=deck, data_text="data")],
        n_atoms=1,
        steps=10,
        anew=anew,
    )


def test_another_protocol_is_refused_or_begun_anew(tmp_path: Path) -> None:
    root = tmp_path / "small.equilibration" / "slab"
    opened(root, "300 K")
    kept = root / "trajectories/0000/000000/run-1"
    kept.mkdir()
    opened(root, "300 K", anew=True)
    assert kept.is_dir(), "the same protocol goes on"
    with pytest.raises(CampaignError, match=r"another protocol.*Give --force"):
        opened(root, "600 K")
    assert kept.is_dir()
    opened(root, "600 K", anew=True)
    assert not kept.exists()
    assert (root / "trajectories/0000/000000/in.lammps").read_text() == "600 K"
    assert (root.with_name("slab-was-1") / "trajectories/0000/000000/run-1").is_dir(), "nothing is lost"
    opened(root, "900 K", anew=True)
    assert sorted(entry.name for entry in root.parent.iterdir()) == ["slab", "slab-was-1", "slab-was-2"]


def test_a_name_that_nothing_has(tmp_path: Path) -> None:
    pool = tmp_path / "slab.extxyz.xz"
    assert unused(pool) == tmp_path / "slab-1.extxyz.xz"
    (tmp_path / "slab-1.extxyz.xz").touch()
    assert unused(pool) == tmp_path / "slab-2.extxyz.xz"
