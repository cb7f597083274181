"""The index of results: whatever happens to it, it says what the result files say."""

import dataclasses
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ended_cases import ended, energy

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.index import INDEX_NAME, ended_and_open
from molgun_lmp.campaign.store.manifest import EngineChoice, Manifest
from molgun_lmp.errors import CampaignError
from molgun_lmp.records import Cause, TrajectoryResult

PLANNED = 6


def result(identifier: str, cause: Cause | None = None) -> TrajectoryResult:
    return ended(identifier, cause, steps=int(identifier), wall_s=0.5, energy=energy(flagged=identifier == "000001"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Six trajectories of which 0, 1 and 4 have ended, the last one badly."""
    engine = EngineChoice(kind="mace", dtype="float32", threads=1, model_file="model.pt", elements=("H",))
    values: dict[str, Any] = {
        field: {"trajectories": PLANNED, "engine": engine}.get(field, Manifest.model_fields[field].get_default())
        for field in Manifest.model_fields
    }
    store = Store(root=tmp_path, manifest=Manifest.model_construct(**values))
    for folder in store.trajectories():
        folder.path.mkdir(parents=True)
    for identifier, cause in (("000000", None), ("000001", None), ("000004", Cause.LOST_ATOMS)):
        store.trajectory(identifier).publish(result(identifier, cause))
    return store


def seen(store: Store) -> tuple[list[tuple[str, str, str | None, bool]], list[str]]:
    rows, still_open = ended_and_open(store)
    return [(row.id, row.state, row.cause, row.flagged) for row in rows], [folder.id for folder in still_open]


TRUTH = (
    [
        ("000000", "finished", None, False),
        ("000001", "finished", None, True),
        ("000004", "failed", "lost-atoms", False),
    ],
    ["000002", "000003", "000005"],
)


def test_it_says_what_the_files_say_and_is_read_back(store: Store) -> None:
    assert seen(store) == TRUTH
    before = (store.root / INDEX_NAME).stat().st_ino
    assert seen(store) == TRUTH
    assert (store.root / INDEX_NAME).stat().st_ino == before, "an index that agrees is not written again"


def test_it_is_what_is_read_where_the_files_are_as_they_were(store: Store) -> None:
    seen(store)
    with sqlite3.connect(store.root / INDEX_NAME) as index:
        index.execute("UPDATE results SET state = 'from the index' WHERE id = '000000'")
    assert seen(store)[0][0][1] == "from the index"


def test_a_result_that_comes_goes_or_changes_is_seen(store: Store) -> None:
    seen(store)
    store.trajectory("000003").publish(result("000003"))
    store.trajectory("000001").withdraw(result("000001"))
    file = store.trajectory("000004").result_file
    file.write_text(file.read_text().replace("lost-atoms", "nan-force"))
    assert seen(store) == (
        [
            ("000000", "finished", None, False),
            ("000003", "finished", None, False),
            ("000004", "failed", "nan-force", False),
        ],
        ["000001", "000002", "000005"],
    )


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "noise", "another table", "another version"])
def test_a_damaged_one_is_made_anew(store: Store, damage: str) -> None:
    seen(store)
    file = store.root / INDEX_NAME
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage in {"another table", "another version"}:
        with sqlite3.connect(file) as index:
            index.execute("DROP TABLE results" if damage == "another table" else "PRAGMA user_version=99")
    else:
        file.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "noise": os.urandom(4096)}[damage])
    assert seen(store) == TRUTH
    with sqlite3.connect(file) as index:
        assert index.execute("SELECT count(*) FROM results").fetchone() == (3,)


def test_without_a_place_for_it_the_files_are_enough(store: Store) -> None:
    (store.root / INDEX_NAME).mkdir()
    assert seen(store) == TRUTH
    assert not list(store.root.glob(".index*"))


def test_a_damaged_result_is_named(store: Store) -> None:
    file = store.trajectory("000000").result_file
    file.write_text(json.dumps({**dataclasses.asdict(result("000000")), "state": "half"}))
    with pytest.raises(CampaignError, match=r"000000/result\.json is damaged"):
        ended_and_open(store)
