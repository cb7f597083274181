"""Outcomes that are remembered: by content alone, and a damaged memory is only a slower analysis."""

import dataclasses
import os
from pathlib import Path

import paper_classes as paper
import pytest

from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome
from molgun_lmp.results.outcome_cache import FileStamp, Key, Memory, stamp


def outcome(identifier: str, mode: Mode = paper.OT_CY) -> Outcome:
    return Outcome(
        trajectory_id=identifier,
        mode=mode,
        stuck=True,
        contact=True,
        first_contact_ps=0.1,
        first_bond_ps=None,
        time_ps=1.0,
        lowest_clearance_angstrom=float("inf"),
        events=((0.0, paper.IN_FLIGHT), (0.5, mode)),
        bonds=((130, 3, 1.95),),
        reason="Å",
        truncated=False,
        slab_snapshot="s",
        molecule_snapshot="m",
    )


STAMP = FileStamp(size=3, modified_ns=5, sha256="abc")


def key(whole: str) -> Key:
    return Key(whole=whole, asked="the same")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "analysis" / "outcomes.cache.jsonl"
    with Memory(file, paper.SCHEME) as memory:
        for index in range(4):
            memory.add(key(f"key {index}"), STAMP, outcome(f"{index:06d}"))
    return file


def test_what_was_added_is_there_again(file: Path) -> None:
    memory = Memory(file, paper.SCHEME)
    assert memory.outcome("000002", key("key 2")) == outcome("000002")
    assert memory.earlier("000002", "the same") == key("key 2")
    assert memory.earlier("000002", "something else") is None
    assert memory.outcome("000002", key("another key")) is None
    assert memory.outcome("000009", key("key 2")) is None
    assert memory.dump_stamp("000002") == STAMP
    with Memory(file, paper.SCHEME) as later:
        later.add(key("new key"), None, outcome("000002", paper.PC))
    assert Memory(file, paper.SCHEME).outcome("000002", key("new key")) == outcome("000002", paper.PC)
    assert Memory(file, paper.SCHEME).outcome("000002", key("key 2")) is None


@pytest.mark.parametrize("kept", range(0, 900, 37))
def test_cut_anywhere_forgets_no_more_than_the_torn_line(file: Path, kept: int) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:kept])
    whole = data[:kept].count(b"\n")
    with Memory(file, paper.SCHEME) as memory:
        known = [memory.outcome(f"{index:06d}", key(f"key {index}")) for index in range(4)]
        assert [one is not None for one in known][:whole] == [True] * min(whole, 4)
        memory.add(key("key 3"), STAMP, outcome("000003"))
    assert Memory(file, paper.SCHEME).outcome("000003", key("key 3")) == outcome("000003")


@pytest.mark.parametrize(
    "rubbish", [b"\x00\xff\n", b"[]\n", b"null\n", b'{"key": 1}\n', b"[" * 100_000 + b"\n", b"{}{}\n"]
)
def test_rubbish_is_passed_over(file: Path, rubbish: bytes) -> None:
    file.write_bytes(rubbish + file.read_bytes() + rubbish)
    assert Memory(file, paper.SCHEME).outcome("000003", key("key 3")) == outcome("000003")
    wrong = file.read_bytes().replace(b'"OT-CY"', b'"no mode"', 1)
    file.write_bytes(wrong)
    assert Memory(file, paper.SCHEME).outcome("000000", key("key 0")) is None


def test_memory_that_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "analysis").write_text("a file where the folder should be")
    with Memory(tmp_path / "analysis" / "cache", paper.SCHEME) as memory:
        memory.add(key("key"), None, outcome("000000"))
        assert memory.outcome("000000", key("key")) == outcome("000000")


def test_many_overwritten_lines_are_cleared_away(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    with Memory(file, paper.SCHEME) as memory:
        for index in range(150):
            memory.add(key(f"key {index}"), None, outcome("000000"))
    assert file.read_bytes().count(b"\n") == 1
    assert Memory(file, paper.SCHEME).outcome("000000", key("key 149")) is not None


def test_another_scheme_takes_nothing_from_what_is_remembered(tmp_path: Path) -> None:
    """Neither by clearing away nor by an outcome in a class of the same name, however it ends."""
    file, general = tmp_path / "cache", load_scheme("general")
    scattered = next(mode for mode in general.modes if mode.label == "scattered")
    with Memory(file, paper.SCHEME) as memory:
        for index in range(150):
            memory.add(key("own"), STAMP, outcome(f"{index:06d}"))
        memory.add(key("own"), STAMP, outcome("000150", paper.SCATTERED))
    of_general = dataclasses.replace(outcome("000150", scattered), events=((0.0, scattered),))
    other = Key(whole="general's", asked="another question")
    with pytest.raises(InputFileError), Memory(file, general) as memory:
        memory.add(other, STAMP, of_general)
        raise InputFileError("traj.dump is gone")
    with Memory(file, general) as memory:
        assert memory.outcome("000150", other) == of_general
        for _ in range(500):
            memory.add(other, STAMP, of_general)
    assert file.read_bytes().count(b"\n") == 152
    again = Memory(file, paper.SCHEME)
    assert again.outcome("000000", key("own")) == outcome("000000")
    assert again.outcome("000150", key("own")) == outcome("000150", paper.SCATTERED)
    assert again.earlier("000150", "the same") == key("own")


def test_of_many_questions_the_newest_are_kept(tmp_path: Path) -> None:
    """As a dump that grows is asked about again and again."""
    file = tmp_path / "cache"
    with Memory(file, paper.SCHEME) as memory:
        for number in range(150):
            memory.add(Key(whole="own", asked=f"of length {number}"), STAMP, outcome("000000"))
        assert memory.earlier("000000", "of length 145") is None
    assert file.read_bytes().count(b"\n") == 4
    again = Memory(file, paper.SCHEME)
    assert [again.earlier("000000", f"of length {number}") is not None for number in range(145, 150)] == [
        False, True, True, True, True
    ]  # fmt: skip


def test_what_could_not_be_read_to_its_end_is_not_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cache"
    with Memory(file, paper.SCHEME) as memory:
        for index in range(300):
            memory.add(key("own"), STAMP, outcome(f"{index:06d}"))
    whole = file.read_bytes()

    def fails(_: Memory, __: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Memory, "_keep", fails)
    memory = Memory(file, paper.SCHEME)
    memory._lines = 300
    with memory:
        pass
    assert file.read_bytes() == whole


def test_stamp_is_taken_again_when_a_file_changes(tmp_path: Path) -> None:
    dump = tmp_path / "traj.dump"
    assert stamp(dump, None) is None
    dump.write_bytes(b"one")
    first = stamp(dump, None)
    assert first is not None
    assert stamp(dump, first) is first
    dump.write_bytes(b"two")
    os.utime(dump, ns=(first.modified_ns + 1, first.modified_ns + 1))
    second = stamp(dump, first)
    assert second is not None
    assert second.sha256 != first.sha256
    assert Key.of(first, code="c", a=1) != Key.of(second, code="c", a=1)
    assert Key.of(first, code="c", a=1) != Key.of(first, code="c", a=2)
    assert Key.of(first, code="c", a=1) == Key.of(FileStamp(size=9, modified_ns=9, sha256=first.sha256), code="c", a=1)
    assert Key.of(first, code="c", a=1).whole != Key.of(first, code="d", a=1).whole
    assert Key.of(first, code="c", a=1).asked == Key.of(first, code="d", a=1).asked
