"""`molgun run --until`: fire up to the next planned look, look at the complete prefix, stop where it is known enough.

The rule and what each look found stand in the campaign folder as `until.json`, written before the first shot is fired:
a rule made after looking would promise what it cannot keep, so another one is refused.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import ValidationError

from molgun_lmp.analysis.stopping import Look, Stopping, Target, look_at, plan_rule
from molgun_lmp.campaign.durable import create_file, json_bytes, replace_file
from molgun_lmp.campaign.opening import campaign_work
from molgun_lmp.campaign.store import Store
from molgun_lmp.campaign.work import Work
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import trajectory_id
from molgun_lmp.records import Outcome

UNTIL_NAME: Final = "until.json"
_OTHERS_S: Final = 2.0
"""While other terminals hold the last trajectories before a look, they are waited for so often."""


def read_stopping(store: Store) -> Stopping | None:
    """The campaign's rule and looks; None where it has no rule. Raises `CampaignError` for a damaged record."""
    file = store.root / UNTIL_NAME
    try:
        return Stopping.from_json(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, ValueError, RecursionError) as error:
        raise CampaignError(
            f"{file} is damaged ({error}). Copy the campaign folder again; without the record of its looks no interval "
            "is honest."
        ) from error


def counted(stopping: Stopping | None, planned: int, ended: Sequence[str]) -> slice:
    """Which of the `ended` trajectories (ids in order) the table counts: the prefix at which a rule stopped the
    campaign, unless all were fired in the end. Others that had ended by then are not a fair sample."""
    if stopping is None or not stopping.reached or len(ended) == planned:
        return slice(None)
    shots = stopping.looks[-1].shots
    return slice(sum(int(identifier) < shots for identifier in ended))


def run_until(
    store: Store,
    targets: Sequence[Target],
    fire: Callable[[Work], object],
    outcomes: Callable[[], Sequence[Outcome]],
    on_look: Callable[[Stopping], None],
) -> Stopping:
    """Fire and look until all targets are reached or all shots are fired; what is recorded already is not repeated.

    `fire` runs the open trajectories of some work; `outcomes` decides all that have ended, in order; `on_look` is
    called after each look. Raises `CampaignError` where the campaign has another rule, and what `fire` raises.
    """
    stopping = _begin(store, targets)
    for shots in stopping.rule.looks[len(stopping.looks) :]:
        if stopping.reached:
            break
        _fire_prefix(store, targets, shots, fire)
        look = look_at(stopping.rule, [o for o in outcomes() if int(o.trajectory_id) < shots])
        stopping = _record(store, stopping, look, shots)
        on_look(stopping)
    return stopping


def _begin(store: Store, targets: Sequence[Target]) -> Stopping:
    wanted = Stopping(rule=plan_rule(targets, store.manifest.trajectories))
    create_file(store.root / UNTIL_NAME, json_bytes(wanted.to_json()))
    stopping = read_stopping(store)
    if stopping is None or stopping.rule != wanted.rule:
        there = "another one" if stopping is None else ", ".join(map(str, stopping.rule.targets))
        raise CampaignError(
            f"{store.root / UNTIL_NAME} has a stop rule already ({there}), made before its shots were looked at: "
            "changed now, it would promise what it cannot keep. Give the same --until again, or plan a new campaign."
        )
    return stopping


def _fire_prefix(store: Store, targets: Sequence[Target], shots: int, fire: Callable[[Work], object]) -> None:
    # All of them need not be named.
    ids = [trajectory_id(index) for index in range(shots)] if shots < store.manifest.trajectories else []
    again = " ".join(f'--until "{target}"' for target in targets)
    work = dataclasses.replace(campaign_work(store, ids), again=f"molgun run {store.root} {again}")
    while any(not folder.result_file.exists() for folder in work.folders):
        fire(work)
        if any(not folder.result_file.exists() for folder in work.folders):
            time.sleep(_OTHERS_S)


def _record(store: Store, stopping: Stopping, look: Look, shots: int) -> Stopping:
    if look.shots != shots:
        raise CampaignError(
            f"{shots - look.shots} of the first {shots} trajectories were freed while they were looked at. Give the "
            "same command again."
        )
    after = dataclasses.replace(stopping, looks=(*stopping.looks, look))
    replace_file(store.root / UNTIL_NAME, json_bytes(after.to_json()))
    return after
