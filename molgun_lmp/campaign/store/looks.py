"""A campaign's stop rule is made before its first shot, and its looks are taken in their order."""

import dataclasses
from collections.abc import Callable, Sequence

from molgun_lmp.analysis.statistics.sequential import look_at, plan_rule
from molgun_lmp.analysis.statistics.stopping import Look, PrecisionTarget, Stopping
from molgun_lmp.atomic_files import create_file, json_bytes, write_json
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.stop_rule import UNTIL_NAME, read_stopping
from molgun_lmp.errors import CampaignError
from molgun_lmp.records import Outcome


def begin_rule(store: Store, targets: Sequence[PrecisionTarget]) -> Stopping:
    """The campaign's rule with its looks so far; made now where there is none. One that is there keeps its level.

    Raises `CampaignError` for a campaign without trajectories, or one that has another rule.
    """
    if not store.manifest.trajectories:
        raise CampaignError(f"campaign {store.manifest.name} has no trajectories: there is nothing to fire until then.")
    if store.config().gun.grid is not None:
        raise CampaignError(
            f"campaign {store.manifest.name} fires a grid of energies and angles (gun.grid): a stop rule watches one "
            "fraction over all shots, and that of a grid is a mean over its points. Fire all shots (`molgun run` "
            "without --until), or plan a campaign of one point."
        )
    if store.config().dose is not None:
        raise CampaignError(
            f"campaign {store.manifest.name} doses a surface (dose): a stop rule watches one fraction over shots "
            "that do not depend on each other, and those of a chain do. Fire all chains (`molgun run` without "
            "--until); more of them are a campaign with another seed."
        )
    wanted = Stopping(rule=plan_rule(targets, store.manifest.trajectories))
    create_file(store.root / UNTIL_NAME, json_bytes(wanted.to_json()))
    stopping = read_stopping(store)
    if stopping is None or not wanted.rule.asks_the_same(stopping.rule):
        there = "another one" if stopping is None else stopping.rule.named()
        raise CampaignError(
            f"{store.root / UNTIL_NAME} has a stop rule already ({there}), made before its shots were looked at: "
            "changed now, it would promise what it cannot keep. Give the same --until again, or plan a new campaign."
        )
    return _without_freed(store, stopping, complete_shots(store))


def take_looks(
    store: Store, outcomes: Callable[[], Sequence[Outcome]], on_look: Callable[[Stopping], None] = lambda _: None
) -> Stopping | None:
    """Look, in their order, at all planned looks whose shots have all ended, until one reaches the targets.

    However late they are taken, they are those that firing from look to look would have taken, and they see the same
    shots: so many may have ended meanwhile, wherever they were fired. `outcomes` decides all that have ended, in order;
    `on_look` is called after each look. None where the campaign has no rule. Raises `CampaignError` for a damaged rule.
    """
    stopping = read_stopping(store)
    if stopping is None:
        return None
    complete = complete_shots(store)
    stopping = _without_freed(store, stopping, complete)
    found: Sequence[Outcome] | None = None
    while not stopping.over and stopping.next_look <= complete:
        shots, found = stopping.next_look, outcomes() if found is None else found
        stopping = _record(store, look_at(stopping.rule, [o for o in found if int(o.trajectory_id) < shots]), shots)
        on_look(stopping)
    return stopping


def complete_shots(store: Store) -> int:
    """How many of the first shots have ended before one that has not."""
    return next(
        (index for index, folder in enumerate(store.trajectories()) if not folder.result_file.exists()),
        store.manifest.trajectories,
    )


def _without_freed(store: Store, stopping: Stopping, complete: int) -> Stopping:
    """Without the looks at shots that `molgun retry` has freed since: they are taken again once those have ended."""
    looks = tuple(look for look in stopping.looks if look.shots <= complete)
    if looks == stopping.looks:
        return stopping
    kept = dataclasses.replace(stopping, looks=looks)
    write_json(kept.to_json(), store.root / UNTIL_NAME)
    return kept


def _record(store: Store, look: Look, shots: int) -> Stopping:
    """Keep a look, unless another process was faster: it saw the same shots."""
    if look.shots != shots:
        raise CampaignError(
            f"{shots - look.shots} of the first {shots} trajectories were freed while they were looked at. Give the "
            "same command again."
        )
    now = read_stopping(store)
    if now is None:
        raise CampaignError(f"{store.root / UNTIL_NAME} was removed while its campaign was fired.")
    if any(before.shots >= shots for before in now.looks):
        return now
    after = dataclasses.replace(now, looks=(*now.looks, look))
    write_json(after.to_json(), store.root / UNTIL_NAME)
    return after
