"""An outcome scheme: the classes of a campaign in their order, the conditions that find them, and their sets."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from molgun_lmp.outcome_classes import UNBOUND_FATES, Kind, Mode
from molgun_lmp.outcome_conditions import PLACE_KEYS, When
from molgun_lmp.provenance import sha256_json

DEFAULT_SCHEME: Final = "weiske2026"
"""The scheme of campaigns that name none, as all did before there were others."""

_WHOLE: Final = {"bound": True, "broken": "none"}
"""What holds for all that is bound by its kind, whether conditions say so or not."""
_BY_STRUCTURE: Final = frozenset({Kind.BOUND, Kind.DAMAGED, Kind.BLOWN_UP})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """What finds a class: `when` is None for one that only a trajectory's course gives. `detail`: the variant within
    the class, its parts in braces filled in."""

    when: When | None
    detail: str
    among: frozenset[Kind] = frozenset()
    """Kinds between whose classes a molecule of this one went to and fro, so that none of them lasted; empty where that
    is not asked."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tried:
    """A class that a structure is tried for, with all that has to hold for it.

    `whole`: only for what is bound and has no bond broken; `said`: what has to hold besides, key -> value.
    """

    mode: Mode
    when: When
    whole: bool
    said: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutcomeScheme:
    """Named classes in their order in tables, which is the precedence: the first that fits is an end's class.

    Of each kind of unbound fate there is one class without conditions, and one class each of what is blown up,
    undecided and failed.
    """

    name: str
    title: str
    source: str
    """Where classes and precedence are from; empty where nobody said."""
    modes: tuple[Mode, ...]
    rules: Mapping[str, Rule]
    """Label -> what finds the class."""
    sets: Mapping[str, Kind]
    """The scheme's own sets -> the kind that the statistics know each by."""
    shipped: bool
    """Whether it comes with this package."""
    document: Mapping[str, Any]
    """All of it as JSON, such as a file gives it: what decides, beside code and frames."""

    @functools.cached_property
    def identity(self) -> str:
        """By which two schemes are the same: the name of one that comes with the package, or with it a hash of all that
        the user's own says."""
        return self.name if self.shipped else f"{self.name} {sha256_json(dict(self.document))[:16]}"

    def yaml(self) -> str:
        """The text of a file that stands for the same scheme, whatever it extended."""
        text: str = yaml.safe_dump(dict(self.document), sort_keys=False, allow_unicode=True, width=110)
        return text

    def named(self, label: object) -> Mode:
        """The class with this label. Raises `ValueError` where there is none."""
        for mode in self.modes:
            if mode == label:
                return mode
        raise ValueError(f"{label!r} is no outcome class; there are {', '.join(self.modes)}")

    def of_kind(self, *kinds: Kind) -> tuple[Mode, ...]:
        """The classes of some kinds, in order."""
        return tuple(mode for mode in self.modes if mode.kind in kinds)

    @functools.cached_property
    def by_structure(self) -> tuple[Tried, ...]:
        """The classes that one structure is tried for, in order.

        What is bound, by its kind, is bound and whole whether its conditions say so or not.
        """
        found = []
        for mode in self.of_kind(*_BY_STRUCTURE):
            when = self.rules[mode].when
            if when is not None:
                when, whole = _of_kind(when, mode.kind), mode.bound_intact
                said = {key: value for key, value in when.said().items() if not (whole and key in _WHOLE)}
                found.append(Tried(mode=mode, when=when, whole=whole, said=said))
        return tuple(found)

    @functools.cached_property
    def asks_for_places(self) -> bool:
        """Whether a class may change although no bond of the molecule does."""
        return any(PLACE_KEYS & one.said.keys() for one in self.by_structure)

    @functools.cached_property
    def bound(self) -> tuple[Tried, ...]:
        """Those of `by_structure` that are bound and intact."""
        return tuple(one for one in self.by_structure if one.mode.bound_intact)

    def fates(self, kind: Kind) -> tuple[tuple[Mode, When | None], ...]:
        """The classes of one kind of unbound fate, in order; the last has no conditions."""
        return tuple((mode, self.rules[mode].when) for mode in self.of_kind(kind) if not self.rules[mode].among)

    @functools.cached_property
    def wavering(self) -> tuple[tuple[Mode, frozenset[Kind]], ...]:
        """The classes of molecules that were of some kinds for long, and of no class of these for long; in order."""
        return tuple((mode, self.rules[mode].among) for mode in self.modes if self.rules[mode].among)

    def at_rest(self, kind: Kind) -> Mode:
        """The class of one kind of unbound fate where nothing is known of its course."""
        return self.fates(kind)[-1][0]

    @functools.cached_property
    def blown_up(self) -> Mode:
        """Of a run that blew up."""
        return self.of_kind(Kind.BLOWN_UP)[-1]

    @functools.cached_property
    def undecided(self) -> Mode:
        """Of a trajectory that does not tell."""
        return self.of_kind(Kind.UNDECIDED)[-1]

    @functools.cached_property
    def failed(self) -> Mode:
        """Of a run that did not end."""
        return self.of_kind(Kind.FAILED)[-1]

    @functools.cached_property
    def counted_at_any_time(self) -> tuple[Mode, ...]:
        """Events that are counted at any time besides at the end."""
        return tuple(mode for mode in self.modes if mode.row.counted_at_any_time)

    @functools.cached_property
    def precursors(self) -> tuple[Mode, ...]:
        """Those that molecules pass through on their way."""
        return tuple(mode for mode in self.modes if mode.row.precursor)

    @functools.cached_property
    def moment_columns(self) -> tuple[str, ...]:
        """Columns of events.csv that say when classes began."""
        return tuple(sorted({mode.row.moment for mode in self.modes if mode.row.moment is not None}))

    def groups_of(self, mode: Mode) -> set[str]:
        """The groups of the molecule without which nothing can be of a class."""
        when = self.rules[mode].when
        if when is None:
            return set()
        words = [words[0] for words in (when.broken, when.formed) if words is not None and len(words) == 1]
        named = {word.removeprefix("group ") for word in words if word.startswith("group ")}
        return named | set(when.groups or ())

    def hidden(self) -> tuple[tuple[Mode, Mode], ...]:
        """(class, earlier class) for each that no structure can be of, since the earlier one fits wherever it does."""
        found = []
        tried = [(one.mode, one.when) for one in self.by_structure]
        fates = [[(mode, when or When()) for mode, when in self.fates(kind)] for kind in UNBOUND_FATES]
        for classes in (tried, *fates):
            for place, (mode, when) in enumerate(classes):
                by = next((earlier for earlier, first in classes[:place] if first.contains(when)), None)
                if by is not None:
                    found.append((mode, by))
        return tuple(found)

    def overlapping(self) -> tuple[tuple[Mode, Mode], ...]:
        """(class, later class) for each pair of a kind that both may fit one structure without one being a case of the
        other: that the order alone tells apart."""
        return tuple(
            (one.mode, later.mode)
            for place, one in enumerate(self.by_structure)
            for later in self.by_structure[place + 1 :]
            if one.mode.kind is later.mode.kind
            and not (later.when.contains(one.when) or one.when.contains(later.when) or one.when.excludes(later.when))
        )


def _of_kind(when: When, kind: Kind) -> When:
    if kind is Kind.BOUND:
        return when.and_also(**_WHOLE)
    return when.and_also(bound=True) if when.names_a_bond_to_the_slab else when


def in_order(modes: Iterable[Mode]) -> list[Mode]:
    """The classes that occur, each once, in the order of their scheme."""
    return sorted(set(modes), key=lambda mode: mode.rank)


def flow_columns(modes: Iterable[Mode]) -> tuple[tuple[Mode, ...], ...]:
    """The columns of the figure of what follows what that some classes are in, from the left to the right, each from
    top to bottom."""
    placed = sorted(
        ((mode.row.flow_place, mode.rank, mode) for mode in set(modes) if mode.row.flow_place is not None),
        key=lambda one: one[:2],
    )
    columns = sorted({column for (column, _), _, _ in placed})
    return tuple(tuple(mode for (at, _), _, mode in placed if at == column) for column in columns)
