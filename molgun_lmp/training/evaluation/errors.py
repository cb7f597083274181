"""How wrong is a model on labelled frames: MAE and RMSE of energies and forces, by element, group and trajectory."""

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from molgun_lmp.arrays import FloatArray, IntArray, TextArray
from molgun_lmp.errors import ModelError
from molgun_lmp.models.error_reports import ErrorReport, Errors, FrameErrors
from molgun_lmp.models.predict import Prediction
from molgun_lmp.surface.partition import Group, Grouping, group_atoms
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.evaluation.predictor import open_predictor


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


def evaluate(
    model: Path,
    frames: Sequence[LabelledFrame],
    *,
    name: str,
    head: str | None = None,
    sha256: str | None = None,
    trust: bool = False,
    batch_size: int = 8,
    device: str = "cpu",
) -> ErrorReport:
    """Errors of a model, in its own dtype, on frames. Raises what `open_predictor` and `Predictor.predict` raise."""
    predictor = open_predictor(model, head=head, sha256=sha256, trust=trust, batch_size=batch_size, device=device)
    return error_report(name, ModelComparison.of(name, frames, predictor.predict(frames)), group_atoms(frames))


def error_report(name: str, comparison: ModelComparison, grouping: Grouping) -> ErrorReport:
    """All errors of a comparison."""
    groups = comparison.groups(grouping)
    files = comparison.files
    return ErrorReport(
        name=name,
        energy_ev_per_atom=_errors(comparison.energy_error_ev / comparison.atoms),
        energy_ev=_errors(comparison.energy_error_ev),
        forces_ev_per_angstrom=_errors(comparison.force_error),
        forces_by_element={
            str(element): _errors(comparison.force_error[comparison.symbols == element])
            for element in np.unique(comparison.symbols)
        },
        forces_by_group={
            str(group): _errors(comparison.force_error[groups == group]) for group in Group if (groups == group).any()
        },
        by_trajectory=_by(comparison, comparison.trajectories),
        by_file=_by(comparison, files) if len(np.unique(files)) > 1 else {},
    )


def _by(comparison: ModelComparison, labels: TextArray) -> dict[str, FrameErrors]:
    of_atom = labels[comparison.frame_of_atom]
    return {
        str(label): FrameErrors(
            energy_ev_per_atom=_errors((comparison.energy_error_ev / comparison.atoms)[labels == label]),
            forces_ev_per_angstrom=_errors(comparison.force_error[of_atom == label]),
        )
        for label in np.unique(labels)
    }


def _errors(differences: FloatArray) -> Errors:
    return Errors(
        mae=float(np.abs(differences).mean()),
        rmse=float(np.sqrt(np.square(differences).mean())),
        n=int(differences.size),
    )
