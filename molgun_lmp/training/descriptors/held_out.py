"""Distance and spread of a model and its committee, calibrated on the frames that were held out of the training."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces
from molgun_lmp.training.descriptors.calibration import (
    LIMIT_EV_PER_ANGSTROM,
    MOST_TRAINED,
    ErrorCalibration,
    calibrate,
    check,
    write_calibration,
)
from molgun_lmp.training.descriptors.error_line import Checked
from molgun_lmp.training.descriptors.force_spread import (
    SPREAD_CALIBRATION_NAME,
    CommitteeMember,
    SpreadCalibration,
    largest_spreads,
    write_spread_calibration,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibrations:
    """Of the distance and, where there is a committee, of its spread."""

    distance: ErrorCalibration
    spread: SpreadCalibration | None


def calibrate_committee(
    members: Sequence[CommitteeMember],
    *,
    trained: Sequence[LabelledFrame],
    held_out: Sequence[LabelledFrame],
    errors: FloatArray,
    files: Mapping[str, str],
    limit: float = LIMIT_EV_PER_ANGSTROM,
    batch_size: int = 8,
    device: str = "cpu",
    advance: Callable[[int], None] | None = None,
) -> Calibrations:
    """Calibrate the first member, and the committee where there are more.

    `errors` (F,) eV/Å are the first member's largest force errors on the held-out frames. Raises `InputFileError` for
    too few of these.
    """
    first = members[0]
    spaces = AtomSpaces.fit(
        first.model, trained, head=first.head, batch_size=batch_size, device=device, most=MOST_TRAINED
    )
    checked = check(
        first.model,
        spaces,
        held_out,
        errors,
        head=first.head,
        batch_size=batch_size,
        device=device,
        advance=advance,
    )
    distance = calibrate(spaces, checked, model_sha256=first.sha256, files=files, limit=limit)
    if len(members) == 1:
        return Calibrations(distance=distance, spread=None)
    spreads = largest_spreads(members, held_out, batch_size=batch_size, device=device)
    of_spread = Checked(distance=np.maximum(spreads, 1e-6), error=checked.error, trajectories=checked.trajectories)
    spread = SpreadCalibration.of(of_spread, members=[one.sha256 for one in members], files=files)
    return Calibrations(distance=distance, spread=spread)


def write_calibrations(found: Calibrations, file: Path) -> None:
    """The distance's calibration into `file`, and beside it `spread-calibration.json` where there is a committee, and
    the figure of both. Raises `InputFileError` where they cannot be written.
    """
    from molgun_lmp.training.descriptors.calibration_figure import draw_calibrations  # noqa: PLC0415  # matplotlib

    write_calibration(found.distance, file)
    if found.spread is not None:
        write_spread_calibration(found.spread, file.with_name(SPREAD_CALIBRATION_NAME))
    draw_calibrations(found.distance, found.spread, file.parent)
