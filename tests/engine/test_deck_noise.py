"""A trajectory under random forces that goes on from a checkpoint feels new ones, wherever it goes on."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_cases import STOCK, plan_stock
from fired_decks import fire_deck, fire_trajectories

from molgun_lmp.arrays import FloatArray
from molgun_lmp.campaign.store.campaign_folder import MODEL_FOLDER, Store
from molgun_lmp.campaign.store.checkpoints import CheckpointWatch
from molgun_lmp.campaign.store.integrity import planned_hashes
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import Frame, read_frames
from molgun_lmp.results.analyse import analyse

pytestmark = pytest.mark.engine

DAMPING_PS, PART = 0.05, 100
LANGEVIN = {"kind": "langevin", "temperature_k": 300.0, "damping_ps": DAMPING_PS}
RANDOM: dict[str, dict[str, Any]] = {
    "bath": {"bath": {"layers": 3, "damping_ps": DAMPING_PS}},
    "thermostat": {"ensemble": "nvt", "thermostat": LANGEVIN},
}
NO_FORCES = {**STOCK, "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.0 1.0"]}
DEBIAN = Path("/usr/bin/lmp")


def planned(folder: Path, slab: Pool, molecule: Pool, random: Mapping[str, Any]) -> Store:
    """A trajectory of two parts without forces."""
    every = {"dump_every_steps": PART, "thermo_every_steps": PART, "checkpoint_every_steps": PART}
    sections: dict[str, Any] = {
        "dynamics": {"steps": 2 * PART, **every, **random},
        "engine": NO_FORCES,
        "stop": {"departed": False, "max_temperature_k": None},
    }
    return Store.open(plan_stock(folder, slab, molecule, trajectories=1, **sections))


def fire(store: Store, run: Path, *, resume: Path | None = None, literal_seed: bool = False) -> dict[int, FloatArray]:
    """Step -> velocities (N, 3); `literal_seed` writes the seed into the deck, as earlier versions did."""

    def as_before(text: str) -> str:
        seed = text.partition("variable noise_seed equal 1+((")[2].partition("-1+step")[0]
        assert seed.isdigit()
        return text.replace("$(v_noise_seed:%.0f)", seed)

    changed = as_before if literal_seed else str
    return velocities(fire_deck(store, run, resume=resume, changed=changed).values())


def velocities(frames: Iterable[Frame]) -> dict[int, FloatArray]:
    found = {}
    for frame in frames:
        assert frame.velocities is not None
        found[frame.step] = frame.velocities
    return found


def noise(before: FloatArray, after: FloatArray) -> FloatArray:
    """What a part of a trajectory without forces took up from its thermostat: (n, 3) of the atoms that it holds."""
    kept = np.exp(-PART * 0.0005 / DAMPING_PS)
    held = np.abs(after - before).max(axis=1) > 1e-9
    taken_up: FloatArray = (after - kept * before)[held]
    return taken_up


def correlation(one: FloatArray, other: FloatArray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("random", RANDOM)
def test_each_part_has_noise_of_its_own(random: str, tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> None:
    store = planned(tmp_path, slab_pool, molecule_pool, RANDOM[random])
    whole = fire(store, tmp_path / "whole")
    first, second = noise(whole[0], whole[PART]), noise(whole[PART], whole[2 * PART])
    assert first.size > 100
    resumed = fire(store, tmp_path / "resumed", resume=tmp_path / "whole" / "restart.a")
    again = noise(resumed[PART], resumed[2 * PART])
    chance = 5.0 / np.sqrt(first.size)
    assert abs(correlation(first, again)) < chance
    assert abs(correlation(second, again)) < chance
    assert np.std(again) == pytest.approx(np.std(second), rel=0.2)
    once_more = fire(store, tmp_path / "once-more", resume=tmp_path / "whole" / "restart.a")
    assert np.array_equal(once_more[2 * PART], resumed[2 * PART]), "of (seed, index) and the step alone"

    # What nobody disturbs has the drawn seed, as in decks of earlier versions; those repeat their noise.
    before = fire(store, tmp_path / "before", literal_seed=True)
    assert all(np.array_equal(before[step], whole[step]) for step in whole)
    repeated = fire(store, tmp_path / "repeated", resume=tmp_path / "before" / "restart.a", literal_seed=True)
    assert correlation(noise(before[0], before[PART]), noise(repeated[PART], repeated[2 * PART])) > 0.999


@pytest.mark.skipif(not DEBIAN.is_file(), reason="no /usr/bin/lmp: apt-get install lammps (Debian's, of 2022)")
def test_a_lammps_of_2022_takes_the_deck(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> None:
    store = planned(tmp_path, slab_pool, molecule_pool, RANDOM["bath"])
    here = fire(store, tmp_path / "here")
    resumed = fire(store, tmp_path / "resumed", resume=tmp_path / "here" / "restart.a")
    words = ["-log", "none", "-screen", "none", "-var", "root", str(store.root)]
    there = tmp_path / "there"
    there.mkdir()
    for name in ("in.lammps", "data.lmp"):
        shutil.copyfile(store.trajectory("000000").path / name, there / name)
    subprocess.run([DEBIAN, "-in", "in.lammps", *words], cwd=there, check=True)
    undisturbed = velocities(read_frames(there / "traj.dump"))
    shutil.copyfile(there / "restart.a", there / "resume.restart")
    (there / "traj.dump").unlink()
    subprocess.run([DEBIAN, "-in", "in.lammps", *words, "-var", "resume", "yes"], cwd=there, check=True)
    for step, found in undisturbed.items():
        assert found == pytest.approx(here[step], abs=1e-6)
    again = velocities(read_frames(there / "traj.dump"))
    assert again[2 * PART] == pytest.approx(resumed[2 * PART], abs=1e-6)


@pytest.mark.parametrize(("random", "said"), [(RANDOM["bath"], "fresh"), ({}, None)], ids=["bath", "none"])
def test_a_result_says_that_its_noise_was_resumed(
    random: Mapping[str, Any], said: str | None, tmp_path: Path, slab_pool: Pool, molecule_pool: Pool
) -> None:
    store = planned(tmp_path, slab_pool, molecule_pool, random)
    work = campaign_work(store)
    (folder,) = work.folders
    run = folder.run_folder(1)
    fire(store, run)  # by a worker that died before it could say so
    planned_ones = planned_hashes(work, folder)
    model = work.files[f"{MODEL_FOLDER}/{work.engine.model_file}"]
    hashes = {"deck": planned_ones["in.lammps"], "data": planned_ones["data.lmp"], "model": model}
    CheckpointWatch(run, hashes, resumed_at=())(0)

    (result,) = fire_trajectories(store, number=2)
    assert result.resumed_at
    assert result.noise_resumed == said
    assert analyse(store).summary.noise_resumed == ({} if said is None else {said: 1})
