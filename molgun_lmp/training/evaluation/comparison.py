"""A model's answers beside labels: what every error and every figure of an evaluation is made from."""

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Self

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray, TextArray
from molgun_lmp.errors import ModelError
from molgun_lmp.models.predict import Prediction
from molgun_lmp.surface.partition import Grouping
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """A model's answers beside the labels of F frames, which hold N atoms in all.

    `energy_ev` (F,) and `forces` (N, 3) eV/Å: the model's; the atoms of all frames stand one frame after the other.
    """

    frames: tuple[LabelledFrame, ...]
    energy_ev: FloatArray
    forces: FloatArray

    @classmethod
    def of(cls, name: str, frames: Sequence[LabelledFrame], predictions: Iterable[Prediction]) -> Self:
        """From predictions, one for each frame in order.

        Raises `ModelError` for no frames, and for energies or forces that are not numbers.
        """
        if not frames:
            raise ModelError(f"no frames to evaluate on in {name!r}. Name a file of labelled frames.")
        answers = [answer for _, answer in zip(frames, predictions, strict=True)]
        energy = np.array([answer.energy_ev for answer in answers])
        forces = np.concatenate([answer.forces for answer in answers])
        if not (np.isfinite(energy).all() and np.isfinite(forces).all()):
            raise ModelError(f"the model gives energies or forces that are not numbers on {name!r}: it is broken.")
        return cls(frames=tuple(frames), energy_ev=energy, forces=forces)

    @cached_property
    def atoms(self) -> FloatArray:
        """(F,) number of atoms of each frame."""
        return np.array([len(frame) for frame in self.frames], dtype=np.float64)

    @cached_property
    def reference_energy_ev(self) -> FloatArray:
        """(F,) the labels' energies."""
        return np.array([frame.energy_ev for frame in self.frames])

    @cached_property
    def reference_forces(self) -> FloatArray:
        """(N, 3) the labels' forces in eV/Å."""
        return np.concatenate([frame.forces for frame in self.frames])

    @cached_property
    def energy_error_ev(self) -> FloatArray:
        """(F,) model minus label."""
        return self.energy_ev - self.reference_energy_ev

    @cached_property
    def force_error(self) -> FloatArray:
        """(N, 3) model minus label in eV/Å."""
        return self.forces - self.reference_forces

    @cached_property
    def largest_force_error(self) -> FloatArray:
        """(F,) eV/Å, of each frame's atom whose force is farthest off."""
        starts = np.concatenate([[0], np.cumsum(self.atoms)[:-1]]).astype(np.int64)
        return np.maximum.reduceat(np.linalg.norm(self.force_error, axis=1), starts)

    @cached_property
    def symbols(self) -> TextArray:
        """(N,) chemical symbols."""
        return np.array([symbol for frame in self.frames for symbol in frame.symbols])

    @cached_property
    def frame_of_atom(self) -> IntArray:
        """(N,) index of the frame that an atom is in."""
        return np.repeat(np.arange(len(self.frames)), self.atoms.astype(np.int64))

    @cached_property
    def trajectories(self) -> TextArray:
        """(F,) each frame's trajectory."""
        return np.array([frame.trajectory for frame in self.frames])

    @cached_property
    def files(self) -> TextArray:
        """(F,) the file that each frame came from."""
        return np.array([frame.source.rpartition("#")[0] for frame in self.frames])

    def groups(self, grouping: Grouping) -> TextArray:
        """(N,) the group of each atom, empty where it cannot be told."""
        return np.array(
            [
                name
                for frame, groups in zip(self.frames, grouping.groups, strict=True)
                for name in ([""] * len(frame) if groups is None else [str(group) for group in groups])
            ]
        )
