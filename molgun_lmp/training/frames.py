"""One labelled frame: the type that dataset, training, evaluation and parity share."""

import dataclasses

import numpy as np
import numpy.typing as npt
from ase import Atoms

FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledFrame:
    """A structure with its reference energy and forces.

    `symbols` N chemical symbols; `positions` (N, 3) Å; `cell` (3, 3) Å, rows are vectors; `pbc` three flags;
    `energy_ev` of the whole structure; `forces` (N, 3) eV/Å.
    """

    symbols: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    energy_ev: float
    forces: FloatArray
    trajectory: str
    """Frames of one trajectory resemble each other, so they are never split between training and testing."""
    config_type: str
    source: str
    """File and index it was read from, such as `frames.extxyz.xz#17`."""

    def __len__(self) -> int:
        return len(self.symbols)

    def atoms(self) -> Atoms:
        """The structure as ASE atoms, without labels."""
        return Atoms(self.symbols, positions=self.positions, cell=self.cell, pbc=self.pbc)

    @property
    def formula(self) -> str:
        """Hill formula, such as `C12H46Si96`."""
        return str(self.atoms().get_chemical_formula())
