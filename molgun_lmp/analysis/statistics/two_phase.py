"""Fractions at the planned end where most shots that had settled were ended early: the difference estimator of
two-phase sampling, and its interval.

First phase: every shot, one that settled by the class in which it did. Second phase: an audit, a random share p of
those that settled, ran on to the planned end. The estimate is the first phase's fraction plus the audited shots'
changes, each counted 1/p times: exactly unbiased over the audit's draw, whatever settling is worth, since each settled
shot runs on with the known probability p and independently of all else (Horvitz and Thompson, J. Am. Stat. Assoc. 47,
663 (1952); Neyman, J. Am. Stat. Assoc. 33, 101 (1938); the difference estimator of Cochran, Sampling Techniques, 3rd
ed. (1977), section 12.8, for the slope 1).

Its error has two parts. What other shots would have given is that of a campaign in which all ran on, over snapshots as
everywhere else. What other audits would have given is known by design: of T settled shots that change, k ~ Binomial(T,
p) are seen, and the bounds of T are those of the score test, (k - p T)^2 = z^2 T p (1 - p), which say how many changes
may be there where none was seen. Both are put together as Zou and Donner do (Stat. Med. 27, 1693 (2008), "MOVER").
"""

import dataclasses
import math
from typing import Self

import numpy as np

from molgun_lmp.analysis.statistics.clustered_intervals import (
    Clusters,
    Interval,
    cluster_interval,
    effective_shots,
    normal_quantile,
    wilson,
)
from molgun_lmp.analysis.statistics.clustered_intervals import design_effect as design_effect_of
from molgun_lmp.arrays import BoolArray, FloatArray, IntArray

Change = IntArray
"""(N,) of one line: 1 where an audited shot counts in it at the end and did not when it settled, -1 the other way."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Audit:
    """Which of N shots settled, and which of these ran on all the same; `share`: the probability with which they do."""

    settled: BoolArray
    audited: BoolArray
    share: float

    def take(self, keep: BoolArray) -> Self:
        """That of the shots where `keep`, (N,) bool, is true."""
        return dataclasses.replace(self, settled=self.settled[keep], audited=self.audited[keep])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a table over N shots: which hit, one that settled as it did then, and which count; both (N,).

    `change` and `audit` say what the audit has found; None in a campaign of which no shot settled.
    """

    hit: BoolArray
    counted: BoolArray
    change: Change | None = None
    audit: Audit | None = None

    @classmethod
    def of_all(cls, hit: BoolArray, change: Change | None = None, audit: Audit | None = None) -> Self:
        """A line that counts all shots."""
        return cls(hit=hit, counted=np.ones(len(hit), dtype=np.bool_), change=change, audit=audit)

    @property
    def weighted(self) -> FloatArray:
        """(N,) the audited shots' changes, each as often as it stands for; their sum is the correction of the count."""
        if self.change is None or self.audit is None:
            return np.zeros(len(self.hit))
        weighted: FloatArray = self.change / self.audit.share
        return weighted

    @property
    def values(self) -> BoolArray | FloatArray:
        """(N,) numbers whose mean is the estimate: the hits themselves where no shot settled."""
        return self.hit if self.audit is None else self.hit + self.weighted

    def take(self, keep: BoolArray) -> Self:
        """That of the shots where `keep`, (N,) bool, is true."""
        return dataclasses.replace(
            self,
            hit=self.hit[keep],
            counted=self.counted[keep],
            change=None if self.change is None else self.change[keep],
            audit=None if self.audit is None else self.audit.take(keep),
        )

    def of_counted(self) -> Self:
        """Without the shots that do not count."""
        return self if self.counted.all() else self.take(self.counted)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoPhase:
    """A fraction with its interval; `corrected`: what the audit adds to the count, 0 where it has found nothing."""

    fraction: float | None
    """None for no shots."""
    corrected: float
    interval: Interval
    independent: tuple[float, float]
    """The bounds as if every shot were independent."""


def estimate(line: Line, clusters: Clusters, confidence: float, pooled: float | None) -> TwoPhase:
    """Of the shots of a line, all of which count.

    Where no shot settled it is `cluster_interval` and `wilson`. The fraction is cut off at 0 and 1, which the note
    says: the audit of a line with few shots may take away more than there are.
    """
    hit, shots, count = line.hit, len(line.hit), int(line.hit.sum())
    if line.change is None or line.audit is None or not line.audit.settled.any():
        return TwoPhase(
            fraction=count / shots if shots else None,
            corrected=0.0,
            interval=cluster_interval(hit, clusters, confidence, pooled),
            independent=wilson(count, shots, confidence),
        )
    found = _Found.of(line)
    estimated = (count + found.corrected) / shots
    fraction = min(1.0, max(0.0, estimated))
    notes = [found.sentence()]
    if fraction != estimated:
        notes.append(f"the audit alone gives {100 * estimated:.1f} %: cut off")
    errors = found.bounds(confidence)
    independent = _joined(fraction, wilson(fraction * shots, shots, confidence), errors)
    effect, worth = 1.0, float(shots)
    if clusters.fewest < 2:
        one = cluster_interval(hit, clusters, confidence, pooled)
        return TwoPhase(fraction=fraction, corrected=found.corrected, interval=one, independent=independent)
    if not clusters.all_distinct:
        own = design_effect_of(hit, clusters)
        of_all, worth, note = effective_shots(hit, clusters, own, confidence, pooled)
        effect = of_all if of_all is not None else shots / worth
        notes.append(note)
    low, high = _joined(fraction, wilson(fraction * worth, worth, confidence), errors)
    interval = Interval(
        low=low,
        high=high,
        design_effect=effect,
        effective_shots=_worth(fraction, worth, found, confidence),
        note="; ".join(filter(None, notes)),
    )
    return TwoPhase(fraction=fraction, corrected=found.corrected, interval=interval, independent=independent)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Found:
    """What an audit found of one line: changes out of it and into it, among those who could."""

    shots: int
    share: float
    audited: int
    out: int
    into: int
    unseen_out: int
    """Shots that had settled in the line and were ended: any of them may have left it since."""
    unseen_into: int
    """Shots that had settled elsewhere and were ended."""

    @classmethod
    def of(cls, line: Line) -> "_Found":
        assert line.change is not None
        assert line.audit is not None
        ended = line.audit.settled & ~line.audit.audited
        return cls(
            shots=len(line.hit),
            share=line.audit.share,
            audited=int(line.audit.audited.sum()),
            out=int((line.change < 0).sum()),
            into=int((line.change > 0).sum()),
            unseen_out=int((ended & line.hit).sum()),
            unseen_into=int((ended & ~line.hit).sum()),
        )

    @property
    def corrected(self) -> float:
        return (self.into - self.out) / self.share

    def sentence(self) -> str:
        changes = self.out + self.into
        return f"{changes} of {self.audited} audited changed" + (
            f", each stands for {1 / self.share:g}" if changes else ""
        )

    def bounds(self, confidence: float) -> tuple[float, float]:
        """How far the audit's error may have moved the fraction up, and down; both from 0 upwards."""
        z = normal_quantile(confidence)
        out = _changed(self.out, self.share, self.unseen_out, z)
        into = _changed(self.into, self.share, self.unseen_into, z)
        seen_out, seen_into = self.out / self.share, self.into / self.share
        too_high = math.hypot(max(0.0, out[1] - seen_out), max(0.0, seen_into - into[0]))
        too_low = math.hypot(max(0.0, into[1] - seen_into), max(0.0, seen_out - out[0]))
        return too_high / self.shots, too_low / self.shots


def _changed(seen: int, share: float, unseen: int, z: float) -> tuple[float, float]:
    """Bounds of how many settled shots change of which `seen` were audited, when `unseen` more might."""
    middle = 2 * seen + z * z * (1 - share)
    root = math.sqrt(middle * middle - 4.0 * seen * seen)
    return max(float(seen), (middle - root) / (2 * share)), min(float(seen + unseen), (middle + root) / (2 * share))


def _joined(fraction: float, sampling: tuple[float, float], audit: tuple[float, float]) -> tuple[float, float]:
    low = fraction - math.hypot(fraction - sampling[0], audit[0])
    high = fraction + math.hypot(sampling[1] - fraction, audit[1])
    return max(0.0, low), min(1.0, high)


def _worth(fraction: float, worth: float, found: _Found, confidence: float) -> float:
    """Independent shots that know the fraction as well; one change more than was seen may be there."""
    z2 = normal_quantile(confidence) ** 2
    near = (fraction * worth + z2 / 2) / (worth + z2)
    sampling = near * (1 - near) / worth
    possible = found.unseen_out + found.unseen_into > 0
    changes = found.out + found.into + (1 if possible else 0)
    audit = changes * (1 - found.share) / (found.share * found.shots) ** 2
    return worth * sampling / (sampling + audit)
