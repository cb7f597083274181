"""`molgun learning-curve`: how the error falls with the number of training frames, fine-tuned and from scratch.

curve.json             what was asked for first, and every finished training with its errors, and the fits
sets/                  the training frames of each size and repeat, the frames held out, the foundation model
runs/NAME/             one ordinary training each, as `molgun train` makes it
learning-curve.*       the figure and its numbers
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from molgun_lmp.atomic_files import write_json
from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.training.learning_curve.from_scratch import scratch_twin
from molgun_lmp.training.learning_curve.records import (
    CURVE_NAME,
    CurveDesign,
    CurvePoint,
    Hold,
    LearningCurve,
    fits_of,
    read_curve,
)
from molgun_lmp.training.learning_curve.sets import FOUNDATION, HELD_OUT, ISOLATED, write_sets
from molgun_lmp.training.learning_curve.trainings import CurveTraining, Kind, SubsetsBy, steps_of, training_file
from molgun_lmp.training.run_folder import TrainingRecord
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.preparation import Prepared, prepare
from molgun_lmp.training.trainer.train import train

if TYPE_CHECKING:
    from molgun_lmp.plotting.figure_files import FigureFiles

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedCurve:
    """A curve whose input was read and found sound."""

    prepared: Prepared
    design: CurveDesign
    trainings: tuple[CurveTraining, ...]
    folder: Path


def plan_curve(
    config: TrainingConfig,
    folder: Path,
    *,
    base: Path,
    sizes: Sequence[int],
    repeats: int = 1,
    kinds: Sequence[Kind],
    subsets_by: SubsetsBy = "random",
    hold: Hold = "steps",
    steps: int | None = None,
    scratch_overrides: Sequence[str] = (),
) -> PlannedCurve:
    """Check everything that the trainings need; nothing is written. Relative paths start from `base`.

    With `hold` "steps" each training takes the same number of optimiser steps: `steps`, or what `config` takes on the
    largest size, or what the folder's curve took before. Raises what `prepare` raises, `ConfigError` for sizes that the
    training set does not have and for a split without a test set, `TrainingError` for a folder with another curve.
    """
    prepared = prepare(config, base)
    available = len(prepared.split.train)
    if not sizes or min(sizes) < 1 or max(sizes) > available:
        raise ConfigError(f"--sizes: give numbers from 1 to {available}, the frames that this split trains on.")
    if not prepared.split.test:
        raise ConfigError("a learning curve needs frames that no training sees: set `split.test` in the training file.")
    if "fine-tuned" in kinds and config.foundation is None:
        raise ConfigError("there is nothing to fine-tune: the training file has no `foundation`. Use --from-scratch.")
    earlier = read_curve(folder) if (folder / CURVE_NAME).is_file() else None
    if hold == "steps" and steps is None:
        steps = earlier.design.steps if earlier else steps_of(config.optimisation, max(sizes), config.gpus)
    design = CurveDesign(
        trainings={
            kind: config if kind == "fine-tuned" else scratch_twin(prepared, scratch_overrides) for kind in kinds
        },
        files=dict(prepared.dataset.files),
        train_frames=available,
        test_frames=len(prepared.split.test),
        subsets_by=subsets_by,
        hold=hold,
        steps=steps if hold == "steps" else None,
    )
    if earlier is not None:
        design = _joined(earlier.design, design, folder)
    trainings = [
        CurveTraining(kind=kind, size=size, repeat=repeat)
        for size in sorted(set(sizes))
        for repeat in range(repeats)
        for kind in kinds
    ]
    planned = PlannedCurve(prepared=prepared, design=design, trainings=tuple(trainings), folder=folder)
    for training in trainings:
        _file_of(planned, training)
    return planned


def run_curve(planned: PlannedCurve, *, console: Console | None = None) -> LearningCurve:
    """Train whatever is not trained yet, smallest sets first, and store the curve after each training.

    Raises what `train` raises; finished trainings are kept, and the same curve goes on where it stopped.
    """
    folder = planned.folder
    earlier = read_curve(folder).points if (folder / CURVE_NAME).is_file() else ()
    points = {(point.kind, point.size, point.repeat): point for point in earlier}
    folder.mkdir(parents=True, exist_ok=True)
    curve = _store(planned, points)
    write_sets(planned.prepared, planned.trainings, folder, subsets_by=planned.design.subsets_by)
    for number, training in enumerate(planned.trainings, start=1):
        key = (training.kind, training.size, training.repeat)
        if key in points:
            continue
        log.info("training %d of %d: %s", number, len(planned.trainings), training.name)
        config = _file_of(planned, training)
        record = train(config, folder / "runs" / training.name, base=folder, console=console)
        points[key] = _point(training, config, record)
        curve = _store(planned, points)
    return curve


def draw_curve(folder: Path) -> "FigureFiles":
    """The figure of the curve in a folder, drawn there."""
    from molgun_lmp.training.learning_curve.figure import draw_learning_curve  # noqa: PLC0415

    return draw_learning_curve(read_curve(folder), folder)


def _joined(earlier: CurveDesign, now: CurveDesign, folder: Path) -> CurveDesign:
    """The earlier design with the kinds that are new. Raises `TrainingError` where points would not be comparable."""
    shared = [kind for kind in earlier.trainings if kind in now.trainings]
    before, after = (
        {
            **design.model_dump(exclude={"trainings"}),
            **{f"{kind} training": design.trainings[kind].model_copy(update={"threads": 1}) for kind in shared},
        }
        for design in (earlier, now)
    )
    different = [key for key in after if before[key] != after[key]]
    if different:
        raise TrainingError(
            f"{folder} holds a learning curve with another {', '.join(different)}, whose points are not comparable. "
            "Name a new folder, or repeat the command that it was made with; sizes, repeats and kinds may be added."
        )
    return earlier.model_copy(update={"trainings": {**earlier.trainings, **now.trainings}})


def _file_of(planned: PlannedCurve, training: CurveTraining) -> TrainingConfig:
    config = planned.design.trainings[training.kind]
    if config.foundation is not None and planned.prepared.foundation is not None:
        copied = {"file": FOUNDATION, "sha256": planned.prepared.foundation.sha256}
        config = TrainingConfig.model_validate({**config.model_dump(mode="json"), "foundation": copied})
    isolated = [ISOLATED] if planned.prepared.dataset.isolated_atoms_ev else []
    return training_file(config, training, [HELD_OUT, *isolated], steps=planned.design.steps)


def _point(training: CurveTraining, config: TrainingConfig, record: TrainingRecord) -> CurvePoint:
    return CurvePoint(
        kind=training.kind,
        size=training.size,
        repeat=training.repeat,
        steps=steps_of(config.optimisation, training.size, config.gpus),
        best_epoch=record.training.best_epoch,
        epochs=record.training.epochs,
        errors=record.errors,
    )


def _store(planned: PlannedCurve, points: Mapping[tuple[Kind, int, int], CurvePoint]) -> LearningCurve:
    ordered = tuple(points[key] for key in sorted(points))
    curve = LearningCurve(design=planned.design, points=ordered, fits=fits_of(ordered))
    write_json(curve.model_dump(mode="json"), planned.folder / CURVE_NAME)
    return curve
