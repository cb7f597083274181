"""A multi-time-step campaign from its file to its results: stopped and gone on, replayed, its energies the model's."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.data import atomic_numbers
from campaign_cases import dumps, write_campaign_file, write_model
from engine_cases import TinyModel
from stopped_runs import fire_once

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.plan.replay import Changes, plan_replay
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.opening import campaign_work, open_work
from molgun_lmp.config import load_campaign
from molgun_lmp.engine.force_models import ForceModelInput
from molgun_lmp.engine.torch_model import TorchScriptModel
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.models.card import load_card, write_card
from molgun_lmp.readers.lammps.log import joined_thermo, thermo_tables
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import TrajectoryResult
from molgun_lmp.results.replay_verdict import judge

pytestmark = pytest.mark.engine

STEPS, EVERY = 16, 4


@pytest.fixture(scope="module")
def planned(
    tmp_path_factory: pytest.TempPathFactory, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool
) -> Path:
    """Its inner model pulls with 0.9 of the full one's forces; both folders are gone once it is planned."""
    import torch

    folder = tmp_path_factory.mktemp("planned")
    full = write_model(folder / "model", tiny_mace.deployed["float64"], mace=tiny_mace.model)
    weaker = torch.jit.load(str(tiny_mace.deployed["float64"]))
    dict(weaker.named_buffers())["model.scale_shift.scale"].mul_(0.9)
    weaker.save(str(folder / "weaker.pt"))
    write_model(folder / "inner", folder / "weaker.pt")
    known = {"name": "weaker", "distilled_from": full.find("mace").sha256}
    write_card(load_card(folder / "inner").model_copy(update=known), folder / "inner")
    sections: dict[str, Any] = {
        "trajectories": 1,
        "dynamics": {
            "steps": STEPS,
            "dump_every_steps": EVERY,
            "thermo_every_steps": EVERY,
            "checkpoint_every_steps": EVERY,
        },
        "engine": {"kind": "torchscript", "multistep": {"inner": "inner", "every": EVERY}},
        "stop": {"max_temperature_k": None},
    }
    write(check(load_campaign(write_campaign_file(folder, slab_pool, molecule_pool, sections))), folder / "small")
    for name in ("model", "inner"):
        shutil.rmtree(folder / name)
    return folder / "small"


@pytest.fixture(scope="module")
def undisturbed(planned: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, TrajectoryResult]:
    copy = tmp_path_factory.mktemp("undisturbed") / "campaign"
    shutil.copytree(planned, copy)
    result = fire_once(open_work(copy, ()))
    assert result is not None
    assert (result.steps, result.resumed_at) == (STEPS, ())
    assert result.engine == "torchscript float64 every 4 steps, weaker by torchscript between"
    return Store.open(copy), result


def test_a_stopped_one_goes_on_bit_for_bit(
    planned: Path, undisturbed: tuple[Store, TrajectoryResult], tmp_path: Path
) -> None:
    store, reference = undisturbed
    shutil.copytree(planned, tmp_path / "campaign")
    work = open_work(tmp_path / "campaign", ())
    assert fire_once(work, stop_after=8) is None
    result = fire_once(work)
    assert result is not None
    assert result.resumed_at in {(4,), (8,)}
    assert dumps(work.root) == dumps(store.root)
    assert result.energy == reference.energy
    assert result.hashes == reference.hashes
    assert result.hashes["inner_model"] != result.hashes["model"]


def test_energies_are_those_of_the_full_model(undisturbed: tuple[Store, TrajectoryResult]) -> None:
    store, result = undisturbed
    (folder,) = store.trajectories()
    model = TorchScriptModel(store.model / "model.pt")
    log = (folder.run_folder(result.attempt) / "log.lammps").read_text()
    thermo = joined_thermo(thermo_tables(log))
    energy_at = dict(zip(thermo["Step"].astype(int).tolist(), thermo["PotEng"].tolist(), strict=True))
    for frame in read_frames(folder.dump(result)):
        structure = ForceModelInput(
            numbers=np.array([atomic_numbers[symbol] for symbol in frame.symbols]),
            positions=frame.positions,
            cell=frame.cell,
            pbc=(True, True, True),
        )
        assert energy_at[frame.step] == pytest.approx(model.evaluate(structure).energy_ev, abs=1e-5)


def test_replays_compare_outer_steps(undisturbed: tuple[Store, TrajectoryResult]) -> None:
    store, _ = undisturbed

    def replayed(changes: Changes) -> tuple[bool, float, str]:
        again = plan_replay(store, "0", changes)
        assert plan_replay(store, "0", changes).root == again.root
        assert fire_once(campaign_work(again)) is not None
        verdict = judge(store, again)
        return verdict.identical, verdict.farthest_angstrom, verdict.engine

    assert replayed(Changes()) == (True, 0.0, "torchscript float64 every 4 steps, weaker by torchscript between")
    identical, far, engine = replayed(Changes(every=1))
    assert (identical, engine) == (False, "torchscript float64")
    assert 0.0 < far < 1e-3
    two = plan_replay(store, "0", Changes(every=2)).manifest.engine.multistep
    assert two is not None
    assert two.every == 2
    with pytest.raises(ConfigError, match=r"stop\.check_every_steps is 20"):
        plan_replay(store, "0", Changes(every=8))
    with pytest.raises(ConfigError, match="or leave `multistep` out"):
        plan_replay(store, "0", Changes(engine="mace"))
