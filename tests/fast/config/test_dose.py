"""Section `dose`: how many shots it asks for, and what cannot be dosed."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from dosing_cases import dosing_file
from pydantic import ValidationError

from molgun_lmp.config import Campaign, Dose, load_campaign
from molgun_lmp.errors import ConfigError

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
DOSE = {"chains": 4, "molecules": 5}


def test_it_says_how_many_trajectories_there_are(tmp_path: Path) -> None:
    file = dosing_file(tmp_path, chains=4, molecules=5)
    assert "trajectories" not in file.read_text()
    assert load_campaign(file).config.trajectories == 20
    assert load_campaign(file, ["dose.chains=7"]).config.trajectories == 35
    assert load_campaign(file, ["trajectories=20"]).config.dose == Dose(chains=4, molecules=5, between_ps=0.8)
    with pytest.raises(ConfigError, match="4 chains of 5 molecules, which are 20: leave trajectories out"):
        load_campaign(file, ["trajectories=19"])


@pytest.mark.parametrize(("key", "value"), [("dose.molecules", "0"), ("dose.chains", "-2"), ("dose.chains", "few")])
def test_a_wrong_dose_alone_is_complained_of(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"1 problem\(s\)\n  {key}: "):
        load_campaign(dosing_file(tmp_path, chains=4, molecules=5), [f"{key}={value}"])


def test_places_in_chains() -> None:
    dose = Dose(chains=4, molecules=5)
    assert [dose.place(index) for index in (0, 4, 5, 19)] == [(0, 0), (0, 4), (1, 0), (3, 4)]
    assert [*dose.chain(7)] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("gun", "why"),
    [
        ({"grid": {"energies_ev": [0.1, 0.2]}, "kick": {"kind": "fixed_energy"}}, "plan a campaign for each energy"),
        ({"sampling": "sobol"}, "would not be independent"),
    ],
)
def test_shots_that_would_not_be_independent_are_refused(
    campaign_of: CampaignOf, gun: dict[str, Any], why: str
) -> None:
    assert campaign_of({"dose": DOSE}).dose is not None
    with pytest.raises(ValidationError, match=re.escape(why)):
        campaign_of({"dose": DOSE, "gun": gun})
