"""Conditions of an outcome class in a chemist's words, as data: what they mean is evaluated elsewhere, on a structure.

Two conditions can be compared without any structure: one contains another (`contains`), or the two exclude each other
(`excludes`). Every key of a condition has to hold; a list holds where one of its words does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar, cast

from ase.data import atomic_numbers
from ase.formula import Formula
from pydantic import BeforeValidator, ConfigDict, Field, field_validator

from molgun_lmp.condition_values import BondWord, Count
from molgun_lmp.documented_model import DocumentedModel
from molgun_lmp.outcome_words import AtomSite, GroupState, Place, SurfaceSite

T = TypeVar("T")


def _listed(value: object) -> tuple[object, ...]:
    """One word is a list of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _element(value: str) -> str:
    if atomic_numbers.get(value, 0) == 0:
        raise ValueError(f"{value!r} is no chemical element")
    return value


def _site(value: Any) -> SurfaceSite | AtomSite:
    for words in (SurfaceSite, AtomSite):
        if value in list(words):
            return words(value)
    raise ValueError(f"{value!r} is no site; there are {', '.join([*SurfaceSite, *AtomSite])}")


def _any_hollow(value: object) -> object:
    """Every hollow in place of the word that stands for all."""
    words = _listed(value)
    hollows = [site for site in AtomSite if AtomSite.HOLLOW in site]
    return tuple(dict.fromkeys((*words, *hollows))) if AtomSite.HOLLOW in words else words


def _formula(value: object) -> str:
    """In Hill's order."""
    try:
        formula = Formula(str(value)).convert("hill")
    except ValueError as error:
        raise ValueError(f"{value!r} is no formula such as CH3") from error
    for element in formula.count():
        _element(element)
    return str(formula)


OneOf = Annotated[tuple[T, ...], BeforeValidator(_listed), Field(min_length=1)]
Element = Annotated[str, BeforeValidator(_element)]
Site = Annotated[SurfaceSite | AtomSite, BeforeValidator(_site)]


class _Condition(DocumentedModel):
    """Keys that all have to hold; one that is not said holds always."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    def said(self) -> dict[str, Any]:
        """The keys that are said, and their values."""
        return {key: value for key in type(self).model_fields if (value := getattr(self, key)) is not None}

    def contains(self, other: "_Condition") -> bool:
        """Whether this holds wherever the other does, as far as the words alone tell."""
        theirs = other.said()
        return all(key in theirs and _contains(value, theirs[key]) for key, value in self.said().items())

    def excludes(self, other: "_Condition") -> bool:
        """Whether the two never hold together, as far as the words alone tell."""
        theirs = other.said()
        return any(key in theirs and _excludes(value, theirs[key]) for key, value in self.said().items())


class GroupWhen(_Condition):
    """How one of the molecule's named groups is bound."""

    state: OneOf[GroupState] | None = None
    """`free`, `dative` (all its bonds go to one slab atom), `reacted` (its two atoms bind two different slab atoms)."""
    site: OneOf[Site] | None = None
    """Where it is bound: `on-top` (one dimer), `bridge`, `diagonal`, `along the row`, `across rows`, `outside dimers`;
    without dimers as the molecule's `site`."""


class FragmentWhen(_Condition):
    """Pieces of the molecule, with the slab atoms that hang on them: how many of them are so."""

    formula: Annotated[str, BeforeValidator(_formula)] | None = None
    """Such as H or CH3; any where nothing is said."""
    where: OneOf[Place] | None = None
    """`on the surface`, `below the surface`, or `free`: bound by nothing to the slab."""
    site: Annotated[OneOf[Site], BeforeValidator(_any_hollow)] | None = None
    """What it stands over, or what the slab atoms make that it is bound to; `hollow` stands for every kind."""
    number: Count = Count(low=1.0)
    """How many there are; one or more where nothing is said."""


class When(_Condition):
    """When a molecule is of a class, by one structure."""

    broken: OneOf[BondWord] | None = None
    """Bonds that the intact molecule had and has no more: `any`, `none`, `skeleton` (no hydrogen), two elements such as
    `C-H`, or `group NAME`."""
    formed: OneOf[BondWord] | None = None
    """Bonds within the molecule that the intact one had not."""
    bound: bool | None = None
    """Whether anything of the molecule is bound to the slab."""
    pieces: Count | None = None
    """Pieces that the molecule is in, bound to the slab or not."""
    free_fragments: Count | None = None
    """Pieces of the molecule that nothing binds to the slab."""
    groups: dict[str, GroupWhen] | None = None
    """Named groups of the molecule -> how each is bound; a molecule without such a group does not fit."""
    bound_groups: Count | None = None
    """Named groups that are bound."""
    group_states: OneOf[GroupState] | None = None
    """Groups are bound, and the state of each of them is one of these."""
    group_layer: Count | None = None
    """The deepest layer of the slab that a named group is bound to; 1 is the top layer, 0 hydrogen of the slab."""
    layer: Count | None = None
    """The deepest layer that anything of the molecule is bound to."""
    slab_bonds: Count | None = None
    """Bonds between molecule and slab."""
    site: Annotated[OneOf[AtomSite], BeforeValidator(_any_hollow)] | None = None
    """Where the slab atoms lie that the molecule is bound to, all of them together: `on top of one atom`, `between two
    atoms`, `hollow` (of every kind), `hollow fcc`, `hollow hcp`, `fourfold hollow`, `atoms apart`."""
    bound_by: OneOf[Element] | None = None
    """An atom of one of these elements binds the molecule to the slab."""
    bound_to: OneOf[Element] | None = None
    """The molecule is bound to a slab atom of one of these elements."""
    fragments: OneOf[FragmentWhen] | None = None
    """Pieces by formula, and where each is; all that are listed have to be there."""
    slab_atoms_lost: Count | None = None
    """Atoms of the slab that it holds no more, with the molecule or without it."""
    below: bool | None = None
    """Whether an atom of the molecule is closed in by slab atoms on all sides above."""
    carried_off: bool | None = None
    """Whether a piece that nothing binds to the slab has slab atoms in it: abstraction, recombination, etching."""
    taken_up: bool | None = None
    """Whether a piece that is bound to the slab has atoms in it that the slab no longer holds itself."""
    removed: bool | None = None
    """Whether the slab has lost atoms that are in no piece of the molecule (sputtered, desorbed)."""
    exchanged: bool | None = None
    """Whether an atom of the molecule is where an atom of the slab was that has left its place."""
    contact_ps: Count | None = None
    """For a molecule that has left or is near: how long it was within reach of the surface, in ps."""
    touched: bool | None = None
    """For a molecule that has left or is near: whether it had a bond to the slab in any frame before."""

    @field_validator("contact_ps")
    @classmethod
    def _in_figures(cls, time: Count | None) -> Count | None:
        if time is not None and not all(isinstance(end, int | float) for end in (time.low, time.high)):
            raise ValueError("write a number of ps")
        return time

    @property
    def allows_whole(self) -> bool:
        """Whether this may hold for what is bound and has no bond broken."""
        return self.bound is not False and (self.broken is None or "none" in self.broken)

    @property
    def names_a_bond_to_the_slab(self) -> bool:
        """Whether this holds for nothing but what is bound to the slab."""
        some = Count(low=1.0)
        return (
            self.bound is True
            or (self.group_states is not None and GroupState.FREE not in self.group_states)
            or any(
                value is not None for value in (self.layer, self.group_layer, self.site, self.bound_by, self.bound_to)
            )
            or any(value is not None and some.contains(value) for value in (self.bound_groups, self.slab_bonds))
            or any(
                group.site is not None or (group.state is not None and GroupState.FREE not in group.state)
                for group in (self.groups or {}).values()
            )
        )

    def excludes(self, other: "_Condition") -> bool:
        """Whether the two never hold together, as far as the words alone tell."""
        if super().excludes(other) or not isinstance(other, When):
            return super().excludes(other)
        mine, theirs = self._bound_groups_named(), other._bound_groups_named()
        one = Count(low=1.0, high=1.0)
        apart = self.bound_groups == one == other.bound_groups and mine.keys() and theirs.keys()
        return bool(apart and not mine.keys() & theirs.keys()) or any(
            states is not None and any(not set(states) & set(state) for state in named.values())
            for states, named in ((self.group_states, theirs), (other.group_states, mine))
        )

    def _bound_groups_named(self) -> dict[str, tuple[GroupState, ...]]:
        """The groups that this asks to be bound, and the states that it allows them."""
        return {
            name: group.state
            for name, group in (self.groups or {}).items()
            if group.state is not None and GroupState.FREE not in group.state
        }

    def and_also(self, **more: Any) -> "When":
        """With more keys, where it does not say them itself."""
        return When.model_validate({**more, **self.said()})


PLACE_KEYS: Final = frozenset(
    {"fragments", "slab_atoms_lost", "below", "carried_off", "taken_up", "removed", "exchanged"}
)
"""Conditions that the places of all atoms tell, and not the molecule's bonds alone."""
TIME_KEYS: Final = frozenset({"contact_ps", "touched"})
"""Conditions that one structure does not tell."""


def _contains(one: Any, other: Any) -> bool:
    if isinstance(one, Count):
        return one.contains(other)
    if isinstance(one, tuple) and isinstance(one[0], _Condition):  # all of them are asked for
        return all(any(ours.contains(his) for his in other) for ours in one)
    if isinstance(one, tuple):
        return all(any(_word_contains(word, his) for word in one) for his in other)
    if isinstance(one, dict):
        return all(name in other and value.contains(other[name]) for name, value in one.items())
    return bool(one == other)


def _word_contains(one: Any, other: Any) -> bool:
    return one.contains(other) if isinstance(one, BondWord) else bool(one == other)


def _excludes(one: Any, other: Any) -> bool:
    if isinstance(one, Count):
        return one.excludes(other)
    if isinstance(one, dict):
        return any(name in other and value.excludes(other[name]) for name, value in one.items())
    if isinstance(one, tuple):
        if isinstance(one[0], BondWord):
            return ({*one} == {"none"}) != ({*other} == {"none"})
        return isinstance(one[0], _ONE_AT_A_TIME) and not set(one) & set(other)
    return bool(one != other)


_ONE_AT_A_TIME: Final = (GroupState, SurfaceSite, AtomSite, Place)
"""Words of which one alone is true at a time."""

DetailPart = Literal["binding", "groups", "where", "bound as", "products", "site", "removed"]
"""What a class's detail may name in braces."""
DETAIL_PARTS: Final[Mapping[DetailPart, str]] = {
    "binding": "how the groups are bound, or by which atoms where none is",
    "groups": "each bound group with its site",
    "where": "the deepest layer that it is bound to, and on a surface without dimers the site",
    "bound as": "the class that its bonds to the slab would have if nothing were broken",
    "products": "the formula of each piece, with the slab atoms that hang on it",
    "site": "the site of each piece that is on the surface",
    "removed": "the formula of what the slab has lost without the molecule",
}
_PART: Final = re.compile(r"\{([^{}]*)\}")


def detail_parts(template: str) -> list[str]:
    """What stands in braces in a detail."""
    return _PART.findall(template)


def filled_in(template: str, part: Callable[[DetailPart], str]) -> str:
    """A detail with each name in braces replaced by what `part` says for it."""
    return _PART.sub(lambda found: part(cast("DetailPart", found[1])), template)
