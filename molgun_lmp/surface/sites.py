"""Where something is on a surface: the site that it stands over, or the one that the slab atoms it is bound to make."""

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Final

import numpy as np
from ase.formula import Formula

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.outcome_words import AtomSite, SurfaceSite
from molgun_lmp.surface.clean_surface import NO_DIMER, NO_LAYER, Surface

SHORT: Final = 1.25
"""Of the shortest bond of an atom: those within say where it is (carbon above a bridge of Cu(111): the two nearest at
1.98 Å, the next two at 2.7 Å)."""
LEFT_ITS_PLACE: Final = 1.2
"""Å from where the clean slab has it: more than heat moves an atom, or the flip of a dimer."""

_SHORTER: Final = {
    **{kind: kind.value for kind in (*AtomSite, *SurfaceSite)},
    AtomSite.ON_TOP: "on top",
    AtomSite.BRIDGE: "bridge",
    SurfaceSite.ON_TOP: "on top",
}
"""Sites as a product's name has them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """A site with the slab atoms around it; `elements` are theirs, each as often as it is at a corner."""

    kind: AtomSite | SurfaceSite
    atoms: tuple[int, ...]
    elements: tuple[str, ...]
    compound: bool
    """Whether the slab has several elements, so that they belong to the site's name."""

    @property
    def words(self) -> str:
        """Such as `hollow fcc`; on a slab of several elements `on top Ti`, `bridge Cu-Ni`, `fourfold hollow Cl2Na2`."""
        kind = f"dimer {_SHORTER[self.kind]}" if isinstance(self.kind, SurfaceSite) else _SHORTER[self.kind]
        if not self.compound:
            return kind
        if self.kind is AtomSite.BRIDGE:
            return f"{kind} {'-'.join(sorted(self.elements))}"
        return f"{kind} {Formula(''.join(sorted(self.elements))).format('reduce')}"


def site_under(surface: Surface, position: FloatArray, slab: FloatArray, held: BoolArray) -> Site:
    """The site that a place (3,) Å lies over, of a slab that is now at (N, 3) Å, whatever the bonds.

    It is that of the nearest centre in the plane: of an atom, of a bridge between neighbours, of a hollow. What stands
    over hydrogen of the slab, or deeper than the second layer, is on top of the nearest atom. `held` (N,): the atoms
    that are part of the slab still.
    """
    lengths = np.where(held, surface.lattice.distances(position[None], slab)[0], np.inf)
    nearest = int(np.argmin(lengths))
    top = np.where(surface.top, lengths, np.inf)
    layer = 0 if top.min() <= SHORT * lengths[nearest] else int(surface.layer[nearest])
    if not 0 <= layer < len(surface.nets):
        return _site(surface, AtomSite.ON_TOP, (nearest,))
    (moved,), (drift,) = surface.moved(slab[None])
    moved[np.linalg.norm(moved, axis=1) > LEFT_ITS_PLACE] = 0.0
    net = surface.nets[layer]
    number = net.nearest(position, moved + drift, surface.lattice)
    return _site(surface, net.kinds[number], net.corners[number])


def site_between(surface: Surface, partners: Iterable[int]) -> Site:
    """The site that one slab atom or more make together; of several layers the topmost ones alone.

    Atoms of dimers are named as the dimers lie to each other, the more specific relation first.
    """
    atoms = sorted(set(partners))
    layers = surface.layer[atoms]
    if (layers != NO_LAYER).any():
        uppermost = layers[layers != NO_LAYER].min()
        atoms = [atom for atom, layer in zip(atoms, layers.tolist(), strict=True) if layer == uppermost]
    if len(atoms) == 1:
        return _site(surface, AtomSite.ON_TOP, atoms)
    related = {site_of(surface, *pair) for pair in itertools.combinations(atoms, 2)}
    for kind in (SurfaceSite.ON_TOP, SurfaceSite.BRIDGE, SurfaceSite.DIAGONAL):
        if kind in related:
            return _site(surface, kind, atoms)
    layer = int(surface.layer[atoms[0]])
    if 0 <= layer < len(surface.nets):
        net = surface.nets[layer]
        number = net.around(frozenset(atoms))
        if number is not None:
            return _site(surface, net.kinds[number], net.corners[number])
    return _site(surface, atom_site(surface, atoms), atoms)


def _site(surface: Surface, kind: AtomSite | SurfaceSite, corners: Iterable[int]) -> Site:
    corners = tuple(corners)
    heavy = set(surface.symbols) - {"H"}
    elements = tuple(surface.symbols[atom] for atom in corners)
    return Site(
        kind=kind,
        atoms=tuple(sorted(set(corners))),
        elements=elements,
        compound=len(heavy) > 1 or "H" in elements,
    )


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
