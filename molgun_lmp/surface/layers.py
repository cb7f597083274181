"""Atomic layers of a slab from its heights alone."""

from typing import Final

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from molgun_lmp.arrays import FloatArray, IntArray

_MIN_SPACING: Final = 0.5  # Å; no two layers of a real surface are closer, thermal halves of one layer are
_EVENNESS: Final = 0.63
# Between two cases of Si(001), spacing 1.36 Å: the relaxed top layer 1.05 Å above the second (0.77) must count, the
# upper and lower dimer ends as two layers (0.52 at most, since both halves must fit above the second) must not.
_ALIKE: Final = 0.25  # relative; deep layers that differ by more in their number of atoms are not copies of each other
_SPARSEST: Final = 0.5  # of the typical layer; a few adatoms are part of the layer below them


def assign_layers(heights: FloatArray) -> IntArray:
    """Layer of each atom, 0 for the highest: heights (N,) Å in, (N,) integers out.

    The number of layers is the largest for which Ward clustering of the heights gives evenly spaced layers. Where
    those below the first two hold about the same number of atoms, they are then filled from below in order of height,
    and the top layer takes the rest. Order keeps the low atom of a buckled dimer (0.7 Å above the second layer,
    displaced by heat) in the top layer, where clustering would not; so does filling where atoms are missing from the
    top.
    """
    tree = linkage(heights[:, None], method="ward") if len(heights) > 1 else np.empty((0, 4))
    most = min(len(heights), int(float(np.ptp(heights)) / _MIN_SPACING) + 1)
    for n_layers in range(most, 1, -1):
        labels: IntArray = fcluster(tree, n_layers, criterion="maxclust")
        counts = np.bincount(labels)[1:]
        centres = np.bincount(labels, weights=heights)[1:] / counts
        order = np.argsort(-centres)
        spacings = -np.diff(centres[order])
        typical = int(np.median(counts))
        if (
            len(centres) < n_layers
            or spacings.min() < max(_MIN_SPACING, _EVENNESS * float(np.sort(spacings)[len(spacings) // 2]))
            or counts.min() < _SPARSEST * typical
        ):
            continue
        alike = bool((np.abs(counts[order][2:] - typical) <= _ALIKE * typical).all())
        if alike and typical * (n_layers - 1) < len(heights):
            return _filled_from_below(heights, typical, n_layers)
        return np.argsort(order)[labels - 1].astype(np.int64)
    return np.zeros(len(heights), dtype=np.int64)


def _filled_from_below(heights: FloatArray, per_layer: int, n_layers: int) -> IntArray:
    from_below = np.empty(len(heights), dtype=np.int64)
    from_below[np.argsort(heights, kind="stable")] = np.arange(len(heights)) // per_layer
    layers: IntArray = n_layers - 1 - np.minimum(from_below, n_layers - 1)
    return layers
