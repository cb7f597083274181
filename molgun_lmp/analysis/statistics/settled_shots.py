"""How many shots had settled, what the audit of them found, and what ending the others early has saved."""

import dataclasses
from collections.abc import Sequence

from pydantic import ConfigDict

from molgun_lmp.records import JsonRecord, Outcome, Stop, TrajectoryResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettledShots(JsonRecord):
    """Of a campaign with `stop.settled`, of which at least one shot settled."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    settled: int
    audited: int
    """Of these, drawn to run on."""
    changed: int
    """Of the audited, those whose class at the end is not the one in which they had settled."""
    audit_share: float
    """The probability with which a settled shot runs on."""
    steps_not_run: int
    """By the shots that were ended."""
    steps_planned: int
    """Of all shots that have ended; 0 where nobody said."""

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], results: Sequence[TrajectoryResult], steps: int) -> "SettledShots | None":
        """Of shots that were planned to take so many `steps` each; None where none settled."""
        shares = [o.audit_share for o in outcomes if o.audit_share is not None]
        if not shares:
            return None
        audited = [o for o in outcomes if o.as_settled is not None]
        return cls(
            settled=len(shares),
            audited=len(audited),
            changed=sum(o.mode != o.first_phase.mode for o in audited),
            audit_share=shares[0],
            steps_not_run=sum(max(0, steps - r.steps) for r in results if r.stop is Stop.SETTLED),
            steps_planned=steps * len(results),
        )

    def sentence(self) -> str:
        """The same in words."""
        return (
            f"{self.settled} shots settled (stop.settled); {self.settled - self.audited} of them were ended then"
            f"{saved_text(self.steps_not_run, self.steps_planned)}, and {self.audited} ran on as an audit: "
            f"{self.changed} of these ended in another class. The fractions, those at times after contact and their "
            f"intervals allow for it, each audited shot standing for {1 / self.audit_share:g}; counts are as shots had "
            "settled, with what the audit adds or takes."
        )


def saved_text(steps: int, planned: int) -> str:
    """How many steps were not run, in brackets, with their share where known; empty for none."""
    if not steps:
        return ""
    share = f", {100 * steps / planned:.0f} % of those planned for the shots that have ended" if planned else ""
    return f" ({steps:,} steps not run{share})"
