"""Molecules that stood on the surface before the newcomer of a shot came."""

import dataclasses

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
