"""What a label has to stand: the sum of its forces, and what another start gave."""

import re
from dataclasses import replace

import numpy as np
import pytest

from molgun_lmp.training.labelling.calculators import ComputedLabels, Failure, with_repeat
from molgun_lmp.training.labelling.checks import net_force_ev_per_angstrom, refusal
from molgun_lmp.training.labelling.settings import LabelChecks

CHECKS = LabelChecks(net_force_ev_per_angstrom=0.01, repeat_force_ev_per_angstrom=0.02, repeat_energy_ev_per_atom=0.001)
RNG = np.random.default_rng(0)
FORCES = RNG.normal(size=(10, 3))
BALANCED = ComputedLabels(energy_ev=-100.0, forces=FORCES - FORCES.mean(axis=0), seconds=1.0)


def test_a_net_force_is_found_whatever_the_forces_are() -> None:
    assert refusal(BALANCED, CHECKS) is None
    for share, counts in ((0.9, True), (1.1, False)):
        direction = np.array([2.0, -1.0, 2.0]) / 3.0
        labels = replace(BALANCED, forces=BALANCED.forces + share * 0.01 * direction)
        assert net_force_ev_per_angstrom(labels) == pytest.approx(share * 0.01)
        assert (refusal(labels, CHECKS) is None) == counts
        assert refusal(labels, CHECKS.model_copy(update={"net_force_ev_per_angstrom": None})) is None


@pytest.mark.parametrize(
    ("energy", "force", "why"),
    [
        (0.009, 0.019, None),
        (-0.009, 0.019, None),
        (0.011, 0.0, r"\+1\.1 meV for each atom away.*two solutions"),
        (-0.011, 0.0, r"-1\.1 meV for each atom away"),
        (0.0, 0.021, "a force is 21 meV/Å away"),
    ],
)
def test_another_solution_is_refused(energy: float, force: float, why: str | None) -> None:
    shift = np.zeros((10, 3))
    shift[3, 1], shift[4, 1] = force, -force
    again = replace(BALANCED, energy_ev=BALANCED.energy_ev + energy, forces=BALANCED.forces + shift, seconds=2.0)
    labels = with_repeat(BALANCED, again)
    assert isinstance(labels, ComputedLabels)
    assert labels.seconds == 3.0
    assert labels.repeat is not None
    assert labels.repeat.energy_ev == pytest.approx(energy)
    assert labels.repeat.force_ev_per_angstrom == pytest.approx(force)
    said = refusal(labels, CHECKS)
    assert (said is None) if why is None else re.search(why, said or "")


def test_a_label_whose_repeat_fails_is_none() -> None:
    failed = with_repeat(BALANCED, Failure(reason="the self-consistent field did not converge"))
    assert failed == Failure(reason="from another start: the self-consistent field did not converge")
