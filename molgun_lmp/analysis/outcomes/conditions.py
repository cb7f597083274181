"""Whether conditions hold for a structure, or for a trajectory's course: one test for each key that a scheme knows."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final

import numpy as np

from molgun_lmp.analysis.outcomes.facts import Facts
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.condition_values import BondWord
from molgun_lmp.outcome_conditions import FragmentWhen, GroupWhen

Test = Callable[[Facts, Any], bool]


def fits(facts: Facts, said: Mapping[str, Any], *, but: Container[str] = ()) -> bool:
    """Whether all that is said of a structure holds, `but` for some keys.

    `said`: key -> value, as `When.said` gives it, without what one structure does not tell.
    """
    return all(TESTS[key](facts, value) for key, value in said.items() if key not in but)


def _any_bond(pairs: Iterable[tuple[int, int]], words: Iterable[BondWord], molecule: MoleculeReference) -> bool:
    pairs = list(pairs)
    return any(not pairs if word == "none" else any(_named(word, pair, molecule) for pair in pairs) for word in words)


def _named(word: BondWord, pair: tuple[int, int], molecule: MoleculeReference) -> bool:
    """Whether a word names the bond between two atoms of the molecule."""
    if word == "any":
        return True
    if word == "skeleton":
        return not molecule.hydrogen[list(pair)].any()
    if word.startswith("group "):
        return set(molecule.groups.get(word.removeprefix("group "), ())) == set(pair)
    return word == "-".join(sorted(molecule.symbols[atom] for atom in pair))


def _group(facts: Facts, name: str, when: GroupWhen) -> bool:
    group = facts.groups.get(name)
    return (
        group is not None
        and (when.state is None or group.state in when.state)
        and (when.site is None or group.site in when.site)
    )


def _layer(layer: int | None, count: Any, facts: Facts) -> bool:
    return layer is not None and bool(count.holds(layer, facts.numbers))


def _fragment(facts: Facts, when: FragmentWhen) -> bool:
    found = [
        piece
        for piece in facts.state.pieces
        if (when.formula is None or piece.formula == when.formula)
        and (when.where is None or piece.place in when.where)
        and (when.site is None or (piece.site is not None and piece.site.kind in when.site))
    ]
    return when.number.holds(len(found), facts.numbers)


TESTS: Final[Mapping[str, Test]] = {
    "broken": lambda facts, words: _any_bond(facts.broken, words, facts.molecule),
    "formed": lambda facts, words: _any_bond(facts.formed, words, facts.molecule),
    "bound": lambda facts, bound: facts.bound is bound,
    "pieces": lambda facts, count: count.holds(len(facts.pieces), facts.numbers),
    "free_fragments": lambda facts, count: count.holds(facts.free_fragments, facts.numbers),
    "groups": lambda facts, groups: all(_group(facts, name, when) for name, when in groups.items()),
    "bound_groups": lambda facts, count: count.holds(len(facts.bound_groups), facts.numbers),
    "group_states": lambda facts, states: (
        bool(facts.bound_groups) and all(group.state in states for group in facts.bound_groups)
    ),
    "group_layer": lambda facts, count: _layer(facts.group_layer, count, facts),
    "layer": lambda facts, count: _layer(facts.layer, count, facts),
    "slab_bonds": lambda facts, count: count.holds(int(facts.to_surface.sum()), facts.numbers),
    "site": lambda facts, sites: facts.finer_site in sites,
    "bound_by": lambda facts, elements: any(
        facts.molecule.symbols[atom] in elements for atom in np.flatnonzero(facts.to_surface.any(axis=1))
    ),
    "bound_to": lambda facts, elements: any(
        facts.slab_symbols[atom] in elements for atom in np.flatnonzero(facts.to_surface.any(axis=0))
    ),
    "fragments": lambda facts, fragments: all(_fragment(facts, when) for when in fragments),
    "slab_atoms_lost": lambda facts, count: count.holds(int(facts.loose.sum()), facts.numbers),
    "below": lambda facts, below: facts.state.below is below,
    "carried_off": lambda facts, carried_off: facts.state.carried_off is carried_off,
    "taken_up": lambda facts, taken_up: facts.state.taken_up is taken_up,
    "removed": lambda facts, removed: bool(facts.state.removed) is removed,
    "exchanged": lambda facts, exchanged: bool(facts.state.exchanged) is exchanged,
}
"""Key of a condition -> whether its value holds for a structure."""
