"""What the stages of a round leave: one JSON file each, written when the stage is complete."""

from typing import Any, Final, Literal

from molgun_lmp.config.section import Section
from molgun_lmp.models.error_reports import Errors

Stage = Literal["fire", "choose", "label", "check", "train", "export", "test"]
STAGES: Final[tuple[Stage, ...]] = ("fire", "choose", "label", "check", "train", "export", "test")
"""In their order."""
FIRST: Final[tuple[Stage, ...]] = ("train", "export", "test")
"""Of round 0, where no model is given to begin with."""


class StageRecord(Section):
    """`round-N/STAGE.json`: the stage is complete, and is not repeated."""

    stage: Stage
    round: int
    loop_sha256: str
    """Of the resolved loop file (`loop.yaml`) and all files that it names, as they were then."""
    finished: str
    seconds: float
    """Of the session that completed it."""
    inputs: dict[str, str]
    """File, relative to the loop's folder -> SHA-256."""
    outputs: dict[str, str]
    """The same of what it made."""
    found: dict[str, Any]


class RoundSummary(Section):
    """One line of the loop's table. None: the round has not come so far."""

    round: int
    fired: int | None = None
    failed_trajectories: int | None = None
    ends: dict[str, int] | None = None
    """Class of the outcome scheme -> shots that ended so; None of a round that an earlier version fired."""
    broken: int | None = None
    """Trajectories with a frame that is kept apart."""
    chosen: int | None = None
    farthest: float | None = None
    """Distance of the farthest chosen frame from the training data."""
    largest_spread_ev_per_angstrom: float | None = None
    """Of the committee on the chosen frames."""
    labelled: int | None = None
    not_labelled: int | None = None
    """The calculator failed on them."""
    error_before: Errors | None = None
    """Of force components on the newly chosen frames, before they are trained on, eV/Å."""
    spread_rank_correlation: float | None = None
    """Of the committee's spread and the true error on these frames."""
    distance_rank_correlation: float | None = None
    trained_on: int | None = None
    test: Errors | None = None
    """The new model's, of force components on all test frames so far, eV/Å; None where there are none."""
    model: str | None = None
    """Its folder, relative to the loop's."""
    hours: float = 0.0

    def ended(self) -> str:
        """How its shots ended, in words: `7 physisorbed, 3 PC`; empty where nothing was fired."""
        return ", ".join(f"{number} {label}" for label, number in (self.ends or {}).items())


class LoopReport(Section):
    """`report.json`: all rounds, and why the loop stands where it stands."""

    name: str
    level_of_theory: str
    rounds: tuple[RoundSummary, ...]
    labels: int
    """Structures that were given to the calculator in all rounds."""
    hours: float
    stopped: str
    """Why, in words."""
    reached: bool
    """Whether the wanted error was reached."""
    model: str | None
    """The model to use: the last that was fired and passed, or the newest."""
