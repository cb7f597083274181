"""The outcome classes: one row each, with all that the package knows of a class besides the rule that finds it.

A new class is a row here and a rule in `molgun_lmp.analysis.outcomes.classify`, the only module that calls classes
by name; tables, figures and statistics ask the row. Classes and their precedence: Weiske et al., Digital
Discovery 2026, 5, 1501.
"""

import dataclasses
from enum import StrEnum
from typing import Final, Self

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


class Kind(StrEnum):
    """What an end of a class is, whatever the molecule: the set that the class belongs to.

    Of each kind but the first two there is exactly one class, since it is given by a trajectory's course and not by
    its bonds.
    """

    BOUND = "bound"
    """Intact and bound to the surface."""
    DAMAGED = "damaged"
    """A bond of the molecule is broken; what is left of it may be bound to the surface or not."""
    BLOWN_UP = "blown up"
    """Damaged beyond chemistry, or the run itself blew up."""
    IN_FLIGHT = "in flight"
    """Intact, unbound, never in contact so far."""
    LEFT = "left"
    """Intact, unbound, out of reach after contact."""
    NEAR = "near"
    """Intact, unbound, within reach of the surface."""
    UNDECIDED = "undecided"
    """The trajectory does not tell."""
    FAILED = "failed"
    """The run did not end: nothing is said about the molecule."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutcomeClass:
    """All that is asked about one class. No field has a default: who adds a class answers every question."""

    label: str
    """As it stands in tables, files, figures and commands."""
    paper: str | None
    """Its identifier in the reference paper; None for what is no outcome there."""
    meaning: str
    """What it says of the molecule, in one sentence."""
    kind: Kind
    style: ModeStyle
    flow_place: tuple[int, int] | None
    """In the figure of what follows what: column from the left as adsorption goes on, and place from the top of that
    column. None for a class that no trajectory is ever in, only ends as."""
    quenched: bool
    """Whether its ends are worth a minimisation; a molecule that flies or has left falls nowhere."""
    counted_at_any_time: bool
    """Whether the table has it a second time, for the shots that were in it at any time."""
    precursor: bool
    """Whether molecules pass through it on their way: how long they stay and what they become is of interest."""
    moment: str | None
    """Column of events.csv that says when it began; None for a class that has none."""


class Mode(StrEnum):
    """The classes in their order in tables, which is the precedence: the first that fits is an end's class.

    A member is its label (`Mode.OT_CY == "OT-CY"`), and `Mode.named` finds it by that.
    """

    _value_: str
    row: OutcomeClass
    """All else that is known of the class."""

    def __new__(cls, row: OutcomeClass) -> Self:
        """A member: a text that has its row."""
        member = str.__new__(cls, row.label)
        member._value_ = row.label
        member.row = row
        return member

    EXPLOSION = OutcomeClass(
        label="explosion", paper="iv", kind=Kind.BLOWN_UP, style=ModeStyle(colour=VERMILION, marker="*"),
        meaning="More pieces of the molecule are free than `outcomes.max_fragments`, or its run blew up.",
        flow_place=(4, 0), quenched=False, counted_at_any_time=False, precursor=False, moment="explosion_ps",
    )  # fmt: skip
    CC_BROKEN = OutcomeClass(
        label="C-C broken", paper="iii", kind=Kind.DAMAGED, style=ModeStyle(colour=VERMILION, marker="s", dash="--"),
        meaning="A bond of the molecule's skeleton, between two atoms that are not hydrogen, is broken.",
        flow_place=(4, 1), quenched=True, counted_at_any_time=True, precursor=False, moment="cc_broken_ps",
    )  # fmt: skip
    H_ABSTRACTION = OutcomeClass(
        label="H abstraction", paper="ii", kind=Kind.DAMAGED, style=ModeStyle(colour=VERMILION, marker="v", dash=":"),
        meaning="The molecule has lost hydrogen, and its skeleton is whole.",
        flow_place=(4, 2), quenched=True, counted_at_any_time=True, precursor=False, moment="ch_broken_ps",
    )  # fmt: skip
    SL_DB = OutcomeClass(
        label="SL-DB", paper="8", kind=Kind.BOUND, style=ModeStyle(colour=PURPLE, marker="D"),
        meaning="Several groups are bound, and one of them to an atom below the top layer.",
        flow_place=(4, 3), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    SL = OutcomeClass(
        label="SL", paper="7", kind=Kind.BOUND, style=ModeStyle(colour=PURPLE, marker="o", dash="--"),
        meaning="One group is bound, and to an atom below the top layer.",
        flow_place=(4, 4), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    DB = OutcomeClass(
        label="DB", paper="5", kind=Kind.BOUND, style=ModeStyle(colour=PURPLE, marker="h", dash=":"),
        meaning="Several groups are bound, and each has reacted.",
        flow_place=(4, 5), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    OT_CY = OutcomeClass(
        label="OT-CY", paper="1", kind=Kind.BOUND, style=ModeStyle(colour=BLUE, marker="o"),
        meaning="The group CY has reacted with the two atoms of one dimer (on top).",
        flow_place=(3, 0), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    BR_CY = OutcomeClass(
        label="BR-CY", paper="2", kind=Kind.BOUND, style=ModeStyle(colour=SKY, marker="s"),
        meaning="The group CY has reacted with two neighbouring dimers of one row, on the same side (bridge).",
        flow_place=(3, 1), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    OT_ET = OutcomeClass(
        label="OT-ET", paper="3", kind=Kind.BOUND, style=ModeStyle(colour=GREEN, marker="^"),
        meaning="The group ET has reacted with the two atoms of one dimer (on top).",
        flow_place=(3, 2), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    BR_ET = OutcomeClass(
        label="BR-ET", paper="4", kind=Kind.BOUND, style=ModeStyle(colour=GREEN, marker="P", dash="--"),
        meaning="The group ET has reacted with two neighbouring dimers of one row, on the same side (bridge).",
        flow_place=(3, 3), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    PC = OutcomeClass(
        label="PC", paper="6", kind=Kind.BOUND, style=ModeStyle(colour=ORANGE, marker="p"),
        meaning="One group is bound datively, to a single atom: the precursor.",
        flow_place=(2, 1), quenched=True, counted_at_any_time=False, precursor=True, moment=None,
    )  # fmt: skip
    OTHER = OutcomeClass(
        label="other", paper="9", kind=Kind.BOUND, style=ModeStyle(colour=YELLOW, marker=">"),
        meaning="Bound in any other way; the detail says which.",
        flow_place=(2, 0), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    IN_FLIGHT = OutcomeClass(
        label="in flight", paper="i", kind=Kind.IN_FLIGHT, style=ModeStyle(colour=PALE, marker="v"),
        meaning="Not bound, and never in contact.",
        flow_place=(0, 0), quenched=False, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    SCATTERED = OutcomeClass(
        label="scattered", paper="i", kind=Kind.LEFT, style=ModeStyle(colour=DIM, marker="^", dash="--"),
        meaning="Not bound, and gone after contact.",
        flow_place=(2, 2), quenched=False, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    PHYSISORBED = OutcomeClass(
        label="physisorbed", paper="i", kind=Kind.NEAR, style=ModeStyle(colour=FADED, marker="o"),
        meaning="Not bound, and near the surface.",
        flow_place=(1, 0), quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    UNDECIDED = OutcomeClass(
        label="undecided", paper=None, kind=Kind.UNDECIDED, style=ModeStyle(colour=FADED, marker="d", dash="-."),
        meaning="Its class has not lasted long enough, or its lengths allow two.",
        flow_place=None, quenched=True, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip
    FAILED = OutcomeClass(
        label="failed", paper=None, kind=Kind.FAILED, style=ModeStyle(colour=INK, marker="X", dash=":"),
        meaning="The run failed; the cause is its detail.",
        flow_place=None, quenched=False, counted_at_any_time=False, precursor=False, moment=None,
    )  # fmt: skip

    @classmethod
    def named(cls, label: str) -> "Mode":
        """The class with this label. Raises `ValueError` where there is none."""
        for mode in cls:
            if mode.value == label:
                return mode
        raise ValueError(f"{label!r} is no outcome class; there are {', '.join(cls)}")


def _only(kind: Kind) -> Mode:
    (mode,) = (mode for mode in Mode if mode.row.kind is kind)
    return mode


BLOWN_UP: Final = _only(Kind.BLOWN_UP)
IN_FLIGHT: Final = _only(Kind.IN_FLIGHT)
LEFT: Final = _only(Kind.LEFT)
NEAR: Final = _only(Kind.NEAR)
UNDECIDED: Final = _only(Kind.UNDECIDED)
FAILED: Final = _only(Kind.FAILED)
"""The classes that a trajectory's course gives, whatever its bonds."""

BOUND_INTACT: Final = frozenset(mode for mode in Mode if mode.row.kind is Kind.BOUND)
CAN_STICK: Final = frozenset(mode for mode in Mode if mode.row.kind in {Kind.BOUND, Kind.DAMAGED})
"""Ends in which a molecule may be bound to the surface, intact or broken. One that has blown up, or of which it is not
decided, does not count as bound."""
DAMAGED: Final = frozenset(mode for mode in Mode if mode.row.kind in {Kind.DAMAGED, Kind.BLOWN_UP})
UNBOUND_FATES: Final = frozenset(mode for mode in Mode if mode.row.kind in {Kind.IN_FLIGHT, Kind.LEFT, Kind.NEAR})
"""Those of an intact molecule without a bond to the slab, told apart by time and distance."""
WORTH_QUENCHING: Final = frozenset(mode for mode in Mode if mode.row.quenched)
"""Ends of these are minimised by `molgun analyse --quench`."""
PRECURSORS: Final = tuple(mode for mode in Mode if mode.row.precursor)
MOMENT_COLUMNS: Final = tuple(sorted(mode.row.moment for mode in Mode if mode.row.moment is not None))
"""Columns of events.csv that say when classes began."""
EVER: Final = tuple(mode for mode in Mode if mode.row.counted_at_any_time)
"""Events that are counted at any time besides at the end."""


def flow_columns() -> tuple[tuple[Mode, ...], ...]:
    """The columns of the figure of what follows what, from the left to the right, each from top to bottom."""
    placed = sorted(
        (mode.row.flow_place, rank, mode) for rank, mode in enumerate(Mode) if mode.row.flow_place is not None
    )
    columns = sorted({column for (column, _), _, _ in placed})
    return tuple(tuple(mode for (at, _), _, mode in placed if at == column) for column in columns)
