"""Where slab atoms lie with respect to each other, and how a group is bound to them."""

import dataclasses
from collections.abc import Iterable
from itertools import product

import numpy as np

from molgun_lmp.arrays import BoolArray
from molgun_lmp.outcome_words import AtomSite, GroupState, SurfaceSite
from molgun_lmp.surface.clean_surface import NO_DIMER, Surface


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupBonds:
    """A group's bonds in one frame: `partners` are slab atoms of each of its two atoms; `site` where it has reacted,
    and on a surface without dimers wherever it is bound."""

    name: str
    state: GroupState
    site: SurfaceSite | AtomSite | None
    partners: tuple[frozenset[int], frozenset[int]]


def site_of(surface: Surface, first: int, second: int) -> SurfaceSite:
    """Where two different slab atoms lie with respect to dimers and rows."""
    one, other = int(surface.dimer[first]), int(surface.dimer[second])
    if NO_DIMER in (one, other):
        return SurfaceSite.NO_DIMER
    if one == other:
        return SurfaceSite.ON_TOP
    if surface.row[one] != surface.row[other]:
        return SurfaceSite.ACROSS_ROWS
    if not surface.are_neighbours(one, other):
        return SurfaceSite.ALONG_ROW
    return SurfaceSite.BRIDGE if surface.side[first] == surface.side[second] else SurfaceSite.DIAGONAL


def atom_site(surface: Surface, partners: Iterable[int]) -> AtomSite:
    """Where one or more slab atoms lie with respect to each other."""
    atoms = sorted(set(partners))
    if len(atoms) == 1:
        return AtomSite.ON_TOP
    together = surface.adjacent[np.ix_(atoms, atoms)]
    if len(pieces_of(together)) > 1:
        return AtomSite.APART
    return AtomSite.BRIDGE if len(atoms) == 2 else AtomSite.HOLLOW


def pieces_of(joined: BoolArray) -> list[BoolArray]:
    """The connected pieces that N atoms fall into, each (N,) True for its atoms; `joined` (N, N), symmetric."""
    # A graph of few atoms, at every change of a bond: a sparse matrix for it costs more than everything else here.
    unseen, pieces = np.ones(len(joined), dtype=np.bool_), list[BoolArray]()
    while unseen.any():
        piece = np.zeros_like(unseen)
        piece[np.argmax(unseen)] = True
        size = 0
        while (grown := int(piece.sum())) > size:
            size = grown
            piece |= joined[piece].any(axis=0)
        unseen &= ~piece
        pieces.append(piece)
    return pieces


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
