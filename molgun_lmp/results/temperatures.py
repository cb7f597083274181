"""The temperatures of slab and molecule, frame by frame, from the velocities that the dumps hold."""

import numpy as np
from ase import Atoms

from molgun_lmp.analysis.kinetics.heat import Temperatures
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.config import Campaign
from molgun_lmp.gun.data_file import translation_ev
from molgun_lmp.kinetic_temperature import kinetic_ev, temperature_k
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.frozen import frozen_mask


class TemperatureObserver:
    """Keeps the temperatures of a trajectory; `mobile` (M,) bool says which of the slab's atoms, the first M, move, and
    `masses_u` (N,) are those of all atoms."""

    def __init__(self, mobile: BoolArray, masses_u: FloatArray) -> None:
        self._mobile, self._n_slab = np.flatnonzero(mobile), len(mobile)
        self._held = 3 if mobile.all() else 0  # a slab that is held nowhere does not drift, as in the deck
        self._masses = masses_u
        self._found: list[tuple[float, float, float]] = []
        self._whole = True
        self._lost = False

    def frame(self, frame: Frame) -> None:
        """The next frame."""
        self._lost = self._lost or not frame.finite
        if self._lost:
            return
        if frame.velocities is None:
            self._whole = False
            return
        masses = self._masses
        slab, molecule = frame.velocities[self._mobile], frame.velocities[self._n_slab :]
        of_slab, of_molecule = masses[self._mobile], masses[self._n_slab :]
        drift = of_molecule @ molecule / of_molecule.sum()
        self._found.append(
            (
                temperature_k(kinetic_ev(of_slab, slab), slab.size - self._held),
                temperature_k(kinetic_ev(of_molecule, molecule - drift), molecule.size - 3),
                translation_ev(of_molecule, molecule),
            )
        )

    def result(self) -> Temperatures | None:
        """The temperatures so far; None where a frame has no velocities."""
        if not self._whole:
            return None
        slab, molecule, translation = np.array(self._found, dtype=np.float64).reshape(-1, 3).T.copy()
        return Temperatures(slab_k=slab, molecule_k=molecule, translation_ev=translation)


def mobile_atoms(config: Campaign, slab: Atoms, surface: Surface) -> BoolArray:
    """(M,) which atoms of the slab move; `surface` is the slab's."""
    return ~frozen_mask(slab, surface, config.system.slab.frozen_layers)
