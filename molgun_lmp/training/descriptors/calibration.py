"""What a distance from the training set means for the forces: calibrated on labelled frames that training did not see.

A distance alone says that nothing like a structure was trained on, not how wrong its forces are. Over held-out frames
the largest force error follows the distance of the farthest atom by a power law, fitted as a straight line through
their logarithms. Its bound is conformal: the quantile of the residuals of frames whose whole trajectory was left out of
the line (cross-conformal prediction: Vovk, Ann. Math. Artif. Intell. 74, 9 (2015); distances in a model's latent space:
Hu, Musielewicz, Ulissi and Medford, Mach. Learn. Sci. Technol. 3, 045028 (2022)). The border is conformal, too: a frame
that is wrong by more than the limit lies beyond it with 90 %.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from molgun_lmp.arrays import FloatArray
from molgun_lmp.atomic_files import compact_json_bytes, replace_file
from molgun_lmp.config.section import Section
from molgun_lmp.errors import InputFileError, ModelError
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces, invariants
from molgun_lmp.training.descriptors.error_line import (
    CONFIDENCE,
    Checked,
    ErrorLine,
    border_of,
    bound_factor_of,
    rank_correlation,
    require_enough,
)
from molgun_lmp.training.descriptors.principal_components import TrainingSpace

CALIBRATION_NAME: Final = "calibration.json"
LIMIT_EV_PER_ANGSTROM: Final = 0.5
MOST_TRAINED: Final = 200
"""Frames of the training set that distances are measured from: the calibration tells what these distances mean."""
_DIGITS: Final = 7
"""Of the numbers of the spaces, which are many and fitted in single precision."""


class StoredSpace(Section):
    """The part of an element's `TrainingSpace` that distances need, and the distance that counts as 1."""

    mean: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]
    spread: tuple[float, ...]
    rest: float
    border: float


class HeldOut(Section):
    """A labelled frame that training did not see: its farthest atom in units of the border, its largest force error."""

    trajectory: str
    distance: float
    error_ev_per_angstrom: float


class ErrorCalibration(Section):
    """`calibration.json`, beside the model that it is of."""

    model_sha256: str
    files: dict[str, str]
    """Of labelled frames -> SHA-256."""
    training_frames: int
    limit_ev_per_angstrom: float
    """A force that is wrong by more is what the border is to find."""
    confidence: float
    """Of the border and of the bound."""
    intercept: float
    slope: float
    """ln(largest force error in eV/Å) = intercept + slope ln(distance), in the middle."""
    bound_factor: float
    """Over the middle, what the error keeps below."""
    held_out: tuple[HeldOut, ...]
    spaces: dict[str, StoredSpace]

    def expected_error(self, distance: float) -> float:
        """Largest force error of a frame, eV/Å, as likely to be exceeded as not."""
        return math.exp(self.intercept + self.slope * math.log(max(distance, 1e-6)))

    def error_bound(self, distance: float) -> float:
        """What it keeps below with `confidence`, eV/Å."""
        return self.bound_factor * self.expected_error(distance)

    @property
    def found(self) -> tuple[int, int]:
        """Of the held-out frames that are wrong by more than the limit, how many lie beyond the border, and all."""
        wrong = [one for one in self.held_out if one.error_ev_per_angstrom > self.limit_ev_per_angstrom]
        return sum(one.distance > 1.0 for one in wrong), len(wrong)

    @property
    def false_alarms(self) -> tuple[int, int]:
        """Of the others."""
        right = [one for one in self.held_out if one.error_ev_per_angstrom <= self.limit_ev_per_angstrom]
        return sum(one.distance > 1.0 for one in right), len(right)

    @property
    def rank_correlation(self) -> float:
        """Of distance and error over the held-out frames (Spearman)."""
        return rank_correlation(
            np.array([one.distance for one in self.held_out]),
            np.array([one.error_ev_per_angstrom for one in self.held_out]),
        )

    def atom_spaces(self) -> AtomSpaces:
        """What measures distances, 1 being the border."""
        return AtomSpaces(
            spaces={element: _restored(one) for element, one in self.spaces.items()},
            borders={element: one.border for element, one in self.spaces.items()},
            typical={element: one.border for element, one in self.spaces.items()},
            frames=self.training_frames,
        )


def check(
    model: Any,
    spaces: AtomSpaces,
    frames: Sequence[LabelledFrame],
    errors: FloatArray,
    *,
    head: str,
    batch_size: int = 8,
    device: str = "cpu",
    advance: Callable[[int], None] | None = None,
) -> Checked:
    """Held-out frames, with `errors` (F,) eV/Å of a loaded `.model` on them, placed in the spaces of its training set.

    Raises `InputFileError` for elements that the training set does not have.
    """
    farthest = []
    described = invariants(model, frames, head=head, batch_size=batch_size, device=device)
    for frame, features in zip(frames, described, strict=True):
        farthest.append(float(spaces.relative_to(spaces.typical, frame.symbols, features).max()))
        if advance is not None:
            advance(len(farthest))
    return Checked(
        distance=np.maximum(farthest, 1e-6),
        error=np.maximum(errors, 1e-6),
        trajectories=tuple(frame.trajectory for frame in frames),
    )


def calibrate(
    spaces: AtomSpaces,
    checked: Checked,
    *,
    model_sha256: str,
    files: Mapping[str, str],
    limit: float = LIMIT_EV_PER_ANGSTROM,
) -> ErrorCalibration:
    """Calibrate the distances of a training set on held-out frames.

    Raises `InputFileError` for fewer than 20 of them or fewer than three trajectories.
    """
    require_enough(checked)
    border = border_of(checked, limit)
    relative = dataclasses.replace(checked, distance=checked.distance / border)
    line = ErrorLine.fit(relative.distance, relative.error)
    return ErrorCalibration(
        model_sha256=model_sha256,
        files=dict(files),
        training_frames=spaces.frames,
        limit_ev_per_angstrom=limit,
        confidence=CONFIDENCE,
        intercept=line.intercept,
        slope=line.slope,
        bound_factor=bound_factor_of(relative),
        held_out=tuple(
            HeldOut(trajectory=name, distance=distance, error_ev_per_angstrom=error)
            for name, distance, error in zip(
                relative.trajectories, relative.distance.tolist(), relative.error.tolist(), strict=True
            )
        ),
        spaces={element: _stored(space, spaces.typical[element] * border) for element, space in spaces.spaces.items()},
    )


def write_calibration(calibration: ErrorCalibration, file: Path) -> None:
    """Write `calibration.json`. Raises `InputFileError` where it cannot be written."""
    try:
        replace_file(file, compact_json_bytes(calibration.model_dump(mode="json")))
    except OSError as error:
        raise InputFileError(f"cannot write {file}: {error}. Make room, or name another file.") from error


def read_calibration(folder: Path, model_sha256: str | None) -> ErrorCalibration | None:
    """That of a model's folder; None where there is none. Raises `ModelError` for a damaged or a foreign one."""
    file = folder / CALIBRATION_NAME
    try:
        found = ErrorCalibration.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise ModelError(f"{file} is damaged ({error}). Remove it, or make it again.") from error
    if found.model_sha256 != model_sha256:
        raise ModelError(
            f"{file} is of another model than the one beside it (SHA-256 {found.model_sha256}): make it again with "
            "`molgun evaluate --calibration`, or remove it."
        )
    return found


def _stored(space: TrainingSpace, border: float) -> StoredSpace:
    return StoredSpace(
        mean=_rounded(space.mean),
        axes=tuple(_rounded(axis) for axis in space.axes),
        spread=_rounded(space.spread),
        rest=space.rest,
        border=border,
    )


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values.tolist())


def _restored(stored: StoredSpace) -> TrainingSpace:
    spread = np.array(stored.spread)
    return TrainingSpace(
        mean=np.array(stored.mean),
        axes=np.array(stored.axes),
        spread=spread,
        explained=np.square(spread) / np.square(spread).sum(),
        rest=stored.rest,
        scores=np.empty((0, len(spread))),
        trajectories=np.empty(0, dtype=np.str_),
    )
