"""A force model as an ASE calculator: for ASE's dynamics and optimisers, for labels, and whoever asks ASE."""

from collections.abc import Sequence
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from molgun_lmp.engine.force_models import ForceModel, ForceModelInput


class ForceModelCalculator(Calculator):  # type: ignore[misc]  # ASE has no types
    """A force model, which is told by number how many structures it was asked for before: that is the step where ASE's
    dynamics ask, once for each."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, model: ForceModel) -> None:
        super().__init__()
        self._asked, self._step = model, 0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy and forces of one structure."""
        super().calculate(atoms, properties, system_changes)
        answer = self._asked.evaluate(as_input(self.atoms, self._step))
        self._step += 1
        self.results: dict[str, Any] = {"energy": answer.energy_ev, "forces": answer.forces}


def as_input(atoms: Atoms, step: int = 0) -> ForceModelInput:
    """ASE's atoms as a force model takes them."""
    a, b, c = (bool(one) for one in atoms.pbc)
    return ForceModelInput(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=(a, b, c), step=step
    )
