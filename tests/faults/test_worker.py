"""Faults 12 and 15: what is tried again and what is not, by cause."""

import dataclasses
import resource
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from campaign_commands import ENVIRONMENT, molgun, results
from ended_cases import ended
from fault_cases import STOCK, plan_stock
from waiting import PATIENCE_S

from molgun_lmp.campaign.launch.spawn import start_worker
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.campaign.store.claims import MAX_DEATHS, Owner, look, take
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.worker_status import WorkerStatus, read_status, status_file
from molgun_lmp.campaign.worker.loop import fire_all
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.names import LOG_NAME
from molgun_lmp.gun.pools import Pool
from molgun_lmp.records import Cause, TrajectoryResult

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("causes", "runs", "end"),
    [
        ([Cause.OUT_OF_MEMORY, None], 2, None),
        ([Cause.OUT_OF_MEMORY, Cause.OUT_OF_MEMORY], 2, Cause.OUT_OF_MEMORY),
        ([Cause.NAN_FORCE], 1, Cause.NAN_FORCE),
        ([Cause.LOST_ATOMS], 1, Cause.LOST_ATOMS),
    ],
)
def test_short_memory_is_tried_once_more_and_physics_is_not(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, *, causes: list[Cause | None], runs: int, end: Cause | None
) -> None:
    work = open_work(plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=1), ())
    left = list(causes)

    def fire(folder: TrajectoryFolder, number: int, *_: object) -> TrajectoryResult:
        cause = left.pop(0)
        folder.run_folder(number).mkdir(exist_ok=True)
        return ended(0, cause)

    assert fire_all(work, fire, threading.Event()) == 1
    assert len(causes) - len(left) == runs
    result = work.folders[0].result()
    assert result is not None
    assert result.cause is end


@pytest.mark.parametrize("cause", [Cause.LAMMPS_ERROR, Cause.FORCE_MODEL_ERROR])
def test_an_error_before_any_step_is_no_outcome_and_one_after_it_is(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, cause: Cause
) -> None:
    work = open_work(plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=1), ())

    def fire(steps: int, folder: TrajectoryFolder, number: int, *_: object) -> TrajectoryResult:
        folder.run_folder(number).mkdir(exist_ok=True)
        return ended(0, cause, steps=steps, message="Out of order.")

    with pytest.raises(EngineError, match="trajectory 000000 cannot be fired, and no other could: Out of order"):
        fire_all(work, partial(fire, 0), threading.Event())
    assert work.folders[0].result() is None
    assert look(work.folders[0]) is None
    assert fire_all(work, partial(fire, 7), threading.Event()) == 1


@pytest.mark.parametrize(
    ("log", "cause", "steps"),
    [
        ("ERROR: All pair coeffs are not set (src/pair.cpp:263)\n", None, 0),
        (
            "   Step          Time\n  0  0\n 20  0.01\nERROR: Lost atoms: original 154 current 153\n",
            Cause.LOST_ATOMS,
            20,
        ),
        ("   Step          Time\n  0  0\n", Cause.WORKER_DIED, 0),
    ],
)
def test_workers_that_died_of_lammps_s_own_error_say_so(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, *, log: str, cause: Cause | None, steps: int
) -> None:
    """As those do whose LAMMPS was built without exceptions."""
    work = open_work(plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=1), ())
    (folder,) = work.folders
    dead = dataclasses.replace(Owner.this_process(), pid=2**22 + 1)
    for _ in range(MAX_DEATHS):
        claim = take(folder, dead)
        assert claim is not None
        folder.run_folder(claim.number).mkdir()
        (folder.run_folder(claim.number) / LOG_NAME).write_text(log)

    def fire(*_: object) -> TrajectoryResult:
        raise AssertionError("it is given up")

    if cause is None:
        with pytest.raises(EngineError, match="no other could: ERROR: All pair coeffs are not set"):
            fire_all(work, fire, threading.Event())
        assert folder.result() is None
        assert look(folder) is None, "with a mended deck it is fired again"
        return
    assert fire_all(work, fire, threading.Event()) == 1
    result = folder.result()
    assert result is not None
    assert (result.cause, result.steps) == (cause, steps)
    assert "2 workers died on this trajectory" in result.message


def test_a_deck_that_lammps_refuses_stops_the_campaign(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> None:
    engine = {**STOCK, "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.002 1.5 4.0 4.0"]}
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=5, engine=engine)
    done = molgun("run", campaign, "--workers", "1")
    assert done.returncode == EngineError.exit_code, done.stderr
    assert "Incorrect args for pair coefficients" in " ".join(done.stderr.split())
    assert not results(campaign)
    assert not list(campaign.glob("trajectories/*/*/claim-*"))


@pytest.mark.parametrize("room", [True, False])
def test_a_worker_says_how_far_it_got_and_fires_all_the_same_where_it_cannot(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, *, room: bool
) -> None:
    campaign = plan_stock(tmp_path, slab_pool, molecule_pool, trajectories=3)
    (campaign / "logs").mkdir()
    log = campaign / "logs" / "worker.log"
    if not room:
        status_file(log).mkdir()
    worker = start_worker(campaign, [], 1, log)
    assert worker.wait(PATIENCE_S) == 0, log.read_text()
    assert len(results(campaign)) == 3
    said = WorkerStatus(pid=worker.pid, state="ended", taken=3, ended=3, last="000002")
    assert read_status(status_file(log)) == (said if room else None)
    assert {entry.name for entry in log.parent.iterdir()} == {log.name, status_file(log).name}


def test_memory_that_lammps_cannot_get_is_called_so(tmp_path: Path) -> None:
    """A limit of the address space stands for a machine without memory."""
    (tmp_path / "in.lammps").write_text(
        "units metal\nregion b block 0 200 0 200 0 200\ncreate_box 1 b\nmass 1 1\nlattice sc 0.5\n"
        "pair_style zero 1.0\npair_coeff * *\ncreate_atoms 1 box\nrun 0\n"
    )
    code = (
        "import sys, threading, resource; from pathlib import Path; import mpi4py.MPI, lammps\n"
        "from molgun_lmp.engine.session import run_deck\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({2 * 10**9},) * 2)\n"
        "folder = Path(sys.argv[1])\n"
        "run = run_deck(folder / 'in.lammps', variables={}, force_model=None, interrupt=threading.Event(),\n"
        "               log_path=folder / 'log.lammps', plugin=False)\n"
        "print(run.cause, run.error)"
    )
    assert resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout.startswith("out-of-memory"), done.stdout
