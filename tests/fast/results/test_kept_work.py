"""A campaign that is decided is analysed again without being worked out again, and what is not there anew is made."""

import tarfile
from pathlib import Path
from typing import Final

import pytest

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.results import kept_work, tables
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.kept_work import PARTICLES_KEPT, TABLES_KEPT

STORED: Final = Path(__file__).parents[2] / "engine" / "data" / "campaign-0.1.tar.xz"


def refused(*_: object, **__: object) -> None:
    raise AssertionError("worked out again")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_shots_are_worked_out_once_and_whatever_is_changed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(STORED) as archive:
        archive.extractall(tmp_path, filter="data")
    root = tmp_path / "co-cu111"
    first = analyse(Store.open(root), processes=1)
    written = contents(root / "analysis")
    assert first.came_back.rows, "particles left, whose records are kept"
    with monkeypatch.context() as patched:
        patched.setattr(tables, "_write", refused)
        patched.setattr(kept_work, "particles", refused)
        assert analyse(Store.open(root), processes=1).to_json() == first.to_json()
    assert contents(root / "analysis") == written

    for name in ("running.csv", TABLES_KEPT, PARTICLES_KEPT):
        for damage in (Path.unlink, lambda file: file.write_bytes(b"{")):
            damage(root / "analysis" / name)
            assert analyse(Store.open(root), processes=1).to_json() == first.to_json()
            assert contents(root / "analysis") == written

    end = next(root.glob("trajectories/*/*/run-*/end.data"))
    end.unlink()
    with monkeypatch.context() as patched, pytest.raises(AssertionError, match="worked out again"):
        patched.setattr(tables, "_write", refused)
        analyse(Store.open(root), processes=1)
