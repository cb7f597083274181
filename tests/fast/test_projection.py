"""The cost of a campaign is said before it is made."""

from pathlib import Path

import pytest
from campaign_cases import write_campaign_file

from molgun_lmp.campaign import projection
from molgun_lmp.campaign.projection import project, require_meant
from molgun_lmp.config import Dynamics, load_campaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool


def test_a_million_is_refused_with_its_cost(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_campaign(write_campaign_file(tmp_path, slab_pool, molecule_pool, {"trajectories": 1_000_000}))
    with pytest.raises(CampaignError, match=r"1,000,000 trajectories: about 83 minutes to plan, .* say --huge"):
        require_meant(loaded, tmp_path / "small", huge=False)
    monkeypatch.setattr(projection, "_DATA_BYTES_PER_ATOM", 10**9)  # no disk of today holds that
    with pytest.raises(CampaignError, match="make room"):
        require_meant(loaded, tmp_path / "small", huge=True)


def test_an_ordinary_one_needs_no_word_and_reads_nothing(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> None:
    file = write_campaign_file(tmp_path, slab_pool, molecule_pool, {"trajectories": 100_000})
    for pool in (slab_pool, molecule_pool):
        (tmp_path / pool.source.name).unlink()
    require_meant(load_campaign(file), tmp_path / "small", huge=False)


def test_cost_grows_with_trajectories_steps_and_atoms() -> None:
    short, long = Dynamics(steps=200), Dynamics(steps=20_000)
    one = project(10, 150, short)
    assert project(20, 150, short).planned_bytes == 2 * one.planned_bytes
    assert project(10, 150, long).fired_bytes > 20 * one.fired_bytes
    assert project(10, 300, short).planned_bytes > one.planned_bytes
