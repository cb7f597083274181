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

import math
from collections.abc import Sequence
from typing import Final

from scipy import special

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, pooled_design_effect
from molgun_lmp.analysis.statistics.estimates import STUCK_LINE, clusters_of, line_of, lines_of
from molgun_lmp.analysis.statistics.stopping import Look, PrecisionTarget, StopRule, TargetEstimate
from molgun_lmp.analysis.statistics.two_phase import Line, TwoPhase, estimate
from molgun_lmp.errors import ConfigError
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import Outcome

GROWTH: Final = 1.5
"""From one look to the next; a target may be overshot by this factor at most."""
FEWEST_SHOTS: Final = 20
ERROR_SHARE: Final = 0.6
"""Of 1 - confidence, what each look's interval may miss, so that the one at which the rule stops misses no more than
all of it: 97 % for 95. With Brownian increments it covers 95.1 % at least, over all fractions and half-widths."""


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


def look_at(rule: StopRule, outcomes: Sequence[Outcome]) -> Look:
    """All targets over `outcomes`, the first shots of the campaign, as many as one of the rule's looks says."""
    clusters, lines = clusters_of(outcomes), lines_of(outcomes)
    pooled = pooled_design_effect([line.hit for name, line in lines.items() if name != STUCK_LINE], clusters)
    found = []
    for target in rule.targets:
        line = lines.get(target.line) or line_of(outcomes, lambda _: False)
        known = estimate_at(rule, line, clusters, pooled)
        interval = known.interval
        found.append(
            TargetEstimate(
                target=target,
                count=int(line.hit.sum()),
                fraction=known.fraction or 0.0,
                low=interval.low,
                high=interval.high,
                note=interval.note,
            )
        )
    return Look(shots=len(outcomes), found=tuple(found))


def estimate_at(rule: StopRule, line: Line, clusters: Clusters, pooled: float | None) -> TwoPhase:
    """The estimate of one look, with its interval, over the shots of `clusters`."""
    return estimate(line, clusters, rule.level, pooled)
