"""Force models that LAMMPS calls through `fix external`: one Protocol, a stand-in, and symmetrix."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.boxes import boxed
from molgun_lmp.models.symmetrix import read_symmetrix_head, symmetrix_calculator


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForceModelInput:
    """What a force model sees of one frame: everything that an evaluation may depend on.

    `numbers` (N,) atomic numbers; `positions` (N, 3) Å, not necessarily inside the cell; `cell` (3, 3) Å, rows are
    vectors; `pbc` along each of them; `step` the number of the time step that it is of, which a `MultistepModel` goes
    by.
    """

    numbers: IntArray
    positions: FloatArray
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    step: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A force model's answer: total energy in eV, `forces` (N, 3) in eV/Å."""

    energy_ev: float
    forces: FloatArray


class ForceModel(Protocol):
    """Energies and forces of structures.

    An evaluation is a function of its `ForceModelInput` alone: no neighbour list or other memory of earlier calls
    changes its bits, so that a trajectory does not depend on what the same worker fired before. That holds for one
    OpenMP thread, the default of a worker; with more, symmetrix adds in any order (about 1e-16 of a force). One caller
    at a time.
    """

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that the model knows, e.g. {"H", "C", "Si"}."""
        ...

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours."""
        ...

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure. Any exception ends the trajectory, with its words as the cause."""
        ...

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """Energy and forces of several structures, in their order; none sees a neighbour in another."""
        ...


class AskedForModel:
    """What stands in for a force model and passes its questions on, such as to time them or to join them with others.

    It knows what `model` knows; a subclass says in `evaluate` how that is asked.
    """

    def __init__(self, model: ForceModel) -> None:
        self._model = model

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that the model knows."""
        return self._model.elements

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours."""
        return self._model.cutoff_angstrom

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure."""
        return self._model.evaluate(structure)

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """One after the other."""
        return [self.evaluate(structure) for structure in structures]


class SymmetrixModel:
    """A MACE in symmetrix's JSON format (`molgun export` or `symmetrix_extract_mace`), on the CPU.

    Raises `ModelError` for a file that is not one, `EngineError` where symmetrix is absent or cannot build its
    kernels (it compiles them at first use with $CXX or c++, C++20, and keeps them in its cache).
    """

    def __init__(self, path: Path, *, dtype: Dtype = "float32") -> None:
        head = read_symmetrix_head(path)
        self._elements, self._cutoff = head.elements, head.cutoff_angstrom
        self._calculator = symmetrix_calculator(path, dtype, head)
        self._atoms: Atoms | None = None

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that the model knows."""
        return self._elements

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours."""
        return self._cutoff

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure. Raises `ModelError` for an element that the model does not know."""
        missing = {chemical_symbols[z] for z in np.unique(structure.numbers)} - self._elements
        if missing:
            raise ModelError(
                f"the model was not trained on {', '.join(sorted(missing))}; it knows "
                f"{', '.join(sorted(self._elements))}. Use a model of these elements."
            )
        atoms = Atoms(numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=structure.pbc)
        self._calculator.calculate(boxed(atoms, self._cutoff), _WANTED)
        results = self._calculator.results
        return Evaluation(energy_ev=float(results["energy"]), forces=np.asarray(results["forces"], dtype=np.float64))

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """One after the other: on the CPU a core gains nothing from a batch."""
        return [self.evaluate(structure) for structure in structures]


_WANTED: Final = ["energy", "forces"]
