"""A folder as work for workers, whichever kind it is."""

from collections.abc import Sequence
from pathlib import Path

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.equilibration_folder import EQUILIBRATION_NAME, Equilibrations
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.errors import CampaignError


def campaign_work(store: Store, only: Sequence[str] = ()) -> Work:
    """The trajectories of a campaign, or the named ones. Raises `CampaignError` for one that was not planned."""
    config = store.config()
    work = Work(
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
        dose=config.dose,
    )
    _require_predecessors(work)
    return work


def _require_predecessors(work: Work) -> None:
    """Raise `CampaignError` where a chosen trajectory waits for one that nobody fires."""
    chosen = {folder.id for folder in work.folders} if work.only else set()
    for folder in work.folders if work.only else ():
        before = work.predecessor(folder)
        if before is not None and before.id not in chosen and not before.result_file.exists():
            raise CampaignError(
                f"trajectory {folder.id} starts from the end of {before.id}, the dose of its chain before it, and that "
                f"has not ended: fire it as well (--only {before.id})."
            )


def chains_named(store: Store, chains: Sequence[int]) -> list[str]:
    """The trajectories of these chains of doses. Raises `CampaignError` for a campaign that has no such chain."""
    dose = store.config().dose
    for chain in chains:
        if dose is None or chain >= dose.chains:
            there = "no chains (dose)" if dose is None else f"chains 0 to {dose.chains - 1}"
            raise CampaignError(f"campaign {store.manifest.name} has no chain {chain}: it has {there}.")
    return [] if dose is None else [str(index) for chain in chains for index in dose.chain(chain * dose.molecules)]


def open_work(root: Path, only: Sequence[str] = ()) -> Work:
    """The work in a folder. Raises `CampaignError` where there is none."""
    if (root / EQUILIBRATION_NAME).is_file():
        return Equilibrations.open(root).work(only)
    return campaign_work(Store.open(root), only)
