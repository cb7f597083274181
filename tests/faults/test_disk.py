"""Faults 5 and 6: a full disk in dump, log, checkpoint, result and index, and restart files that are cut or flipped."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from campaign_commands import ENVIRONMENT, molgun
from fault_cases import assert_same_table, finish, plan_stock, start_quietly, table, workers_of
from small_disks import small_tmpfs
from waiting import PATIENCE_S, wait_for
from whole_runs import require_whole_run

from molgun_lmp.campaign.launch.local import worker_error
from molgun_lmp.campaign.launch.spawn import start_worker
from molgun_lmp.campaign.store.completeness import whole_frames
from molgun_lmp.campaign.store.worker_status import read_status, status_file
from molgun_lmp.config import Dynamics
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine

STEPS, EVERY = 30_000, 2000
DYNAMICS = Dynamics(steps=STEPS, dump_every_steps=EVERY, thermo_every_steps=EVERY // 2)


class SmallDisk:
    """A tmpfs of some MiB; `fill` leaves no byte free, `empty` takes the filling out again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filling = path / "filling"

    def fill(self, leave_bytes: int = 0) -> None:
        """Write until nothing is left but `leave_bytes` (whole pages)."""
        with self._filling.open("ab", buffering=0) as handle:
            try:
                while True:
                    handle.write(bytes(4096))
            except OSError:
                pass
        if leave_bytes:
            os.truncate(self._filling, max(0, self._filling.stat().st_size - leave_bytes))

    def empty(self) -> None:
        """Make room."""
        self._filling.unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_tmpfs(tmp_path / "disk", size="24m") as path:
        yield SmallDisk(path)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    folder = tmp_path_factory.mktemp("planned")
    return plan_stock(folder, slab_pool, molecule_pool, trajectories=8, steps=STEPS, every=EVERY)


@pytest.fixture(scope="module")
def undisturbed(planned: Path) -> dict[str, dict[str, Any]]:
    copy = planned.with_name("undisturbed")
    shutil.copytree(planned, copy)
    assert molgun("run", copy, "--workers", "2").returncode == 0
    return table(copy)


@pytest.mark.parametrize("leave_bytes", [0, 16_384])
def test_a_disk_that_fills_up_in_the_middle_costs_no_more_than_time(
    planned: Path, undisturbed: dict[str, dict[str, Any]], small_disk: SmallDisk, tmp_path: Path, leave_bytes: int
) -> None:
    campaign = small_disk.path / "campaign"
    shutil.copytree(planned, campaign)
    log = tmp_path / "log"
    process = start_quietly(campaign, log, workers=2)
    wait_for(lambda: list(campaign.glob("trajectories/*/*/run-*/restart.a")), "a checkpoint")
    small_disk.fill(leave_bytes)
    assert process.wait(PATIENCE_S) == CampaignError.exit_code, log.read_text()[-3000:]
    assert "the same command" in log.read_text()
    assert "Traceback" not in log.read_text()
    status = molgun("status", campaign, "--json")
    assert status.returncode == 0, "the status is read without writing an index"
    assert json.loads(status.stdout)["failed"] == 0
    for identifier, row in table(campaign).items():
        assert row == undisturbed[identifier], "what ended on a full disk is whole"
    small_disk.empty()
    finish(campaign, workers=2)
    assert_same_table(campaign, undisturbed)


def test_a_worker_that_cannot_write_its_log_is_no_worker_that_does_not_start(
    planned: Path, small_disk: SmallDisk
) -> None:
    """Its exit status says what ended it; three that die at their start would be an error of the engine."""
    campaign = small_disk.path / "campaign"
    shutil.copytree(planned, campaign)
    (campaign / "logs").mkdir()
    (log := campaign / "logs" / "worker.log").touch()
    small_disk.fill()
    code = start_worker(campaign, [], 1, log).wait(PATIENCE_S)
    assert log.stat().st_size == 0
    assert read_status(status_file(log)) is None, "nor could it write how far it got, which is no error either"
    error = worker_error(code, log)
    assert isinstance(error, CampaignError)
    assert "is the disk full? Make room" in str(error)


def test_a_disk_that_was_full_for_a_moment_leaves_no_result_with_gaps(
    planned: Path, undisturbed: dict[str, dict[str, Any]], small_disk: SmallDisk, tmp_path: Path
) -> None:
    """LAMMPS writes on as if nothing had been: frames and lines of the log are missing in the middle."""
    campaign = small_disk.path / "campaign"
    shutil.copytree(planned, campaign)
    stop = threading.Event()

    def fill_and_empty() -> None:
        rng = random.Random(24)
        while not stop.is_set():
            small_disk.fill()
            time.sleep(rng.uniform(0.05, 0.3))
            small_disk.empty()
            time.sleep(rng.uniform(0.2, 1.0))

    process = start_quietly(campaign, tmp_path / "log", workers=2)
    wait_for(lambda: list(campaign.glob("trajectories/*/*/run-*/traj.dump")), "a dump")
    filler = threading.Thread(target=fill_and_empty)
    filler.start()
    try:
        for _ in range(4):
            assert process.wait(PATIENCE_S) in {0, CampaignError.exit_code}, (tmp_path / "log").read_text()[-3000:]
            process = start_quietly(campaign, tmp_path / "log", workers=2)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    finally:
        stop.set()
        filler.join()
        small_disk.empty()
    finish(campaign, workers=2)
    assert_same_table(campaign, undisturbed)


def test_a_dump_cut_at_any_byte_of_its_last_frames_is_found(planned: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(planned, copy)
    assert molgun("run", copy, "--only", "0").returncode == 0
    (dump,) = copy.glob("trajectories/*/000000/run-1/traj.dump")

    def require() -> None:
        require_whole_run(dump.parent, DYNAMICS, steps=STEPS)

    require()
    content = dump.read_bytes()
    frames = list(whole_frames(dump))
    assert [frame.step for frame in frames] == list(range(0, STEPS + 1, EVERY))
    start = frames[-2].end
    for end in (*range(start + 1, start + 400), *range(start + 400, len(content), 97), len(content) - 1):
        dump.write_bytes(content[:end])
        with pytest.raises(OSError, match="a frame is cut"):
            require()
    for first, last in ((start - 3000, start - 20), (frames[0].end, frames[1].end), (200, 4296)):
        dump.write_bytes(content[:first] + content[last:])
        with pytest.raises(OSError, match=r"a frame is cut|frames are missing"):
            require()
    for end in (start, frames[3].end):
        dump.write_bytes(content[:end])
        with pytest.raises(OSError, match="frames are missing"):
            require()


def test_a_log_that_lacks_a_line_is_found(planned: Path, tmp_path: Path) -> None:
    """Its energies would be those of the other lines. A full disk takes whole pages, or the rest of a line."""
    copy = tmp_path / "copy"
    shutil.copytree(planned, copy)
    assert molgun("run", copy, "--only", "0").returncode == 0
    (log,) = copy.glob("trajectories/*/000000/run-1/log.lammps")
    content = log.read_bytes()
    log.write_bytes(content[:-30])
    with pytest.raises(OSError, match="could not write its log to the end"):
        require_whole_run(log.parent, DYNAMICS, steps=STEPS)
    table_start = content.index(b"   Step ")
    lines = content[table_start : content.index(b"Loop time")].splitlines(keepends=True)
    assert len(lines) == 2 + STEPS // DYNAMICS.thermo_every_steps
    for number, line in enumerate(lines):
        before = table_start + sum(map(len, lines[:number]))
        for lost in (slice(before, before + len(line)), slice(before + len(line) // 2, before + 4096)):
            log.write_bytes(content[: lost.start] + content[lost.stop :])
            with pytest.raises(OSError, match=r"thermo output of step \d+ is missing|could not write its log"):
                require_whole_run(log.parent, DYNAMICS, steps=STEPS)
    log.write_bytes(content)
    require_whole_run(log.parent, DYNAMICS, steps=STEPS)


@pytest.mark.parametrize(
    "damage", ["newest cut", "newest flipped", "both flipped", "list cut", "dump cut", "log holed"]
)
def test_a_killed_run_whose_files_are_damaged_goes_on_from_what_is_whole(
    planned: Path, undisturbed: dict[str, dict[str, Any]], tmp_path: Path, damage: str
) -> None:
    campaign = tmp_path / "campaign"
    shutil.copytree(planned, campaign)
    command = [sys.executable, "-m", "molgun_lmp.campaign.worker", str(campaign), "--only", "1"]
    run = campaign / "trajectories" / "0000" / "000001" / "run-1"
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as worker:
        wait_for((run / "restart.b").is_file, "two checkpoints")
        wait_for((run / "checkpoints.json").is_file, "their list")
        worker.kill()
    listed = json.loads((run / "checkpoints.json").read_text())["checkpoints"]
    if damage == "list cut":
        os.truncate(run / "checkpoints.json", 100)
    elif damage == "dump cut":
        os.truncate(run / "traj.dump", (run / "traj.dump").stat().st_size - 7)
    elif damage == "log holed":
        before, header, after = (run / "log.lammps").read_text().partition("   Step ")
        lines = after.splitlines(keepends=True)
        (run / "log.lammps").write_text(before + header + "".join(lines[:2] + lines[3:]))
    elif damage == "newest cut":
        os.truncate(run / listed[0]["name"], 5000)
    else:
        for one in listed[: 2 if damage == "both flipped" else 1]:
            content = bytearray((run / one["name"]).read_bytes())
            content[len(content) // 2] ^= 1
            (run / one["name"]).write_bytes(content)
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, timeout=PATIENCE_S)
    (row,) = table(campaign).values()
    assert row == undisturbed["000001"]
    assert not workers_of(campaign)
