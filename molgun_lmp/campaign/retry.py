"""`molgun retry`: failed trajectories are fired again by the next `molgun run`."""

from collections.abc import Collection

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.claims import bury
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.records import Cause

ACCIDENTS = frozenset({Cause.WORKER_DIED, Cause.HUNG, Cause.OUT_OF_MEMORY, Cause.DISK})
"""Causes that lie in the machine. The others are what a trajectory came to, and would come to again."""


def free_failed(store: Store, only: Collection[str], causes: Collection[Cause]) -> dict[str, Cause]:
    """Free the failed trajectories whose cause is among `causes`; their ids and causes.

    With a dose of a chain go those that came to nothing after it. The results are set aside, not deleted. Raises
    `CampaignError` for one that was not planned.
    """
    freed: dict[str, Cause] = {}
    dose = store.config().dose
    for folder in store.select(list(only)):
        result = folder.result()
        if result is None or result.cause is None or result.cause not in causes:
            continue
        chain = () if dose is None else dose.chain(int(folder.id))
        later = [store.trajectory(trajectory_id(index)) for index in chain if index > int(folder.id)]
        for one in (*reversed(later), folder):  # the last one first: none is ever free while its chain has ended
            ended = one.result()
            if ended is not None and ended.cause is not None:
                bury(one)
                if one.withdraw(ended):
                    freed[one.id] = ended.cause
    return dict(sorted(freed.items()))


def causes_named(names: Collection[str]) -> frozenset[Cause]:
    """The causes of these names, or those that lie in the machine. Raises `CampaignError` for one that is none."""
    unknown = sorted(set(names) - {cause.value for cause in Cause})
    if unknown:
        raise CampaignError(
            f"{unknown[0]!r} is no cause of a failure; there are {', '.join(cause.value for cause in Cause)}."
        )
    return frozenset(Cause(name) for name in names) or ACCIDENTS
