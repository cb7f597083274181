"""What `molgun plan` says that a campaign costs; how near it comes on the demo is in docs/benchmarks.md."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from campaign_cases import write_campaign_file, write_model
from campaign_commands import molgun
from engine_cases import TinyModel

from molgun_lmp.campaign.launch.calibrate import calibrate
from molgun_lmp.campaign.plan.plan import Plan, check
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import ConfigError, EngineError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

STOCK: Mapping[str, Any] = {
    "kind": "stock",
    "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.002 1.5"],
    "cutoff_angstrom": 4.0,
}
WILD = {**STOCK, "commands": ["pair_style soft 4.0", "pair_coeff * * 1e9"]}
STOP = {"departed": False, "max_temperature_k": None}


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    aside = tmp_path / "temporary"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    yield
    assert not list(aside.iterdir())


def planned(folder: Path, slab: Pool, molecule: Pool, sections: Mapping[str, Any]) -> Plan:
    return check(load_campaign(write_campaign_file(folder, slab, molecule, {"stop": STOP, **sections})))


def test_trajectories_together_share_what_a_worker_does(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, tiny_mace: TinyModel
) -> None:
    write_model(tmp_path / "model", tiny_mace.deployed["float64"])
    dynamics = {"steps": 10**6, "dump_every_steps": 10**5, "thermo_every_steps": 10**5}
    engine = {"kind": "torchscript", "together": 2}
    plan = planned(tmp_path, slab_pool, molecule_pool, {"dynamics": dynamics, "engine": engine})
    found = calibrate(plan, workers=1, seconds=0.2)
    assert found.workers == 1
    assert found.core_s > 0.0
    assert found.step_s > 0.0
    assert found.start_s > 0.0
    assert found.frame_bytes > 154 * 20


def test_what_the_disk_takes_is_what_was_said(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> None:
    dynamics = {"steps": 3000, "dump_every_steps": 20, "thermo_every_steps": 20}
    file = write_campaign_file(
        tmp_path, slab_pool, molecule_pool, {"stop": STOP, "dynamics": dynamics, "engine": STOCK, "trajectories": 3}
    )
    plan = molgun("plan", file, "--calibration", "--json")
    assert plan.returncode == 0, plan.stderr
    cost = json.loads(plan.stdout)["cost"]
    assert (cost["trajectories"], cost["steps"]) == (3, 3000)
    assert cost["core_hours"] > 0.0
    assert cost["wall_s"] > 0.0
    assert molgun("run", tmp_path / "small", "--workers", "1").returncode == 0
    used = sum(file.stat().st_size for file in (tmp_path / "small" / "trajectories").rglob("*") if file.is_file())
    assert cost["disk_bytes"] == pytest.approx(used, rel=0.3)


def test_a_small_campaign_is_not_kept_waiting_and_a_failure_costs_the_answer_only(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path
) -> None:
    dynamics = {"steps": 500}
    plan = planned(tmp_path, slab_pool, molecule_pool, {"dynamics": dynamics, "engine": WILD})
    with pytest.raises(EngineError, match=r"a worker of the calibration failed: .*ost atoms"):
        calibrate(plan, workers=1, seconds=5.0)
    small = molgun("plan", tmp_path / "campaign.yaml", "--dry-run", "--json")
    assert json.loads(small.stdout)["cost"] is None
    assert "calibrating" not in small.stderr
    both = molgun("plan", tmp_path / "campaign.yaml", "--dry-run", "--calibration")
    assert both.returncode == ConfigError.exit_code, "a dry run computes no forces"
    asked = molgun("plan", tmp_path / "campaign.yaml", "--json", "--calibration")
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["cost"] is None
    assert "no cost can be said" in asked.stderr
