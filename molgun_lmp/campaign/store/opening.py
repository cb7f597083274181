"""A folder as work for workers, whichever kind it is."""

from collections.abc import Sequence
from pathlib import Path

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.equilibration_folder import EQUILIBRATION_NAME, Equilibrations
from molgun_lmp.campaign.store.run_set import Work


def campaign_work(store: Store, only: Sequence[str] = ()) -> Work:
    """The trajectories of a campaign, or the named ones. Raises `CampaignError` for one that was not planned."""
    config = store.config()
    return Work(
        root=store.root,
        engine=store.manifest.engine,
        dynamics=config.dynamics,
        n_atoms=store.manifest.n_atoms,
        n_mobile=store.manifest.n_mobile,
        steps=config.dynamics.steps,
        folders=tuple(store.select(only)),
        only=tuple(only),
        files=store.manifest.files,
        shards=store.manifest.shards,
        again=f"molgun run {store.root}",
        config=store.manifest.config,
    )


def open_work(root: Path, only: Sequence[str] = ()) -> Work:
    """The work in a folder. Raises `CampaignError` where there is none."""
    if (root / EQUILIBRATION_NAME).is_file():
        return Equilibrations.open(root).work(only)
    return campaign_work(Store.open(root), only)
