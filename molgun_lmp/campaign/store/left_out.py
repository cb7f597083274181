"""Shots that ended elsewhere and could not be taken: whoever counts the others must say so."""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from molgun_lmp.atomic_files import write_json
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.errors import CampaignError

LEFT_OUT_NAME: Final = "left_out.json"
_RECORD: Final = TypeAdapter(dict[str, str])


def read_left_out(store: Store) -> dict[str, str]:
    """Trajectory id -> why `molgun collect` did not take it, of those without a result. Raises `CampaignError`."""
    file = store.root / LEFT_OUT_NAME
    try:
        record = _RECORD.validate_python(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError, ValueError, RecursionError) as error:
        raise CampaignError(
            f"{file} is damaged ({error}). Remove it and collect again: it says which shots were left out."
        ) from error
    return {name: why for name, why in sorted(record.items()) if not store.trajectory(name).result_file.exists()}


def record_left_out(store: Store, found: Mapping[str, str]) -> None:
    """Add those that a collect has just left out; those that have a result by now are forgotten. Raises `OSError`."""
    before = read_left_out(store)
    if found or (store.root / LEFT_OUT_NAME).exists():
        write_json(before | dict(found), store.root / LEFT_OUT_NAME)
