"""Which frames are worth a label: far from the training data, disputed by the committee, and unlike each other."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from molgun_lmp.arrays import FloatArray
from molgun_lmp.learning.settings import Choice


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """A frame that could be labelled. `place` counts the stored frames of its trajectory from 0."""

    trajectory: str
    place: int
    time_ps: float
    distance: float
    """Of its farthest atom from the training data."""
    spread_ev_per_angstrom: float | None
    """The committee's largest; None without one."""
    fingerprint: FloatArray
    """(D,) its strangest atoms in descriptor space (`AtomSpaces.fingerprint`)."""


def choose(candidates: Sequence[Candidate], known: FloatArray, number: int, how: Choice) -> list[int]:
    """Indices of at most `number` candidates, the first chosen first.

    The shortlist are those with the best mean rank of distance and spread; from it that one is taken next whose
    fingerprint is farthest from those of the training data, `known` (T, D), and of what was taken before (sampling by
    farthest points: Eldar et al., IEEE Trans. Image Process. 6, 1305 (1997)). Frames of one trajectory are at least
    `how.apart_ps` apart. Where the shortlist has not enough, the others follow.
    """
    if not candidates or number < 1:
        return []
    order = np.argsort(-_interest(candidates), kind="stable")
    listed = round(how.shortlist * number)
    points = np.array([one.fingerprint for one in candidates])
    gap = np.full(len(candidates), np.inf) if not len(known) else np.asarray(cKDTree(known).query(points)[0])
    chosen: list[int] = []
    for part in (order[:listed], order[listed:]):
        open_ones = list(part)
        while open_ones and len(chosen) < number:
            best = int(max(open_ones, key=lambda index: gap[index]))
            open_ones.remove(best)
            if any(_are_neighbours(candidates[best], candidates[other], how.apart_ps) for other in chosen):
                continue
            chosen.append(best)
            gap = np.minimum(gap, np.sqrt(np.square(points - points[best]).sum(axis=1)))
    return chosen


def _interest(candidates: Sequence[Candidate]) -> FloatArray:
    """(C,) sum of the ranks; ties share theirs."""
    ranks: FloatArray = rankdata([one.distance for one in candidates])
    spreads = [one.spread_ev_per_angstrom for one in candidates]
    known = [spread for spread in spreads if spread is not None]
    return ranks + rankdata(known) if len(known) == len(candidates) else ranks


def _are_neighbours(one: Candidate, other: Candidate, apart_ps: float) -> bool:
    close = abs(one.time_ps - other.time_ps) < apart_ps - 1e-9 or one.place == other.place
    return one.trajectory == other.trajectory and close
