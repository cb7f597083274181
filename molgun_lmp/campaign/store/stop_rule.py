"""The record of a stop rule (`molgun run --until`): targets, planned looks, and those that were taken; `looks` takes
them."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from molgun_lmp.analysis.statistics.stopping import Stopping
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError

UNTIL_NAME: Final = "until.json"


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


def standing(stopping: Stopping | None, ended: Sequence[str]) -> Stopping | None:
    """The rule with those looks whose shots are all among the `ended` (ids in order).

    `molgun retry` may have freed some since, and what a look has found with them is not to be quoted without.
    """
    if stopping is None:
        return None
    complete = next((place for place, identifier in enumerate(ended) if int(identifier) != place), len(ended))
    return dataclasses.replace(stopping, looks=tuple(look for look in stopping.looks if look.shots <= complete))
