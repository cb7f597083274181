"""Faults 12, 17, 22, 23 and 24: ends of the dynamics, hostile names, changes in the middle, campaigns of nothing."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from campaign_cases import write_campaign_file
from campaign_commands import molgun, results
from fault_cases import STOCK, plan_stock

from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

COMMANDS = ("run", "status", "analyse", "report", "retry")
WILD = {**STOCK, "commands": ["pair_style soft 4.0", "pair_coeff * * 1e9"]}
HOT = {**STOCK, "commands": ["pair_style soft 4.0", "pair_coeff * * 30.0"]}


@pytest.mark.parametrize(
    ("sections", "end"),
    [
        ({"engine": WILD, "stop": {"departed": False, "max_temperature_k": None}}, ("failed", "lost-atoms")),
        ({"engine": HOT, "stop": {"departed": False, "max_temperature_k": 5000.0}}, ("finished", "too-hot")),
        ({"stop": {"departed": True, "max_temperature_k": None}}, ("finished", "fragment-left")),
        ({"dynamics": {"steps": 30}}, ("finished", "completed")),
    ],
)
def test_each_end_of_the_dynamics_is_an_outcome_of_its_own(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, sections: Mapping[str, Any], end: tuple[str, str]
) -> None:
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=2, steps=3000, **sections)
    done = molgun("run", campaign, "--workers", "1")
    assert done.returncode == 0, done.stderr
    found = {(one["state"], one["cause"] or one["stop"]) for one in results(campaign).values()}
    assert found == {end}


@pytest.mark.parametrize(("trajectories", "engine"), [(0, STOCK), (1, STOCK), (3, WILD)])
def test_every_command_ends_clearly_for_none_for_one_and_where_all_failed(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, trajectories: int, engine: Mapping[str, Any]
) -> None:
    stop = {"departed": False, "max_temperature_k": None}
    campaign = plan_stock(
        tmp_path, slab_pool, molecule_pool, trajectories=trajectories, steps=3000, engine=engine, stop=stop
    )
    for command in COMMANDS:
        done = molgun(command, campaign)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert said.strip()
        expected = 16 if command == "report" and not trajectories else 0
        assert done.returncode == expected, (command, said)
    status = json.loads(molgun("status", campaign, "--json").stdout)
    failed = trajectories if engine is WILD else 0
    assert (status["planned"], status["failed"], status["pending"]) == (trajectories, failed, 0)


@pytest.mark.parametrize("damage", ["empty", "gone", "cut in a frame", "cut between frames"])
def test_a_dump_that_is_empty_gone_or_cut_is_said(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, damage: str
) -> None:
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=2)
    assert molgun("run", campaign, "--workers", "1").returncode == 0
    (dump,) = campaign.glob("trajectories/*/000001/run-1/traj.dump")
    content = dump.read_bytes()
    end = {"cut in a frame": -9, "cut between frames": content.rindex(b"ITEM: TIMESTEP")}
    dump.write_bytes(content[: end.get(damage, 0)])
    if damage == "gone":
        dump.unlink()
    for command in COMMANDS:
        done = molgun(command, campaign)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        expected = 12 if command in {"analyse", "report"} and damage not in end else 0
        assert done.returncode == expected, (command, said)
        assert expected == 0 or "000001" in said, said
        assert command != "analyse" or damage not in end or "1 dump is cut: its outcome is decided by" in said, said
    if damage in end:
        outcomes = json.loads((campaign / "analysis" / "outcomes.json").read_text())["outcomes"]
        assert [one["truncated"] for one in outcomes] == [False, True]


@pytest.mark.parametrize(
    "name", ["a; touch pwned", "$(touch pwned) `touch pwned` ${HOME}", "a\ntouch pwned\n", "a 'b' \"c\" & d *?%"]
)
def test_no_name_of_a_folder_is_ever_executed(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    campaign = plan_stock(tmp_path / name, slab_pool, molecule_pool, trajectories=1)
    for command in ("run", "report"):
        done = molgun(command, campaign)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "a; touch pwned"),
        ("name", "$(touch pwned)"),
        ("name", "../elsewhere"),
        ("engine", {**STOCK, "commands": ["shell touch pwned"]}),
        ("engine", {**STOCK, "commands": ["pair_style lj/cut 4.0\nshell touch pwned"]}),
    ],
)
def test_a_hostile_value_of_the_campaign_file_is_refused(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, *, key: str, value: Any
) -> None:
    file = write_campaign_file(tmp_path, slab_pool, molecule_pool, {"engine": STOCK, key: value})
    done = molgun("plan", file)
    assert done.returncode == 11, done.stderr
    assert "Traceback" not in done.stderr
    assert not (Path.cwd() / "pwned").exists()
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "name", ["campaign.yaml", "engine.in", "model/card.json", "trajectories/0000/000003/in.lammps"]
)
def test_a_change_in_the_middle_of_a_campaign_is_refused_with_the_file(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, name: str
) -> None:
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=4)
    assert molgun("run", campaign, "--only", "0", "--only", "1").returncode == 0
    before = shutil.copyfile(campaign / name, tmp_path / "before")
    (campaign / name).write_text((campaign / name).read_text().replace("4.0", "4.5").replace("60", "80"))
    done = molgun("run", campaign)
    assert done.returncode in {13, 16}, done.stderr
    assert name.rpartition("/")[2] in done.stderr
    assert "after the campaign was planned" in done.stderr
    if name == "campaign.yaml":
        assert "Changed: `dynamics.steps` is 80, planned 60" in " ".join(done.stderr.split())
    assert sorted(results(campaign)) == ["000000", "000001"]
    shutil.copyfile(before, campaign / name)
    assert molgun("run", campaign).returncode == 0
    assert len(results(campaign)) == 4
