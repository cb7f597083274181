"""`molgun evaluate`: a model's errors on labelled frames, with their figures and its worst frames."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from molgun_lmp.atomic_files import write_json
from molgun_lmp.config.section import Section
from molgun_lmp.errors import InputFileError
from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.models.level_of_theory import UNSTATED
from molgun_lmp.models.predict import Prediction
from molgun_lmp.provenance import versions
from molgun_lmp.surface.partition import MoleculeChoice, group_atoms
from molgun_lmp.training.dataset.read import Dataset
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.evaluation.errors import error_report
from molgun_lmp.training.evaluation.predictor import Predictor
from molgun_lmp.training.evaluation.scans import ScanCurve
from molgun_lmp.training.evaluation.worst_frames import WorstFrame, worst_frames, write_worst

if TYPE_CHECKING:
    from molgun_lmp.plotting.figure_files import FigureFiles

REPORT_NAME: Final = "report.json"
WORST_NAME: Final = "worst.extxyz"


class JudgedModel(Section):
    """Which file was evaluated."""

    name: str
    file: str
    format: str
    dtype: str
    sha256: str


class Judgement(Section):
    """What came of an evaluation: `report.json`."""

    model: JudgedModel
    labels: str
    """The level of theory of the frames, taken to be the model's own where none was named."""
    label_keys: str
    files: dict[str, str]
    """Frame file -> SHA-256."""
    frames: int
    dropped: dict[str, int]
    """Why frames were not used -> how many."""
    errors: ErrorReport
    groups_undecided: dict[str, str]
    """Formula whose molecule and surface cannot be told apart -> why; its frames are in no group."""
    worst: tuple[WorstFrame, ...]
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """A judgement with the numbers that it was made from."""

    judgement: Judgement
    comparison: ModelComparison


def judge(
    predictor: Predictor,
    dataset: Dataset,
    *,
    level_of_theory: str | None = None,
    molecule: MoleculeChoice | None = None,
    worst: int = 20,
    advance: Callable[[int], None] | None = None,
) -> Judged:
    """Evaluate a model on all frames of a dataset. `advance` is called with the number of frames done.

    Raises `ModelError` for an element that the model does not know, and for answers that are not numbers.
    """
    name = ", ".join(dataset.files)
    predictions = _counted(predictor.predict(dataset.frames), advance)
    comparison = ModelComparison.of(name, dataset.frames, predictions)
    grouping = group_atoms(dataset.frames, molecule)
    judgement = Judgement(
        model=JudgedModel(
            name=predictor.source.name,
            file=predictor.source.file.name,
            format=predictor.format,
            dtype=predictor.dtype,
            sha256=predictor.sha256,
        ),
        labels=level_of_theory or predictor.source.level_of_theory or UNSTATED,
        label_keys=f"{dataset.labels.energy}, {dataset.labels.forces}",
        files=dict(dataset.files),
        frames=len(dataset.frames),
        dropped=_reasons(dataset),
        errors=error_report(name, comparison, grouping),
        groups_undecided=dict(grouping.undecided),
        worst=worst_frames(comparison, worst),
        versions=versions(),
    )
    return Judged(judgement=judgement, comparison=comparison)


def write_judgement(judged: Judged, folder: Path, found: Mapping[str, ScanCurve] | None = None) -> list["FigureFiles"]:
    """Write `report.json`, `worst.extxyz` and the figures, those of `found` scans among them, each with its numbers.

    The same names are overwritten.

    Raises `InputFileError` where the folder cannot be written.
    """
    from molgun_lmp.training.evaluation.evaluation_figures import draw_evaluation  # noqa: PLC0415

    judgement = judged.judgement
    figures = draw_evaluation(judged.comparison, judgement.errors, folder, labels=judgement.labels)
    if found:
        from molgun_lmp.training.evaluation.scan_figure import draw_scans  # noqa: PLC0415

        figures.append(draw_scans(found, folder, labels=judgement.labels))
    try:
        write_worst(judged.comparison, judgement.worst, folder / WORST_NAME)
        write_json(judgement.model_dump(mode="json"), folder / REPORT_NAME)
    except OSError as error:
        raise InputFileError(f"cannot write into {folder}: {error}. Make room, or choose another folder.") from error
    return figures


def _reasons(dataset: Dataset) -> dict[str, int]:
    counts: Mapping[str, int] = dataset.report()["dropped"]  # type: ignore[assignment]
    return dict(counts)


def _counted(predictions: Iterable[Prediction], advance: Callable[[int], None] | None) -> Iterator[Prediction]:
    for done, prediction in enumerate(predictions, start=1):
        if advance is not None:
            advance(done)
        yield prediction
