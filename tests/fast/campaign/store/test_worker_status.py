"""What supervisors make of a dead worker: it is in the worker's status file, whatever its log says."""

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from molgun_lmp.campaign.launch import local
from molgun_lmp.campaign.launch.parsl_blocks import _Worker
from molgun_lmp.campaign.store.manifest import EngineChoice
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.store.worker_status import StatusKeeper, WorkerStatus, announce, read_status, status_file
from molgun_lmp.errors import EngineError

REWORDED = "2026-01-01 12:00:00,000 {pid} NOTE shot 000003 is under way\n"
AS_BEFORE = "2026-01-01 12:00:00,000 {pid} INFO trajectory 000003: run 1 begins\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker-a.node.org-17-1.log"


def took_one(log: Path) -> None:
    """The status of this process after one run."""
    with StatusKeeper(status_file(log)).run("000003"):
        pass


def test_it_says_what_was_taken_and_what_has_ended(log: Path) -> None:
    file = status_file(log)
    announce(file)
    assert read_status(file) == WorkerStatus(pid=0, state="starting")
    keeper = StatusKeeper(file)
    with keeper.run("000003"):
        now = read_status(file)
    assert now == WorkerStatus(pid=os.getpid(), state="working", taken=1, ended=0, last="000003")
    with pytest.raises(RuntimeError), keeper.run("000004"):
        raise RuntimeError
    keeper.end()
    assert read_status(file) == WorkerStatus(pid=os.getpid(), state="ended", taken=2, ended=2, last="000004")
    assert [entry.name for entry in log.parent.iterdir()] == [file.name]


def test_several_threads_are_counted_together(log: Path) -> None:
    keeper, meet = StatusKeeper(status_file(log)), threading.Barrier(4)

    def fire(name: str) -> None:
        with keeper.run(name):
            meet.wait()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(fire, "abcd"))
    status = read_status(status_file(log))
    assert status is not None
    assert (status.taken, status.ended) == (4, 4)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"pid": 1, "taken"', b'{"pid": 1, "mood": "good"}', b"[" * 9000])
def test_what_cannot_be_read_says_nothing(log: Path, content: bytes) -> None:
    assert read_status(status_file(log)) is None
    status_file(log).write_bytes(content)
    assert read_status(status_file(log)) is None


def test_the_status_of_an_earlier_worker_of_this_name_does_not_count(log: Path) -> None:
    took_one(log)
    announce(status_file(log))
    status = read_status(status_file(log))
    assert status is not None
    assert status.taken == 0


def test_where_it_cannot_be_written_nothing_else_happens(log: Path) -> None:
    status_file(log).mkdir()
    announce(status_file(log))
    took_one(log)
    assert [entry.name for entry in log.parent.iterdir()] == [status_file(log).name], "nothing is left aside"


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> local._Crew:
    """A crew whose workers are this process."""

    def start(root: Path, only: Any, threads: int, log: Path, gpu: Any) -> SimpleNamespace:
        announce(status_file(log))
        return SimpleNamespace(pid=os.getpid())

    monkeypatch.setattr(local, "start_worker", start)
    engine = EngineChoice(kind="mace", dtype="float32", threads=1, model_file="model.pt", elements=("H",))
    (tmp_path / "logs").mkdir()
    work: dict[str, Any] = {"root": tmp_path, "engine": engine, "dynamics": None, "folders": (), "only": ()}
    return local._Crew(Work(**work, n_atoms=1, steps=1, files={}, shards={}, again=""), 1)


@pytest.mark.parametrize("wording", [REWORDED, AS_BEFORE])
def test_a_reworded_log_changes_nothing_for_local_workers(crew: local._Crew, wording: str) -> None:
    pid = os.getpid()
    for _ in range(5):
        crew._start(1)
        crew._log(1).write_text(wording.format(pid=pid))
        took_one(crew._log(1))
        crew._died(1, -9, pid)  # each had taken one: they start
    for _ in range(2):
        crew._start(1)
        crew._died(1, -9, pid)
    with pytest.raises(EngineError, match="workers die before they take a trajectory"):
        crew._died(1, -9, pid)


def test_the_status_of_another_process_is_not_that_of_the_dead_one(crew: local._Crew) -> None:
    crew._start(1)
    took_one(crew._log(1))
    assert crew._took_one(1, os.getpid())
    assert not crew._took_one(1, os.getpid() + 1)


@pytest.mark.parametrize("wording", [REWORDED, AS_BEFORE])
def test_nor_for_those_in_blocks(log: Path, wording: str) -> None:
    future: Future[int] = Future()
    worker = _Worker("here", log, future, 0)
    assert not worker.took_one(), "it has not begun"
    announce(status_file(log))
    log.write_text(wording.format(pid=os.getpid()))
    assert not worker.took_one()
    took_one(log)
    assert worker.took_one()
    assert worker.last_words() == wording.format(pid=os.getpid()).strip()
