"""Decks, data files and shots of a campaign, each written as soon as it is drawn, in folders of 1,000."""

import functools
import itertools
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import json_bytes
from molgun_lmp.campaign.store.campaign_folder import NEWCOMER_NAME, SHARD_HASHES, SHOT_NAME, shard_name
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.initial_conditions import Newcomer
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME, trajectory_id
from molgun_lmp.gun.setup import Setup
from molgun_lmp.provenance import sha256_bytes, sha256_file
from molgun_lmp.records import InitialCondition, Shot

Advance = Callable[[int], None]
"""Called with the number of trajectories that were drawn, and written, so far."""

_LINES: Final = json.JSONEncoder(separators=("\n", ":"))
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def write_shots(
    shots: Iterable[InitialCondition | Newcomer], setup: Setup, folder: Path, advance: Advance | None = None
) -> dict[str, str]:
    """Write all shots, in the order of their indices, into a new folder. Shard -> hash of its list of hashes.

    Of a shot whose surface is not known yet its molecule is written alone. Raises `OSError`, and whatever drawing a
    shot raises.
    """
    folder.mkdir()
    shards: dict[str, str] = {}
    for name, members in itertools.groupby(shots, key=lambda one: shard_name(_index(one))):
        shard = folder / name
        shard.mkdir()
        hashes: dict[str, dict[str, str]] = {}
        for condition in members:
            trajectory, of_files = _write_shot(shard, condition, setup)
            hashes[trajectory] = of_files
            if advance is not None:
                advance(_index(condition) + 1)
        (shard / SHARD_HASHES).write_bytes(json_bytes(hashes))
        shards[name] = sha256_file(shard / SHARD_HASHES)
    return shards


def _index(shot: InitialCondition | Newcomer) -> int:
    return shot.index if isinstance(shot, Newcomer) else shot.shot.index


def _write_shot(shard: Path, shot: InitialCondition | Newcomer, setup: Setup) -> tuple[str, dict[str, str]]:
    """The trajectory's name, and file name -> hash."""
    name = trajectory_id(_index(shot))
    if isinstance(shot, Newcomer):
        contents = {NEWCOMER_NAME: json_bytes(shot.to_json())}
    else:
        deck = trajectory_deck(shot, setup)
        contents = {
            INPUT_NAME: deck.input_text.encode(),
            DATA_NAME: deck.data_text.encode(),
            SHOT_NAME: shot_json(shot.shot).encode(),
        }
    folder = shard / name
    folder.mkdir()
    for file, content in contents.items():
        _write_new(f"{folder}/{file}", content)
    return name, {file: sha256_bytes(content) for file, content in contents.items()}


def _write_new(file: str, content: bytes) -> None:
    # By descriptor: text streams for three small files a deck would take as long as the files themselves.
    descriptor = os.open(file, _NEW_FILE, 0o666)
    try:
        while content:  # a disk that fills up takes a part, and nothing of the rest
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def shot_json(shot: Shot) -> str:
    """A shot as `json.dumps` with an indent of 2 writes it, which knows a fast way only without an indent."""
    document = shot.to_json()
    if shot.adsorbates:  # records within the record
        return json.dumps(document, indent=2) + "\n"
    lengths = tuple((key, len(value) if isinstance(value, list) else None) for key, value in document.items())
    values = itertools.chain(*(value if isinstance(value, list) else (value,) for value in document.values()))
    # A text within the JSON holds no line break: it is escaped there.
    return _layout(lengths) % tuple(_LINES.encode([*values])[1:-1].split("\n"))


@functools.cache
def _layout(lengths: tuple[tuple[str, int | None], ...]) -> str:
    """The JSON of a record with `%s` for each of its values, lists of the given length or single ones."""
    gaps = {key: "%s" if length is None else ["%s"] * length for key, length in lengths}
    return json.dumps(gaps, indent=2).replace('"%s"', "%s") + "\n"
