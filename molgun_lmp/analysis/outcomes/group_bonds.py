"""How a group is bound to slab atoms."""

import dataclasses
from itertools import product

import numpy as np

from molgun_lmp.arrays import BoolArray
from molgun_lmp.outcome_words import AtomSite, GroupState, SurfaceSite
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import atom_site, site_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupBonds:
    """A group's bonds in one frame: `partners` are slab atoms of each of its two atoms; `site` where it has reacted,
    and on a surface without dimers wherever it is bound."""

    name: str
    state: GroupState
    site: SurfaceSite | AtomSite | None
    partners: tuple[frozenset[int], frozenset[int]]


def group_bonds(
    name: str, pair: tuple[int, int], to_surface: BoolArray, surface: Surface, *, near: BoolArray
) -> GroupBonds:
    """A group's bonds, its two atoms `pair`; `to_surface` (n, m) bool the bonds of n molecule atoms to m slab atoms,
    `near` those of them that say where it is."""
    first, second = (frozenset(np.flatnonzero(to_surface[atom]).tolist()) for atom in pair)
    sites = [site_of(surface, a, b) for a, b in product(sorted(first), sorted(second)) if a != b]
    if sites:
        state = GroupState.REACTED
    elif not first | second:
        state = GroupState.FREE
    else:
        state = GroupState.DATIVE if len(first | second) == 1 else GroupState.UNCLEAR
    site: SurfaceSite | AtomSite | None = min(sites, key=list(SurfaceSite).index) if sites else None
    if not len(surface.dimers) and first | second:
        site = atom_site(surface, np.flatnonzero(near[list(pair)].any(axis=0)).tolist())
    return GroupBonds(name=name, state=state, site=site, partners=(first, second))
