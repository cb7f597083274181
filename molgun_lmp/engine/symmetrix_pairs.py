"""Symmetrix asked with pairs that are there already, in place of the neighbour list that its calculator builds.

Around the list its calculator spends as much on Python as a small model does on forces: it goes over all pairs one by
one. What it does with pairs once it has them is called here by private names (0.1.1), so that its answer is compared
with that of its public method once, before any shot.
"""

from typing import Any, Final

import numpy as np
from ase import Atoms

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.engine.neighbour_lists import NeighbourLists, NeighbourPairs
from molgun_lmp.errors import EngineError
from molgun_lmp.models.symmetrix_kernels import symmetrix_version

WANTED: Final = ["energy", "forces"]
_TOLERANCE: Final = 1e-4
"""Of the largest force, in float32 and sums of another order; another meaning of the arrays is far beyond it."""


class SymmetrixPairs:
    """Symmetrix's calculator, given `NeighbourPairs`.

    Raises `EngineError` where it does not take them, or not as they are meant: another version of symmetrix.
    """

    def __init__(self, calculator: Any, cutoff_angstrom: float) -> None:
        self._calculator = calculator
        atoms = _a_few(calculator.evaluator.atomic_numbers, cutoff_angstrom)
        pairs = NeighbourLists(0.0).pairs(atoms.positions, atoms.cell.array, (True,) * 3, cutoff_angstrom)
        calculator.calculate(atoms, WANTED)
        energy, forces = float(calculator.results["energy"]), np.asarray(calculator.results["forces"])
        try:
            species = np.arange(len(atoms)) % len(calculator.evaluator.atomic_numbers)
            own_energy, own_forces = self.evaluate(species, pairs)
        except Exception as error:
            raise _other_version(f"{type(error).__name__}: {error}") from error
        off = float(np.abs(own_forces - forces).max() / np.abs(forces).max())
        if not (off < _TOLERANCE and abs(own_energy - energy) < _TOLERANCE * abs(energy)):
            raise _other_version(f"forces differ by {off:.1g} of the largest, energies by {own_energy - energy:.1g} eV")

    def evaluate(self, species: IntArray, pairs: NeighbourPairs) -> tuple[float, FloatArray]:
        """Energy in eV and forces (N, 3) in eV/Å of atoms that are of `species` (N,), by the model's own index."""
        results = graph_results(
            self._calculator,
            species,
            centres=pairs.centres,
            neighbours=pairs.neighbours,
            vectors=pairs.vectors,
            distances=pairs.distances,
        )
        return float(results["energy"]), np.asarray(results["forces"], dtype=np.float64)


def graph_results(
    calculator: Any,
    species: IntArray,
    *,
    centres: IntArray,
    neighbours: IntArray,
    vectors: FloatArray,
    distances: FloatArray,
) -> Any:
    """What symmetrix's private calls give for N atoms of `species` and E pairs, arrays as of `NeighbourPairs`."""
    atoms = len(species)
    counts = np.bincount(centres, minlength=atoms)
    graph = (atoms, species, counts, neighbours, species.take(neighbours), vectors, distances, centres)
    generation = calculator._compute_mace(graph)
    return calculator._collect_mace_results(None, graph, WANTED, generation)


def _a_few(atomic_numbers: list[int], cutoff: float) -> Atoms:
    """Atoms of all elements, about a third of the cutoff apart, in a tilted cell across which they are neighbours."""
    count = max(len(atomic_numbers), 4)
    places = np.random.default_rng(0).uniform(-0.08, 0.08, (count, 3))
    places[:, 0] += 0.35 * np.arange(count)
    cell = np.array([[0.35 * count, 0.0, 0.0], [0.3, 1.2, 0.0], [-0.2, 0.1, 1.1]])
    numbers = [atomic_numbers[place % len(atomic_numbers)] for place in range(count)]
    return Atoms(numbers=numbers, positions=cutoff * places, cell=cutoff * cell, pbc=True)


def _other_version(what: str) -> EngineError:
    return EngineError(
        f"symmetrix {symmetrix_version()} does not take neighbours as version 0.1.1 does ({what}). Install "
        "symmetrix-xl==0.1.1, or use the engine `mace`."
    )
