"""How far each trajectory went from what its model was trained on: records and their files."""

import dataclasses
from collections.abc import Mapping

from pydantic import ConfigDict

from molgun_lmp.records import JsonRecord

_STRICT = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrajectoryTrust(JsonRecord):
    """One trajectory. Distances are of its farthest atom, in units of the border (`Trust.border`)."""

    __pydantic_config__ = _STRICT

    trajectory_id: str
    frames: int
    """That were looked at."""
    farthest: float
    time_ps: float
    """Of the farthest frame."""
    atom: int
    element: str
    in_molecule: bool
    beyond: float
    """Share of the frames beyond 1."""
    first_beyond_ps: float | None
    disagreement_ev_per_angstrom: float | None
    """Largest spread of the committee's forces on one atom; None without a committee."""
    expected_error_ev_per_angstrom: float | None = None
    """Of the farthest frame, the largest error of a force that is to be expected; None without a calibration."""
    error_bound_ev_per_angstrom: float | None = None
    """What it keeps below with the calibration's confidence."""
    disputed_ps: float | None = None
    """Time of the frame with the largest spread; None without a committee."""
    disputed_error_ev_per_angstrom: float | None = None
    """There, the largest error of a force that is to be expected; None without a calibration of the committee."""
    disputed_error_bound_ev_per_angstrom: float | None = None
    """What that keeps below with the calibration's confidence."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrustCalibration(JsonRecord):
    """How the border was found on labelled frames that training had not seen."""

    __pydantic_config__ = _STRICT

    held_out_frames: int
    limit_ev_per_angstrom: float
    """Frames with a force that is wrong by more are to lie beyond the border."""
    confidence: float
    found: tuple[int, int]
    """Of these held-out frames, how many do, and all."""
    false_alarms: tuple[int, int]
    """Of the others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpreadTrust(JsonRecord):
    """How the committee's spread was calibrated on labelled frames that no member had seen."""

    __pydantic_config__ = _STRICT

    held_out_frames: int
    confidence: float
    slope: float
    """The error rises as this power of the spread."""
    rank_correlation: float
    """Of spread and true error."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trust(JsonRecord):
    """A whole campaign, and what it was held against."""

    __pydantic_config__ = _STRICT

    model: str
    model_sha256: str
    training_files: tuple[str, ...]
    training_frames: int
    borders: dict[str, float]
    """Element -> border, in units of the training set's spread."""
    every: int
    """Only every n-th stored frame was looked at."""
    committee: tuple[str, ...]
    trajectories: tuple[TrajectoryTrust, ...]
    calibration: TrustCalibration | None = None
    """None where the model has none, and the border is that which 99 % of the training frames keep within."""
    spread_calibration: SpreadTrust | None = None
    """None without a committee, or where this committee has none."""

    @property
    def border(self) -> str:
        """What the border is, in words that follow `the border`."""
        one = self.calibration
        if one is None:
            return f"that 99 % of the {self.training_frames} training frames keep within"
        return (
            f"beyond which {100 * one.confidence:g} % of the frames lie whose forces are wrong by more than "
            f"{one.limit_ev_per_angstrom:g} eV/Å (of {one.held_out_frames} labelled frames that training had not seen: "
            f"{one.found[0]} of {one.found[1]}, and {one.false_alarms[0]} of the {one.false_alarms[1]} others)"
        )

    def of(self, trajectory_id: str) -> TrajectoryTrust | None:
        """What is known of one trajectory."""
        return next((one for one in self.trajectories if one.trajectory_id == trajectory_id), None)

    def sentence(self) -> str:
        """In plain words."""
        beyond = [one for one in self.trajectories if one.farthest > 1.0]
        if not self.trajectories:
            return "No trajectory was compared with the training data."
        farthest = max(self.trajectories, key=lambda one: one.farthest)
        where = "the molecule's" if farthest.in_molecule else "the slab's"
        text = (
            f"{len(beyond)} of {len(self.trajectories)} trajectories went beyond the border {self.border}; "
            f"farthest {farthest.trajectory_id} with {farthest.farthest:.2f} at {farthest.time_ps:.2f} ps "
            f"({where} {farthest.element}, atom {farthest.atom})."
        )
        if farthest.expected_error_ev_per_angstrom is None:
            text += (
                " The model has no calibration on labelled frames: within the border structures are like those that it "
                "was trained on, which does not say that their forces are right."
            )
        else:
            text += (
                f" There the force that is farthest off is to be expected wrong by "
                f"{farthest.expected_error_ev_per_angstrom:.2g} eV/Å"
            )
            if farthest.error_bound_ev_per_angstrom is not None and self.calibration is not None:
                text += (
                    f", and by less than {farthest.error_bound_ev_per_angstrom:.2g} eV/Å with "
                    f"{100 * self.calibration.confidence:g} %"
                )
            text += "."
        return text + self._of_committee()

    def _of_committee(self) -> str:
        """What the committee says, in a sentence that follows others; empty without one."""
        disputed = [(one.disagreement_ev_per_angstrom, one) for one in self.trajectories]
        known_spreads = [(spread, one) for spread, one in disputed if spread is not None]
        if not known_spreads:
            return ""
        largest, most = max(known_spreads, key=lambda pair: pair[0])
        text = f" The committee's forces differ by {largest:.2f} eV/Å at most"
        known = self.spread_calibration
        if known is None or most.disputed_error_ev_per_angstrom is None:
            return f"{text}; that is no error: this committee has no calibration on labelled frames."
        bound = most.disputed_error_bound_ev_per_angstrom or 0.0
        return (
            f"{text} ({most.trajectory_id} at {most.disputed_ps:.2f} ps), where a force is to be expected wrong by "
            f"{most.disputed_error_ev_per_angstrom:.2g} eV/Å, and by less than {bound:.2g} eV/Å with "
            f"{100 * known.confidence:g} % (rank correlation of spread and error {known.rank_correlation:.2f} on "
            f"{known.held_out_frames} held-out frames)."
        )


def distance_cells(trust: Trust | None) -> Mapping[str, str]:
    """Trajectory id -> how far it went, as text."""
    if trust is None:
        return {}
    return {
        one.trajectory_id: f"{one.farthest:.2f} at {one.time_ps:.2f} ps{', beyond' if one.farthest > 1 else ''}"
        for one in trust.trajectories
    }
