"""Claims: taken once, kept by the living, taken over from the dead, and a late owner's result discarded."""

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from ended_cases import ended

from molgun_lmp.atomic_files import create_file, replace_file
from molgun_lmp.campaign.store import claims
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import (
    Owner,
    bury,
    clear,
    deaths,
    is_current,
    look,
    mark_hung,
    mark_spared,
    release,
    take,
)
from molgun_lmp.records import TrajectoryResult

ME = Owner.this_process()
DEAD = dataclasses.replace(ME, pid=2**22 + 1)
"""A process id beyond the largest that Linux gives."""
ELSEWHERE = dataclasses.replace(ME, host="node7", machine="another boot", pid=4711)


@pytest.fixture
def folder(tmp_path: Path) -> TrajectoryFolder:
    path = tmp_path / "000003"
    path.mkdir()
    return TrajectoryFolder(id="000003", path=path)


def result(attempt: int) -> TrajectoryResult:
    return ended(3, attempt=attempt)


def age(folder: TrajectoryFolder, number: int, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(claims.claim_file(folder, number), (then, then))


def test_a_free_trajectory_is_taken_by_one_of_many(folder: TrajectoryFolder) -> None:
    taken = []
    barrier = threading.Barrier(16)

    def try_it() -> None:
        barrier.wait()
        taken.append(take(folder, ME))

    threads = [threading.Thread(target=try_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(claim is not None for claim in taken) == {True: 1, False: 15}


def test_the_claim_of_a_living_process_is_never_taken_however_long_it_was_silent(folder: TrajectoryFolder) -> None:
    assert take(folder, ME) is not None
    age(folder, 1, 1e6)
    assert take(folder, ME) is None


def test_the_claim_of_a_dead_process_is_taken_over_at_once(folder: TrajectoryFolder) -> None:
    late = take(folder, DEAD)
    claim = take(folder, ME)
    assert late is not None and claim is not None
    assert claim.number == 2
    assert [dead.owner.pid for dead in deaths(folder, claim.number)] == [DEAD.pid]
    assert not is_current(folder, late)
    assert is_current(folder, claim)


def test_a_process_that_only_shares_the_id_of_a_dead_owner_is_not_the_owner(folder: TrajectoryFolder) -> None:
    take(folder, dataclasses.replace(ME, started=ME.started - 1))
    assert take(folder, ME) is not None


@pytest.mark.parametrize(("silence_s", "taken"), [(0.0, False), (claims.SILENCE_S + 60.0, True)])
def test_another_machines_claim_lives_by_its_heartbeat(folder: TrajectoryFolder, silence_s: float, taken: bool) -> None:
    take(folder, ELSEWHERE)
    age(folder, 1, silence_s)
    assert (take(folder, ME) is not None) is taken


def test_a_beat_keeps_another_machines_claim_alive(folder: TrajectoryFolder) -> None:
    claim = take(folder, ELSEWHERE)
    assert claim is not None
    age(folder, 1, claims.SILENCE_S + 60.0)
    claims.beat(folder, claim)
    assert take(folder, ME) is None


def test_a_claim_that_came_with_a_copied_campaign_is_nobodys_and_no_death(folder: TrajectoryFolder) -> None:
    assert take(folder, ME) is not None
    copy = TrajectoryFolder(id=folder.id, path=folder.path.with_name("copy"))
    shutil.copytree(folder.path, copy.path)
    claim = take(copy, ME)
    assert claim is not None
    assert deaths(copy, claim.number) == []
    assert take(folder, ME) is None, "the original's claim is untouched"


def test_a_released_trajectory_is_as_if_never_touched(folder: TrajectoryFolder) -> None:
    claim = take(folder, ME)
    assert claim is not None
    folder.run_folder(1).mkdir()
    (folder.run_folder(1) / "traj.dump").write_text("partial")
    release(folder, claim)
    assert list(folder.path.iterdir()) == []
    again = take(folder, ME)
    assert again is not None and again.number == 1 and again.token != claim.token


def test_a_late_owner_releases_nothing_of_its_successor(folder: TrajectoryFolder) -> None:
    late = take(folder, DEAD)
    claim = take(folder, ME)
    assert late is not None and claim is not None
    folder.run_folder(2).mkdir()
    release(folder, late)
    assert is_current(folder, claim)
    assert folder.run_folder(2).is_dir()


def test_an_ended_trajectory_cannot_be_taken_and_its_result_is_stored_once(folder: TrajectoryFolder) -> None:
    claim = take(folder, ME)
    assert claim is not None
    assert folder.publish(result(1))
    assert not folder.publish(result(2))
    clear(folder)
    assert look(folder) is None
    assert take(folder, ME) is None
    assert folder.result() == result(1)


@pytest.mark.parametrize(("owner", "left"), [(DEAD, 0), (ME, 1)])
def test_a_claim_left_by_a_worker_that_died_after_it_stored_the_result_is_no_death_on_the_next_try(
    folder: TrajectoryFolder, owner: Owner, left: int
) -> None:
    claim = take(folder, owner)
    assert claim is not None
    stored = result(claim.number)
    assert folder.publish(stored)
    bury(folder)
    assert folder.withdraw(stored)
    assert len(deaths(folder, claim.number + 1)) == left


def test_a_claim_that_is_cleared_away_while_deaths_are_counted_is_none(
    folder: TrajectoryFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take(folder, DEAD) is not None
    assert take(folder, ME) is not None
    monkeypatch.setattr(claims, "_numbers", lambda _: [1, 2, 3])
    assert [claim.owner for claim in deaths(folder, 4)] == [DEAD, ME]


def test_who_ended_itself_over_another_trajectory_did_not_die_on_this_one(folder: TrajectoryFolder) -> None:
    for number, mark in enumerate((mark_spared, mark_hung), 1):
        claim = take(folder, DEAD)
        assert claim is not None
        mark(folder, claim)
        assert [dead.hung for dead in deaths(folder, number + 1)] == [True] * (number - 1)


def test_a_hang_ends_the_process_where_nothing_can_be_written_too() -> None:
    code = (
        "from pathlib import Path; from molgun_lmp.campaign.store.claims import Claim, Owner\n"
        "from molgun_lmp.campaign.worker.at_work import Company\n"
        "from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder\n"
        "gone = TrajectoryFolder(id='000003', path=Path('/nowhere/000003'))\n"
        "company = Company()\n"
        "with company.joined(gone, Claim(number=1, token='', owner=Owner.this_process(), folder=1)):\n"
        "    company.end_hung('000003', 7, ['000004'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert "trajectory 000003: step 7 does not end with 000004; this worker ends itself" in done.stderr


def test_a_damaged_claim_is_kept_for_the_time_of_silence(folder: TrajectoryFolder) -> None:
    claims.claim_file(folder, 1).write_text('{"number": 1, "to')
    assert take(folder, ME) is None
    age(folder, 1, claims.SILENCE_S + 60.0)
    assert take(folder, ME) is not None


def test_files_are_created_once_and_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    assert create_file(file, b"first")
    assert not create_file(file, b"second")
    assert file.read_bytes() == b"first"
    replace_file(file, b"third")
    assert file.read_bytes() == b"third"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"], "nothing is left aside"
