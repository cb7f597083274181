"""Conditions of classes in words, for people: one clause for each key."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from molgun_lmp.condition_values import NAMED_NUMBERS, Count
from molgun_lmp.outcome_conditions import FragmentWhen, GroupWhen, When


def in_words(when: When) -> list[str]:
    """A clause for each condition, in the order of the vocabulary; all of them have to hold."""
    return [CLAUSES[key](value) for key, value in when.said().items()]


def _number(count: Count) -> str:
    text = count.in_words()
    for name, key in NAMED_NUMBERS.items():
        text = text.replace(name, f"`{key}`")
    return text


def _one_of(words: Any) -> str:
    *first, last = (str(word) for word in words)
    return f"{', '.join(first)} or {last}" if first else last


def _bonds(words: Any, what: str) -> str:
    if set(words) == {"none"}:
        return f"no bond of the molecule is {what}"
    plain = {"any": "any", "none": "no", "skeleton": "a skeleton"}
    named = [plain.get(word) or (f"a {word}" if "-" in word else f"the {word}'s") for word in words]
    return f"{_one_of(named)} bond is {what}"


def _groups(groups: Mapping[str, GroupWhen]) -> str:
    said = []
    for name, group in groups.items():
        state = "there" if group.state is None else _one_of(group.state)
        said.append(f"group {name} is {state}" + ("" if group.site is None else f", {_one_of(group.site)}"))
    return " and ".join(said)


def _slab_atoms(some: bool) -> str:
    return "atoms of the slab" if some else "no atoms of the slab"


def _fragments(fragments: Iterable[FragmentWhen]) -> str:
    said = []
    for one in fragments:
        number = "" if one.number == FragmentWhen().number else f"{_number(one.number)} of "
        where = "" if one.where is None else f" ({_one_of(one.where)})"
        site = "" if one.site is None else f", at {_one_of(one.site)}"
        said.append(f"{number}{one.formula or 'a piece'}{where}{site}")
    return f"with {' and '.join(said)}"


CLAUSES: Final[Mapping[str, Callable[[Any], str]]] = {
    "broken": lambda words: _bonds(words, "broken"),
    "formed": lambda words: _bonds(words, "new"),
    "bound": lambda bound: "bound to the slab" if bound else "not bound to the slab",
    "pieces": lambda count: f"in pieces: {_number(count)}",
    "free_fragments": lambda count: f"pieces that nothing binds to the slab: {_number(count)}",
    "groups": _groups,
    "bound_groups": lambda count: f"bound groups: {_number(count)}",
    "group_states": lambda states: f"every bound group is {_one_of(states)}",
    "group_layer": lambda count: f"deepest layer that a group is bound to: {_number(count)}",
    "layer": lambda count: f"deepest layer that it is bound to: {_number(count)}",
    "slab_bonds": lambda count: f"bonds to the slab: {_number(count)}",
    "site": lambda sites: f"its slab atoms lie {_one_of(sites)}",
    "bound_by": lambda elements: f"bound by {_one_of(elements)}",
    "bound_to": lambda elements: f"bound to {_one_of(elements)} of the slab",
    "fragments": _fragments,
    "slab_atoms_lost": lambda count: f"atoms that the slab holds no more: {_number(count)}",
    "below": lambda below: "an atom is below the surface" if below else "no atom is below the surface",
    "carried_off": lambda yes: f"{_slab_atoms(yes)} hang on a piece that nothing binds to the slab",
    "taken_up": lambda yes: f"{_slab_atoms(yes)} that it holds no more hang on a piece that is bound to it",
    "removed": lambda yes: f"{_slab_atoms(yes)} that hang on no piece are lost",
    "exchanged": lambda yes: f"{'an atom' if yes else 'no atom'} of the molecule is where the slab's was",
    "contact_ps": lambda count: f"within reach of the surface for {_number(count)} ps",
    "touched": lambda touched: "had a bond to the slab before" if touched else "never had a bond to the slab",
}
"""Key of a condition -> its value in words."""
