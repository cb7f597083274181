"""How far each trajectory went from what its model was trained on: records and their files."""

import dataclasses
from collections.abc import Mapping

from pydantic import ConfigDict

from molgun_lmp.records import JsonRecord

_STRICT = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrajectoryTrust(JsonRecord):
    """One trajectory. Distances are of its farthest atom, in units of the border: beyond 1 is farther from the training
    set than 99 % of the training frames go."""

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
            f"{len(beyond)} of {len(self.trajectories)} trajectories went beyond the border that 99 % of the "
            f"{self.training_frames} training frames keep within; farthest {farthest.trajectory_id} with "
            f"{farthest.farthest:.2f} at {farthest.time_ps:.2f} ps ({where} {farthest.element}, atom {farthest.atom})."
        )
        spreads = [one.disagreement_ev_per_angstrom for one in self.trajectories]
        known = [spread for spread in spreads if spread is not None]
        if known:
            text += f" The committee's forces differ by {max(known):.2f} eV/Å at most."
        return text


def distance_cells(trust: Trust | None) -> Mapping[str, str]:
    """Trajectory id -> how far it went, as text."""
    if trust is None:
        return {}
    return {
        one.trajectory_id: f"{one.farthest:.2f} at {one.time_ps:.2f} ps{', beyond' if one.farthest > 1 else ''}"
        for one in trust.trajectories
    }
