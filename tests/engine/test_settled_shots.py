"""`stop.settled` on real LAMMPS: carbon monoxide sticks to a copper slab, cools under a bath, and its shots end."""

import dataclasses
import hashlib
import shutil
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from ase import Atoms
from ase.build import fcc111
from fired_decks import fire_trajectories
from potential_cases import campaign_file

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.campaign.worker.settling import SettlingWatch
from molgun_lmp.cli.cluster import cluster_command
from molgun_lmp.cli.status import status_command
from molgun_lmp.config import load_campaign
from molgun_lmp.gun.initial_conditions import is_audited
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Stop, TrajectoryResult
from molgun_lmp.results.analyse import Analysis, analyse

pytestmark = pytest.mark.engine

STEPS, DUMP, CHECKPOINT = 5000, 20, 250
MORSE = (
    "pair_style morse 5.0",
    "pair_modify shift yes",
    "pair_coeff * * 0.01 1.5 3.5",
    "pair_coeff 1 2 11.2 2.3 1.13",
    "pair_coeff 1 3 0.8 2.0 1.9",
    "pair_coeff 3 3 0.3429 1.3588 2.866",
)


def planned(folder: Path, trajectories: int, bath: bool = True) -> Store:
    slab = fcc111("Cu", (3, 4, 3), a=3.61, vacuum=9.0, orthogonal=True)
    slab.info.clear()
    slab.pbc = True
    sections = {
        "trajectories": trajectories,
        "system": {"slab": {"pool": "slab.extxyz", "frozen_layers": 1}, "molecule": {"pool": "molecule.extxyz"}},
        "engine": {"cutoff_angstrom": 5.0},
        "gun": {"kick": {"kind": "fixed_energy", "energy_ev": 0.1}},
        "dynamics": {
            "steps": STEPS,
            "timestep_fs": 1.0,
            "dump_every_steps": DUMP,
            "thermo_every_steps": 30,
            "checkpoint_every_steps": CHECKPOINT,
            "bath": {"damping_ps": 0.1} if bath else None,
        },
        "stop": {"settled": {"after_ps": 1.0, "excess_k": 300.0 if bath else 3000.0, "audit_share": 0.3}},
        "outcomes": {"scheme": "general"},
    }
    file = campaign_file(folder, slab, Atoms("CO", [[0, 0, 0], [0, 0, 1.13]]), MORSE, sections)
    return write(check(load_campaign(file)), folder / "campaign")


def dump_of(folder: TrajectoryFolder, result: TrajectoryResult) -> bytes:
    dump = folder.dump(result).read_bytes()
    assert hashlib.sha256(dump).hexdigest() == result.hashes["dump"]
    return dump


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[TrajectoryResult], Analysis]:
    store = planned(tmp_path_factory.mktemp("settled"), 8)
    results = fire_trajectories(store)
    return store, results, analyse(store)


def test_settled_shots_end_but_for_the_audit(fired: tuple[Store, list[TrajectoryResult], Analysis]) -> None:
    store, results, analysis = fired
    settled = [result for result in results if result.settled is not None]
    assert len(settled) > 4
    drawn = {name for index in range(8) if is_audited(store.config(), index) for name in [f"{index:06d}"]}
    assert {result.trajectory_id for result in settled if result.stop is not Stop.SETTLED} == {
        result.trajectory_id for result in settled if result.trajectory_id in drawn
    }
    assert {result.steps for result in settled if result.audited} == {STEPS}
    for one in analysis.ended:
        result, outcome = one.result, one.outcome
        if result.settled is None:
            continue
        first = outcome.first_phase
        assert first.stuck
        assert first.time_ps == pytest.approx(result.settled.step / 1000)
        steps = [frame.step for frame in read_frames(one.folder.dump(result))]
        assert steps == list(range(0, result.steps + 1, DUMP))
        assert outcome.audit_share == 0.3
        assert (outcome.as_settled is not None) is result.audited
    said = analysis.summary.settled
    assert said is not None
    early = [result for result in settled if result.stop is Stop.SETTLED]
    assert (said.settled, said.settled - said.audited) == (len(settled), len(early))
    assert said.steps_not_run == sum(STEPS - result.steps for result in early) > 0
    header, *lines = (store.analysis / "outcomes.csv").read_text().splitlines()
    assert ",settled_ps,settled_mode,audited," in header
    assert sum(",adsorbed,False," in line for line in lines) == len(early)


def test_status_says_what_was_saved_and_a_cluster_does_not_save(
    fired: tuple[Store, list[TrajectoryResult], Analysis], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, results, analysis = fired
    status_command(store.root)
    assert analysis.summary.settled is not None
    said = " ".join(capsys.readouterr().out.split())
    early = sum(result.stop is Stop.SETTLED for result in results)
    assert f"settled {early} ({analysis.summary.settled.steps_not_run:,} steps not run" in said
    other = planned(tmp_path / "sent", 1)
    cluster_command(other.root, target="stock", output=tmp_path / "jobs")
    assert "stop.settled is not applied there" in capsys.readouterr().out
    (sent,) = other.trajectories()
    assert (tmp_path / "jobs/trajectories/000000/in.lammps").read_text() == (sent.path / "in.lammps").read_text()


def test_where_it_ends_does_not_depend_on_when_that_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended at once; at its planned end; and stopped, unnoticed, before it went on from a checkpoint."""
    store = planned(tmp_path / "shots", 12, bath=False)
    index = next(k for k in range(12) if not is_audited(store.config(), k))
    work = campaign_work(store, [f"{index:06d}"])
    (folder,) = work.folders
    results, dumps = [], []

    def fire(number: int, interrupt: threading.Event, *, watched: bool = True) -> TrajectoryResult | None:
        with open_engine(work if watched else dataclasses.replace(work, config={})) as run:
            return run(folder, number, interrupt, _hung)

    def keep(result: TrajectoryResult | None, number: int = 1) -> None:
        assert result is not None
        results.append(result)
        dumps.append(dump_of(folder, result))
        shutil.rmtree(folder.run_folder(number))

    keep(fire(1, threading.Event()))
    with monkeypatch.context() as patch:
        patch.setattr(SettlingWatch, "over", lambda _: False)
        keep(fire(1, threading.Event()))
    assert fire(1, _Once(folder.run_folder(1) / "traj.dump", 260), watched=False) is None
    keep(fire(2, threading.Event()), 2)

    first, unnoticed, resumed = results
    assert first.stop is Stop.SETTLED
    assert first.settled is not None
    assert first.steps == first.settled.step < STEPS
    assert dumps[0] == dumps[1] == dumps[2]
    assert resumed.resumed_at
    for one in (unnoticed, resumed):
        assert (one.stop, one.steps, one.settled, one.energy) == (
            first.stop,
            first.steps,
            first.settled,
            first.energy,
        )


class _Once(threading.Event):
    """Set once a dump holds the frame of a step."""

    def __init__(self, dump: Path, step: int) -> None:
        super().__init__()
        self._dump, self._mark = dump, f"ITEM: TIMESTEP\n{step}\n".encode()

    def is_set(self) -> bool:
        return self._dump.is_file() and self._mark in self._dump.read_bytes()


def _hung(step: int, _: object) -> NoReturn:
    raise AssertionError(f"step {step} does not end")
