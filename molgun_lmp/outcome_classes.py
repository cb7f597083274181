"""What is known of an outcome class besides the conditions that find it, and the class as a value that records carry.

The classes themselves are data: an outcome scheme (`molgun_lmp.outcome_scheme`), read from a file. Tables, figures and
statistics ask the class; none of them calls one by name.
"""

import dataclasses
from enum import StrEnum
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from molgun_lmp.palette import ModeStyle


class Kind(StrEnum):
    """What an end of a class is, whatever the molecule and the scheme: the set that the statistics know it by."""

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


UNBOUND_FATES = frozenset({Kind.IN_FLIGHT, Kind.LEFT, Kind.NEAR})
"""Those of an intact molecule without a bond to the slab, told apart by time and distance."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutcomeClass:
    """All that is asked about one class. No field has a default: who makes one answers every question."""

    label: str
    """As it stands in tables, files, figures and commands."""
    paper: str | None
    """Its identifier in the scheme's source; None for what is no outcome there."""
    meaning: str
    """What it says of the molecule, in one sentence."""
    kind: Kind
    group: str
    """The scheme's own set that it belongs to; the kind's own name where the scheme has none."""
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


class Mode(str):
    """A class of a scheme as records carry it: its label as a text, with all that is known of the class.

    Two are equal where their labels are. From JSON it needs the scheme to look the label up in
    (`JsonRecord.from_json(document, scheme)`).
    """

    row: OutcomeClass
    """All that is known of the class."""
    rank: int
    """Its place in the order of its scheme, which is the precedence."""

    def __new__(cls, row: OutcomeClass, rank: int) -> "Mode":
        """The class at a place of its scheme."""
        mode = super().__new__(cls, row.label)
        mode.row = row
        mode.rank = rank
        return mode

    def __reduce__(self) -> "tuple[type[Mode], tuple[OutcomeClass, int]]":
        return Mode, (self.row, self.rank)

    @property
    def label(self) -> str:
        """The label as a plain text."""
        return self.row.label

    @property
    def kind(self) -> Kind:
        """The set that the statistics know it by."""
        return self.row.kind

    @property
    def bound_intact(self) -> bool:
        """Whether a molecule of this class is intact and bound to the surface."""
        return self.kind is Kind.BOUND

    @property
    def can_stick(self) -> bool:
        """Whether a molecule of this class may be bound to the surface, intact or broken. One that has blown up, or of
        which it is not decided, does not count as bound."""
        return self.kind in {Kind.BOUND, Kind.DAMAGED}

    @property
    def damaged(self) -> bool:
        """Whether a molecule of this class is broken."""
        return self.kind in {Kind.DAMAGED, Kind.BLOWN_UP}

    @property
    def unbound_fate(self) -> bool:
        """Whether it is one of an intact molecule without a bond to the slab."""
        return self.kind in UNBOUND_FATES

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.with_info_plain_validator_function(
            _validated, serialization=core_schema.plain_serializer_function_ser_schema(str.__str__)
        )


def _validated(value: object, info: core_schema.ValidationInfo) -> Mode:
    if isinstance(value, Mode):
        return value
    scheme = (info.context or {}).get("scheme")
    if scheme is None:
        raise ValueError(f"{value!r} is a class of some scheme, and nobody said which")
    mode: Mode = scheme.named(value)
    return mode
