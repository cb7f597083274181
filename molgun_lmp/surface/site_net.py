"""The sites of one layer: its atoms, the bridges between neighbours, and the hollows that bridges enclose."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Final, Self

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray
from molgun_lmp.outcome_words import AtomSite
from molgun_lmp.surface.minimum_image import MinimumImage

# In units of the layer's nearest distance.
_NEIGHBOURS: Final = (
    1.33  # heat shortens the nearest distance; the diagonal of a square is 1.41, bcc(110)'s bridge 1.155
)
_SAME_CENTRE: Final = 0.4  # the two threefold hollows at a long bridge of bcc(110) are 0.415 apart, thermal ones 0.58
_SPREAD: Final = 2.5  # how far the layer is continued through its boundaries: a hollow is never so wide
# Second-layer atom off the axis of a threefold hollow: 0 below an hcp hollow, 0.58 below an fcc one, 0.21 in bcc(110).
_BENEATH: Final = 0.29
_HCP_MEAN, _FCC_MEAN, _LEAST_SHARE = 0.17, 0.45, 1 / 3
_CLOSE_PACKED: Final = 1.2  # of the slab's nearest distance; the upper half of a double layer of Si(111) is at 1.63
_CLOSED: Final = 1.3  # the sides of a threefold hollow of a close-packed layer, hot
_SAME_ATOM: Final = 1e-6  # Å
_FLAT: Final = 1e-9  # Å²

Corner = tuple[int, int, int]
"""A slab atom, and the cell that its image lies in."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SiteNet:
    """The S sites of a layer of a clean slab of N atoms.

    `kinds`; `corners`: the slab atoms around each, one of them twice where two images of it are; `atoms`: each once;
    `centres` (S, 3) Å; `shares` (S, N): how much of each atom's displacement moves the centre.
    """

    kinds: tuple[AtomSite, ...]
    corners: tuple[tuple[int, ...], ...]
    atoms: tuple[tuple[int, ...], ...]
    centres: FloatArray
    shares: FloatArray

    @classmethod
    def of(cls, positions: FloatArray, members: IntArray, beneath: IntArray, lattice: MinimumImage) -> Self:
        """The sites of the layer `members` in a slab at `positions` (N, 3) Å, `beneath` it the next layer."""
        found = list(_sites(positions, members, beneath, lattice))
        centres = np.array([_places(corners, positions, lattice).mean(axis=0) for _, corners in found])
        shares = np.zeros((len(found), len(positions)))
        for row, (_, corners) in enumerate(found):
            for atom, _, _ in corners:
                shares[row, atom] += 1 / len(corners)
        return cls(
            kinds=tuple(kind for kind, _ in found),
            atoms=tuple(tuple(sorted({atom for atom, _, _ in corners})) for _, corners in found),
            corners=tuple(tuple(atom for atom, _, _ in corners) for _, corners in found),
            centres=centres,
            shares=shares,
        )

    def nearest(self, position: FloatArray, moved: FloatArray, lattice: MinimumImage) -> int:
        """The site whose centre is nearest in the plane to a place (3,) Å over the slab, whose atoms have `moved`
        (N, 3) Å from where they were found."""
        away = lattice.shortest(position - self.centres - self.shares @ moved)[:, :2]
        return int(np.argmin(np.einsum("ij,ij->i", away, away)))

    def around(self, partners: frozenset[int]) -> int | None:
        """The smallest site that has all of some slab atoms at its corners."""
        fitting = [number for number, atoms in enumerate(self.atoms) if partners <= set(atoms)]
        return min(fitting, key=lambda number: len(self.corners[number])) if fitting else None


def _sites(
    positions: FloatArray, members: IntArray, beneath: IntArray, lattice: MinimumImage
) -> Iterator[tuple[AtomSite, tuple[Corner, ...]]]:
    for atom in members.tolist():
        yield AtomSite.ON_TOP, ((atom, 0, 0),)
    corners, places = _continued(positions, members, lattice)
    try:
        triangles = Delaunay(places[:, :2])
    except (QhullError, ValueError):  # all in one line
        return
    between = lattice.distances(positions[members], positions[members])
    between[between < _SAME_ATOM] = np.linalg.norm(lattice.vectors, axis=1).min()
    spacing = float(np.median(between.min(axis=1)))
    hollows, bridges = _merged(triangles, places, spacing)
    yield from ((AtomSite.BRIDGE, bridge) for bridge in _each_once(bridges, corners))
    faces = _each_once(hollows, corners)
    yield from zip(_kinds_of_hollows(faces, positions, beneath, spacing, lattice), faces, strict=True)


def _continued(positions: FloatArray, members: IntArray, lattice: MinimumImage) -> tuple[list[Corner], FloatArray]:
    """The layer with its images nearby: P corners and their places (P, 3) Å."""
    own = positions[members]
    spread = _SPREAD * float(np.sqrt(abs(np.linalg.det(lattice.vectors)) / len(members)))
    widths = 1.0 / np.linalg.norm(lattice.inverse, axis=0)
    fraction = own[:, :2] @ lattice.inverse
    fraction -= np.floor(fraction.min(axis=0))
    first, second = (range(-n, n + 1) for n in np.ceil(fraction.max(axis=0) + spread / widths).astype(int).tolist())
    corners, places = list[Corner](), list[FloatArray]()
    for i, j in itertools.product(first, second):
        moved = fraction + np.array([i, j])
        near = (moved >= fraction.min(axis=0) - spread / widths) & (moved <= fraction.max(axis=0) + spread / widths)
        chosen = np.flatnonzero(near.all(axis=1))
        corners.extend((atom, i, j) for atom in members[chosen].tolist())
        places.append(own[chosen] + [*(i * lattice.vectors[0] + j * lattice.vectors[1]), 0.0])
    return corners, np.concatenate(places)


def _each_once(chosen: Iterable[tuple[int, ...]], corners: list[Corner]) -> list[tuple[Corner, ...]]:
    """Those with a corner in the layer itself, of all images of one the first."""
    found = set[tuple[Corner, ...]]()
    for places in chosen:
        own = [corners[place] for place in places]
        if (0, 0) in {corner[1:] for corner in own}:
            found.add(_canonical(own))
    return sorted(found)


def _canonical(corners: list[Corner]) -> tuple[Corner, ...]:
    """The same for all images."""
    ordered = sorted(corners)
    _, i, j = ordered[0]
    return tuple((atom, a - i, b - j) for atom, a, b in ordered)


def _merged(
    triangles: Delaunay, places: FloatArray, spacing: float
) -> tuple[list[tuple[int, ...]], set[tuple[int, ...]]]:
    """Triangles on one circle joined to one hollow (a square's two, a hexagon's four), and the bridges in between."""
    simplices, neighbours = triangles.simplices, triangles.neighbors
    centres = _circumcentres(places[simplices, :2])
    edges = np.stack([np.delete(simplices, corner, axis=1) for corner in range(3)], axis=1)
    lengths = np.linalg.norm(places[edges[..., 0]] - places[edges[..., 1]], axis=-1)
    apart = np.where(neighbours >= 0, np.linalg.norm(centres[:, None] - centres[neighbours], axis=-1), np.inf)
    inside = (lengths > _NEIGHBOURS * spacing) & (apart < _SAME_CENTRE * spacing)
    one, corner = np.nonzero(inside)
    size = len(simplices)
    graph = coo_array((np.ones(len(one)), (one, neighbours[one, corner])), shape=(size, size))
    number, joined = connected_components(graph, directed=False)
    corners: list[set[int]] = [set() for _ in range(number)]
    for hollow, simplex in zip(joined.tolist(), simplices.tolist(), strict=True):
        corners[hollow].update(simplex)
    bridges: set[tuple[int, ...]] = {(min(edge), max(edge)) for edge in edges[~inside].tolist()}
    return [tuple(sorted(hollow)) for hollow in corners], bridges


def _circumcentres(corners: FloatArray) -> FloatArray:
    """(T, 2) of triangles (T, 3, 2); of a flat one far away."""
    sides = corners[:, 1:] - corners[:, :1]
    squares = np.einsum("tij,tij->ti", sides, sides)
    area = 2 * (sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    area = np.where(np.abs(area) < _FLAT, _FLAT, area)
    x = (sides[:, 1, 1] * squares[:, 0] - sides[:, 0, 1] * squares[:, 1]) / area
    y = (sides[:, 0, 0] * squares[:, 1] - sides[:, 1, 0] * squares[:, 0]) / area
    centres: FloatArray = corners[:, 0] + np.stack([x, y], axis=1)
    return centres


def _places(corners: tuple[Corner, ...], positions: FloatArray, lattice: MinimumImage) -> FloatArray:
    shifts = np.array([[*(i * lattice.vectors[0] + j * lattice.vectors[1]), 0.0] for _, i, j in corners])
    places: FloatArray = positions[[atom for atom, _, _ in corners]] + shifts
    return places


def _kinds_of_hollows(
    faces: list[tuple[Corner, ...]], positions: FloatArray, beneath: IntArray, spacing: float, lattice: MinimumImage
) -> list[AtomSite]:
    """fcc and hcp only where the next layer lies below one third of the hollows or more, and clear of as many."""
    offsets = np.full(len(faces), np.nan)
    threefold = [row for row, face in enumerate(faces) if len(face) == 3]
    if threefold and len(beneath):
        corners = np.array([_places(faces[row], positions, lattice) for row in threefold])
        offsets[threefold] = _offsets(corners, positions[beneath], spacing, lattice)
    known = ~np.isnan(offsets)
    covered: BoolArray = known & (offsets < _BENEATH)
    clear = known & ~covered
    told = (
        min(covered.sum(), clear.sum()) >= max(1, _LEAST_SHARE * known.sum())
        and offsets[covered].mean() < _HCP_MEAN
        and offsets[clear].mean() > _FCC_MEAN
    )
    kinds = list[AtomSite]()
    for row, face in enumerate(faces):
        if told and known[row]:
            kinds.append(AtomSite.HOLLOW_HCP if covered[row] else AtomSite.HOLLOW_FCC)
        else:
            kinds.append(AtomSite.HOLLOW_FOURFOLD if len(face) == 4 else AtomSite.HOLLOW)
    return kinds


def _offsets(corners: FloatArray, beneath: FloatArray, spacing: float, lattice: MinimumImage) -> FloatArray:
    """(T,) how far the nearest atom of the next layer is off the axis of three atoms (T, 3, 3) Å, in nearest distances.

    NaN where the three are not close-packed with the layer below. The axis is square to the three, so that the terraces
    of a stepped surface are judged as a flat one is.
    """
    sides = corners - np.roll(corners, 1, axis=1)
    normals = np.cross(sides[:, 0], sides[:, 1])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    vectors = lattice.vectors_between(corners.mean(axis=1), beneath)
    along = np.einsum("tbi,ti->tb", vectors, normals)
    across = np.sqrt(np.maximum(np.einsum("tbi,tbi->tb", vectors, vectors) - along**2, 0.0)).min(axis=1)
    down = lattice.distances(corners[:, 0], beneath).min(axis=1)
    close = (np.linalg.norm(sides, axis=2).max(axis=1) < _CLOSED * spacing) & (spacing < _CLOSE_PACKED * down)
    offsets: FloatArray = np.where(close, across / spacing, np.nan)
    return offsets
