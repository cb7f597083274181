"""Labelled frames made by hand: a molecule, a hydrogen-terminated slab, and both together."""

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from molgun_lmp.arrays import FloatArray
from molgun_lmp.models.predict import Prediction
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame


def slab() -> Atoms:
    """Eight silicon atoms in a periodic layer, two hydrogen atoms below it; 20 Å high."""
    atoms = bulk("Si", "diamond", a=5.43, cubic=True)
    atoms.cell[2, 2] = 20.0
    lowest = atoms.positions[np.argsort(atoms.positions[:, 2])[:2]]
    atoms += Atoms("H2", positions=lowest - [0.0, 0.0, 1.5])
    atoms.positions += [0.0, 0.0, 4.0]
    atoms.pbc = True
    return atoms


def slab_and_molecule(height_angstrom: float, name: str = "C2H2") -> Atoms:
    """The slab with a molecule whose lowest atom is so high straight above its highest one; the slab comes first."""
    return above(slab(), molecule(name), height_angstrom)


def above(surface: Atoms, guest: Atoms, height_angstrom: float) -> Atoms:
    """Both together, the guest's lowest atom straight above the highest one of the surface."""
    top = surface.positions[np.argmax(surface.positions[:, 2])]
    foot = guest.positions[np.argmin(guest.positions[:, 2])]
    guest.translate(top - foot)
    guest.translate([0.0, 0.0, height_angstrom])
    return surface + guest


def labelled(atoms: Atoms, *, energy_ev: float = 0.0, forces: FloatArray | None = None, **names: str) -> LabelledFrame:
    """A frame with labels, of zero where none are given."""
    return LabelledFrame(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=atoms.positions.copy(),
        cell=np.array(atoms.cell),
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energy_ev=energy_ev,
        forces=np.zeros((len(atoms), 3)) if forces is None else forces,
        **({"trajectory": "a", "config_type": "Default", "source": "f.extxyz#0"} | names),
    )


def off_by(frame: LabelledFrame, energy_ev: float, forces: FloatArray) -> Prediction:
    """An answer that differs from the labels by so much."""
    return Prediction(energy_ev=frame.energy_ev + energy_ev, forces=frame.forces + forces)
