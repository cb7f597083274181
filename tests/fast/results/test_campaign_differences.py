"""Campaigns of two systems are not compared by mistake, and what differs between two of one is said."""

import dataclasses
import json
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli import main
from molgun_lmp.errors import InputFileError
from molgun_lmp.results.campaign_differences import CampaignFacts, differences, require_one_system

STORED: Final = Path(__file__).parents[2] / "engine" / "data" / "campaign-0.1.tar.xz"
ARGON: Final = CampaignFacts(
    molecule="Ar", slab="Ni48", area=64.0, conditions={"model": "a", "engine": "stock float64"}
)


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    with tarfile.open(STORED) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "co-cu111"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"molecule": "Cl2"}, "a and b have different molecules, Ar and Cl2: .*--different-systems"),
        ({"slab": "Cu48"}, "different surfaces, Ni48, 64 Å² and Cu48, 64 Å²:"),
        ({"slab": "Ni64"}, "different surfaces"),
        ({"area": 72.0}, "different surfaces, Ni48, 64 Å² and Ni48, 72 Å²"),
        ({"molecule": "H2", "slab": "Cu48"}, "molecules, Ar and H2; and different surfaces"),
        ({"area": 65.5}, ""),
        ({"molecule": ""}, ""),
        ({"conditions": {"model": "b"}}, ""),
    ],
)
def test_another_system_is_refused_and_another_condition_is_not(changes: dict[str, object], says: str) -> None:
    named = [("a", ARGON), ("b", dataclasses.replace(ARGON, **changes))]  # type: ignore[arg-type]
    if says:
        with pytest.raises(InputFileError, match=says):
            require_one_system(named)
    else:
        require_one_system(named)


def test_what_differs_is_listed_and_nothing_else() -> None:
    other = dataclasses.replace(ARGON, conditions={"model": "b", "engine": "stock float64", "gun.kick.energy_ev": "1"})
    assert differences([("a", ARGON), ("b", other)]) == {
        "model": {"a": "a", "b": "b"},
        "gun.kick.energy_ev": {"a": "none", "b": "1"},
    }
    assert differences([("a", ARGON), ("b", ARGON)]) == {}


def test_a_stored_campaign_says_its_system_and_its_conditions(
    campaign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = CampaignFacts.of(Store.open(campaign))
    assert (facts.molecule, facts.slab) == ("CO", "Cu64")
    assert facts.area == pytest.approx(10.2106 * 8.84266, rel=1e-4)
    assert facts.conditions["gun.kick.energy_ev"] == "0.5"
    assert facts.conditions["temperature of the pools / K"] == "100"
    other = Path(shutil.copytree(campaign, campaign.with_name("other")))
    text = (other / "campaign.yaml").read_text()
    (other / "campaign.yaml").write_text(text.replace("energy_ev: 0.5", "energy_ev: 0.7").replace("500\n", "250\n"))

    def compare(*options: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["molgun", "compare", str(campaign), str(other), *options])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, written.err

    code, out, _ = compare("--json")
    assert code == 0
    assert json.loads(out)["differs"] == {"gun.kick.energy_ev": {str(campaign): "0.5", str(other): "0.7"}}
    slab = (other / "slab.extxyz").read_text()
    (other / "slab.extxyz").write_text(slab.replace("Cu ", "Ni "))
    code, out, errors = compare()
    assert (code, out) == (InputFileError.exit_code, "")
    assert "different surfaces" in " ".join(errors.split())
    monkeypatch.setenv("COLUMNS", "300")
    code, out, errors = compare("--different-systems")
    assert code == 0, errors
    assert f"Differs, surface: {campaign}: Cu64, 90.29 Å²; {other}: Ni64, 90.29 Å²" in out
    assert "core hours a step" in out
    assert "paper: " not in out, "its costs are those of another system"
