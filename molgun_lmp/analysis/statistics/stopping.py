"""The record of a stop rule: what is to be known, when one may look, and what was found; how it is made and looks are
taken is `sequential`."""

import dataclasses
from typing import Final

from pydantic import ConfigDict

from molgun_lmp.records import JsonRecord

METHOD: Final = "one level for all planned looks, so strict that stopping by width costs nothing (after Pocock 1977)"

_STRICT = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrecisionTarget(JsonRecord):
    """A line of the table, a mode or `stuck`, and the half-width to which its fraction is to be known."""

    __pydantic_config__ = _STRICT

    line: str
    half_width: float

    def __str__(self) -> str:
        return f"{self.line}:{self.half_width:g}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StopRule(JsonRecord):
    """What is to be known, and after how many shots one may look."""

    __pydantic_config__ = _STRICT

    targets: tuple[PrecisionTarget, ...]
    looks: tuple[int, ...]
    """Ascending numbers of shots, the last one all that are planned."""
    confidence: float = 0.95
    """Of each target's interval, whichever look it is stopped at."""
    look_level: float | None = None
    """The confidence of each single look; None in records of rules that divide the error by the number of looks."""

    @property
    def level(self) -> float:
        """The confidence of each single look."""
        return 1 - (1 - self.confidence) / len(self.looks) if self.look_level is None else self.look_level

    def asks_the_same(self, other: "StopRule") -> bool:
        """Whether targets, looks and confidence are those of another rule, whose looks may be stricter."""
        return dataclasses.replace(self, look_level=other.look_level) == other

    def named(self) -> str:
        """Its targets, such as `scattered:0.02, stuck:0.05`."""
        return ", ".join(map(str, self.targets))

    def options(self) -> str:
        """The same as options of a command."""
        return " ".join(f'--until "{target}"' for target in self.targets)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetEstimate(JsonRecord):
    """One target at one look; the interval is the one to quote if the campaign stops here."""

    __pydantic_config__ = _STRICT

    target: PrecisionTarget
    count: int
    fraction: float
    low: float
    high: float
    note: str

    @property
    def half_width(self) -> float:
        """Half the interval's length."""
        return (self.high - self.low) / 2

    @property
    def reached(self) -> bool:
        """Whether the target is known as well as was asked."""
        return self.half_width <= self.target.half_width


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look(JsonRecord):
    """All targets after the first `shots` shots."""

    __pydantic_config__ = _STRICT

    shots: int
    found: tuple[TargetEstimate, ...]

    @property
    def reached(self) -> bool:
        """Whether all targets are."""
        return all(one.reached for one in self.found)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopping(JsonRecord):
    """A campaign's rule and what its looks found so far, in order."""

    __pydantic_config__ = _STRICT

    rule: StopRule
    looks: tuple[Look, ...] = ()
    method: str = METHOD

    @property
    def reached(self) -> bool:
        """Whether the campaign stopped because its targets were reached."""
        return bool(self.looks) and self.looks[-1].reached

    @property
    def over(self) -> bool:
        """Whether no look is left."""
        return self.reached or len(self.looks) == len(self.rule.looks)

    @property
    def next_look(self) -> int:
        """After how many shots it looks next; of a rule that is over, after how many it did last."""
        return self.looks[-1].shots if self.over else self.rule.looks[len(self.looks)]


def stopping_sentence(stopping: Stopping, counted: int | None = None) -> str:
    """What the rule has come to, in plain words with the intervals to quote.

    `counted` shots are in the table beside it: all of them, where somebody fired the others too.
    """
    if not stopping.looks:
        return ""
    last, rule = stopping.looks[-1], stopping.rule
    planned = rule.looks[-1]
    intervals = "; ".join(
        f"{one.target.line} {100 * one.fraction:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f} %, that is "
        f"±{100 * one.half_width:.1f} %, asked for ±{100 * one.target.half_width:g} %)"
        for one in last.found
    )
    at = f"at look {len(stopping.looks)} of {len(rule.looks)}, after {last.shots} of {planned} shots"
    rest = ""
    if stopping.reached:
        begin = f"Stopped by rule {at}"
        others = planned - last.shots
        if counted is not None and counted > last.shots:
            begin = f"The stop rule was reached {at}"
            rest = f" The other {others} were fired all the same, and the table counts them."
        elif others:
            rest = f" The other {others} were not needed."
    elif stopping.over:
        begin = f"The stop rule was not reached with all {last.shots} shots"
    else:
        begin = f"The stop rule is not reached yet {at}"
    return (
        f"{begin}: {intervals}.{rest} Quote these intervals: they hold with {100 * rule.confidence:g} % whichever look "
        f"the rule stops the campaign at ({stopping.method})."
    )
