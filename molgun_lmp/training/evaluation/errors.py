"""How wrong is a model on labelled frames: MAE and RMSE of energies and forces, by element, group and trajectory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from molgun_lmp.arrays import FloatArray, TextArray
from molgun_lmp.models.error_reports import ErrorReport, Errors, FrameErrors
from molgun_lmp.surface.partition import Group, Grouping, group_atoms
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.evaluation.binding_errors import binding_errors
from molgun_lmp.training.evaluation.cluster_mean import mean_interval
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.evaluation.predictor import open_predictor


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
    trajectories = comparison.trajectories
    of_atom = trajectories[comparison.frame_of_atom]
    bound = binding_errors(comparison, grouping)
    return ErrorReport(
        name=name,
        energy_ev_per_atom=_errors(comparison.energy_error_ev / comparison.atoms, trajectories),
        energy_ev=_errors(comparison.energy_error_ev, trajectories),
        binding_energy_ev=_errors(bound.error_ev, trajectories[bound.frames]) if bound.parts else None,
        binding_parts=dict(bound.parts),
        forces_ev_per_angstrom=_errors(comparison.force_error, of_atom),
        forces_by_element={
            str(element): _errors(comparison.force_error[of], of_atom[of])
            for element in np.unique(comparison.symbols)
            if (of := comparison.symbols == element).any()
        },
        forces_by_group={
            str(group): _errors(comparison.force_error[of], of_atom[of])
            for group in Group
            if (of := groups == group).any()
        },
        by_trajectory=_by(comparison, trajectories),
        by_file=_by(comparison, files) if len(np.unique(files)) > 1 else {},
    )


def _by(comparison: ModelComparison, labels: TextArray) -> dict[str, FrameErrors]:
    trajectories, frames = comparison.trajectories, comparison.frame_of_atom
    return {
        str(label): FrameErrors(
            energy_ev_per_atom=_errors((comparison.energy_error_ev / comparison.atoms)[of], trajectories[of]),
            forces_ev_per_angstrom=_errors(comparison.force_error[of[frames]], trajectories[frames][of[frames]]),
        )
        for label in np.unique(labels)
        if (of := labels == label).any()
    }


def _errors(differences: FloatArray, trajectories: TextArray) -> Errors:
    """Errors of differences (n,) or (n, 3), each of a trajectory (n,)."""
    return Errors(
        mae=float(np.abs(differences).mean()),
        rmse=float(np.sqrt(np.square(differences).mean())),
        n=int(differences.size),
        mae_interval=mean_interval(np.abs(differences), trajectories),
    )
