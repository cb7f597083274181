"""Fire until a fraction is known well enough: looks planned before the first shot, and intervals that allow for them.

Looking again and again and stopping when the interval is narrow favours moments at which it is narrow by chance. So the
numbers of shots at which one may look are fixed beforehand, and the intervals of all looks are taken at one stricter
level, as Pocock's are (Biometrika 64, 191 (1977)). His constant keeps a test from rejecting at any look; here nothing
is tested, and a rule that stops by width alone loses far less: with independent increments the 95 % interval at the
stop covers 95 % in the limit of narrow targets (Chow and Robbins, Ann. Math. Stat. 36, 457 (1965)), and less at looks
as coarse as these only because a fraction that came out small stops early. How strict the level must be was found as
Pocock's constant is, by Brownian motion at the looks' information fractions, for the worst fraction of each of the
half-widths 0.01 to 0.3; with snapshot effects, whose sizes are estimated at each look, it covers 95.5 to 98.5 %.
Records of rules made before hold Bonferroni's level, 1 - (1 - confidence) / looks (repeated confidence intervals,
Jennison and Turnbull, J. R. Stat. Soc. B 51, 305 (1989)), which held whatever stopped the campaign and took twice the
shots. A look sees a complete prefix of the shots and no other: explosions and departures end early, and would be too
many among those that ended so far.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import ConfigDict
from scipy import special

from molgun_lmp.analysis.statistics.clustered_intervals import (
    Clusters,
    Interval,
    cluster_interval,
    pooled_design_effect,
)
from molgun_lmp.analysis.statistics.estimates import STUCK_LINE, clusters_of, hits_of
from molgun_lmp.arrays import BoolArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import JsonRecord, Outcome

GROWTH: Final = 1.5
"""From one look to the next; a target may be overshot by this factor at most."""
FEWEST_SHOTS: Final = 20
ERROR_SHARE: Final = 0.6
"""Of 1 - confidence, what each look's interval may miss, so that the one at which the rule stops misses no more than
all of it: 97 % for 95. With Brownian increments it covers 95.1 % at least, over all fractions and half-widths."""
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


def parse_target(text: str, scheme: OutcomeScheme) -> PrecisionTarget:
    """`stuck:0.02` as a target of a campaign with this scheme. Raises `ConfigError` that says what can be named."""
    name, _, number = text.rpartition(":")
    known = {line.lower(): line for line in (*(mode.label for mode in scheme.modes), STUCK_LINE)}
    line = known.get(name.strip().lower())
    try:
        half_width = float(number)
    except ValueError:
        half_width = math.nan
    if line is None or not 0.0 < half_width < 0.5:
        raise ConfigError(
            f"{text!r} is no target: write a line of the table and the half-width of its interval, between 0 and 0.5, "
            f"such as {scheme.modes[0]!s}:0.02. Lines are {', '.join(known.values())}."
        )
    return PrecisionTarget(line=line, half_width=half_width)


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


def plan_rule(targets: Sequence[PrecisionTarget], planned: int, confidence: float = 0.95) -> StopRule:
    """The rule for a campaign of `planned` shots: looks from the first number of shots at which all targets could be
    reached, half as many again each time, up to all shots."""
    z2 = float(special.ndtri(0.5 + confidence / 2)) ** 2
    # Wilson's half-width for no hit in n shots is z^2 / (2 (n + z^2)), and no fraction's is smaller.
    first = max([FEWEST_SHOTS, *(math.ceil(z2 * (0.5 / target.half_width - 1)) for target in targets)])
    looks = []
    while first < planned:
        looks.append(first)
        first = math.ceil(first * GROWTH)
    # A single look is no sequence.
    level = 1 - (1 - confidence) * (ERROR_SHARE if looks else 1.0)
    return StopRule(targets=tuple(targets), looks=(*looks, planned), confidence=confidence, look_level=level)


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


def look_at(rule: StopRule, outcomes: Sequence[Outcome]) -> Look:
    """All targets over `outcomes`, the first shots of the campaign, as many as one of the rule's looks says."""
    clusters, hits = clusters_of(outcomes), hits_of(outcomes)
    pooled = pooled_design_effect(list(hits.values()), clusters)
    lines: dict[str, BoolArray] = dict(hits.items())
    lines[STUCK_LINE] = np.array([outcome.stuck for outcome in outcomes], dtype=np.bool_)
    found = []
    for target in rule.targets:
        hit = lines.get(target.line, np.zeros(len(outcomes), dtype=np.bool_))
        interval = interval_at(rule, hit, clusters, pooled)
        found.append(
            TargetEstimate(
                target=target,
                count=int(hit.sum()),
                fraction=float(hit.mean()),
                low=interval.low,
                high=interval.high,
                note=interval.note,
            )
        )
    return Look(shots=len(outcomes), found=tuple(found))


def interval_at(rule: StopRule, hit: BoolArray, clusters: Clusters, pooled: float | None) -> Interval:
    """The interval of one look, `hit` (n,) bool over the shots of `clusters`."""
    return cluster_interval(hit, clusters, rule.level, pooled)


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
