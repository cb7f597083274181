"""A model folder as an ASE calculator, for `molgun label` and whoever asks ASE."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from molgun_lmp.engine.asked_in_python import asked_in_python
from molgun_lmp.engine.force_models import ForceModelInput
from molgun_lmp.errors import ModelError
from molgun_lmp.models.card import load_card, mace_sha256


class FolderModel(Calculator):  # type: ignore[misc]  # ASE has no types
    """The model of a folder of `molgun export`, by the fastest engine that Python can ask here, in float64 if it can.

    `sha256`: of mace's own file there, if labels must be of this very model. Raises `ModelError` for another one or a
    changed file, `EngineError` where no engine runs here.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, folder: str, sha256: str | None = None) -> None:
        super().__init__()
        card = load_card(Path(folder))
        if sha256 is not None and mace_sha256(card) != sha256:
            raise ModelError(f"{folder} is not the model that was meant: its .model file has another SHA-256.")
        self._asked = asked_in_python(Path(folder), card).model

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy and forces of one structure."""
        super().calculate(atoms, properties, system_changes)
        answer = self._asked.evaluate(as_input(self.atoms))
        self.results: dict[str, Any] = {"energy": answer.energy_ev, "forces": answer.forces}


def as_input(atoms: Atoms) -> ForceModelInput:
    """ASE's atoms as a force model takes them."""
    a, b, c = (bool(one) for one in atoms.pbc)
    return ForceModelInput(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=(a, b, c))
