"""What the file of an outcome scheme holds, and the classes that it stands for.

What a class leaves out has a value that suits its set: colour and marker, its place in the figure of what follows what,
whether its ends are worth a minimisation.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from molgun_lmp.config.section import Section
from molgun_lmp.outcome_classes import Kind, Mode, OutcomeClass
from molgun_lmp.outcome_conditions import DETAIL_PARTS, When, detail_parts
from molgun_lmp.outcome_scheme import OutcomeScheme, Rule
from molgun_lmp.palette import (
    BLUE,
    DIM,
    FADED,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    ModeStyle,
)

COLOURS: Final[Mapping[str, str]] = {
    "blue": BLUE, "dim": DIM, "faded": FADED, "green": GREEN, "ink": INK, "orange": ORANGE, "pale": PALE,
    "purple": PURPLE, "sky": SKY, "vermilion": VERMILION, "yellow": YELLOW,
}  # fmt: skip
"""By the names that a scheme may call them: told apart with any colour vision."""

_MARKERS: Final = ("o", "s", "^", "D", "P", "v", "h", "p", ">", "<", "X", "d", "*", "8")
_DASHES: Final = ("-", "--", ":", "-.")
_HUES: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BOUND: (BLUE, SKY, GREEN, PURPLE, ORANGE, YELLOW),
    Kind.DAMAGED: (VERMILION,),
    Kind.BLOWN_UP: (VERMILION,),
    Kind.FAILED: (INK,),
}
"""Of the others: greys."""
_COLUMN: Final[Mapping[Kind, int]] = {
    Kind.IN_FLIGHT: 0,
    Kind.NEAR: 1,
    Kind.LEFT: 2,
    Kind.BOUND: 3,
    Kind.DAMAGED: 4,
    Kind.BLOWN_UP: 4,
}
_PRECURSOR_COLUMN: Final = 2
_QUENCHED: Final = frozenset({Kind.BOUND, Kind.DAMAGED, Kind.NEAR, Kind.UNDECIDED})
_EVENTS_OWN: Final = frozenset(
    {"first_contact_ps", "precursor_ps", "precursor_ended_ps", "first_touch_ps", "first_bond_ps", "final_bond_ps"}
)
"""Moments of every trajectory, whatever its classes."""


class SchemeClass(Section):
    """One class."""

    label: Annotated[str, Field(min_length=1, max_length=40)]
    """As it stands in tables, files, figures and commands."""
    set: str
    """What an end of it is to the statistics: `bound` (intact and bound, whether conditions say so or not), `damaged`,
    `blown up`, `in flight`, `left`, `near`, `undecided`, `failed`, or one of the scheme's own `sets`."""
    meaning: Annotated[str, Field(min_length=1)]
    """What it says of the molecule, in one sentence."""
    when: When | None = None
    """All that has to hold. Classes of `undecided` and `failed`, and the last of `in flight`, `left` and `near`, have
    none: a trajectory's course gives them."""
    among: tuple[Kind, ...] | None = None
    """For classes of `set: bound` or `near` without `when`: a molecule was of these sets (`[bound]`, `[bound, near]`)
    for as long as a class has to last, and of no class of theirs for so long. Without such a class it is undecided."""
    detail: str = ""
    """The variant within the class. In braces are filled in: `binding`, `groups`, `where`, `bound as`, `products`
    (formulas of the pieces), `site` (of those on the surface), `removed` (formulas of what the slab lost)."""
    paper: str | None = None
    """Its identifier in the source."""
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$|^[a-z]+$")] | None = None
    """One of the named colours, or #rrggbb. What is left out here, as `marker` and `dash`, is chosen so that no two
    classes look alike."""
    marker: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """As Matplotlib names it."""
    dash: Literal["-", "--", ":", "-."] | None = None
    """Of its lines."""
    flow: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] | None = None
    """Column from the left and place from the top in the figure of what follows what."""
    quench: bool | None = None
    """Whether `analyse --quench` minimises its ends."""
    count_at_any_time: bool = False
    """Whether the table counts a second time the shots that were in it at any time."""
    precursor: bool = False
    """Whether molecules pass through it on their way: lifetimes and fates are tabulated."""
    moment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*_ps$")] | None = None
    """Column of events.csv that says when it began."""

    @field_validator("label")
    @classmethod
    def _plain(cls, label: str) -> str:
        if label != label.strip() or set(label) & set(",:;\"'`{}"):
            raise ValueError(f"{label!r} stands in tables and commands: leave out commas, colons, quotes and braces")
        return label

    @field_validator("colour")
    @classmethod
    def _named(cls, colour: str | None) -> str | None:
        if colour is not None and not colour.startswith("#") and colour not in COLOURS:
            raise ValueError(f"{colour!r} is no colour: write #rrggbb or one of {', '.join(COLOURS)}")
        return colour

    @field_validator("detail")
    @classmethod
    def _parts_are_known(cls, detail: str) -> str:
        for part in detail_parts(detail):
            if part not in DETAIL_PARTS:
                known = ", ".join(f"{{{name}}}" for name in DETAIL_PARTS)
                raise ValueError(f"{{{part}}} is nothing that can be filled in; there are {known}")
        return detail

    @field_validator("among")
    @classmethod
    def _whole_and_at_the_surface(cls, among: tuple[Kind, ...] | None) -> tuple[Kind, ...] | None:
        if among is not None and (not among or not {*among} <= {Kind.BOUND, Kind.NEAR}):
            raise ValueError("write [bound], or [bound, near]: sets of whole molecules at the surface")
        return among

    @field_validator("moment")
    @classmethod
    def _moment_is_its_own(cls, moment: str | None) -> str | None:
        if moment in _EVENTS_OWN:
            raise ValueError(f"{moment} is a column of every events.csv; name another one")
        return moment


class SchemeFile(Section):
    """An outcome scheme."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    """What `outcomes.scheme` calls it."""
    title: str = ""
    """What it is for."""
    source: str = ""
    """Where classes and precedence are from."""
    extends: str | None = None
    """A scheme whose classes this one has besides its own, which come first among those of their set."""
    without: tuple[str, ...] = ()
    """Classes of that scheme that this one has not."""
    sets: dict[str, Kind] = Field(default_factory=dict)
    """Own sets -> what the statistics count their classes as; each has a line of the table."""
    classes: tuple[SchemeClass, ...] = ()
    """In the order of precedence: the first that fits is the molecule's."""

    def kind_of(self, one: SchemeClass) -> Kind | None:
        """What the statistics count a class as; None for an unknown set."""
        if one.set in self.sets:
            return self.sets[one.set]
        return Kind(one.set) if one.set in set(Kind) else None


def merged(own: SchemeFile, base: SchemeFile) -> SchemeFile:
    """A scheme with the classes of the one that it extends: its own stand before the first of the same kind there."""
    classes = [one for one in base.classes if one.label not in {*own.without, *(mine.label for mine in own.classes)}]
    sets = {**base.sets, **own.sets}
    whole = own.model_copy(update={"sets": sets, "extends": None, "without": ()})
    before: dict[Kind | None, list[SchemeClass]] = {}
    for mine in own.classes:
        before.setdefault(whole.kind_of(mine), []).append(mine)
    found: list[SchemeClass] = []
    for one in classes:
        found += before.pop(whole.kind_of(one), [])
        found.append(one)
    rest = [mine for group in before.values() for mine in group]
    return whole.model_copy(update={"classes": (*found, *rest), "source": own.source or base.source})


def scheme_of(file: SchemeFile, *, shipped: bool) -> OutcomeScheme:
    """The scheme that a whole and valid file stands for."""
    kinds = [file.kind_of(one) or Kind.UNDECIDED for one in file.classes]
    styles = _styles(file.classes, kinds)
    places = _places(file.classes, kinds)
    modes = [
        Mode(
            OutcomeClass(
                label=one.label,
                paper=one.paper,
                meaning=one.meaning,
                kind=kind,
                group=one.set,
                style=style,
                flow_place=place,
                quenched=kind in _QUENCHED if one.quench is None else one.quench,
                counted_at_any_time=one.count_at_any_time,
                precursor=one.precursor,
                moment=one.moment,
            ),
            rank,
        )
        for rank, (one, kind, style, place) in enumerate(zip(file.classes, kinds, styles, places, strict=True))
    ]
    return OutcomeScheme(
        name=file.name,
        title=file.title,
        source=file.source,
        modes=tuple(modes),
        rules={
            one.label: Rule(when=one.when, detail=one.detail, among=frozenset(one.among or ())) for one in file.classes
        },
        sets=dict(file.sets),
        shipped=shipped,
        document=file.model_dump(mode="json", exclude_none=True),
    )


def _styles(classes: Sequence[SchemeClass], kinds: Sequence[Kind]) -> list[ModeStyle]:
    """Of each class what it says, and for the rest the first of its family that no other class has."""
    taken = {_colour(one.colour) + one.marker for one in classes if one.colour and one.marker}
    styles = []
    for one, kind in zip(classes, kinds, strict=True):
        hues = (_colour(one.colour),) if one.colour else _HUES.get(kind, (FADED, DIM, PALE))
        markers = (one.marker,) if one.marker else _MARKERS
        free = _first_free(((hue, marker) for marker, hue in itertools.product(markers, hues)), taken)
        colour, marker = free or (hues[0], markers[0])
        if not (one.colour and one.marker):
            taken.add(colour + marker)
        dash = one.dash or _DASHES[(_MARKERS.index(marker) if marker in _MARKERS else 0) % len(_DASHES)]
        styles.append(ModeStyle(colour=colour, marker=marker, dash=dash if one.dash or not one.marker else "-"))
    return styles


def _colour(name: str) -> str:
    return COLOURS.get(name, name)


def _first_free(pairs: Iterable[tuple[str, str]], taken: set[str]) -> tuple[str, str] | None:
    return next(((colour, marker) for colour, marker in pairs if colour + marker not in taken), None)


def _places(classes: Sequence[SchemeClass], kinds: Sequence[Kind]) -> list[tuple[int, int] | None]:
    """Of each class its place in the figure of what follows what: what it says, or the next free one of its column."""
    taken = {one.flow for one in classes if one.flow is not None}
    places: list[tuple[int, int] | None] = []
    for one, kind in zip(classes, kinds, strict=True):
        place = one.flow
        if place is None and kind in _COLUMN:
            column = _PRECURSOR_COLUMN if one.precursor and kind is Kind.BOUND else _COLUMN[kind]
            place = next((column, row) for row in itertools.count() if (column, row) not in taken)
            taken.add(place)
        places.append(place)
    return places
