"""Molecules that stood on the surface before the newcomer of a shot came."""

import dataclasses
from collections.abc import Sequence

from pydantic import ConfigDict


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adsorbate:
    """What is left on the surface of a molecule that came earlier in a chain of doses.

    Its atoms lie, in one piece and in the molecule's own order, behind the slab's in data file and dump, those of an
    earlier dose first; the newcomer's come last.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    dose: int
    """The dose of its chain by which it came, counted from 0."""
    atoms: tuple[int, ...]
    """Which of the molecule's atoms it still has, counted from 0 within the molecule, ascending."""


def standing_in_words(adsorbates: Sequence[Adsorbate]) -> str:
    """Such as `on the slab stand 2 atoms of dose 0, 5 atoms of dose 2`."""
    if not adsorbates:
        return "nothing stands on the slab"
    return f"on the slab stand {', '.join(map(_of_dose, adsorbates))}"


def _of_dose(one: Adsorbate) -> str:
    return f"{len(one.atoms)} {'atom' if len(one.atoms) == 1 else 'atoms'} of dose {one.dose}"
