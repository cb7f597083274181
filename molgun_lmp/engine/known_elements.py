"""The elements that a model was trained on, and which of them each atom is."""

import numpy as np
from ase.data import chemical_symbols

from molgun_lmp.arrays import IntArray
from molgun_lmp.errors import ModelError


class KnownElements:
    """Atomic numbers in the order of a model's own index, e.g. [1, 6, 14]."""

    def __init__(self, atomic_numbers: IntArray) -> None:
        self.symbols = frozenset(chemical_symbols[z] for z in atomic_numbers)
        self._index: IntArray = np.full(len(chemical_symbols), -1, dtype=np.int64)
        self._index[atomic_numbers] = np.arange(len(atomic_numbers))

    def species(self, numbers: IntArray) -> IntArray:
        """(N,) the index of each atom. Raises `ModelError` for an element that the model does not know."""
        found = self._index.take(numbers)
        if (found < 0).any():
            missing = sorted({chemical_symbols[z] for z in numbers[found < 0]})
            raise ModelError(
                f"the model was not trained on {', '.join(missing)}; it knows {', '.join(sorted(self.symbols))}. "
                "Use a model of these elements."
            )
        return found
