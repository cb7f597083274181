"""A harmonic molecule: springs between all its atoms, as a force model."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput

STIFFNESS = 36.0
"""eV/Å^2 of each spring, about that of H2."""


class Springs:
    """At rest in the structure that it is made of."""

    elements = frozenset({"H", "O"})
    cutoff_angstrom = 5.0

    def __init__(self, rest: Atoms) -> None:
        self._lengths = rest.get_all_distances()

    def forces(self, positions: FloatArray) -> FloatArray:
        apart = positions[:, None] - positions[None]
        lengths = np.linalg.norm(apart, axis=2) + np.eye(len(positions))
        pull = -STIFFNESS * (lengths - self._lengths - np.eye(len(positions))) / lengths
        found: FloatArray = (pull[:, :, None] * apart).sum(axis=1)
        return found

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        lengths = np.linalg.norm(structure.positions[:, None] - structure.positions[None], axis=2)
        energy = STIFFNESS / 4 * float(((lengths - self._lengths) ** 2).sum())
        return Evaluation(energy_ev=energy, forces=self.forces(structure.positions))

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        return [self.evaluate(one) for one in structures]
