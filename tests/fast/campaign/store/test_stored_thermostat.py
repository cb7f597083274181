"""A campaign that was planned before thermostats had a key `molecule` keeps its meaning: they held all mobile atoms."""

from pathlib import Path

import pytest
import yaml
from cluster_cases import write_store

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.config import Thermostat
from molgun_lmp.gun.pools import Pool


@pytest.mark.parametrize("stored", [None, {"kind": "langevin", "temperature_k": 100.0, "damping_ps": 0.1}])
def test_what_a_stored_campaign_does_not_say_is_what_it_was(
    stored: dict[str, object] | None, tmp_path: Path, slab_pool: Pool, molecule_pool: Pool
) -> None:
    store = write_store(tmp_path, slab_pool, molecule_pool, ensemble="nvt")
    assert store.config().dynamics.thermostat == Thermostat(), "planned now, it says so"
    file = store.root / "campaign.yaml"
    document = yaml.safe_load(file.read_text())
    document["dynamics"]["thermostat"] = stored
    file.write_text(yaml.safe_dump(document))
    before = Store.open(store.root)
    assert before.config().dynamics.thermostat == Thermostat.model_validate({**(stored or {}), "molecule": True})
    changed = before.config_with(["dynamics.timestep_fs=0.25", "dynamics.thermostat.molecule=false"]).config
    assert changed.dynamics.timestep_fs == 0.25
    assert changed.dynamics.thermostat is not None
    assert not changed.dynamics.thermostat.molecule


def test_a_campaign_without_a_thermostat_gets_none(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> None:
    assert write_store(tmp_path, slab_pool, molecule_pool).config().dynamics.thermostat is None
