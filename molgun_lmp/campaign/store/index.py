"""An index of all results, so that ten thousand trajectories are counted in a second. The result files are the truth.

index.sqlite holds one row for each result.json, with the file's inode, size and time: a row whose file looks otherwise
is read again, a row without a file is dropped, and an index that is missing or damaged is made anew. It is written
aside and renamed, never changed in place, so that it needs no locks, which network file systems do not keep.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from molgun_lmp.atomic_files import aside
from molgun_lmp.campaign.store.campaign_folder import RESULT_NAME, Store, TrajectoryFolder
from molgun_lmp.records import TrajectoryResult

INDEX_NAME: Final = "index.sqlite"
_FORMAT: Final = 2
_COLUMNS: Final = "id TEXT PRIMARY KEY, inode INTEGER, size INTEGER, time_ns INTEGER, state TEXT, stop TEXT, cause TEXT"
_MORE_COLUMNS: Final = "flagged INTEGER, steps INTEGER, attempt INTEGER, wall_s REAL, lammps TEXT"


class IndexRow(NamedTuple):
    """One ended trajectory: what tells its file from another, and what is counted."""

    id: str
    inode: int
    size: int
    time_ns: int
    state: str
    stop: str | None
    cause: str | None
    flagged: bool
    steps: int
    attempt: int
    wall_s: float
    lammps: str


def ended_and_open(store: Store) -> tuple[list[IndexRow], list[TrajectoryFolder]]:
    """The rows of all ended trajectories, and the folders of all others, in order; the index is brought up to date.

    Raises `CampaignError` for a damaged result.
    """
    file = store.root / INDEX_NAME
    known = _read(file)
    rows: list[IndexRow] = []
    still_open: list[TrajectoryFolder] = []
    for folder in store.trajectories():
        try:
            found = os.stat(f"{folder.path}/{RESULT_NAME}")  # noqa: PTH116  # ten thousand of them
        except FileNotFoundError:
            still_open.append(folder)
            continue
        row = known.get(folder.id)
        if row is None or (row.inode, row.size, row.time_ns) != (found.st_ino, found.st_size, found.st_mtime_ns):
            result = folder.result()
            if result is None:  # withdrawn in this moment
                still_open.append(folder)
                continue
            row = _row(result, found)
        rows.append(row)
    if rows != list(known.values()):
        _write(file, rows)
    return rows, still_open


def _row(result: TrajectoryResult, found: os.stat_result) -> IndexRow:
    return IndexRow(
        id=result.trajectory_id,
        inode=found.st_ino,
        size=found.st_size,
        time_ns=found.st_mtime_ns,
        state=result.state,
        stop=result.stop and result.stop.value,
        cause=result.cause and result.cause.value,
        flagged=result.energy.flagged,
        steps=result.steps,
        attempt=result.attempt,
        wall_s=result.wall_s,
        lammps=result.lammps,
    )


def _read(file: Path) -> dict[str, IndexRow]:
    """The rows of an index in order; none where it is missing, damaged or of another version."""
    if not file.is_file():
        return {}
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as index:
            if index.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
                return {}
            rows = index.execute("SELECT * FROM results ORDER BY id").fetchall()
        return {row[0]: IndexRow._make((*row[:7], bool(row[7]), *row[8:])) for row in rows}
    except (sqlite3.Error, TypeError, IndexError):
        return {}


def _write(file: Path, rows: Iterable[IndexRow]) -> None:
    """Replace the index. A disk that is full or read-only costs the index, nothing else."""
    with contextlib.suppress(OSError, sqlite3.Error), aside(file) as written:
        with contextlib.closing(sqlite3.connect(written)) as index:
            index.execute("PRAGMA journal_mode=OFF")
            index.execute(f"PRAGMA user_version={_FORMAT}")
            index.execute(f"CREATE TABLE results ({_COLUMNS}, {_MORE_COLUMNS}) STRICT")
            index.executemany(f"INSERT INTO results VALUES ({', '.join('?' * len(IndexRow._fields))})", rows)
            index.commit()
        written.replace(file)
