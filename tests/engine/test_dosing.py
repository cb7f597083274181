"""Chains of doses: each molecule meets what the one before has left, whoever fires it and whatever happens."""

import dataclasses
import gzip
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_cases import dumps
from dosing_cases import TEMPERATURE_K, fire_here, plan_doses

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.campaign.covered_pool import write_covered_pool
from molgun_lmp.campaign.plan.replay import Changes, plan_replay
from molgun_lmp.campaign.retry import free_failed
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.chains import read_drawn
from molgun_lmp.campaign.store.opening import chains_named, open_work
from molgun_lmp.campaign.worker import run_trajectory
from molgun_lmp.campaign.worker.concurrent import fire_together
from molgun_lmp.campaign.worker.energy_conservation import NOT_CHECKED
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.campaign.worker.surface_left import Grounds
from molgun_lmp.engine.session import DeckRun, run_deck
from molgun_lmp.errors import CampaignError, ConfigError, InterruptedRunError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.equilibration_output import kinetic_temperature_k
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Cause, TrajectoryResult
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.quench import quench
from molgun_lmp.results.shown import shown
from molgun_lmp.surface.clean_surface import find_surface

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return plan_doses(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module")
def fired(planned: Store) -> Store:
    return fired_copy(planned, planned.root.with_name("fired"))


def copy_of(store: Store, folder: Path) -> Store:
    shutil.copytree(store.root, folder)
    return Store.open(folder)


def fired_copy(store: Store, folder: Path, *only: str) -> Store:
    copy = copy_of(store, folder)
    fire_here(copy, *only)
    return copy


def test_each_molecule_meets_what_the_one_before_has_left(fired: Store) -> None:
    n_slab, limit = fired.manifest.n_slab, fired.config().gun.min_distance_angstrom
    stuck = 0
    for folder in fired.trajectories():
        shot, result = folder.shot(), folder.result()
        assert result is not None and result.state == "finished"
        _, dose = divmod(int(folder.id), 3)
        first = next(iter(read_frames(folder.dump(result))))
        standing = sum(len(one.atoms) for one in shot.adsorbates)
        stuck += standing
        assert first.symbols == ("Cu",) * n_slab + ("O",) * (standing + 1)
        assert [one.dose for one in shot.adsorbates] == sorted({one.dose for one in shot.adsorbates} & set(range(dose)))
        # Never a start inside an adsorbate, and as far above what stands there as above a clean slab.
        lattice = find_surface(fired.clean_slab).lattice
        assert lattice.distances(first.unwrapped[-1:], first.unwrapped[:-1]).min() > limit
        assert shot.clearance_angstrom > 5.0
        drawn = read_drawn(folder)
        assert (drawn is None) is (dose == 0)
        if drawn is not None:
            before = fired.trajectory(drawn.after)
            assert int(before.id) == int(folder.id) - 1
            there = {one.dose for one in (*before.shot().adsorbates, Adsorbate(dose=dose - 1, atoms=(0,)))}
            gone = {one.dose for one in (*drawn.left, *drawn.left_between)}
            assert {one.dose for one in shot.adsorbates} == there - gone
            # The newcomer is the one that was drawn at plan, and what stood there goes on from its thermalisation.
            newcomer = json.loads((folder.path / "newcomer.json").read_text())
            data = read_data((folder.path / "data.lmp").read_text())
            assert data.velocities is not None
            assert data.velocities[-1] == pytest.approx(newcomer["kick_velocity"], abs=0)
            last = read_data((folder.path / "between" / "4.data").read_text())
            assert np.array_equal(data.positions[:n_slab], last.unwrapped[:n_slab])
    assert stuck >= 4, "some stick, or nothing was tried"


def test_the_heat_of_adsorption_is_gone_before_the_next_one(fired: Store) -> None:
    """1 eV warms these 18 atoms by 200 K. Langevin with a damping of 0.05 ps: parts of 0.2 ps are independent."""
    found = []
    for folder in fired.trajectories():
        for part in range(2, 5) if (folder.path / "between").is_dir() else ():
            data = read_data((folder.path / "between" / f"{part}.data").read_text())
            assert data.velocities is not None
            mobile = (data.velocities != 0.0).any(axis=1)
            assert mobile.sum() >= 18
            found.append(kinetic_temperature_k(data.velocities[mobile], data.masses_u[mobile]))
    assert len(found) == 12
    error = TEMPERATURE_K * np.sqrt(2.0 / (3 * 18) / len(found))
    assert abs(np.mean(found) - TEMPERATURE_K) < 5.0 * error


def test_a_chain_is_the_same_alone_and_among_others(fired: Store, planned: Store, tmp_path: Path) -> None:
    alone = fired_copy(planned, tmp_path / "alone", *chains_named(planned, [1]))
    assert dumps(alone.root) == {name: dump for name, dump in dumps(fired.root).items() if int(name) >= 3}
    one = plan_doses(tmp_path / "one", chains=1)
    fire_here(one)
    assert dumps(one.root) == {name: dump for name, dump in dumps(fired.root).items() if int(name) < 3}

    together = copy_of(planned, tmp_path / "together")
    work = open_work(together.root)
    work = dataclasses.replace(work, engine=work.engine.model_copy(update={"together": 2}))
    with open_engine(dataclasses.replace(work, engine=planned.manifest.engine)) as fire:
        assert fire_together(work, fire, threading.Event()) == 6
    assert dumps(together.root) == dumps(fired.root)


def test_a_chain_that_is_stopped_anywhere_ends_as_it_would_have(
    fired: Store, planned: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second part of each thermalisation, and in each shot once it has a checkpoint."""
    store = copy_of(planned, tmp_path / "stopped")
    stopped: set[Path] = set()

    def stopping(deck: Path, *, interrupt: threading.Event, on_progress: Any = None, **others: Any) -> DeckRun:
        def watched(step: int) -> None:
            if on_progress is not None:
                on_progress(step)
            if (deck.parent / "checkpoints.json").exists() and deck.parent.parent not in stopped:
                stopped.add(deck.parent.parent)
                interrupt.set()

        if others["variables"].get("part") == "2" and deck not in stopped:
            stopped.add(deck)
            interrupt.set()
        return run_deck(deck, interrupt=interrupt, on_progress=watched, **others)

    monkeypatch.setattr(run_trajectory, "run_deck", stopping)
    only, stops = chains_named(store, [0]), 0
    while not all(folder.result_file.exists() for folder in store.select(only)):
        try:
            fire_here(store, *only)
        except InterruptedRunError:
            stops += 1
    assert stops >= len([one for one in stopped if one.name == "in.lammps"]) == 2
    assert dumps(store.root) == {name: dump for name, dump in dumps(fired.root).items() if int(name) < 3}


def test_a_packed_dump_is_what_its_dose_has_left_and_a_cut_one_is_not(fired: Store, tmp_path: Path) -> None:
    store = copy_of(fired, tmp_path / "packed")
    folder = next(iter(store.trajectories()))
    result, symbols = folder.result(), read_data((folder.path / "data.lmp").read_text()).symbols
    assert result is not None and symbols is not None
    molecule = symbols[store.manifest.n_slab :]
    plain, _ = Grounds.of(store).left_by(folder, result, molecule)
    dump = folder.dump(result)
    packed = dump.with_name("traj.dump.gz")
    packed.write_bytes(gzip.compress(dump.read_bytes()))
    dump.unlink()
    unpacked, _ = Grounds.of(store).left_by(folder, result, molecule)
    np.testing.assert_array_equal(unpacked.positions, plain.positions)
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(CampaignError, match=r"traj\.dump\.gz is missing or is not what trajectory 000000 has left"):
        Grounds.of(store).left_by(folder, result, molecule)


def test_a_dose_that_failed_ends_its_chain_and_retry_takes_it_up_again(
    fired: Store, planned: Store, tmp_path: Path
) -> None:
    store = copy_of(planned, tmp_path / "failed")
    fire_here(store, "0")
    failed = _failure("000001")
    assert store.trajectory("000001").publish(failed)
    assert fire_here(store) == 4, "the other chain, and what could not follow"
    result = store.trajectory("000002").result()
    assert result is not None and result.cause is Cause.CHAIN_ENDED
    assert "000001 failed (hung)" in result.message
    assert [folder.id for folder, _ in store.fired()] == ["000000", "000001", "000003", "000004", "000005"]
    status = read_status(store)
    assert status.chains is not None
    assert (status.chains.finished, status.chains.ended_early, status.complete) == ((1, 3), (0,), True)
    assert "ended early" in status.sentence()
    assert free_failed(store, (), {Cause.HUNG}) == {"000001": Cause.HUNG, "000002": Cause.CHAIN_ENDED}
    fire_here(store)
    assert dumps(store.root) == dumps(fired.root)


def _failure(identifier: str) -> TrajectoryResult:
    return TrajectoryResult(
        trajectory_id=identifier,
        state="failed",
        stop=None,
        cause=Cause.HUNG,
        message="a step did not end",
        steps=0,
        energy=NOT_CHECKED,
        wall_s=0.0,
        started_at="2026-11-30T00:00:00+00:00",
        host="here",
        engine="stock float64",
        attempt=1,
        hashes={},
    )


def test_a_shot_above_adsorbates_is_replayed_as_any_other(fired: Store) -> None:
    """Its deck is written again from the data file alone, and its dump comes out again."""
    folder = next(folder for folder in fired.trajectories() if folder.shot().adsorbates)
    replay = plan_replay(fired, folder.id, Changes())
    again = replay.trajectory("000000")
    assert (again.path / "in.lammps").read_bytes() == (folder.path / "in.lammps").read_bytes()
    fire_here(replay)
    assert dumps(replay.root)["000000"] == dumps(fired.root)[folder.id]


def test_what_was_drawn_is_guarded_and_a_chain_is_fired_in_order(planned: Store, tmp_path: Path) -> None:
    store = copy_of(planned, tmp_path / "guarded")
    with pytest.raises(CampaignError, match="starts from the end of 000000"):
        open_work(store.root, ["1"])
    with pytest.raises(CampaignError, match="no chain 2: it has chains 0 to 1"):
        chains_named(store, [2])
    file = store.trajectory("000001").path / "newcomer.json"
    file.write_text(file.read_text().replace('"O"', '"H"'))
    with pytest.raises(CampaignError, match=r"newcomer.json was edited"):
        fire_here(store)


def test_the_ends_of_chains_are_a_pool_that_a_plain_campaign_fires_at(fired: Store, tmp_path: Path) -> None:
    file = tmp_path / "covered.extxyz"
    pool = write_covered_pool(fired, 2, file)
    assert pool.adsorbates and pool.missing == 0 and len(pool.chains) + pool.others == 2
    with pytest.raises(CampaignError, match="exists already"):
        write_covered_pool(fired, 2, file)
    with pytest.raises(CampaignError, match="of which 1 to 2 have a surface"):
        write_covered_pool(fired, 3, tmp_path / "no.extxyz")

    slab = {"pool": str(file), "frozen_layers": 1, "adsorbates": [list(one) for one in pool.adsorbates]}
    system = {"slab": slab, "equilibration": {"temperature_k": TEMPERATURE_K}}
    store = plan_doses(tmp_path / "plain", dose=None, trajectories=2, system=system)
    assert (store.manifest.n_slab, store.manifest.n_atoms) == (fired.manifest.n_slab, fired.manifest.n_atoms)
    assert len(store.clean_slab) == store.manifest.n_slab
    fire_here(store)
    for folder in store.trajectories():
        shot, result = folder.shot(), folder.result()
        assert result is not None and result.state == "finished"
        assert [one.atoms for one in shot.adsorbates] == [*pool.adsorbates]
        first = next(iter(read_frames(folder.dump(result))))
        source = fired.trajectory(str(3 * int(shot.slab_run) + 2))
        there = read_data((source.path / "data.lmp").read_text())
        lattice = find_surface(fired.clean_slab).lattice
        moved = lattice.shortest(first.unwrapped[:-1] - there.positions[:-1])
        assert np.abs(moved[:, :2]).max() < 1e-6 and np.ptp(moved[:, 2]) < 1e-6
        assert shot.clearance_angstrom > 5.0

    analysis = analyse(store)
    assert all(one.outcome.stuck and one.outcome.company is None for one in analysis.ended)
    for movie in shown(store, analysis, find_surface(store.clean_slab)).movies:
        assert movie.positions.shape[1] == store.manifest.n_atoms + len(pool.adsorbates)
        assert np.isfinite(movie.positions).all() and not movie.chain
    settled = {"settled": {"after_ps": 0.2, "excess_k": 5000.0, "audit_share": 0.1}}
    ends = plan_doses(tmp_path / "settled", dose=None, trajectories=2, system=system, stop=settled)
    fire_here(ends)
    results = [folder.result() for folder in ends.trajectories()]
    assert all(result is not None and result.settled is not None for result in results)

    minima = quench(store, analysis)
    assert minima.quenched and not minima.missing
    for one in minima.quenched:
        (whole,) = read_frames(store.root / "quench" / "0000" / one.trajectory_id / "minimum.dump")
        assert len(whole.symbols) == store.manifest.n_atoms + len(pool.adsorbates)
        assert one.converged and one.binding_energy_ev < -1.0, "at least the depth of one bond"
    with pytest.raises(ConfigError, match="the last 2 atoms of the slab's pool are"):
        plan_doses(tmp_path / "wrong", dose=None, trajectories=2, system={"slab": {**slab, "adsorbates": [[0], [1]]}})
