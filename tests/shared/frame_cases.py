"""Labelled frames and files of them, for tests of what happens to frames."""

import numpy as np
from ase import Atoms

from molgun_lmp.training.dataset.labelled_frame import LabelledFrame


def hydrogen(
    distance: float = 0.74,
    *,
    energy: float | None = -31.0,
    force: float | None = 0.5,
    keys: tuple[str, str] = ("REF_energy", "REF_forces"),
    **info: str,
) -> Atoms:
    """H2 along z with its labels under the given keys and `info` in its header."""
    atoms = Atoms("H2", positions=[[0, 0, 0], [0, 0, distance]])
    atoms.info.update(info)
    if energy is not None:
        atoms.info[keys[0]] = energy
    if force is not None:
        atoms.set_array(keys[1], np.array([[0, 0, -force], [0, 0, force]]))
    return atoms


def labelled_frame(
    symbols: str = "HH", energy: float = -31.0, trajectory: str = "a", source: str = "f#0"
) -> LabelledFrame:
    """A frame whose atoms all lie at the origin."""
    atoms = Atoms(symbols)
    return LabelledFrame(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=np.zeros((len(atoms), 3)),
        cell=np.zeros((3, 3)),
        pbc=(False, False, False),
        energy_ev=energy,
        forces=np.zeros((len(atoms), 3)),
        trajectory=trajectory,
        config_type="Default",
        source=source,
    )
