"""The variants within the classes: how the molecules that are bound sit there, and into what the others broke.

A class of the table holds many ends: what tells them apart is the site on a plain metal, or the products.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.estimates import Estimate, Estimator, clusters_of, line_of, mode_lines
from molgun_lmp.analysis.statistics.summary import bounds_text
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import JsonRecord, Outcome

VARIANTS_HEADER: Final = ("ended as", "how", "shots", "of", "fraction", "95 % over snapshots")
"""Column titles of `Variant.cells`, for a confidence of 95 %."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant(JsonRecord):
    """The shots that ended bound or broken in one way."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    mode: Mode
    detail: str
    """As the outcomes have it; empty for a class without variants."""
    estimate: Estimate
    """Of all shots. Its simultaneous interval allows for all variants that were seen."""

    def cells(self) -> tuple[str, ...]:
        """The line as text, in the order of `VARIANTS_HEADER`."""
        e = self.estimate
        fraction = "–" if e.fraction is None else f"{100 * e.fraction:.1f} %"
        return (self.mode.label, self.detail or "–", e.count_text(), str(e.shots), fraction, bounds_text(e.cluster))


def variants(outcomes: Sequence[Outcome], confidence: float = 0.95) -> tuple[Variant, ...]:
    """Every variant that was seen at the end, by class in the order of the scheme, the most frequent first.

    These are the ends that are bound, and those of broken molecules that are not. Empty where no class of the campaign
    has any.
    """
    seen = Counter((o.mode, o.detail) for o in map(_first_phase, outcomes) if _has_variants(o))
    for one in outcomes:  # what only the audit has seen
        if _has_variants(one):
            seen.setdefault((one.mode, one.detail), 0)
    if not any(detail for _, detail in seen):
        return ()
    clusters = clusters_of(outcomes)
    estimator = Estimator.of(mode_lines(outcomes).values(), clusters, confidence=confidence, lines=len(seen))
    return tuple(
        Variant(
            mode=mode,
            detail=detail,
            estimate=estimator.over(
                line_of(outcomes, _is_variant(mode, detail)),
                clusters,
            ),
        )
        for mode, detail in sorted(seen, key=lambda one: (one[0].rank, -seen[one], one[1]))
    )


def _first_phase(outcome: Outcome) -> Outcome:
    return outcome.first_phase


def _is_variant(mode: Mode, detail: str) -> Callable[[Outcome], bool]:
    return lambda outcome: _has_variants(outcome) and (outcome.mode, outcome.detail) == (mode, detail)


def _has_variants(outcome: Outcome) -> bool:
    return outcome.stuck or outcome.mode.damaged
