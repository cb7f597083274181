"""A training's run folder: its paths, its record, and what makes an unfinished one the same training.

config.yaml     the resolved training file
dataset.json    what was read, dropped and held out, with the hash of each file
data/           train, validation and test frames as mace read them, and its copy of the foundation model
mace.yaml       every option that mace was given; writing.yaml the same for the run that only writes the best model
mace.log        everything that mace said
mace/           its checkpoints, logs and metrics
model.model     the trained model
record.json     losses per epoch, errors on held-out frames, hash of the model, versions
"""

import dataclasses
from pathlib import Path

from pydantic import ValidationError

from molgun_lmp.config.section import Section
from molgun_lmp.errors import TrainingError
from molgun_lmp.models.card import Licences, Training
from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.provenance import sha256_file


class EpochRecord(Section):
    """One epoch: the mean training loss, and errors on the validation frames (of the averaged weights, with EMA)."""

    epoch: int
    train_loss: float | None
    """None for an epoch whose batches were not recorded."""
    validation_loss: float
    energy_mae_ev_per_atom: float
    energy_rmse_ev_per_atom: float
    forces_mae_ev_per_angstrom: float
    forces_rmse_ev_per_angstrom: float
    seconds: float
    """Time in the batches and the validation."""


class KeptWeights(Section):
    """How much of the foundation model is left: the cosine between its weights and those of the trained model.

    Near 1 for weights that were only fine-tuned, near 0 for weights that started from random numbers.
    """

    readouts: float
    others: float
    """All weights of equal shape outside the readouts."""


class TrainingRecord(Section):
    """What a finished training leaves beside its model."""

    name: str
    level_of_theory: str
    labels_hold_dispersion: bool | None = None
    distilled_from: str | None = None
    model_sha256: str
    e0s_kind: str
    training: Training
    epochs: tuple[EpochRecord, ...]
    best: EpochRecord
    """The epoch whose weights were kept, as it was judged then; `epochs` holds its repetition where there was one."""
    errors: tuple[ErrorReport, ...]
    """On the validation and, where there is one, the test set."""
    licences: Licences
    versions: dict[str, str]
    remarks: tuple[str, ...] = ()
    """What mace did with this training that nobody asked for, in words."""
    stopped_early: bool = False
    """Ended by `optimisation.patience`, or by the user who wanted the best epoch so far."""
    kept_of_foundation: KeptWeights | None = None
    """None from scratch, and for a foundation whose file is not at hand."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The paths of one training."""

    path: Path

    @property
    def config(self) -> Path:  # noqa: D102
        return self.path / "config.yaml"

    @property
    def dataset(self) -> Path:  # noqa: D102
        return self.path / "dataset.json"

    @property
    def mace_config(self) -> Path:  # noqa: D102
        return self.path / "mace.yaml"

    @property
    def writing_config(self) -> Path:  # noqa: D102
        return self.path / "writing.yaml"

    @property
    def log(self) -> Path:  # noqa: D102
        return self.path / "mace.log"

    @property
    def model(self) -> Path:  # noqa: D102
        return self.path / "model.model"

    @property
    def record(self) -> Path:  # noqa: D102
        return self.path / "record.json"

    @property
    def checkpoints(self) -> Path:  # noqa: D102
        return self.path / "mace" / "checkpoints"

    @property
    def best(self) -> Path:
        """Copies of the best checkpoints, that the model is written from."""
        return self.path / "mace" / "best"

    @property
    def foundation(self) -> Path:  # noqa: D102
        return self.path / "data" / "foundation.model"

    def frames(self, name: str) -> Path:
        """The frames of a set: `train`, `validation`, `test`, or `replay`."""
        return self.path / "data" / f"{name}.extxyz"

    def metrics(self, name: str, seed: int) -> Path:
        """Mace's metrics file."""
        return self.path / "mace" / "results" / f"{name}_run-{seed}_train.txt"

    def trained_model(self, name: str) -> Path:
        """Where mace puts the model at the end: that of a second stage where there was one."""
        second = self.path / "mace" / f"{name}_stagetwo.model"
        return second if second.is_file() else self.path / "mace" / f"{name}.model"


def read_record(folder: Path) -> TrainingRecord:
    """The record of a finished training. Raises `TrainingError` where it is not finished or its model was changed."""
    run = RunFolder(path=folder)
    try:
        record = TrainingRecord.model_validate_json(run.record.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainingError(
            f"{folder} holds no finished training (no {run.record.name}). The same `molgun train` command goes on."
        ) from error
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise TrainingError(f"{run.record} is not a training record of this version: {error}") from error
    if not run.model.is_file() or sha256_file(run.model) != record.model_sha256:
        raise TrainingError(f"{run.model} is missing or is not the model that {run.record} speaks of. Train again.")
    return record
