"""What is said of stiff forces and outer steps, held against springs and oscillators whose answers are known."""

import cmath
import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.training.distillation.judgement import stiffness
from molgun_lmp.training.distillation.outer_step import Stiffness, advised_every, energy_swing, own_swing, swing_of
from molgun_lmp.training.distillation.stiffness import largest_curvature
from molgun_lmp.units import FS_PER_PS, MVV_TO_EV

C_H_STRETCH = 0.565**2
"""1/fs²: of 3000/cm, whose period is 11.1 fs."""


def impulse_swing(inner: float, slow: float, step_fs: float) -> float:
    """The scheme itself, the inner motion exact: the largest energy over the smallest, less one."""
    w = cmath.sqrt(inner)  # imaginary where the inner force drives apart
    sine = cmath.sin(w * step_fs)
    cosine, drift, pull = cmath.cos(w * step_fs).real, (sine / w).real, (w * sine).real
    x, v = 1.0, 0.0
    energies = []
    for _ in range(3000):
        v -= 0.5 * step_fs * slow * x
        x, v = x * cosine + v * drift, v * cosine - x * pull
        v -= 0.5 * step_fs * slow * x
        energies.append(v * v + (inner + slow) * x * x)
        if energies[-1] > 1e6:
            return math.inf
    return max(energies) / min(energies) - 1.0


@pytest.mark.parametrize("slow_share", [0.01, -0.03, 0.1, 0.3, 1.4, 3.0])
@pytest.mark.parametrize("step_fs", [0.5, 2.0, 4.0, 5.5, 8.0])
def test_the_swing_is_that_of_the_scheme(slow_share: float, step_fs: float) -> None:
    slow = slow_share * C_H_STRETCH
    inner = C_H_STRETCH - slow
    expected = impulse_swing(inner, slow, step_fs)
    assert energy_swing(inner, slow, step_fs) == pytest.approx(expected, rel=1e-3)


def test_without_an_inner_force_it_is_velocity_verlet() -> None:
    for step in (0.5, 1.0, 3.0):
        phase = C_H_STRETCH * step**2
        assert energy_swing(0.0, C_H_STRETCH, step) == pytest.approx(phase / (4.0 - phase))
        assert energy_swing(1e-10, C_H_STRETCH, step) == pytest.approx(phase / (4.0 - phase), rel=1e-4)
    limit = 2.0 / math.sqrt(C_H_STRETCH)
    assert math.isfinite(energy_swing(0.0, C_H_STRETCH, 0.999 * limit))
    assert energy_swing(0.0, C_H_STRETCH, 1.001 * limit) == math.inf


def test_a_better_inner_model_is_advised_a_longer_outer_step_up_to_a_fourth_of_the_fastest_period() -> None:
    advice = [
        advised_every(Stiffness(full=C_H_STRETCH, slow=share * C_H_STRETCH), 0.5, range(1, 40))
        for share in (0.5, 0.1, 0.03, 0.001, 0.0)
    ]
    assert advice == [1, 2, 4, 5, 5]
    assert advice[-1] * 0.5 < 11.1 / 4 < (advice[-1] + 1) * 0.5
    good = Stiffness(full=C_H_STRETCH, slow=0.03 * C_H_STRETCH)
    assert swing_of(good, 2.0) < own_swing(good, 0.5) < swing_of(good, 2.5)
    assert advised_every(good, 0.5, [1, 5, 10]) == 1
    assert good.slow_period_fs == pytest.approx(2 * math.pi / 0.565 / math.sqrt(0.03))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_stiffest_spring_is_found_with_its_sign(sign: float) -> None:
    """Atoms of several masses, each pair joined by springs: the eigenvalues are numpy's."""
    rng = np.random.default_rng(5)
    masses = np.array([1.008, 12.011, 28.085, 1.008, 28.085, 12.011, 1.008])
    springs = rng.normal(size=(21, 21))
    hessian = sign * springs @ springs.T
    rest = rng.normal(size=(7, 3))

    def forces(positions: FloatArray) -> FloatArray:
        moved = (positions - rest).ravel()
        return np.asarray(-(hessian @ moved) - 3.0 * moved**3).reshape(7, 3)  # the quartic part has no say at rest

    root = np.sqrt(np.repeat(masses, 3))
    values = np.linalg.eigvalsh(hessian / np.outer(root, root)) / (MVV_TO_EV * FS_PER_PS**2)
    found = largest_curvature(forces, rest, masses, np.random.default_rng(1))
    assert found == pytest.approx(sign * np.abs(values).max(), rel=2e-3)


@dataclasses.dataclass
class Springs:
    """A force model that holds each atom to its site; eV/Å²."""

    sites: FloatArray
    constants: tuple[float, ...]
    elements: frozenset[str] = frozenset({"H", "Si"})
    cutoff_angstrom: float = 3.0

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        forces = -np.array(self.constants)[:, None] * (structure.positions - self.sites)
        return Evaluation(energy_ev=0.0, forces=forces)

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        return [self.evaluate(one) for one in structures]


def test_a_bond_that_the_campaign_holds_says_nothing_of_the_outer_step() -> None:
    atoms = Atoms("HSiSiH", positions=[[0, 0, 0], [0, 0, 1.5], [0, 0, 3.9], [0, 0, 5.4]])
    full = Springs(atoms.positions, (30.0, 10.0, 10.0, 20.0))
    inner = Springs(atoms.positions, (0.0, 10.0, 9.0, 19.0))  # it never saw the lowest hydrogen move
    free = stiffness([atoms], full, inner, seed=1, held_below_angstrom=None)
    held = stiffness([atoms], full, inner, seed=1, held_below_angstrom=1.8)
    period_fs = 2.0 * math.pi * math.sqrt(1.008 * MVV_TO_EV) * FS_PER_PS  # of hydrogen on 1 eV/Å²
    assert free.fastest_period_fs == pytest.approx(period_fs / math.sqrt(30.0), rel=1e-3)
    assert free.slow_period_fs == pytest.approx(period_fs / math.sqrt(30.0), rel=1e-3)
    assert held.fastest_period_fs == pytest.approx(period_fs / math.sqrt(20.0), rel=1e-3)
    assert held.slow_period_fs == pytest.approx(period_fs, rel=1e-3)
