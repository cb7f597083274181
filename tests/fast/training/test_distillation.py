"""What is refused before an inner model is made, and which frames are held out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from campaign_cases import write_campaign_file, write_model

from molgun_lmp.campaign.launch.few_shots import few_shots
from molgun_lmp.cli.distill import campaign_lines
from molgun_lmp.config import load_campaign
from molgun_lmp.config.loading import load_section_or_defaults
from molgun_lmp.errors import ConfigError, ModelError, TrainingError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.models.card import load_card, write_card
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.distillation.distill import full_card, require_same_settings
from molgun_lmp.training.distillation.frames import POOL, held_out, require_enough
from molgun_lmp.training.distillation.settings import DistillationConfig


def settings(*overrides: str) -> DistillationConfig:
    return load_section_or_defaults(None, DistillationConfig, overrides, what="settings of a distillation")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "own.model").write_bytes(b"mace's own")
    write_model(tmp_path / "model", mace=tmp_path / "own.model")
    return tmp_path / "model"


def structures(trajectory: str, number: int, config_type: str = "Default") -> list[Structure]:
    return [
        Structure(
            symbols=("C", "H"),
            positions=np.zeros((2, 3)),
            cell=np.eye(3),
            pbc=(True, True, True),
            set_name="",
            source=f"{trajectory}#{index}",
            trajectory=trajectory,
            config_type=config_type,
        )
        for index in range(number)
    ]


def test_one_changed_key_keeps_the_other_defaults_of_an_inner_model() -> None:
    changed = settings("architecture.r_max_angstrom=4.0", "optimisation.epochs=3", "split.validation=0.2")
    assert (changed.shape.num_channels, changed.shape.r_max_angstrom) == (16, 4.0)
    assert changed.optimisation.schedule == DistillationConfig().optimisation.schedule
    assert changed.split.test == DistillationConfig().split.test
    with pytest.raises(ConfigError, match="chanels"):
        settings("architecture.num_chanels=8")


def test_models_that_cannot_be_distilled_are_refused(model: Path, tmp_path: Path) -> None:
    assert full_card(model, settings()).name == "tiny"
    with pytest.raises(ConfigError, match=r"r_max_angstrom: 4\.5 Å is longer than the full model's cutoff \(4 Å\)"):
        full_card(model, settings("architecture.r_max_angstrom=4.5"))
    write_card(load_card(model).model_copy(update={"distilled_from": "0" * 64}), model)
    with pytest.raises(ModelError, match="itself distilled"):
        full_card(model, settings())
    write_model(tmp_path / "bare")
    with pytest.raises(ModelError, match=r"has no \.model file"):
        full_card(tmp_path / "bare", settings())


def test_what_is_no_inner_model_or_sees_too_far_is_no_start(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave out `architecture`"):
        settings("foundation=inner", "architecture.num_channels=8")
    with pytest.raises(ModelError, match="is no inner model"):
        full_card(model, settings(f"foundation={model}"))
    inner, bare = tmp_path / "inner", tmp_path / "bare"
    card = write_model(inner, mace=tmp_path / "own.model").model_copy(update={"distilled_from": "0" * 64})
    write_card(card, inner)
    assert full_card(model, settings(f"foundation={inner}")).name == "tiny"
    far = card.architecture.model_copy(update={"r_max_angstrom": 4.5})
    write_card(card.model_copy(update={"architecture": far}), inner)
    with pytest.raises(ConfigError, match=r"foundation: 4\.5 Å is longer"):
        full_card(model, settings(f"foundation={inner}"))
    write_card(write_model(bare).model_copy(update={"distilled_from": "0" * 64}), bare)
    with pytest.raises(ModelError, match=r"foundation: .* has no \.model file"):
        full_card(model, settings(f"foundation={bare}"))


def test_shots_of_other_settings_are_not_taken_for_these(tmp_path: Path) -> None:
    require_same_settings(settings(), tmp_path / "out")
    require_same_settings(settings("optimisation.epochs=80"), tmp_path / "out")
    with pytest.raises(TrainingError, match="shots of another `fired`"):
        require_same_settings(settings("fired.hot_temperature_k=900"), tmp_path / "out")


def test_whole_trajectories_are_held_out_but_pools_never() -> None:
    frames = [*structures("pool.extxyz", 30, POOL)]
    for number in range(10):
        frames += structures(f"shot-{number}", 5)
    split = held_out(frames, settings().split)
    assert isinstance(split.validation, tuple)
    assert isinstance(split.test, tuple)
    assert len(split.validation) == 1
    assert len(split.test) == 2
    assert not {"pool.extxyz", *split.validation} & set(split.test)
    assert "pool.extxyz" not in split.validation
    by_frame = settings("split.by=random").split
    assert held_out(frames, by_frame) == by_frame
    with pytest.raises(ConfigError, match="one trajectory"):
        held_out([*structures("pool.extxyz", 30, POOL), *structures("shot", 30)], settings().split)
    with pytest.raises(TrainingError, match=r"7 frames \(CH\) are too few"):
        require_enough(structures("shot", 7), 4)


def test_the_few_shots_are_the_campaign_s_with_another_model_and_shorter(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path
) -> None:
    sections = {
        "dynamics": {"steps": 20_000, "timestep_fs": 0.5, "bath": {"layers": 1}},
        "engine": {"kind": "torchscript", "together": 4, "threads": 2},
    }
    loaded = load_campaign(write_campaign_file(tmp_path, slab_pool, molecule_pool, sections))
    common: dict[str, Any] = {"model": tmp_path / "full", "shots": 3, "seed": 5}
    common |= {"longest_ps": 1.0, "frame_every_fs": 20.0}
    cold = few_shots(loaded, name="shots", **common).config
    assert (cold.trajectories, cold.seed, cold.dynamics.steps, cold.dynamics.dump_every_steps) == (3, 5, 2000, 40)
    assert cold.model.folder == (tmp_path / "full").resolve()
    assert (cold.engine.kind, cold.engine.threads, cold.engine.together) == ("torchscript", 2, 1)
    assert (cold.gun, cold.system, cold.dynamics.bath) == (
        loaded.config.gun,
        loaded.config.system,
        loaded.config.dynamics.bath,
    )
    hot = few_shots(loaded, name="hot", temperature_k=600.0, **common).config.dynamics
    assert hot.bath is None
    assert hot.acting_thermostat is not None
    assert (hot.acting_thermostat.temperature_k, hot.acting_thermostat.molecule) == (600.0, True)


@pytest.mark.parametrize("kind", ["auto", "symmetrix", "mace"])
def test_the_lines_that_are_advised_make_a_campaign_file_that_finds_the_inner_model(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, kind: str
) -> None:
    file = write_campaign_file(tmp_path / "here", slab_pool, molecule_pool, {"engine": {"kind": kind, "threads": 2}})
    inner = tmp_path / f"{'long ' * 30}out: 1" / "model"
    advised = campaign_lines(load_campaign(file), inner, 2)
    assert advised.splitlines()[-1].startswith("  multistep: {inner: ")
    document = yaml.safe_load(file.read_text())
    document["engine"] |= yaml.safe_load(advised)["engine"]
    file.write_text(yaml.safe_dump(document))
    found = load_campaign(file)
    assert found.config.engine.multistep is not None and found.config.engine.threads == 2
    assert (found.path(found.config.engine.multistep.inner), found.config.engine.multistep.every) == (inner, 2)
