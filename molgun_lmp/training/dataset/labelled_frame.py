"""One labelled frame: the type that dataset, training, evaluation and parity share."""

import dataclasses

from ase import Atoms

from molgun_lmp.arrays import FloatArray

DEFAULT_CONFIG_TYPE = "Default"
"""Of a frame whose header has none, as mace calls it."""

SET_KEY = "set"
"""Header key of an extxyz frame that says which set it belongs to."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledFrame:
    """A structure with its reference energy and forces.

    `symbols` N chemical symbols; `positions` (N, 3) Å; `cell` (3, 3) Å, rows are vectors; `pbc` three flags;
    `energy_ev` of the whole structure, potential energy only; `forces` (N, 3) eV/Å, minus its gradient.
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
    """File and index it was read from, such as `frames.extxyz.xz#17` or `run-1/vasprun.xml#2041`."""
    set_name: str | None = None
    """The set that the file itself assigns the frame to, such as `train`."""

    def __len__(self) -> int:
        return len(self.symbols)

    def atoms(self) -> Atoms:
        """The structure as ASE atoms, without labels."""
        return Atoms(self.symbols, positions=self.positions, cell=self.cell, pbc=self.pbc)

    def labelled_atoms(self, energy_key: str, forces_key: str) -> Atoms:
        """The structure as ASE atoms with everything an extxyz file keeps of it, labels under the given keys."""
        atoms = self.atoms()
        atoms.info = {
            energy_key: self.energy_ev,
            "config_type": self.config_type,
            "trajectory": self.trajectory,
            "source": self.source,
        }
        if self.set_name is not None:
            atoms.info[SET_KEY] = self.set_name
        atoms.set_array(forces_key, self.forces)
        return atoms

    @property
    def formula(self) -> str:
        """Hill formula, such as `C12H46Si96`."""
        return str(self.atoms().get_chemical_formula())
