"""Force models that LAMMPS calls through `fix external`: one Protocol, a stand-in, and symmetrix."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.engine.failure_causes import is_out_of_memory
from molgun_lmp.engine.known_elements import KnownElements
from molgun_lmp.engine.neighbour_lists import NeighbourLists, NeighbourPairs
from molgun_lmp.engine.symmetrix_graph import GraphPart, SymmetrixGraph, pairs_by_matscipy
from molgun_lmp.engine.symmetrix_pairs import SymmetrixPairs
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.symmetrix import read_symmetrix_head, symmetrix_calculator, symmetrix_device


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForceModelInput:
    """What a force model sees of one frame: everything that an evaluation may depend on.

    `numbers` (N,) atomic numbers; `positions` (N, 3) Å, not necessarily inside the cell; `cell` (3, 3) Å, rows are
    vectors; `pbc` along each of them; `step` the number of the time step that it is of, which a `MultistepModel` goes
    by. `lists` remembers the trajectory's neighbours and changes no bit of an answer; without it they are found anew.
    """

    numbers: IntArray
    positions: FloatArray
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    step: int = 0
    lists: NeighbourLists = dataclasses.field(default_factory=lambda: NeighbourLists(0.0), compare=False, repr=False)

    def pairs(self, cutoff_angstrom: float) -> NeighbourPairs:
        """Each atom with each neighbour. Raises `GeometryError` for a periodic direction without a cell vector."""
        return self.lists.pairs(self.positions, self.cell, self.pbc, cutoff_angstrom)


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
    """A MACE in symmetrix's JSON format (`molgun export` or `symmetrix_extract_mace`), by symmetrix's backend for
    `device`: `cpu` or `cuda`; None: the one that symmetrix takes here, a GPU's where it is installed for it.

    With `joint` the forces of several structures are one evaluation; None: on GPUs, since a core gains nothing from it.
    Raises `ModelError` for a file that is not one, `EngineError` where symmetrix or that backend is absent or cannot
    build its kernels (it compiles them at first use, for CPUs with $CXX or c++, C++20, and keeps them in its cache).
    """

    def __init__(
        self, path: Path, *, dtype: Dtype = "float32", device: str | None = None, joint: bool | None = None
    ) -> None:
        head = read_symmetrix_head(path)
        calculator = symmetrix_calculator(path, dtype, head, device=device)
        self._known = KnownElements(np.array(calculator.evaluator.atomic_numbers, dtype=np.int64))
        self._cutoff = head.cutoff_angstrom
        self._asked = SymmetrixPairs(calculator, head.cutoff_angstrom)
        self._calculator = calculator
        self._graph: SymmetrixGraph | None = None
        if joint or (joint is None and (device or symmetrix_device()) != "cpu"):
            self._graph = SymmetrixGraph(calculator, self._asked, dtype=dtype, hopeless=is_out_of_memory)

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that the model knows."""
        return self._known.symbols

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours."""
        return self._cutoff

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure. Raises `ModelError` for an element that the model does not know."""
        species = self._known.species(structure.numbers)
        energy_ev, forces = self._asked.evaluate(species, structure.pairs(self._cutoff))
        return Evaluation(energy_ev=energy_ev, forces=forces)

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """Where it was made `joint`, as one graph that has no pairs between them, and else one after the other.

        One graph has no room for positions that are not finite: where there are any, each is evaluated by itself.
        """
        together = len(structures) > 1 and all(np.isfinite(structure.positions).all() for structure in structures)
        if self._graph is None or not together:
            return [self.evaluate(structure) for structure in structures]
        parts = [GraphPart(self._known.species(one.numbers), one.pairs(self._cutoff)) for one in structures]
        answers = self._graph.evaluate_many(
            parts, lambda: sum(pairs_by_matscipy(one.positions, one.cell, one.pbc, self._cutoff) for one in structures)
        )
        return [Evaluation(energy_ev=answer.energy_ev, forces=answer.forces) for answer in answers]
