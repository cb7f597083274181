"""D3 beside a model: who may have it, and what becomes of engine.in."""

from pathlib import Path

import pytest
from campaign_cases import write_model

from molgun_lmp.config import Dispersion
from molgun_lmp.engine.dispersion import check_dispersion, dispersion_name, with_dispersion
from molgun_lmp.engine.targets import load_target, target_include
from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.models.card import ModelCard

D3 = Dispersion(kind="d3", functional="pbe")
SAID = Dispersion(kind="d3", functional="pbe", labels_hold_none=True)


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return write_model(tmp_path / "model")


@pytest.mark.parametrize(
    "level",
    ["PBE-D3(BJ), VASP", "PBE+D3", "PBE-D3BJ", "GFN1-xTB (tblite)", "optB86b-vdW", "wB97X-D", "r2SCAN-3c", "PBE-TS"],
)
def test_labels_that_hold_dispersion_are_refused(card: ModelCard, level: str) -> None:
    with pytest.raises(ModelError, match="count it twice"):
        check_dispersion(SAID, card.model_copy(update={"level_of_theory": level}))


@pytest.mark.parametrize("level", ["PBE, VASP", "PBE without dispersion", "r2SCAN, 3d cell", "not stated"])
def test_a_statement_is_asked_for_where_the_card_does_not_know(card: ModelCard, level: str) -> None:
    unknown = card.model_copy(update={"level_of_theory": level})
    with pytest.raises(ConfigError, match="labels_hold_none: true"):
        check_dispersion(D3, unknown)
    check_dispersion(SAID, unknown)
    check_dispersion(None, unknown)


def test_what_the_card_says_counts(card: ModelCard) -> None:
    check_dispersion(D3, card.model_copy(update={"labels_hold_dispersion": False}))
    with pytest.raises(ModelError, match="holds dispersion already"):
        check_dispersion(SAID, card.model_copy(update={"level_of_theory": "PBE", "labels_hold_dispersion": True}))


def test_the_include() -> None:
    text = target_include(load_target("ml-mace"), model_file="m.pt", elements=("H", "Si"))
    assert with_dispersion(text, None, ("H", "Si")) == text
    assert with_dispersion(text, D3, ("H", "Si")).splitlines()[:3] == [
        "pair_style hybrid/overlay mace no_domain_decomposition dispersion/d3 bj pbe 20 15",
        "pair_coeff * * mace ${root}/model/m.pt H Si",
        "pair_coeff * * dispersion/d3 H Si",
    ]
    zero = Dispersion(kind="d3", functional="pbe", damping="zero")
    assert "dispersion/d3 original pbe" in with_dispersion(text, zero, ("H", "Si"))
    assert dispersion_name(zero) == "D3(zero, pbe) by LAMMPS"


@pytest.mark.parametrize("text", ["pair_style hybrid a b", "pair_coeff * *", "pair_style a\npair_style b"])
def test_a_target_with_another_number_of_styles_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="laid over one pair style"):
        with_dispersion(text, D3, ("Si",))
