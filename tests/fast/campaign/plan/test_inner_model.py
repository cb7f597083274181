"""The inner model of a multi-time-step campaign: what is refused and said at plan, and what the folder holds."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from campaign_cases import write_campaign_file, write_model

from molgun_lmp.campaign.cluster.write import ClusterSite, write_cluster
from molgun_lmp.campaign.plan import plan as planning
from molgun_lmp.campaign.store.integrity import verify_shared
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.config import load_campaign
from molgun_lmp.engine.targets import load_target
from molgun_lmp.errors import ConfigError, ModelError, MolgunError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.models.card import ModelCard, load_card, write_card

Check = Callable[..., planning.Plan]


@pytest.fixture
def checked(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> Check:
    """A checked campaign of a full and an inner model that nobody loads, the card of the inner one changed."""
    own = tmp_path / "own.model"
    own.write_bytes(b"mace's own file")
    write_model(tmp_path / "model", b"full", mace=own)
    write_model(tmp_path / "inner", b"inner")
    sections = {
        "engine": {"kind": "torchscript", "multistep": {"inner": "inner", "every": 4}},
        "dynamics": {"timestep_fs": 0.45},
        "trajectories": 1,
    }
    file = write_campaign_file(tmp_path, slab_pool, molecule_pool, sections)

    def check(change: Callable[[ModelCard], dict[str, object]] = lambda _: {}, *overrides: str) -> planning.Plan:
        card = load_card(tmp_path / "inner")
        write_card(card.model_copy(update=change(card)), tmp_path / "inner")
        return planning.check(load_campaign(file, overrides))

    return check


def full_hash(folder: Path) -> str:
    return load_card(folder / "model").find("mace").sha256


def reaching(angstrom: float) -> Callable[[ModelCard], dict[str, object]]:
    return lambda card: {"architecture": card.architecture.model_copy(update={"r_max_angstrom": angstrom})}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: {"elements": ("H", "Si")}, "model 'tiny' was never trained on C"),
        (reaching(4.5), "model 'tiny' reaches 4.5 Å, and the full model 'tiny' 4 Å"),
        (lambda _: {"distilled_from": "0" * 64}, "was distilled from another model (SHA-256 000000000000...)"),
        (lambda _: {"files": ()}, "no engine can run this model here"),
    ],
)
def test_an_inner_model_that_does_not_do_is_refused(
    checked: Check, change: Callable[[ModelCard], dict[str, object]], said: str
) -> None:
    with pytest.raises(MolgunError) as caught:
        checked(change)
    assert said in str(caught.value)


def test_a_changed_inner_model_is_refused(checked: Check, tmp_path: Path) -> None:
    (tmp_path / "inner" / "model.pt").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"inner/model\.pt was changed after it was exported"):
        checked()


def test_what_should_be_minded_is_said(checked: Check, tmp_path: Path) -> None:
    def about(plan: planning.Plan) -> list[str]:
        return [note for note in plan.notes if note.startswith("engine.multistep")]

    (unknown,) = about(checked())
    assert "nothing says that the inner model 'tiny' was distilled" in unknown
    known = {"distilled_from": full_hash(tmp_path)}
    assert about(checked(lambda _: known)) == []
    (long,) = about(checked(lambda _: known, "dynamics.timestep_fs=0.5"))
    assert "2 fs lie between two evaluations of the model, and hydrogen moves" in long
    tried = {**known, "longest_outer_step_fs": 1.9}
    assert about(checked(lambda _: tried)) == []
    assert about(checked(lambda _: tried, "dynamics.timestep_fs=0.475")) == []
    (resonant,) = about(checked(lambda _: tried, "dynamics.timestep_fs=0.5"))
    assert "2 fs lie between two evaluations of the model, and the molecule alone kept its energy up to 1.9" in resonant
    (same,) = about(checked(lambda _: {}, "engine.multistep.inner=model"))
    assert "the inner model is 'tiny' itself" in same


def test_the_folder_holds_the_inner_model_and_stands_alone(checked: Check, tmp_path: Path) -> None:
    plan = checked()
    store = planning.write(plan, tmp_path / "campaign")
    assert sorted(file.name for file in (store.root / "inner_model").iterdir()) == ["card.json", "model.pt"]
    assert (store.root / "inner_model" / "model.pt").read_bytes() == b"inner"
    assert (store.root / "model" / "model.pt").read_bytes() == b"full"
    assert store.manifest.engine.multistep is not None
    assert str(store.manifest.engine) == "torchscript float64 every 4 steps, tiny by torchscript between"
    asked = store.config().engine.multistep
    assert asked is not None
    assert store.config_with(()).path(asked.inner) == store.inner_model
    assert "inner_model/model.pt between" in (store.root / "engine.in").read_text()
    assert "inner_model/model.pt" in json.loads((store.root / "manifest.json").read_text())["files"]
    (store.root / "inner_model" / "model.pt").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"inner_model/model\.pt was changed after the campaign was planned"):
        verify_shared(campaign_work(store))


def test_no_other_lammps_is_sent_it(checked: Check, tmp_path: Path) -> None:
    plan = checked()
    target = load_target("pip")
    with pytest.raises(ConfigError, match="use `molgun run`"):
        planning.require_target(plan, target)
    assert any("use `molgun run`" in detail for detail in plan.details)
    store = planning.write(plan, tmp_path / "campaign")
    with pytest.raises(ConfigError, match="use `molgun run`"):
        write_cluster(store, tmp_path / "jobs", target=target, target_name="pip", site=ClusterSite())
    assert not (tmp_path / "jobs").exists()
