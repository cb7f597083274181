"""Was anything changed between planning and running? Each file that decides a result has its hash."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.campaign.store.campaign_folder import (
    CONFIG_NAME,
    INNER_FOLDER,
    MODEL_FOLDER,
    NEWCOMER_NAME,
    SHARD_HASHES,
    TrajectoryFolder,
)
from molgun_lmp.campaign.store.chains import read_drawn
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.config.loading import load_yaml
from molgun_lmp.errors import CampaignError, ConfigError, ModelError
from molgun_lmp.provenance import sha256_file

Hashes = Mapping[str, Mapping[str, str]]


def verify_shared(work: Work) -> None:
    """Compare the files that all runs share with their hashes.

    Raises `ModelError` for another model, `CampaignError` for a changed configuration or engine.in.
    """
    for name, expected in work.files.items():
        file = work.root / name
        error = ModelError if name.startswith((f"{MODEL_FOLDER}/", f"{INNER_FOLDER}/")) else CampaignError
        if not file.is_file():
            raise error(f"{file} is missing. Copy the campaign folder again, or plan it anew.")
        found = sha256_file(file)
        if found != expected:
            raise error(
                f"{file} was changed after the campaign was planned (SHA-256 {found[:12]}..., planned "
                f"{expected[:12]}...): trajectories before and after would not be comparable."
                f"{_changed_keys(work, file) if name == CONFIG_NAME else ''} Put the planned file back, or plan a new "
                "campaign with the changed one."
            )


def verify_open(work: Work) -> None:
    """Compare decks and data of all runs that have not ended with their hashes. Raises `CampaignError`."""
    shards: dict[Path, Hashes] = {}
    for folder in work.folders:
        if folder.result_file.exists():
            continue
        parent = folder.path.parent
        if parent not in shards:
            shards[parent] = _shard_hashes(work, parent)
        for name, expected in _hashes_of(shards[parent], folder).items():
            require_planned(folder.path / name, expected)


def planned_hashes(work: Work, folder: TrajectoryFolder) -> Mapping[str, str]:
    """File name -> hash of one run's deck and data. Raises `CampaignError`."""
    return _hashes_of(_shard_hashes(work, folder.path.parent), folder)


def _hashes_of(shard: Hashes, folder: TrajectoryFolder) -> Mapping[str, str]:
    """Of what was planned, and of what was drawn since, in a later dose of a chain."""
    planned = shard[folder.id]
    drawn = read_drawn(folder) if NEWCOMER_NAME in planned else None
    return planned if drawn is None else {**planned, **drawn.hashes}


def require_planned(file: Path, expected: str) -> None:
    """Raise `CampaignError` where a file is not the one that was planned."""
    if not file.is_file():
        raise CampaignError(f"{file} is missing. Copy the campaign folder again, or plan it anew.")
    if sha256_file(file) != expected:
        raise CampaignError(
            f"{file} was edited after the campaign was planned: its result would not belong to the campaign. Put the "
            "planned file back, or plan a new campaign; to try an edited deck, copy it elsewhere and use `lmp -in`."
        )


def _shard_hashes(work: Work, parent: Path) -> Hashes:
    file = parent / SHARD_HASHES
    if not file.is_file() or sha256_file(file) != work.shards.get(parent.name):
        raise CampaignError(
            f"{file} is missing or was changed after the campaign was planned. Copy the campaign folder again, or plan "
            "it anew."
        )
    hashes: Hashes = json.loads(file.read_bytes())
    return hashes


def _changed_keys(work: Work, file: Path) -> str:
    """What differs between a campaign file and the planned one, as a sentence; empty where the text alone does."""
    try:
        found = dict(leaves(load_yaml(file)))
    except ConfigError as error:
        return f" {error}"
    planned = dict(leaves(work.config))
    changed = [
        f"`{key}` is {found.get(key, 'absent')}, planned {planned.get(key, 'absent')}"
        for key in dict.fromkeys([*planned, *found])
        if (key in found, found.get(key)) != (key in planned, planned.get(key))
    ]
    return f" Changed: {'; '.join(changed)}." if changed else ""


def leaves(section: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Whole key paths of a nested document, `a.b.c`, and what stands there."""
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
