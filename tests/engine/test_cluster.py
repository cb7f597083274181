"""A campaign through a cluster folder: real scripts, a kill, a stop by the clock, going on, and collecting."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from campaign_cases import dumps, write_campaign_file, write_model

from molgun_lmp.campaign.cluster import Site, write_cluster
from molgun_lmp.campaign.collecting import collect
from molgun_lmp.campaign.manifest import EngineChoice
from molgun_lmp.campaign.planning import Plan, write
from molgun_lmp.campaign.store import Store
from molgun_lmp.config import load_campaign
from molgun_lmp.engine.targets import load_target
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.gun.setup import prepare
from molgun_lmp.training.card import load_card

pytestmark = pytest.mark.engine

# LAMMPS, frozen after its first checkpoint while there is a file `hold`.
SLOW = """#!/bin/bash
"$LMP" "$@" &
child=$!
while [ -e hold ] && kill -0 $child 2>/dev/null; do
  if ls trajectories/*/part-*/restart.b >/dev/null 2>&1; then kill -STOP $child; fi
  sleep 0.01
done
kill -CONT $child 2>/dev/null
wait $child
"""


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> Store:
    write_model(tmp_path / "model")
    sections = {
        "dynamics": {"steps": 400, "dump_every_steps": 40, "checkpoint_every_steps": 50},
        "stop": {"max_temperature_k": None},
        "trajectories": 3,
    }
    loaded = load_campaign(write_campaign_file(tmp_path, slab_pool, molecule_pool, sections))
    card = load_card(tmp_path / "model")
    setup = prepare(loaded.config, slab_pool, molecule_pool, card.architecture.r_max_angstrom)
    engine = EngineChoice(kind="mace", dtype="float64", threads=1, model_file="model.pt", elements=setup.elements)
    plan = Plan(
        loaded=loaded,
        setup=setup,
        slab_pool=slab_pool,
        molecule_pool=molecule_pool,
        model_folder=tmp_path / "model",
        card=card,
        engine=engine,
    )
    return write(plan, tmp_path / "campaign")


def cluster(store: Store, folder: Path) -> Path:
    slow = folder.parent / "it's slow.sh"
    slow.write_text(SLOW)
    own = folder.parent / "own.yaml"
    # So many neighbours that a step takes long enough for the job to be frozen before its end.
    include = "pair_style lj/cut 25.0\npair_coeff * * 0.0001 0.9\n"
    own.write_text(yaml.safe_dump({"summary": "argon", "include": include, "launch": f'bash "{slow}"'}))
    site = Site(time="01:00:00", margin_s=0)
    write_cluster(store, folder, target=load_target(str(own)), target_name="own", site=site, chunk=2)
    return folder


def run(folder: Path, chunk: int, seconds: int = 3600) -> subprocess.Popen[bytes]:
    lmp = str(Path(sys.executable).with_name("lmp"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")} | {"LMP": lmp}
    command = ["bash", str(folder / "run.sh"), str(chunk), str(seconds)]
    return subprocess.Popen(command, env=environment, start_new_session=True)


def finish(folder: Path, chunk: int, seconds: int = 3600) -> None:
    assert run(folder, chunk, seconds).wait(timeout=300) == 0


def test_a_killed_job_goes_on_and_nothing_runs_twice(store: Store, tmp_path: Path) -> None:
    straight = cluster(store, tmp_path / "straight")
    for chunk in (0, 1):
        finish(straight, chunk)
    folder = cluster(store, tmp_path / "with a blank $HOME")
    (folder / "hold").touch()
    job = run(folder, 0)
    deadline = time.monotonic() + 300
    while not (folder / "trajectories/000000/part-1/restart.b").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    (folder / "hold").unlink()
    found = collect(store, folder)
    assert found.missing == ("000000", "000001", "000002")
    assert not found.taken

    finish(folder, 0, seconds=0)  # no time left: nothing is begun
    assert not (folder / "trajectories/000000/part-2").exists()
    finish(folder, 0)
    finish(folder, 0)  # all done: nothing is run
    assert sorted(path.name for path in folder.glob("trajectories/000000/claim-*")) == ["claim-1", "claim-2"]
    assert sorted(path.name for path in folder.glob("trajectories/000001/part-*")) == ["part-1"]

    found = collect(store, folder)
    assert (found.taken, found.missing, found.damaged) == (("000000", "000001"), ("000002",), {})
    result = store.trajectory("000000").result()
    assert result is not None
    assert result.resumed_at
    assert result.resumed_at[0] % 50 == 0
    assert result.engine == "own float64"

    finish(folder, 1)
    dump = folder / "trajectories/000002/part-1/traj.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-10])
    assert "not what was written on the cluster" in collect(store, folder).damaged["000002"]
    dump.write_bytes(whole)
    assert collect(store, folder).taken == ("000002",)
    assert collect(store, folder).before == ("000000", "000001", "000002")
    for name, frames in dumps(store.root).items():
        assert frames == (straight / "trajectories" / name / "part-1/traj.dump").read_bytes()
    script = subprocess.run(["bash", "-n", str(folder / "job.slurm")], check=False)
    assert script.returncode == 0


def test_a_changed_folder_or_one_of_another_campaign_is_refused(store: Store, tmp_path: Path) -> None:
    folder = cluster(store, tmp_path / "cluster")
    (folder / "engine.in").write_text("pair_style zero 4.0\n")
    with pytest.raises(CampaignError, match="was changed"):
        collect(store, folder)
    record = json.loads((folder / "cluster.json").read_text())
    (folder / "cluster.json").write_text(json.dumps(record | {"manifest": "0"}))
    with pytest.raises(CampaignError, match="another campaign"):
        collect(store, folder)
