"""What a committee of models does not agree on: the spread of its forces on each atom, and what it means for errors.

The spread is small where the data decide the forces and grows where they do not, but its size is no error: members have
much in common, so it is calibrated like the distance (`calibration`), on labelled frames that no member has seen.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from pydantic import ValidationError

from molgun_lmp.arrays import FloatArray
from molgun_lmp.atomic_files import write_json
from molgun_lmp.config.section import Section
from molgun_lmp.errors import InputFileError, ModelError
from molgun_lmp.geometry import Geometry
from molgun_lmp.models.predict import predict_mace
from molgun_lmp.training.descriptors.error_line import (
    CONFIDENCE,
    Checked,
    ErrorLine,
    bound_factor_of,
    rank_correlation,
    require_enough,
)

SPREAD_CALIBRATION_NAME: Final = "spread-calibration.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommitteeMember:
    """A loaded `.model` with the head that is asked, and the SHA-256 of its file."""

    name: str
    model: Any
    head: str
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommitteeForces:
    """One structure of N atoms: `forces` (N, 3) eV/Å of the first member, `spread` (N,) eV/Å of all of them."""

    forces: FloatArray
    spread: FloatArray


def committee_forces(
    members: Sequence[CommitteeMember],
    structures: Sequence[Geometry],
    *,
    batch_size: int = 8,
    device: str = "cpu",
) -> Iterator[CommitteeForces]:
    """Forces and spread of each structure, in order.

    The spread of an atom is the root mean square deviation of the members' force vectors from their mean; of one member
    alone it is zero.
    """
    answers = [
        predict_mace(one.model, structures, head=one.head, batch_size=batch_size, device=device) for one in members
    ]
    for answer in zip(*answers, strict=True):
        forces = np.array([one.forces for one in answer])
        deviations = np.square(forces - forces.mean(axis=0)).sum(axis=2)
        yield CommitteeForces(forces=forces[0], spread=np.sqrt(deviations.mean(axis=0)))


class SpreadOfFrame(Section):
    """A labelled frame that no member has seen: its largest spread, and the first member's largest force error."""

    trajectory: str
    spread_ev_per_angstrom: float
    error_ev_per_angstrom: float


class SpreadCalibration(Section):
    """`spread-calibration.json`, beside the first member's model."""

    members: tuple[str, ...]
    """SHA-256 of each member's file, the first being the model that is fired."""
    files: dict[str, str]
    """Of labelled frames -> SHA-256."""
    confidence: float
    intercept: float
    slope: float
    """ln(largest force error in eV/Å) = intercept + slope ln(largest spread in eV/Å), in the middle."""
    bound_factor: float
    """Over the middle, what the error keeps below."""
    rank_correlation: float
    """Of spread and error (Spearman); 1 where the spread sorts frames by their error."""
    held_out: tuple[SpreadOfFrame, ...]

    @classmethod
    def of(cls, checked: Checked, *, members: Sequence[str], files: Mapping[str, str]) -> Self:
        """Calibrate on held-out frames, `checked.distance` being their spread in eV/Å.

        Raises `InputFileError` for fewer than 20 of them or fewer than three trajectories.
        """
        require_enough(checked)
        line = ErrorLine.fit(checked.distance, checked.error)
        return cls(
            members=tuple(members),
            files=dict(files),
            confidence=CONFIDENCE,
            intercept=line.intercept,
            slope=line.slope,
            bound_factor=bound_factor_of(checked),
            rank_correlation=rank_correlation(checked.distance, checked.error),
            held_out=tuple(
                SpreadOfFrame(trajectory=name, spread_ev_per_angstrom=spread, error_ev_per_angstrom=error)
                for name, spread, error in zip(
                    checked.trajectories, checked.distance.tolist(), checked.error.tolist(), strict=True
                )
            ),
        )

    def expected_error(self, spread: float) -> float:
        """Largest force error of a frame, eV/Å, as likely to be exceeded as not."""
        return math.exp(self.intercept + self.slope * math.log(max(spread, 1e-6)))

    def error_bound(self, spread: float) -> float:
        """What it keeps below with `confidence`, eV/Å."""
        return self.bound_factor * self.expected_error(spread)


def largest_spreads(
    members: Sequence[CommitteeMember], structures: Sequence[Geometry], *, batch_size: int = 8, device: str = "cpu"
) -> FloatArray:
    """(F,) of the atom in each structure whose force the members agree least on, eV/Å."""
    return np.array(
        [one.spread.max() for one in committee_forces(members, structures, batch_size=batch_size, device=device)]
    )


def write_spread_calibration(calibration: SpreadCalibration, file: Path) -> None:
    """Raises `InputFileError` where it cannot be written."""
    try:
        write_json(calibration.model_dump(mode="json"), file)
    except OSError as error:
        raise InputFileError(f"cannot write {file}: {error}. Make room, or name another file.") from error


def read_spread_calibration(folder: Path, members: Sequence[str]) -> SpreadCalibration | None:
    """That of a model's folder; None where there is none, or it is of another committee (`members`: SHA-256 of each).

    Raises `ModelError` for a damaged one.
    """
    file = folder / SPREAD_CALIBRATION_NAME
    try:
        found = SpreadCalibration.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise ModelError(f"{file} is damaged ({error}). Remove it, or make it again.") from error
    return found if (found.members[0], sorted(found.members)) == (members[0], sorted(members)) else None
