"""Bootstrap over clusters: shots resampled with the snapshots that they share."""

from collections.abc import Sequence

import numpy as np

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.arrays import FloatArray, IntArray


def bootstrap_fractions(
    hits: np.ndarray, clusters: Clusters, sizes: Sequence[int], rng: np.random.Generator, resamples: int
) -> FloatArray:
    """Fractions of resampled campaigns: `hits` (L, N) bool and ascending sizes in, (resamples, sizes, L) out.

    Both kinds of snapshots are drawn with replacement, and a shot is there as often as the product of its snapshots'
    numbers says (Owen's pigeonhole bootstrap, Ann. Appl. Stat. 1, 386 (2007), which is mildly conservative); then the
    first shots of a random order are taken. Where each snapshot of one kind meets one of the other only, the
    other, coarser kind alone is drawn.
    """
    found = np.empty((resamples, len(sizes), len(hits)))
    for sample in range(resamples):
        drawn = rng.permutation(np.repeat(np.arange(hits.shape[1]), resampled_weights(clusters, rng)))
        counts = np.cumsum(hits[:, drawn], axis=1)
        ends = np.minimum(sizes, len(drawn))
        found[sample] = (counts[:, ends - 1] / ends).T
    return found


def resampled_weights(clusters: Clusters, rng: np.random.Generator) -> IntArray:
    """(N,) how often each shot is there in one resampled campaign; at least one is."""
    pairs = int(clusters.both.max()) + 1
    while True:
        weights = np.ones(clusters.shots, dtype=np.int64)
        if pairs == clusters.molecules or pairs != clusters.slabs:
            weights *= _drawn(clusters.slab, clusters.slabs, rng)
        if pairs != clusters.molecules:
            weights *= _drawn(clusters.molecule, clusters.molecules, rng)
        if weights.any():
            return weights


def _drawn(codes: IntArray, groups: int, rng: np.random.Generator) -> IntArray:
    times: IntArray = np.bincount(rng.integers(groups, size=groups), minlength=groups)[codes]
    return times
