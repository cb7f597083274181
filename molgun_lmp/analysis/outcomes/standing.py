"""What stands on a surface after several molecules came: which of their atoms it holds, in one frame."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference, binding
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import pieces_of

_NO_GROUPS: Final[dict[str, tuple[int, int]]] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """`bound` (n,): the atoms of the molecules that bonds hold to the slab, directly or through one another; `near`
    (n,): those that are in contact with it, or with what is bound or near, by no bond; `slab_lost`: how many atoms the
    slab itself has lost, which are bound to nothing that it holds."""

    bound: BoolArray
    near: BoolArray
    slab_lost: int


def standing(symbols: Sequence[str], positions: FloatArray, surface: Surface, criteria: OutcomeCriteria) -> Standing:
    """Of one frame, N chemical symbols and positions (N, 3) in Å beyond the box: the slab's atoms, then the molecules'.

    A frame has no history, so that a length between forming and breaking counts as a bond. Hydrogen on its own heavy
    atom holds nothing. Raises `ConfigError` for pair limits that are none.
    """
    m = len(surface.symbols)
    slab, molecules = positions[:m], positions[m:]
    own = tuple(symbols[m:])
    state = SlabState.of(surface, criteria)
    loose = state.loose(slab[None])[0]
    limits = BondLimits.of(own, symbols[:m], criteria)
    lengths = surface.lattice.distances(molecules, molecules)
    to_slab = surface.lattice.distances(molecules, slab)
    bonded = lengths <= limits.molecule + limits.hysteresis
    np.fill_diagonal(bonded, False)
    bonds = Bonds(
        molecule=bonded, surface=to_slab <= limits.surface + limits.hysteresis, lengths=lengths, surface_lengths=to_slab
    )
    holding = binding(bonds, MoleculeReference(symbols=own, bonded=bonded, groups=_NO_GROUPS))
    lost = np.flatnonzero(loose)
    held = np.zeros(len(own) + len(lost), dtype=np.bool_)
    pieces = _pieces(bonded, holding[:, lost], surface.lattice.distances(slab[lost], slab[lost]), state, lost)
    for piece in pieces:
        atoms = piece[piece < len(own)]
        held[piece] = bool((holding[atoms] & ~loose).any())
    bound = held[: len(own)]
    near = _near(pieces, bound, np.where(loose, np.inf, to_slab).min(axis=1), lengths, criteria.contact_angstrom)
    return Standing(bound=bound, near=near, slab_lost=int((~held[len(own) :]).sum()))


def _pieces(
    bonded: BoolArray, to_lost: BoolArray, between: FloatArray, state: SlabState, lost: IntArray
) -> list[IntArray]:
    """What hangs together among the molecules' atoms 0 ... n - 1 and the slab's lost ones behind them."""
    n, size = len(bonded), len(bonded) + len(lost)
    joined = np.zeros((size, size), dtype=np.bool_)
    joined[:n, :n], joined[:n, n:], joined[n:, :n] = bonded, to_lost, to_lost.T
    joined[n:, n:] = between < state.limits[np.ix_(lost, lost)]
    return [np.flatnonzero(piece) for piece in pieces_of(joined)]


def _near(
    pieces: Sequence[IntArray], bound: BoolArray, to_slab: FloatArray, lengths: FloatArray, contact: float
) -> BoolArray:
    """(n,) True for the atoms of unbound pieces that come closer than `contact` Å to the slab, or to a piece that is
    bound or near itself: so a second layer is near, and what flies is not."""
    n = len(bound)
    near = np.zeros(n, dtype=np.bool_)
    free = [piece for piece in pieces if (piece < n).all() and not bound[piece].any()]
    found = True
    while found:
        found = False
        there = bound | near
        for piece in free:
            if near[piece].any():
                continue
            if to_slab[piece].min() < contact or (there.any() and lengths[np.ix_(piece, there)].min() < contact):
                near[piece] = found = True
    return near
