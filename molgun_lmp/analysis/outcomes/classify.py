"""One structure's outcome class: the first class of a scheme whose conditions hold for its facts. Pure functions."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from molgun_lmp.analysis.outcomes.conditions import fits
from molgun_lmp.analysis.outcomes.facts import Facts
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_conditions import DetailPart, When, filled_in
from molgun_lmp.outcome_scheme import OutcomeScheme

_DAMAGE: Final = frozenset({"broken", "formed", "pieces", "free_fragments"})
"""Conditions on the molecule's own bonds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classified:
    """`mode` is None for an intact molecule without a bond to the slab: its fate depends on time, not on bonds."""

    mode: Mode | None
    detail: str
    """The variant within the class, such as `both dative`; for a damaged molecule how it is bound; often empty."""
    bound: bool
    """Whether the molecule has any bond to the slab, intact or not."""
    reason: str
    """One clause with the numbers behind the decision."""


def classify(facts: Facts, scheme: OutcomeScheme) -> Classified:
    """The class of one structure: the first that fits in the order of the scheme."""
    if not (facts.bound or facts.broken or facts.formed or (scheme.asks_for_places and facts.state.tells)):
        return Classified(mode=None, detail="", bound=False, reason=facts.reason)
    whole = facts.bound and not facts.broken
    found = next((one for one in scheme.by_structure if (whole or not one.whole) and fits(facts, one.said)), None)
    if found is None:
        return Classified(mode=None, detail="", bound=facts.bound, reason=facts.reason)
    rule = scheme.rules[found.mode]
    detail = filled_in(rule.detail, lambda part: PARTS[part](facts, scheme))
    where = f"{facts.state.words}; " if scheme.asks_for_places else ""
    why = f"{_why(rule.when, facts)}{where}"
    bound = facts.bound or (scheme.asks_for_places and facts.state.below)  # noble gas in a slab is held without a bond
    return Classified(mode=found.mode, detail=detail, bound=bound, reason=f"{why}{facts.reason}")


def _bound_as(facts: Facts, scheme: OutcomeScheme) -> str:
    """As what the molecule would be bound if nothing of it were broken."""
    if not facts.bound:
        return "not bound"
    mode = next((one.mode for one in scheme.bound if fits(facts, one.said, but=_DAMAGE)), None)
    return "bound" if mode is None else f"bound as {mode}"


PARTS: Final[Mapping[DetailPart, Callable[[Facts, OutcomeScheme], str]]] = {
    "binding": lambda facts, _: facts.how_bound,
    "groups": lambda facts, _: facts.each_group,
    "where": lambda facts, _: facts.where,
    "bound as": _bound_as,
    "products": lambda facts, _: facts.state.products,
    "site": lambda facts, _: facts.state.sites,
    "removed": lambda facts, _: " + ".join(facts.state.removed),
}
"""What a detail has in place of a name in braces."""


def _why(when: When | None, facts: Facts) -> str:
    """What a reason begins with, where a number of pieces decided."""
    if when is None or when.free_fragments is None:
        return ""
    count = when.free_fragments.in_words(facts.numbers)
    return f"{'no' if count == 'none' else count} pieces that nothing binds to the slab; "
