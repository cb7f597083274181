"""How wrong is a model on labelled frames: MAE and RMSE of energies and forces, per element and trajectory."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from molgun_lmp.errors import ModelError
from molgun_lmp.training.frames import FloatArray, LabelledFrame
from molgun_lmp.training.models import choose_head, load_model, model_facts
from molgun_lmp.training.predict import Prediction, predict_mace
from molgun_lmp.training.results import ErrorReport, Errors, TrajectoryErrors


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
    """Errors of a `.model` file, in its own dtype, on frames.

    Raises `ModelError` for a model that is not trusted (see `trusted_sha256`), has several heads of which none was
    chosen, or lacks an element of the frames.
    """
    loaded = load_model(model, sha256=sha256, trust=trust)
    facts = model_facts(loaded)
    unknown = sorted({symbol for frame in frames for symbol in frame.symbols} - set(facts.elements))
    if unknown:
        raise ModelError(
            f"{model} was never trained on {', '.join(unknown)}; it knows {', '.join(facts.elements)}. "
            "Leave these frames out, or use a model that knows them."
        )
    predictions = predict_mace(
        loaded, frames, head=choose_head(facts.heads, head), batch_size=batch_size, device=device
    )
    return error_report(name, frames, predictions)


def error_report(name: str, frames: Sequence[LabelledFrame], predictions: Iterable[Prediction]) -> ErrorReport:
    """The errors of predictions, one for each frame in order. Raises `ModelError` for no frames."""
    if not frames:
        raise ModelError(f"no frames to evaluate on in {name!r}. Name a file of labelled frames.")
    energies: list[float] = []
    forces: list[FloatArray] = []
    for frame, prediction in zip(frames, predictions, strict=True):
        energies.append((prediction.energy_ev - frame.energy_ev) / len(frame))
        forces.append(prediction.forces - frame.forces)
    energy = np.array(energies)
    if not (np.isfinite(energy).all() and all(np.isfinite(block).all() for block in forces)):
        raise ModelError(f"the model gives energies or forces that are not numbers on {name!r}: it is broken.")
    symbols = np.array([symbol for frame in frames for symbol in frame.symbols])
    trajectories = np.array([frame.trajectory for frame in frames])
    atoms_of = np.repeat(trajectories, [len(frame) for frame in frames])
    every = np.concatenate(forces)
    return ErrorReport(
        name=name,
        energy_ev_per_atom=_errors(energy),
        forces_ev_per_angstrom=_errors(every),
        forces_by_element={str(element): _errors(every[symbols == element]) for element in np.unique(symbols)},
        by_trajectory={
            str(trajectory): TrajectoryErrors(
                energy_ev_per_atom=_errors(energy[trajectories == trajectory]),
                forces_ev_per_angstrom=_errors(every[atoms_of == trajectory]),
            )
            for trajectory in np.unique(trajectories)
        },
    )


def _errors(differences: FloatArray) -> Errors:
    return Errors(
        mae=float(np.abs(differences).mean()),
        rmse=float(np.sqrt(np.square(differences).mean())),
        n=int(differences.size),
    )
