"""Checkpoints: only what was read back whole is used, and only with every frame before it."""

import json
import os
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from molgun_lmp.campaign.store.checkpoints import CHECKPOINTS_NAME, CheckpointWatch, Resumption, find_resumption
from molgun_lmp.config import Dynamics

PLANNED = {"deck": "d", "data": "t", "model": "m"}
EVERY = 100
MAGIC = b"LammpS RestartT\0"


def state(step: int) -> bytes:
    """A restart file as LAMMPS 22 Jul 2025 writes it, its head and end."""
    head = struct.pack("=ii", 1, 3) + struct.pack("=ii", 0, 12) + b"22 Jul 2025\0"
    sizes = b"".join(struct.pack("=ii", flag, size) for flag, size in ((1, 4), (48, 4), (2, 4), (3, 8)))
    units = struct.pack("=ii", 4, 6) + b"metal\0"
    return MAGIC + head + sizes + units + struct.pack("=iq", 5, step) + b"and so on" + MAGIC


def replaced(file: Path, content: bytes) -> None:
    """As LAMMPS overwrites it, some time later."""
    later = file.stat().st_mtime_ns + 10_000_000 if file.exists() else None
    file.write_bytes(content)
    if later is not None:
        os.utime(file, ns=(later, later))


def frame(step: int) -> str:
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
        f"ITEM: ATOMS id type element x y z\n1 1 H 0.{step} 0 0\n"
    )


def write_run(run: Path, steps: int = 350, dump_every: int = 40) -> Path:
    """A run folder as LAMMPS leaves it at step `steps`, its checkpoints seen by a watch."""
    run.mkdir()
    watch = CheckpointWatch(run, PLANNED, resumed_at=())
    for step in range(steps + 1):
        if step and step % EVERY == 0:
            name = "restart.a" if (step // EVERY) % 2 else "restart.b"
            replaced(run / name, state(step))
        watch(step)
    (run / "traj.dump").write_text("".join(frame(step) for step in range(0, steps + 1, dump_every)))
    (run / "log.lammps").write_text(log(range(0, steps + 1, 10)))
    return run


def log(steps: Iterable[int]) -> str:
    """A log of a run that was killed."""
    return "   Step          Time          TotEng\n" + "".join(f"{step:7d} 0.{step:<9d} -1.5\n" for step in steps)


def find(*runs: Path, dump_every: int = 40) -> Resumption | None:
    return find_resumption(runs, PLANNED, Dynamics(dump_every_steps=dump_every, thermo_every_steps=10))


def test_the_last_two_are_listed_newest_first(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run-1")
    listed = json.loads((run / CHECKPOINTS_NAME).read_text())["checkpoints"]
    assert [(one["name"], one["step"]) for one in listed] == [("restart.a", 300), ("restart.b", 200)]


def test_one_that_is_half_written_is_not_listed(tmp_path: Path) -> None:
    run = tmp_path / "run-1"
    run.mkdir()
    watch = CheckpointWatch(run, PLANNED, resumed_at=())
    (run / "restart.a").write_bytes(state(100)[:60])
    watch(100)
    assert not (run / CHECKPOINTS_NAME).exists()
    replaced(run / "restart.a", state(100))
    watch(100)
    assert (run / CHECKPOINTS_NAME).exists()


def test_a_step_is_what_the_file_says_however_late_it_is_seen(tmp_path: Path) -> None:
    run = tmp_path / "run-2"
    run.mkdir()
    watch = CheckpointWatch(run, PLANNED, resumed_at=(100, 300))
    (run / "restart.a").write_bytes(state(600))
    (run / "restart.b").write_bytes(state(700))
    watch(750)
    record = json.loads((run / CHECKPOINTS_NAME).read_text())
    assert [(one["name"], one["step"]) for one in record["checkpoints"]] == [("restart.b", 700), ("restart.a", 600)]
    assert record["resumed_at"] == [100, 300]


def test_the_newest_is_taken_with_the_frames_before_it(tmp_path: Path) -> None:
    found = find(write_run(tmp_path / "run-1"))
    assert found is not None
    assert found.resumed_at == (300,)
    new = tmp_path / "run-2"
    new.mkdir()
    found.copy_to(new)
    assert (new / "resume.restart").read_bytes() == state(300)
    assert (new / "traj.dump").read_text() == "".join(frame(step) for step in range(0, 300, 40))
    assert (new / "earlier.log.lammps").read_text() == log(range(0, 351, 10))


def test_a_frame_of_the_checkpoints_own_step_is_left_to_the_new_run(tmp_path: Path) -> None:
    found = find(write_run(tmp_path / "run-1", dump_every=50), dump_every=50)
    assert found is not None
    new = tmp_path / "run-2"
    new.mkdir()
    found.copy_to(new)
    assert (new / "traj.dump").read_text() == "".join(frame(step) for step in range(0, 300, 50))


@pytest.mark.parametrize("damage", [state(300)[:40], state(301), b""])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: bytes) -> None:
    run = write_run(tmp_path / "run-1")
    (run / "restart.a").write_bytes(damage)
    found = find(run)
    assert found is not None
    assert found.checkpoint.step == 200
    (run / "restart.b").unlink()
    assert find(run) is None


def test_missing_frames_make_it_useless(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run-1")
    text = (run / "traj.dump").read_text()
    (run / "traj.dump").write_text(text[: text.index("ITEM: TIMESTEP\n240") - 3])  # frame 200 is cut
    found = find(run)
    assert found is not None
    assert found.checkpoint.step == 200
    (run / "traj.dump").write_text(text[: text.index("ITEM: TIMESTEP\n160") - 3])
    assert find(run) is None


@pytest.mark.parametrize(("lost", "left"), [(range(110, 200), 100), (range(10), None), (range(210, 250), 200)])
def test_lines_that_are_missing_in_the_log_make_it_useless(tmp_path: Path, lost: range, left: int | None) -> None:
    """Or the trajectory's energy drift would be that of the other lines."""
    run = write_run(tmp_path / "run-1", steps=250)
    (run / "log.lammps").write_text(log(step for step in range(0, 251, 10) if step not in lost))
    found = find(run)
    assert (None if found is None else found.checkpoint.step) == left


def test_the_lines_before_an_earlier_checkpoint_stand_in_the_earlier_log(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run-1")
    (run / "log.lammps").write_text(log(range(170, 351, 10)))
    assert find(run) is None
    (run / "earlier.log.lammps").write_text(log(range(0, 196, 10)))
    assert find(run) is not None


def test_the_furthest_of_several_runs_counts(tmp_path: Path) -> None:
    paused, died = write_run(tmp_path / "paused", steps=210), write_run(tmp_path / "run-1", steps=350)
    found = find(paused, died, tmp_path / "run-2")
    assert found is not None
    assert found.run == died


def test_a_checkpoint_of_another_deck_or_model_is_not_used(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run-1")
    assert find_resumption([run], {**PLANNED, "model": "other"}, Dynamics()) is None


def test_a_damaged_list_is_as_none(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run-1")
    (run / CHECKPOINTS_NAME).write_text('{"planned": 3')
    assert find(run) is None


@pytest.mark.parametrize("cut", [b"", state(200)[:9], state(200)[:60], state(200)[:-1]])
def test_one_that_a_full_disk_has_cut_is_not_listed(tmp_path: Path, cut: bytes) -> None:
    run = tmp_path / "run-1"
    run.mkdir()
    watch = CheckpointWatch(run, PLANNED, resumed_at=())
    (run / "restart.a").write_bytes(state(100))
    watch(101)
    (run / "restart.b").write_bytes(cut)
    watch(201)
    listed = json.loads((run / CHECKPOINTS_NAME).read_text())["checkpoints"]
    assert [one["step"] for one in listed] == [100]
