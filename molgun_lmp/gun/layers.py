"""Atomic layers of a slab: counted by height, assigned by height and, where the bonds agree, by the bonds."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from molgun_lmp.gun.minimum_image import MinimumImage
from molgun_lmp.records import FloatArray, IntArray

_MIN_SPACING: Final = 0.5  # Å; no two layers of a real surface are closer, thermal halves of one layer are
_EVENNESS: Final = 0.7
# A layer cut in two by its own buckling (Si(001): 0.7 Å) stands out from the spacing of whole layers (1.36 Å), while a
# relaxed top layer (1.15 Å above the second) does not.
_BOND_RANGE: Final = 1.2  # of the typical nearest-neighbour distance; the next shell of diamond and fcc is beyond 1.4


def assign_layers(positions: FloatArray, lattice: MinimumImage) -> IntArray:
    """Layer of each atom, 0 for the highest: positions (N, 3) Å in, (N,) integers out.

    The number of layers is the largest for which Ward clustering of the heights gives evenly spaced centres. A layer
    is then how many bonds its atoms are away from the lowest layer, provided that this gives the same number of layers
    (it does for diamond(001) and fcc(111), not for fcc(110), whose atoms also bind to the next layer but one): so a
    low atom of a buckled or struck dimer stays in the top layer. Otherwise heights alone decide.
    """
    heights = positions[:, 2]
    n_layers = _count_layers(heights)
    by_height = _by_height(heights, n_layers)
    steps = _bonds_from(by_height == n_layers - 1, lattice.distances(positions, positions))
    if np.isfinite(steps).all() and int(steps.max()) == n_layers - 1:
        return n_layers - 1 - steps.astype(np.int64)
    return by_height


def _by_height(heights: FloatArray, n_layers: int) -> IntArray:
    """Equal layers in order of height where the number of atoms allows it, else the layer with the nearest centre."""
    if len(heights) % n_layers == 0:
        layers = np.empty(len(heights), dtype=np.int64)
        layers[np.argsort(-heights, kind="stable")] = np.arange(len(heights)) // (len(heights) // n_layers)
        return layers
    centres = _centres(heights, _ward(heights), n_layers)
    nearest: IntArray = np.argmin(np.abs(heights[:, None] - centres[None, :]), axis=1).astype(np.int64)
    return nearest


def _bonds_from(start: npt.NDArray[np.bool_], distances: FloatArray) -> FloatArray:
    """(N,) smallest number of bonds from any of the `start` atoms, infinite where there is no way."""
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    typical = float(np.median(distances.min(axis=1)))
    graph = csr_array(distances < _BOND_RANGE * typical)
    steps: FloatArray = dijkstra(graph, directed=False, unweighted=True, indices=np.flatnonzero(start), min_only=True)
    return steps


def _count_layers(heights: FloatArray) -> int:
    most = min(len(heights), int(float(np.ptp(heights)) / _MIN_SPACING) + 1)
    if most < 2:
        return 1
    tree = _ward(heights)
    for n_layers in range(most, 1, -1):
        spacings = -np.diff(_centres(heights, tree, n_layers))
        least = max(_MIN_SPACING, _EVENNESS * float(np.median(spacings)))
        if len(spacings) == n_layers - 1 and spacings.min() >= least:
            return n_layers
    return 1


def _ward(heights: FloatArray) -> FloatArray:
    tree: FloatArray = linkage(heights[:, None], method="ward")
    return tree


def _centres(heights: FloatArray, tree: FloatArray, n_clusters: int) -> FloatArray:
    labels = fcluster(tree, n_clusters, criterion="maxclust")
    centres = np.array([heights[labels == label].mean() for label in np.unique(labels)])
    return np.sort(centres)[::-1]
