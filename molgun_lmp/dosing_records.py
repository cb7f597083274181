"""What became of every molecule on the surface during one dose of a chain, as it is kept with the shot's outcome."""

import dataclasses
from collections.abc import Sequence
from enum import StrEnum

from pydantic import ConfigDict

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.outcome_classes import Kind, Mode

_STRICT = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


class Hold(StrEnum):
    """What holds a molecule, whatever its class."""

    SURFACE = "on the surface"
    """A bond to the slab."""
    ADSORBATE = "on an adsorbate"
    """Bonds to other molecules that lasted, and none to the slab."""
    FIRST_LAYER = "physisorbed"
    """No bond, within the contact distance of the slab."""
    SECOND_LAYER = "second layer"
    """No bond, within reach of other molecules and not of the slab."""
    AWAY = "away"
    """None of these: in flight, or gone."""


class Change(StrEnum):
    """What may happen to a molecule while another one comes."""

    MOVED = "moved"
    """Bound to the slab before and after, to other atoms of it."""
    REACTED = "reacted"
    """A bond to another molecule that lasted."""
    EXCHANGED = "exchanged"
    """One of its atoms left all of its own and is bonded to another molecule."""
    DISPLACED = "displaced"
    """The newcomer is bound where it was, and it is there no more."""
    DESORBED = "desorbed"
    """It left the surface."""


def atoms_of(adsorbates: Sequence[Adsorbate]) -> int:
    """How many atoms lie between the slab's and the newcomer's."""
    return sum(len(one.atoms) for one in adsorbates)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoleculeEnd:
    """One molecule from the first frame of a shot to the last."""

    __pydantic_config__ = _STRICT

    dose: int
    """The dose by which it came."""
    mode_at_start: Mode
    mode: Mode
    """Its class by the outcome scheme, the other molecules left out."""
    detail: str
    hold_at_start: Hold
    hold: Hold
    site_at_start: str
    """The site that the slab atoms make that it is bound to; empty where it is bound to none."""
    site: str
    place_at_start_angstrom: tuple[float, float]
    """Of that site in the plane, as the clean slab has it; of its own centre where it is bound to no slab atom."""
    place_angstrom: tuple[float, float]
    bonded_to: tuple[int, ...]
    """Doses of the molecules that it is bonded to at the end, by bonds that lasted."""
    reason: str

    @property
    def label(self) -> str:
        """Its class, or what it stands on where that is no slab."""
        if self.hold in {Hold.ADSORBATE, Hold.SECOND_LAYER} and self.mode.kind is not Kind.UNDECIDED:
            return self.hold.value
        return self.mode.label


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoseEvent:
    """What happened to the molecule of a dose, and when, in ps of the shot."""

    __pydantic_config__ = _STRICT

    dose: int
    change: Change
    time_ps: float
    other: int | None
    """The dose of the other molecule that had a part in it."""
    detail: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoseEnd:
    """All molecules of one shot, by dose, the newcomer last, and what happened among them, by time."""

    __pydantic_config__ = _STRICT

    molecules: tuple[MoleculeEnd, ...]
    events: tuple[DoseEvent, ...]

    @property
    def newcomer(self) -> MoleculeEnd:
        """The molecule that was fired."""
        return self.molecules[-1]

    @property
    def before(self) -> int:
        """How many molecules stood there when it came."""
        return len(self.molecules) - 1

    def count(self, change: Change) -> int:
        """How often something happened."""
        return sum(event.change is change for event in self.events)
