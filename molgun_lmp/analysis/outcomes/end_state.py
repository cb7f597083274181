"""What one frame says of any molecule at any surface: its pieces, where each is, and what became of the slab's atoms.

Atoms are told by index, not by element, so that oxygen on an oxide, or hydrogen on a covered surface, is known from the
slab's own. A bond is a distance, as everywhere in outcomes, and noble gases have none. Without a bond a piece is free,
however near: what is physisorbed is told by how long it stays within reach, which no single frame shows.
"""

import dataclasses
from typing import Final

import numpy as np

from molgun_lmp.analysis.outcomes.bonds import Bonds
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference, binding
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.geometry import formula_of
from molgun_lmp.outcome_words import Place
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.sites import LEFT_ITS_PLACE, SHORT, Site, pieces_of, site_between, site_under

_ABOUT: Final = 4.0  # Å; two shells of an interstitial place
_WIDEST_CLOSED_DEG: Final = 77.0
# The widest empty cone between the neighbours of a tetrahedral interstitial has a half-angle of 70.5 degrees, of an
# octahedral one 54.7; an atom in the plane of the top layer has one of 90 degrees above it.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """What hangs together in one frame.

    Where one atom of it is bound, the site is what that stands over; where several are, what the slab atoms that they
    are bound to make together.

    `atoms` of the molecule, and `slab` atoms that hang on them and not on the slab; `formula` of both in Hill's order;
    `site` where it is on the surface; `bonds`: how many hold it to the slab; `nearest_angstrom`: of its atoms to a slab
    atom that is no part of it.
    """

    atoms: tuple[int, ...]
    slab: tuple[int, ...]
    formula: str
    place: Place
    site: Site | None
    bonds: int
    nearest_angstrom: float

    @property
    def words(self) -> str:
        """Such as `CH3 (on top)`, `H (free)`, `N (below the surface)`."""
        return f"{self.formula} ({self.place.value if self.site is None else self.site.words})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EndState:
    """One frame.

    `pieces`: those with atoms of the molecule, small ones first; `removed`: formula of each that only the slab's atoms
    make and the slab holds no more (sputtered, or desorbed from it); `exchanged`: (slab atom, atom of the molecule that
    is in its place).
    """

    pieces: tuple[Piece, ...]
    removed: tuple[str, ...]
    exchanged: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, bonds: Bonds, molecule: MoleculeReference, slab_state: SlabState, loose: BoolArray) -> "EndState":
        """From the bonds of a frame whose positions are known; `loose` (m,): the slab atoms that the slab holds no
        more."""
        if bonds.places is None or bonds.slab is None:
            raise ValueError("where the pieces of a molecule are is told by positions, and these bonds have none")
        lost, n = np.flatnonzero(loose), len(molecule.symbols)
        labels = _labels(bonds, molecule, slab_state, lost)
        pieces, removed = list[Piece](), list[str]()
        for number in range(int(labels.max(initial=-1)) + 1):
            members = np.flatnonzero(labels == number)
            atoms, taken = members[members < n], lost[members[members >= n] - n]
            if len(atoms):
                pieces.append(_piece(bonds, molecule, slab_state.surface, atoms=atoms, taken=taken, held=~loose))
            else:
                removed.append(formula_of(slab_state.surface.symbols[atom] for atom in taken))
        return cls(
            pieces=tuple(sorted(pieces, key=lambda piece: (len(piece.atoms) + len(piece.slab), piece.words))),
            removed=tuple(sorted(removed)),
            exchanged=_exchanged(slab_state, bonds.places, bonds.slab),
        )

    @property
    def below(self) -> bool:
        """Whether a piece is below the surface."""
        return any(piece.place is Place.BELOW for piece in self.pieces)

    @property
    def carried_off(self) -> bool:
        """Whether a free piece has atoms of the slab in it."""
        return any(piece.slab and piece.place is Place.FREE for piece in self.pieces)

    @property
    def taken_up(self) -> bool:
        """Whether a piece that is not free has atoms of the slab in it."""
        return any(piece.slab and piece.place is not Place.FREE for piece in self.pieces)

    @property
    def tells(self) -> bool:
        """Whether there is more to say than that pieces are bound or free."""
        return bool(self.removed or self.exchanged or self.below or any(piece.slab for piece in self.pieces))

    @property
    def products(self) -> str:
        """Such as `H + CH3`."""
        return " + ".join(piece.formula for piece in self.pieces)

    @property
    def sites(self) -> str:
        """Of what is on the surface, such as `hollow fcc + on top`."""
        return " + ".join(piece.site.words for piece in self.pieces if piece.site is not None)

    @property
    def words(self) -> str:
        """Such as `H (hollow fcc) + CH3 (on top)`."""
        return " + ".join(piece.words for piece in self.pieces)


def _labels(bonds: Bonds, molecule: MoleculeReference, slab_state: SlabState, lost: IntArray) -> IntArray:
    """(n + l,) the piece of each atom of the molecule, then of each atom that the slab has lost."""
    n, size = len(molecule.symbols), len(molecule.symbols) + len(lost)
    joined = np.zeros((size, size), dtype=np.bool_)
    joined[:n, :n] = bonds.molecule
    if bonds.slab is not None and len(lost):
        joined[:n, n:] = binding(bonds, molecule)[:, lost]
        between = slab_state.surface.lattice.distances(bonds.slab[lost], bonds.slab[lost])
        joined[n:, n:] = between < slab_state.limits[np.ix_(lost, lost)]
    joined |= joined.T
    labels = np.empty(size, dtype=np.int64)
    for number, piece in enumerate(pieces_of(joined)):
        labels[piece] = number
    return labels


def _piece(
    bonds: Bonds, molecule: MoleculeReference, surface: Surface, *, atoms: IntArray, taken: IntArray, held: BoolArray
) -> Piece:
    assert bonds.places is not None and bonds.slab is not None  # `EndState.of` asks for both
    to_slab = binding(bonds, molecule)[atoms] & held
    lengths = np.where(held, bonds.surface_lengths[atoms], np.inf)
    bound = to_slab.any(axis=1)
    place, site = Place.FREE, None
    if any(_is_closed_in(bonds.places[atom], bonds.slab[held], surface) for atom in atoms):
        place = Place.BELOW
    elif bound.any():
        place = Place.ON
        if bound.sum() == 1:
            site = site_under(surface, bonds.places[atoms[bound]][0], bonds.slab, held)
        else:
            shortest = np.where(to_slab, lengths, np.inf).min(axis=1, keepdims=True)
            site = site_between(surface, np.flatnonzero((to_slab & (lengths <= SHORT * shortest)).any(axis=0)).tolist())
    symbols = [molecule.symbols[atom] for atom in atoms] + [surface.symbols[atom] for atom in taken]
    return Piece(
        atoms=tuple(atoms.tolist()),
        slab=tuple(taken.tolist()),
        formula=formula_of(symbols),
        place=place,
        site=site,
        bonds=int(to_slab.sum()),
        nearest_angstrom=float(lengths.min(initial=np.inf)),
    )


def _is_closed_in(place: FloatArray, slab: FloatArray, surface: Surface) -> bool:
    """Whether slab atoms stand around a place (3,) Å so that none of the directions above it is open."""
    vectors = surface.lattice.shortest(slab - place)
    lengths = np.linalg.norm(vectors, axis=1)
    near = lengths < _ABOUT
    if near.sum() < 4 or not (vectors[near, 2] > 0).any():
        return False
    towards = _UPWARD @ (vectors[near] / np.maximum(lengths[near], 1e-9)[:, None]).T
    return bool((towards.max(axis=1) > np.cos(np.deg2rad(_WIDEST_CLOSED_DEG))).all())


def _directions(number: int) -> FloatArray:
    """(number, 3) unit vectors, evenly over the upper half of a sphere: a Fibonacci lattice (Gonzalez, Math. Geosci.
    2010, 42, 49)."""
    steps = np.arange(number)
    heights = (steps + 0.5) / number
    turns = np.pi * (1 + np.sqrt(5)) * steps
    across = np.sqrt(1 - heights**2)
    return np.stack([across * np.cos(turns), across * np.sin(turns), heights], axis=1)


_UPWARD: Final = _directions(100)


def _exchanged(slab_state: SlabState, places: FloatArray, slab: FloatArray) -> tuple[tuple[int, int], ...]:
    """Slab atoms that have left their places, each with an atom of the molecule that is nearer to it than
    `LEFT_ITS_PLACE` now."""
    left = np.flatnonzero(slab_state.displaced(slab[None])[0])
    if not len(left):
        return ()
    (moved,), _ = slab_state.surface.moved(slab[None])
    homes = slab[left] - moved[left]
    lengths = slab_state.surface.lattice.distances(homes, places)
    nearest = lengths.argmin(axis=1)
    return tuple(
        (int(left[home]), int(atom)) for home, atom in enumerate(nearest) if lengths[home, atom] < LEFT_ITS_PLACE
    )
