"""One frame's outcome class from its bonds: pure functions, the reference paper's classes and precedence.

Weiske et al., Digital Discovery 2026, 5, 1501. A group has *reacted* when its two atoms bind two different slab atoms;
it is *dative* when all its bonds go to one slab atom.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import product
from typing import Final

import numpy as np

from molgun_lmp.analysis.outcomes.bonds import Bonds
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.arrays import BoolArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.surface.clean_surface import NO_DIMER, Surface

_SHORT: Final = 1.25  # carbon above a bridge of Cu(111): the two nearest at 1.98 Å, the next two at 2.7 Å


class SurfaceSite(StrEnum):
    """Where two slab atoms lie, the more specific first."""

    ON_TOP = "on-top"
    """The two atoms of one dimer."""
    BRIDGE = "bridge"
    """Atoms of two neighbouring dimers of one row, same side."""
    DIAGONAL = "diagonal"
    """Atoms of two neighbouring dimers of one row, opposite sides."""
    ALONG_ROW = "along the row"
    """Dimers of one row that are not neighbours."""
    ACROSS_ROWS = "across rows"
    """Dimers of two rows."""
    NO_DIMER = "outside dimers"
    """At least one atom is in no dimer."""


class AtomSite(StrEnum):
    """Where something is bound on a surface without dimers, by the slab atoms that it binds to."""

    ON_TOP = "on top of one atom"
    BRIDGE = "between two atoms"
    """Two atoms next to each other: a bridge."""
    HOLLOW = "hollow"
    """Three atoms or more, each next to another."""
    APART = "atoms apart"
    """Atoms that are not all next to another of them."""


class GroupState(StrEnum):
    """How a group is bound."""

    FREE = "free"
    DATIVE = "dative"
    REACTED = "reacted"
    UNCLEAR = "bound by one atom to several"
    """One atom of the group binds two slab atoms, the other none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupBonds:
    """A group's bonds in one frame: `partners` are slab atoms of each of its two atoms; `site` where it has reacted,
    and on a surface without dimers wherever it is bound."""

    name: str
    state: GroupState
    site: SurfaceSite | AtomSite | None
    partners: tuple[frozenset[int], frozenset[int]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classified:
    """`mode` is None for an intact molecule without a bond to the slab: its fate depends on time, not on bonds."""

    mode: Mode | None
    detail: str
    """The variant within the class, such as `both dative`; for a damaged molecule how it is bound; often empty."""
    bound: bool
    """Whether the molecule has any bond to the slab, intact or not."""
    reason: str
    """One clause with the numbers behind the decision."""


_SITE_MODES: Final[Mapping[tuple[str, SurfaceSite], Mode]] = {
    ("CY", SurfaceSite.ON_TOP): Mode.OT_CY,
    ("CY", SurfaceSite.BRIDGE): Mode.BR_CY,
    ("ET", SurfaceSite.ON_TOP): Mode.OT_ET,
    ("ET", SurfaceSite.BRIDGE): Mode.BR_ET,
}


def classify(bonds: Bonds, molecule: MoleculeReference, surface: Surface, max_fragments: int) -> Classified:
    """The class of one frame: the first that fits in the order of `Mode`.

    Hydrogen binds to the slab only where it has left every heavier atom of the molecule: a C-H bond pressed against
    the surface is no bond to it. OT and BR stand for the groups named CY and ET; another group's reaction is `other`
    with its name and site as the detail, and so is a molecule bound only by atoms of no group. Such bonds besides a
    bound group change no class; the reason names them. Pieces of a broken molecule that are bound to the slab are a
    dissociation, however many: only more than `max_fragments` free ones are an explosion. On a surface without dimers
    the same classes hold, and sites are those of `AtomSite`.
    """
    bound = _bound(bonds, molecule, surface)
    return _damage(bonds, molecule, max_fragments, bound) or bound


def binding(bonds: Bonds, molecule: MoleculeReference) -> BoolArray:
    """(n, m) bool: the bonds that hold the molecule to the slab, those of hydrogen on its own carbon left out."""
    on_heavy = (bonds.molecule & ~molecule.hydrogen[None, :]).sum(axis=1) > 0
    holding: BoolArray = bonds.surface & ~(molecule.hydrogen & on_heavy)[:, None]
    return holding


def _bound(bonds: Bonds, molecule: MoleculeReference, surface: Surface) -> Classified:
    to_surface = binding(bonds, molecule)
    if not to_surface.any():
        return Classified(mode=None, detail="", bound=False, reason="no bond to the slab")
    near = _short(bonds, to_surface)
    groups = [_group(name, pair, to_surface, surface, near=near) for name, pair in molecule.groups.items()]
    mode, detail = _bound_mode(groups, to_surface, molecule, surface, near=near)
    lengths = ", ".join(
        f"{molecule.symbols[atom]}{atom} to slab atom {partner} ({bonds.surface_lengths[atom, partner]:.2f} Å, "
        f"{_layer_name(int(surface.layer[partner]))})"
        for atom, partner in np.argwhere(to_surface)
    )
    states = "; ".join(f"{group.name} {_state(group)}" for group in groups)
    return Classified(mode=mode, detail=detail, bound=True, reason=f"{states + ': ' if states else ''}{lengths}")


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
    if len(_pieces(together)) > 1:
        return AtomSite.APART
    return AtomSite.BRIDGE if len(atoms) == 2 else AtomSite.HOLLOW


def _pieces(joined: BoolArray) -> list[BoolArray]:
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


def _damage(bonds: Bonds, molecule: MoleculeReference, max_fragments: int, bound: Classified) -> Classified | None:
    lost = molecule.bonded & ~bonds.molecule
    if not lost.any():
        return None
    broken = [(int(a), int(b)) for a, b in np.argwhere(np.triu(lost))]
    pieces = _pieces(bonds.molecule)
    to_surface = binding(bonds, molecule)
    free = sum(not to_surface[piece].any() for piece in pieces)
    listed = ", ".join(
        f"{molecule.symbols[a]}{a}-{molecule.symbols[b]}{b} ({bonds.lengths[a, b]:.2f} Å)" for a, b in broken
    )
    reason = f"broken: {listed}; the molecule is in {len(pieces)} piece(s), {free} of them free; {bound.reason}"
    detail = f"bound as {bound.mode}" if bound.mode else "not bound"
    if free > max_fragments:
        why = f"more than {max_fragments} pieces that nothing binds to the slab; {reason}"
        return Classified(mode=Mode.EXPLOSION, detail=detail, bound=bound.bound, reason=why)
    skeleton = any(not molecule.hydrogen[[a, b]].any() for a, b in broken)
    mode = Mode.CC_BROKEN if skeleton else Mode.H_ABSTRACTION
    return Classified(mode=mode, detail=detail, bound=bound.bound, reason=reason)


def _group(name: str, pair: tuple[int, int], to_surface: BoolArray, surface: Surface, *, near: BoolArray) -> GroupBonds:
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


def _bound_mode(
    groups: list[GroupBonds], to_surface: BoolArray, molecule: MoleculeReference, surface: Surface, *, near: BoolArray
) -> tuple[Mode, str]:
    bound = [group for group in groups if group.state is not GroupState.FREE]
    if not bound:
        atoms = np.flatnonzero(to_surface.any(axis=1))
        by = "bound by " + ", ".join(f"{molecule.symbols[atom]}{atom}" for atom in atoms)
        return Mode.OTHER, by if len(surface.dimers) else f"{by}, {_where(to_surface, near, surface)}"
    deepest = max(int(surface.layer[slab]) for group in bound for partners in group.partners for slab in partners)
    if deepest > 0:
        where = _layer_name(deepest) if len(surface.dimers) else _where(to_surface, near, surface)
        return (Mode.SL_DB if len(bound) > 1 else Mode.SL), where
    return _several_groups(bound) if len(bound) > 1 else _one_group(bound[0])


def _short(bonds: Bonds, to_surface: BoolArray) -> BoolArray:
    """(n, m) the bonds that are not much longer than the shortest one of the same atom: those that say where it is.

    Limits that suit a bond about to break reach the second-nearest atoms of a close-packed metal, too.
    """
    shortest = np.where(to_surface, bonds.surface_lengths, np.inf).min(axis=1, keepdims=True)
    short: BoolArray = to_surface & (bonds.surface_lengths <= _SHORT * shortest)
    return short


def _where(to_surface: BoolArray, near: BoolArray, surface: Surface) -> str:
    """The site of all bonds together, and the deepest layer where that is not the top one."""
    deepest = int(surface.layer[to_surface.any(axis=0)].max())
    site = atom_site(surface, np.flatnonzero(near.any(axis=0)).tolist()).value
    return site if deepest == 0 else f"{site}, {_layer_name(deepest)}"


def _several_groups(bound: list[GroupBonds]) -> tuple[Mode, str]:
    states = {group.state for group in bound}
    if states == {GroupState.REACTED}:
        return Mode.DB, ", ".join(f"{group.name} {group.site}" for group in bound)
    if states == {GroupState.DATIVE}:
        return Mode.OTHER, "both dative"
    return Mode.OTHER, " + ".join(sorted(states, reverse=True))


def _one_group(group: GroupBonds) -> tuple[Mode, str]:
    if group.state is GroupState.DATIVE:
        return Mode.PC, group.name if group.site is None else f"{group.name} {group.site}"
    if isinstance(group.site, SurfaceSite) and (group.name, group.site) in _SITE_MODES:
        return _SITE_MODES[group.name, group.site], ""
    return Mode.OTHER, f"{group.name} {_state(group)}"


def _state(group: GroupBonds) -> str:
    if group.site is None:
        return group.state.value
    if group.state is GroupState.UNCLEAR:  # the site is that of the short bonds, which may be fewer
        return f"bound by one atom, {group.site.value}"
    return f"{group.state.value} {group.site.value}"


def _layer_name(layer: int) -> str:
    return "hydrogen of the slab" if layer < 0 else f"layer {layer + 1}"
