"""What `molgun status` says of a campaign's stop rule (`molgun run --until`)."""

import dataclasses
from collections.abc import Collection, Sequence

from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.stopping import Stopping
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder
from molgun_lmp.records import JsonRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class RuleStatus(JsonRecord):
    """How far the campaign's stop rule (`molgun run --until`) is."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    targets: tuple[str, ...]
    """Such as `scattered:0.02`."""
    looks_taken: int
    looks_planned: int
    shots: int
    """That the last look saw; 0 before the first."""
    next_look: int | None
    """After how many shots it looks next; None for a rule that is over."""
    reached: bool
    half_widths: dict[str, float]
    """Line -> half the interval's length at the last look."""
    not_run: int
    """Planned trajectories beyond the look that stopped the campaign, which nobody has begun; 0 where none did."""
    freed: int
    """Trajectories that the last look saw and that are free again."""

    @property
    def stopped(self) -> bool:
        """Whether it stopped the campaign, and all that it saw is still there."""
        return self.reached and not self.freed

    @property
    def named(self) -> str:
        """Its targets in words."""
        return ", ".join(self.targets)

    @property
    def options(self) -> str:
        """What `molgun run` is given to go on by it."""
        return " ".join(f'--until "{target}"' for target in self.targets)

    def found(self) -> str:
        """The half-widths beside what was asked for."""
        asked = (target.rpartition(":") for target in self.targets)
        return "; ".join(
            f"{line} known to ±{100 * self.half_widths[line]:.1f} % (asked for ±{100 * float(half):g} %)"
            for line, _, half in asked
        )

    def what_next(self) -> str:
        """A sentence on what the rule waits for; empty where it waits for nothing."""
        if self.freed:
            return f"{self.freed} that its stop rule ({self.named}) saw are free again, and it will look anew."
        if self.next_look is None:
            return ""
        return f"Its stop rule ({self.named}) looks next after {self.next_look}."


def rule_status(stopping: Stopping, still_open: Sequence[TrajectoryFolder], at_work: Collection[str]) -> RuleStatus:
    """Where a rule is, in a campaign with `still_open` trajectories of which those of `at_work` have begun."""
    shots = stopping.looks[-1].shots if stopping.looks else 0
    beyond = [folder.id for folder in still_open if int(folder.id) >= shots]
    return RuleStatus(
        targets=tuple(map(str, stopping.rule.targets)),
        looks_taken=len(stopping.looks),
        looks_planned=len(stopping.rule.looks),
        shots=shots,
        next_look=None if stopping.over else stopping.next_look,
        reached=stopping.reached,
        half_widths={one.target.line: one.half_width for one in stopping.looks[-1].found} if stopping.looks else {},
        not_run=sum(identifier not in at_work for identifier in beyond) if stopping.reached else 0,
        freed=len(still_open) - len(beyond),
    )
