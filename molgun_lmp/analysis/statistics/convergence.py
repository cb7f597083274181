"""How the fractions settle as shots are added: running estimates, bootstrap bands, and sets of ten.

A band says where the fraction of a campaign of so many shots would lie, with other snapshots and other shots of the
same kind: snapshots are drawn anew with replacement, each kind for itself, and then as many shots as are asked for.
Where that gives none or all only, it does not say how rare the others may be, and where shots that had settled were
ended early, not what these would have become: the fraction's own interval is the band.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.statistics.bootstrap import bootstrap_fractions
from molgun_lmp.analysis.statistics.estimates import Estimator, clusters_of, lines_of
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
    corrected: float = 0.0
    """What the audit of settled shots adds to the count."""


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
    hits = np.array([line.values for line in lines.values()])
    settled = any(line.audit is not None for line in lines.values())
    fractions = bootstrap_fractions(hits, clusters, sizes, rng, resamples)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    bands = np.quantile(fractions, tails, axis=0)
    points = []
    for at, size in enumerate(sizes):
        begun = np.arange(len(outcomes)) < size
        first = clusters.take(begun)
        among = {label: line.take(begun) for label, line in lines.items()}
        estimator = Estimator.of(among.values(), first, confidence=confidence)
        for number, (line, hit) in enumerate(among.items()):
            estimate = estimator.over(hit, first)
            band = (float(bands[0, at, number]), float(bands[1, at, number]))
            points.append(
                RunningPoint(
                    line=line,
                    shots=size,
                    count=estimate.count,
                    fraction=estimate.fraction or 0.0,
                    low=estimate.cluster[0],
                    high=estimate.cluster[1],
                    band=estimate.cluster if settled or band in {(0.0, 0.0), (1.0, 1.0)} else band,
                )
            )
    return tuple(sorted(points, key=lambda point: list(lines).index(point.line)))


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
                count=int(hit.hit[first : first + size].sum()),
                shots=size,
                corrected=float(hit.weighted[first : first + size].sum()),
            )
