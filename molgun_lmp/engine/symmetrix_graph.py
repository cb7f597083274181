"""Several structures in one evaluation of symmetrix: their pairs as one graph that falls apart into them.

symmetrix 0.1.1 has no public call for it, but its private ones (`symmetrix_pairs`) ask for no cell: so structures of
different cells go in together, their atoms numbered one after the other. On the CPU each gets the bits that it gets
alone. Whether that holds is asked before the first joint answer is believed.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.engine.neighbour_lists import NeighbourPairs
from molgun_lmp.engine.symmetrix_pairs import WANTED, SymmetrixPairs, graph_results
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.agreement import Answer, beyond_rounding
from molgun_lmp.models.boxes import boxed

log = logging.getLogger(__name__)


class GraphAnswer(NamedTuple):
    """Total energy in eV, forces (N, 3) in eV/Å."""

    energy_ev: float
    forces: FloatArray


class GraphPart(NamedTuple):
    """One structure: of which `species` (N,) its atoms are, by the model's own index, and its pairs."""

    species: IntArray
    pairs: NeighbourPairs


def pairs_by_matscipy(
    positions: FloatArray, cell: FloatArray, pbc: tuple[bool, bool, bool], cutoff_angstrom: float
) -> int:
    """How many pairs matscipy finds, whose list is not ours."""
    from matscipy.neighbours import neighbour_list  # noqa: PLC0415 - comes with mace

    atoms = boxed(Atoms(numbers=np.ones(len(positions)), positions=positions, cell=cell, pbc=pbc), cutoff_angstrom)
    return len(neighbour_list("i", atoms, cutoff_angstrom))


class SymmetrixGraph:
    """Joint evaluations by a symmetrix calculator, once they were seen to agree with those that it makes `alone`.

    What is `hopeless` (no memory) is raised and says nothing of the private calls.
    """

    def __init__(
        self, calculator: Any, alone: SymmetrixPairs, *, dtype: Dtype, hopeless: Callable[[BaseException], bool]
    ) -> None:
        self._calculator, self._asked, self._dtype, self._hopeless = calculator, alone, dtype, hopeless
        self._is_checked = False
        self.refused: str | None = None
        """Why structures are evaluated one by one, in words; None where they are not, or were never asked together."""

    def evaluate_many(self, parts: Sequence[GraphPart], by_matscipy: Callable[[], int]) -> list[Answer]:
        """Energy and forces of several structures. Raises what the model raises. `by_matscipy` counts their pairs."""
        if not self._is_checked:
            return self._checked(parts, by_matscipy)
        if self.refused is not None:
            return [self._alone(part) for part in parts]
        return self._joint(parts)

    def _alone(self, part: GraphPart) -> Answer:
        return GraphAnswer(*self._asked.evaluate(part.species, part.pairs))

    def _checked(self, parts: Sequence[GraphPart], by_matscipy: Callable[[], int]) -> list[Answer]:
        """The first answers, and with them the verdict on all later ones."""
        each = [self._alone(part) for part in parts]
        try:
            (first,), joint = self._joint(parts[:1]), self._joint(parts)
            self.refused = self._wrong(each, [first, *joint], by_matscipy())
        except Exception as error:  # of private calls that may have changed: anything
            if self._hopeless(error):
                raise
            self.refused = f"{type(error).__name__}: {error}"
        self._is_checked = True
        if self.refused is None:
            return joint
        log.warning(
            "symmetrix evaluates structures one by one, which is slow on a GPU: as one graph, %s. This was written for "
            "symmetrix-xl 0.1.1; `engine.kind: torchscript` evaluates them together.",
            self.refused,
        )
        return each

    def _wrong(self, each: Sequence[Answer], joint: Sequence[Answer], pairs: int) -> str | None:
        taken = int(self._calculator.evaluator.execution_active_edge_count)
        if taken != pairs:
            return f"it took {taken} pairs, and matscipy finds {pairs}"
        differences = (
            beyond_rounding(one, other, self._dtype) for one, other in zip([each[0], *each], joint, strict=True)
        )
        return next((found for found in differences if found is not None), None)

    def _joint(self, parts: Sequence[GraphPart]) -> list[Answer]:
        calculator = self._calculator
        ends = np.cumsum([len(part.species) for part in parts]).tolist()
        starts = [0, *ends[:-1]]
        species = np.concatenate([part.species for part in parts])
        centres = np.concatenate([part.pairs.centres + start for part, start in zip(parts, starts, strict=True)])
        neighbours = np.concatenate([part.pairs.neighbours + start for part, start in zip(parts, starts, strict=True)])
        vectors = np.concatenate([part.pairs.vectors for part in parts])
        distances = np.concatenate([part.pairs.distances for part in parts])
        calculator._apply_kernel_launch_tuning(len(species), len(centres), WANTED)
        results = graph_results(
            calculator, species, centres=centres, neighbours=neighbours, vectors=vectors, distances=distances
        )
        return [
            GraphAnswer(
                energy_ev=float(results["energies"][start:end].sum()), forces=results["forces"][start:end].copy()
            )
            for start, end in zip(starts, ends, strict=True)
        ]
