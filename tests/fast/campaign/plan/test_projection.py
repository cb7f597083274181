"""The cost of a campaign is said before it is made."""

from pathlib import Path

import pytest
from campaign_cases import write_campaign_file

from molgun_lmp.campaign.plan import projection
from molgun_lmp.campaign.plan.projection import Calibration, campaign_cost, duration, project, require_meant
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


MEASURED = Calibration(
    workers=2, step_s=0.010, core_s=0.008, start_s=4.0, planned_bytes=20_000, frame_bytes=10_000, line_bytes=100
)


def test_a_campaign_costs_what_its_steps_do() -> None:
    dynamics = Dynamics(steps=5000, dump_every_steps=20, thermo_every_steps=20)
    cost = campaign_cost(MEASURED, dynamics, trajectories=8, threads=1, together=1)
    assert cost.core_hours == pytest.approx((8 * 5000 * 0.008 + 2 * 4.0) / 3600)
    assert cost.wall_s == pytest.approx(4.0 + 4 * 5000 * 0.008)
    assert cost.busy == pytest.approx(1.25)
    assert cost.disk_bytes > 8 * 251 * 10_000
    assert "(3.42 min while it is as busy as now)" in cost.sentence()


def test_the_last_round_of_workers_is_a_whole_one_and_threads_are_cores() -> None:
    dynamics = Dynamics(steps=1000)
    nine = campaign_cost(MEASURED, dynamics, trajectories=9, threads=1, together=1)
    ten = campaign_cost(MEASURED, dynamics, trajectories=10, threads=1, together=1)
    assert nine.wall_s == ten.wall_s
    assert nine.core_hours < ten.core_hours
    joint = campaign_cost(MEASURED, dynamics, trajectories=8, threads=1, together=4)
    assert joint.wall_s == pytest.approx(4.0 + 4 * 1000 * 0.008), "four at once take four times as long"
    wide = campaign_cost(MEASURED, dynamics, trajectories=9, threads=4, together=1)
    assert wide.core_hours == pytest.approx(4 * (9 * 1000 * 0.010 + 8.0) / 3600)
    assert wide.busy == 1.0


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.2, "4 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h"), (432_000, "5 days")]
)
def test_a_duration_is_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said
