"""A small campaign of a campaign file's kind, planned and fired for its frames."""

from pathlib import Path
from typing import Any

from rich.console import Console

from molgun_lmp.campaign.launch.here import fire_here
from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.config import Campaign, LoadedCampaign
from molgun_lmp.config.loading import validated

_OF_ANY_MODEL = frozenset(["kind", "threads", "hung_after_s"])
"""Settings of the engine that another model keeps."""


def few_shots(
    loaded: LoadedCampaign,
    *,
    name: str,
    model: Path,
    shots: int,
    seed: int,
    longest_ps: float,
    frame_every_fs: float,
    temperature_k: float | None = None,
) -> LoadedCampaign:
    """The campaign file with another model and few, short trajectories whose frames lie `frame_every_fs` apart.

    With `temperature_k` slab and molecule are coupled to a thermostat. A grid of energies and angles has at least one
    shot for each point.
    """
    config = loaded.config
    timestep_fs = config.dynamics.timestep_fs
    every = max(1, round(frame_every_fs / timestep_fs))
    points = len(config.gun.points) if config.gun.grid is not None else 1
    document: dict[str, Any] = config.model_dump(mode="json")
    document |= {"name": name, "seed": seed, "trajectories": -(-shots // points) * points}
    document["model"]["folder"] = str(model.resolve())
    document["engine"] = {key: value for key, value in document["engine"].items() if key in _OF_ANY_MODEL}
    dynamics = document["dynamics"]
    dynamics["steps"] = min(config.dynamics.steps, max(1, round(1000.0 * longest_ps / timestep_fs)))
    dynamics["dump_every_steps"] = dynamics["thermo_every_steps"] = min(every, dynamics["steps"])
    if temperature_k is not None:
        thermostat = {"kind": "langevin", "temperature_k": temperature_k, "molecule": True}
        dynamics |= {"ensemble": "nvt", "thermostat": thermostat, "bath": None}
    where = f"{loaded.file}, for a few shots"
    return LoadedCampaign(config=validated(document, Campaign, where=where), file=loaded.file)


def fire_few(loaded: LoadedCampaign, folder: Path, *, workers: int, console: Console) -> Store:
    """Plan the campaign into `folder` unless it is there, and fire what has not ended.

    Raises what `check`, `write` and `fire_here` raise; the same call then goes on.
    """
    store = Store.open(folder) if folder.exists() else write(check(loaded), folder)
    work = campaign_work(store)
    if not work.ended:
        console.print(f"{len(work.folders)} shots of {work.steps:,} steps in {folder}", markup=False)
        fire_here(work, workers=workers, console=console)
    return store
