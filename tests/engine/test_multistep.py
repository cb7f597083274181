"""Impulse r-RESPA in real LAMMPS, under forces whose split is known: a stiff inner model and the soft rest."""

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from engine_cases import ELEMENTS, external, head, run_text, structures, write_data
from waiting import PATIENCE_S

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.engine.force_models import Evaluation, ForceModel, ForceModelInput
from molgun_lmp.engine.joint_evaluation import JointEvaluation
from molgun_lmp.engine.multistep import MultistepModel
from molgun_lmp.engine.session import DeckRun

pytestmark = pytest.mark.engine

LAMMPS_MVV2E = 1.0364269e-4
"""Of its `metal` units, in its own digits (update.cpp)."""
ETHYNE = structures()["molecule in vacuum"]  # C, C, H, H
BONDS: IntArray = np.array([(0, 1), (0, 2), (1, 3)])
FAR: IntArray = np.array([(0, 3), (1, 2), (2, 3)])


@dataclasses.dataclass
class Stiff:
    """Morse bonds: hydrogen's stretch lasts 11 fs."""

    elements: frozenset[str] = frozenset(ELEMENTS)
    cutoff_angstrom: float = 4.0
    asked: list[int] = dataclasses.field(default_factory=list)
    """How many structures each evaluation had."""

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        self.asked.append(len(structures))
        return [self.answer(structure.positions) for structure in structures]

    def answer(self, positions: FloatArray) -> Evaluation:
        return _morse(positions, BONDS, np.array([8.0, 4.5, 4.5]), np.array([2.2, 1.9, 1.9]))


@dataclasses.dataclass
class Whole(Stiff):
    """With all that is soft: far pairs, and a tether to the origin."""

    def answer(self, positions: FloatArray) -> Evaluation:
        stiff, soft = super().answer(positions), _soft(positions)
        return Evaluation(energy_ev=stiff.energy_ev + soft.energy_ev, forces=stiff.forces + soft.forces)


def _soft(positions: FloatArray) -> Evaluation:
    far = _morse(positions, FAR, np.array([0.6, 0.6, 0.6]), np.array([1.0, 1.0, 1.0]))
    away = positions - ETHYNE.positions.mean(axis=0)
    return Evaluation(
        energy_ev=far.energy_ev + 0.25 * float((away**2).sum()),
        forces=far.forces - 0.5 * away,
    )


def _morse(positions: FloatArray, pairs: IntArray, depth: FloatArray, width: FloatArray) -> Evaluation:
    rest = np.linalg.norm(np.subtract(*ETHYNE.positions[pairs.T]), axis=1)
    apart = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    length = np.linalg.norm(apart, axis=1)
    decay = np.exp(-width * (length - rest))
    pull = (-2.0 * depth * width * (1.0 - decay) * decay / length)[:, None] * apart
    forces = np.zeros_like(positions)
    np.add.at(forces, pairs[:, 0], pull)
    np.add.at(forces, pairs[:, 1], -pull)
    return Evaluation(energy_ev=float((depth * (1.0 - decay) ** 2).sum()), forces=forces)


@dataclasses.dataclass(frozen=True)
class Fired:
    """(F,) steps, (F, 4, 3) positions in Å and velocities in Å/ps of the dump; (F,) potential and total energies."""

    run: DeckRun
    steps: list[int]
    positions: FloatArray
    velocities: FloatArray
    potential_ev: FloatArray
    total_ev: FloatArray


def fired(
    folder: Path, model: ForceModel, commands: str, *, every: int, timestep_fs: float = 0.5, atoms: Atoms = ETHYNE
) -> Fired:
    """A deck with a frame and energies at every `every`-th step."""
    write_data(folder, atoms, ELEMENTS)
    form = " ".join(["%d", *["%.17g"] * 6])
    setting = (
        f"timestep {timestep_fs / 1000:.17g}\nvelocity all create 900 7\nfix nve all nve\nthermo {every}\n"
        "thermo_style custom step pe etotal\nthermo_modify format float %.17g\n"
        f"dump d all custom {every} ${{dir}}/run.dump id xu yu zu vx vy vz\n"
        f'dump_modify d sort id format line "{form}"\n'
    )
    run = run_text(folder, head(atoms) + external() + setting + commands, model)
    assert run.error is None, run.error
    lines = (folder / "run.dump").read_text().splitlines()
    size = len(atoms) + 9
    frames = np.array([np.loadtxt(lines[start + 9 : start + size]) for start in range(0, len(lines), size)])
    return Fired(
        run=run,
        steps=[int(lines[start + 1]) for start in range(0, len(lines), size)],
        positions=frames[:, :, 1:4],
        velocities=frames[:, :, 4:],
        potential_ev=run.thermo["PotEng"],
        total_ev=run.thermo["TotEng"],
    )


def respa(found: Fired, masses_u: FloatArray, *, every: int, h_ps: float, outer: int) -> FloatArray:
    """(outer + 1, 4, 3) positions, with the two forces' kicks apart (Tuckerman, Berne and Martyna 1992)."""
    per_mass = 1.0 / (masses_u[:, None] * LAMMPS_MVV2E)
    stiff = Stiff()
    x, v = found.positions[0].copy(), found.velocities[0].copy()
    path = [x.copy()]
    for _ in range(outer):
        v += 0.5 * every * h_ps * per_mass * _soft(x).forces
        for _ in range(every):
            v += 0.5 * h_ps * per_mass * stiff.answer(x).forces
            x += h_ps * v
            v += 0.5 * h_ps * per_mass * stiff.answer(x).forces
        v += 0.5 * every * h_ps * per_mass * _soft(x).forces
        path.append(x.copy())
    return np.array(path)


def test_it_is_the_textbooks_integrator(tmp_path: Path) -> None:
    full, inner = Whole(), Stiff()
    found = fired(tmp_path, MultistepModel(full, inner, every=4), "run 800\n", every=4)
    words = (tmp_path / "data.lmp").read_text().split("Masses")[1].split()
    hydrogen, carbon = float(words[1]), float(words[5])
    path = respa(found, np.array([carbon, carbon, hydrogen, hydrogen]), every=4, h_ps=0.0005, outer=200)
    assert np.abs(path[-1] - path[0]).max() > 0.1
    assert np.abs(found.positions - path).max() < 1e-10
    assert len(inner.asked) == 801
    assert len(full.asked) == 201
    whole = [full.answer(frame).energy_ev for frame in found.positions]
    np.testing.assert_allclose(found.potential_ev, whole, rtol=0.0, atol=1e-9)


def test_it_runs_backwards(tmp_path: Path) -> None:
    back = (
        "".join(f"variable {axis} atom -{axis}\n" for axis in ("vx", "vy", "vz")) + "velocity all set v_vx v_vy v_vz\n"
    )
    model = MultistepModel(Whole(), Stiff(), every=4)
    found = fired(tmp_path, model, f"run 400\n{back}run 400\n", every=4)
    assert np.abs(found.positions[100] - found.positions[0]).max() > 0.1
    assert np.abs(found.positions[-1] - found.positions[0]).max() < 1e-9
    assert np.abs(found.velocities[-1] + found.velocities[0]).max() < 1e-7


def test_its_energy_scatters_with_the_square_of_the_outer_step_and_does_not_drift(tmp_path: Path) -> None:
    scatter = {}
    for every in (8, 16):
        model = MultistepModel(Whole(), Stiff(), every=every)
        found = fired(tmp_path / str(every), model, "run 4800\n", every=every, timestep_fs=0.125)
        energy = found.total_ev - found.total_ev[0]
        halves = np.array_split(energy, 2)
        assert abs(halves[1].mean() - halves[0].mean()) < 0.3 * energy.std()
        scatter[every] = energy.std()
    assert scatter[16] / scatter[8] == pytest.approx(4.0, rel=0.25)


def test_together_each_is_at_its_own_step(tmp_path: Path) -> None:
    """Two that are half an outer step apart: all are in one evaluation of the inner model, one at most of the full."""
    starts = {"first": "run 60\n", "second": "reset_timestep 2\nrun 58\n"}
    alone = {
        name: fired(tmp_path / "alone" / name, MultistepModel(Whole(), Stiff(), every=4), commands, every=4)
        for name, commands in starts.items()
    }
    full, inner = Whole(), Stiff()
    joint = JointEvaluation(MultistepModel(full, inner, every=4))
    together: dict[str, Fired] = {}
    all_there = threading.Barrier(2)

    def fire(name: str, commands: str) -> None:
        with joint.member(name, at_once=True) as member:
            all_there.wait(PATIENCE_S)
            together[name] = fired(tmp_path / "together" / name, member, commands, every=4)

    threads = [threading.Thread(target=fire, args=pair, daemon=True) for pair in starts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    for name, found in alone.items():
        assert together[name].steps == found.steps
        assert together[name].positions.tobytes() == found.positions.tobytes()
        assert together[name].total_ev.tobytes() == found.total_ev.tobytes()
    assert set(full.asked) == {1}
    assert (max(inner.asked), sum(inner.asked)) == (2, 61 + 59)
