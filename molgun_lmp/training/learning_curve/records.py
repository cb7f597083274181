"""What is known of a learning curve: its design, its finished trainings, the laws fitted to them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from molgun_lmp.config.section import Section
from molgun_lmp.errors import TrainingError
from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.training.learning_curve.power_law import PowerLaw, fit_power_law
from molgun_lmp.training.learning_curve.trainings import Kind, SubsetsBy
from molgun_lmp.training.settings import TrainingConfig

CURVE_NAME: Final = "curve.json"

Hold = Literal["steps", "epochs"]


class CurveDesign(Section):
    """What makes two points belong to one curve; sizes, repeats and kinds may be added later."""

    trainings: dict[Kind, TrainingConfig]
    """The training file of each kind on all frames."""
    files: dict[str, str]
    """Frame file -> SHA-256."""
    train_frames: int
    test_frames: int
    subsets_by: SubsetsBy
    hold: Hold
    """What is the same for all sizes."""
    steps: int | None
    """Of the optimiser, for every training; None where epochs are held."""


class CurvePoint(Section):
    """One finished training."""

    kind: Kind
    size: int
    repeat: int
    steps: int
    best_epoch: int
    epochs: int
    errors: tuple[ErrorReport, ...]
    """On the validation and test frames, the same ones for all points."""

    @property
    def test(self) -> ErrorReport:
        """On the test frames."""
        return next(report for report in self.errors if report.name == "test")


class CurveFits(Section):
    """Power laws of the test errors, None where there are too few sizes."""

    forces_mae_ev_per_angstrom: PowerLaw | None
    energy_mae_ev_per_atom: PowerLaw | None


class LearningCurve(Section):
    """All that is known so far: `curve.json`."""

    design: CurveDesign
    points: tuple[CurvePoint, ...]
    fits: dict[Kind, CurveFits]


def fits_of(points: Iterable[CurvePoint]) -> dict[Kind, CurveFits]:
    """Power laws of the test MAE for each kind."""
    by_kind: dict[Kind, list[CurvePoint]] = {}
    for point in points:
        by_kind.setdefault(point.kind, []).append(point)
    return {
        kind: CurveFits(
            forces_mae_ev_per_angstrom=fit_power_law(
                [point.size for point in some], [point.test.forces_ev_per_angstrom.mae for point in some]
            ),
            energy_mae_ev_per_atom=fit_power_law(
                [point.size for point in some], [point.test.energy_ev_per_atom.mae for point in some]
            ),
        )
        for kind, some in by_kind.items()
    }


def read_curve(folder: Path) -> LearningCurve:
    """The curve of a folder. Raises `TrainingError` where there is none."""
    file = folder / CURVE_NAME
    try:
        return LearningCurve.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise TrainingError(f"{file} is no learning curve of this version: {error}") from error
