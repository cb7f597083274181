"""Real campaigns under a stock pair potential: fired until enough is known, and what is made of their ends."""

import json
from pathlib import Path

import pytest
from campaign_cases import write_campaign_file
from campaign_commands import molgun, results

from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

STOCK = {"kind": "stock", "commands": ["pair_style lj/cut 3.5", "pair_coeff * * 0.002 2.0"], "cutoff_angstrom": 3.5}
TARGET = "stuck:0.4"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    """Thirty-five shots, planned."""
    folder = tmp_path_factory.mktemp("statistics")
    sections = {
        "trajectories": 35,
        "dynamics": {"steps": 4, "dump_every_steps": 2, "thermo_every_steps": 2},
        "engine": STOCK,
        "stop": {"max_temperature_k": None},
    }
    file = write_campaign_file(folder, slab_pool, molecule_pool, sections)
    asked = molgun("plan", file, "--for", TARGET, "--for", "OT-CY:0.02", "--assume", "0.3")
    assert asked.returncode == 0, asked.stderr
    assert "stuck to ±40 % takes" in asked.stdout
    assert "OT-CY to ±2 % cannot be known" in asked.stdout
    assert not (folder / "small").exists(), "a question writes nothing"
    done = molgun("plan", file)
    assert done.returncode == 0, done.stderr
    return folder / "small"


def test_until_stops_at_a_look_and_the_analysis_counts_its_prefix(campaign: Path) -> None:
    refused = molgun("run", campaign, "--until", TARGET, "--only", "3")
    assert refused.returncode == ConfigError.exit_code
    assert not (campaign / "until.json").exists()
    done = molgun("run", campaign, "--until", TARGET, "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads((campaign / "until.json").read_text())
    assert record["rule"]["looks"] == [20, 30, 35]
    stopped_at = record["looks"][-1]["shots"]
    assert stopped_at == 20
    assert sorted(results(campaign)) == [f"{index:06d}" for index in range(stopped_at)], "and no shot beyond it"
    assert "Stopped by rule at look 1 of 3, after 20 of 35 shots" in done.stderr

    again = molgun("run", campaign, "--until", TARGET)
    assert again.returncode == 0
    assert len(results(campaign)) == stopped_at, "what is known already is not fired for"
    other = molgun("run", campaign, "--until", "OT-CY:0.1")
    assert other.returncode == CampaignError.exit_code
    assert "has a stop rule already (stuck:0.4)" in other.stderr

    # A shot beyond the prefix that somebody fired does not get into the table, all of them do.
    assert molgun("run", campaign, "--only", "27").returncode == 0
    analysed = json.loads(molgun("analyse", campaign, "--json").stdout)
    assert analysed["summary"]["shots"] == stopped_at
    assert analysed["summary"]["stopping"] == record
    said = molgun("analyse", campaign).stdout
    assert "Stopped by rule at look 1 of 3" in said
    assert "planned trajectories have ended" not in said


def test_the_table_under_scaled_bond_limits(campaign: Path) -> None:
    assert molgun("run", campaign, "--only", "0", "--only", "1").returncode == 0
    done = molgun("sensitivity", campaign, "--scale", "0.9", "--scale", "1.1", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [one["scale"] for one in document["scales"]] == [0.9, 1.0, 1.1]
    assert document["scales"][0]["limits_angstrom"]["C-Si"] == pytest.approx(0.9 * 2.47)
    analysed = json.loads(molgun("analyse", campaign, "--json").stdout)["summary"]
    assert document["scales"][1]["summary"]["modes"] == analysed["modes"]
    assert all(Path(file).is_file() for file in document["files"])
    refused = molgun("sensitivity", campaign, "--scale", "0.5")
    assert refused.returncode == ConfigError.exit_code
