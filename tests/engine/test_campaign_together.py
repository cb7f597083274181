"""A campaign whose worker fires three trajectories at once: each ends as it does alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_cases import dumps, write_campaign_file, write_model
from campaign_commands import molgun, results
from engine_cases import TinyModel

from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

STEPS = 40


@pytest.fixture
def campaign_file(tmp_path: Path, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool) -> Path:
    write_model(tmp_path / "model", tiny_mace.deployed["float64"])
    sections: dict[str, Any] = {
        "dynamics": {"steps": STEPS, "dump_every_steps": 10, "thermo_every_steps": 5},
        "engine": {"kind": "torchscript"},
        "stop": {"max_temperature_k": None},
    }
    return write_campaign_file(tmp_path, slab_pool, molecule_pool, sections)


def fired(file: Path, together: int) -> Path:
    name = f"by-{together}"
    plan = molgun("plan", file, "--set", f"engine.together={together}", "--set", f"name={name}", "--json")
    assert plan.returncode == 0, plan.stderr
    done = molgun("run", file.parent / name, "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"] == 4
    return file.parent / name


def numbers(dump: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    rows = [line.split() for line in dump.decode().splitlines() if not line.startswith("ITEM")]
    return np.array([float(word) for row in rows for word in row if word.replace(".", "").lstrip("-").isdigit()])


def test_together_as_one_by_one(campaign_file: Path) -> None:
    alone, together = fired(campaign_file, 1), fired(campaign_file, 3)
    reference, found = dumps(alone), dumps(together)
    assert found.keys() == reference.keys()
    assert len(found) == 4
    for name, dump in found.items():
        assert np.abs(numbers(dump) - numbers(reference[name])).max() < 1e-5
    assert {result["engine"] for result in results(together).values()} == {"torchscript float64"}
    log = next((together / "logs").glob("*.log")).read_text()
    lines = [line for line in log.splitlines() if "trajectory " in line]
    assert ["begins" in line for line in lines[:3]] == [True] * 3, "three are under way before the first has ended"
    for folder in together.glob("trajectories/*/*/"):
        assert not list(folder.glob("claim-*")), "no claim outlives its trajectory"


def test_the_pair_style_takes_one_at_a_time(campaign_file: Path) -> None:
    plan = molgun("plan", campaign_file, "--set", "engine.together=2", "--set", "engine.kind=mace")
    assert plan.returncode == 11
    assert "set engine.kind to torchscript" in " ".join(plan.stderr.split())
