"""How the fractions settle as shots are added: running estimates, bootstrap bands, and sets of ten.

A band says where the fraction of a campaign of so many shots would lie, with other snapshots and other shots of the
same kind: snapshots are drawn anew with replacement, each kind for itself, and then as many shots as are asked for.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from molgun_lmp.analysis.estimates import Estimator, clusters_of, lines_of
from molgun_lmp.analysis.statistics import Clusters
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.csv_files import write_csv
from molgun_lmp.records import Outcome

RESAMPLES: Final = 400
SET_SIZE: Final = 10
_ROUND: Final = (1, 2, 5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunningPoint:
    """One line of the table after the first `shots` shots; `low`, `high` is its cluster-robust interval then,
    `band` the middle 95 % (or the confidence asked for) of bootstrap campaigns of that many shots."""

    line: str
    shots: int
    count: int
    fraction: float
    low: float
    high: float
    band: tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShotSet:
    """One line of the table within one set of consecutive shots, `first` to `last`, counted from 0."""

    number: int
    first: int
    last: int
    line: str
    count: int
    shots: int


def sizes_up_to(shots: int) -> tuple[int, ...]:
    """10, 20, 50, 100, ... and the number of shots itself; the latter alone below 10."""
    powers = range(1, len(str(shots)) + 1)
    rounds = [step * 10**power for power in powers for step in _ROUND if step * 10**power < shots]
    return (*rounds, shots) if shots else ()


def running(
    outcomes: Sequence[Outcome], rng: np.random.Generator, *, resamples: int = RESAMPLES, confidence: float = 0.95
) -> tuple[RunningPoint, ...]:
    """Every line that was seen, at each of `sizes_up_to`, the shots taken in the order given.

    The shots must be a complete prefix of the campaign: early ends would be too many among those that ended so far.
    """
    clusters, lines = clusters_of(outcomes), lines_of(outcomes)
    sizes = sizes_up_to(len(outcomes))
    if not sizes:
        return ()
    hits = np.array(list(lines.values()))
    fractions = bootstrap_fractions(hits, clusters, sizes, rng, resamples)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    bands = np.quantile(fractions, tails, axis=0)
    points = []
    for at, size in enumerate(sizes):
        first = clusters.take(np.arange(len(outcomes)) < size)
        estimator = Estimator.of([hit[:size] for hit in hits], first, confidence=confidence)
        for number, (line, hit) in enumerate(lines.items()):
            estimate = estimator.over(hit[:size], first)
            points.append(
                RunningPoint(
                    line=line,
                    shots=size,
                    count=estimate.count,
                    fraction=estimate.count / size,
                    low=estimate.cluster[0],
                    high=estimate.cluster[1],
                    band=(float(bands[0, at, number]), float(bands[1, at, number])),
                )
            )
    return tuple(sorted(points, key=lambda point: list(lines).index(point.line)))


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


def sets_of(outcomes: Sequence[Outcome], size: int = SET_SIZE) -> Iterator[ShotSet]:
    """The whole sets of `size` consecutive shots, each line that was seen anywhere in every set."""
    lines = lines_of(outcomes)
    for number in range(len(outcomes) // size):
        first = number * size
        for line, hit in lines.items():
            yield ShotSet(
                number=number,
                first=first,
                last=first + size - 1,
                line=line,
                count=int(hit[first : first + size].sum()),
                shots=size,
            )


def write_running(points: Sequence[RunningPoint], path: Path) -> Path:
    """One line per line of the table and number of shots, numbers unrounded."""
    header = ("line", "shots", "count", "fraction", "cluster_low", "cluster_high", "bootstrap_low", "bootstrap_high")
    return write_csv(path, header, ((p.line, p.shots, p.count, p.fraction, p.low, p.high, *p.band) for p in points))


def write_sets(sets: Iterator[ShotSet], path: Path) -> Path:
    """One line per set and line of the table."""
    header = ("set", "first", "last", "line", "count", "shots", "fraction")
    rows = ((s.number, s.first, s.last, s.line, s.count, s.shots, s.count / s.shots) for s in sets)
    return write_csv(path, header, rows)
