"""Two campaigns that fired the same shots: their fractions compared shot by shot.

Shot i is a function of seed, pools, gun and i, so where these agree both campaigns met the same snapshots with the same
kick, and what the snapshots do to the outcome cancels in the difference. Its variance is the two-way cluster variance
of the differences (McNemar's test where shots are independent: McNemar, Psychometrika 12, 153 (1947)); at the number
of independent shots that they are worth the interval is that of Agresti and Min, Stat. Med. 24, 729 (2005), with half a
shot more in each of the four cells.

Shots of chains of doses are drawn alike, too, but from the second dose on they meet what each campaign's own chain has
become: there the chain is what both have in common, and the variance is that of the differences of whole chains.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from pydantic import ConfigDict
from scipy import special

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, effective_shots, two_way_variance
from molgun_lmp.analysis.statistics.estimates import clusters_of
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.records import JsonRecord, Outcome

_FEWEST_SHARE: Final = 0.5
"""Of the smaller campaign's shots must be in both: fewer would throw more away than pairing gains."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a campaign's shots were drawn from: seed, hashes of the pools by part, section `gun` of its file, and how
    many doses a chain has; None where its shots are by themselves."""

    seed: int
    pools: Mapping[str, str]
    gun: Mapping[str, Any]
    doses: int | None = None

    def differs_from(self, other: "Drawn") -> tuple[str, ...]:
        """What does not agree, such as `seed`, `gun.kick` or `dose.molecules`."""
        parts = sorted(self.pools.keys() | other.pools.keys())
        keys = sorted(self.gun.keys() | other.gun.keys())
        return (
            *(["seed"] if self.seed != other.seed else []),
            *(f"{part} pool" for part in parts if self.pools.get(part) != other.pools.get(part)),
            *(f"gun.{key}" for key in keys if self.gun.get(key) != other.gun.get(key)),
            *(["dose.molecules"] if self.doses != other.doses else []),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairing(JsonRecord):
    """Whether a campaign is compared with the reference shot by shot."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    campaign: str
    reference: str
    shots: int
    """That are in both, and whose differences are taken; 0 where the campaigns are compared as independent."""
    differs: tuple[str, ...]
    """What does not agree, and keeps them from being paired."""
    chains: int = 0
    """Of doses, that these shots are of; 0 where shots are by themselves."""

    def sentence(self) -> str:
        """The same in words."""
        if self.chains:
            return (
                f"{self.campaign} is paired with {self.reference} chain by chain: seed, pools, gun and number of doses "
                f"agree, and differences are those of the {self.chains} chains that both have, over their {self.shots} "
                "common doses."
            )
        if self.shots:
            return (
                f"{self.campaign} is paired with {self.reference}: seed, pools and gun agree, and differences are "
                f"those of the {self.shots} shots that both have."
            )
        return f"{self.campaign} and {self.reference} are compared as independent: {', '.join(self.differs)}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Places of the common shots among the outcomes of the reference and of the other campaign."""

    reference: tuple[int, ...]
    other: tuple[int, ...]
    clusters: Clusters


def pair(
    reference: tuple[str, Sequence[Outcome], Drawn | None], other: tuple[str, Sequence[Outcome], Drawn | None]
) -> tuple[Pairing, Pairs | None]:
    """What both campaigns, each a name, its outcomes and what they were drawn from, fired alike; None where nothing."""
    (first, ours, from_ours), (second, theirs, from_theirs) = reference, other
    place = {outcome.trajectory_id: k for k, outcome in enumerate(ours)}
    common = [(place[o.trajectory_id], k) for k, o in enumerate(theirs) if o.trajectory_id in place]
    differs: tuple[str, ...]
    if from_ours is None or from_theirs is None:
        strangers = [name for name, drawn in ((first, from_ours), (second, from_theirs)) if drawn is None]
        differs = (f"shots of {' and '.join(strangers)} were drawn elsewhere",)
    else:
        what = from_ours.differs_from(from_theirs)
        differs = (f"{', '.join(what)} {'differs' if len(what) == 1 else 'differ'}",) if what else ()
    early = [name for name, outcomes, _ in (reference, other) if any(o.audit_share is not None for o in outcomes)]
    if not differs and early:
        differs = (f"shots of {' and '.join(early)} that had settled were ended early",)
    if not differs and len(common) < max(2, _FEWEST_SHARE * min(len(ours), len(theirs))):
        differs = (f"only {len(common)} shots are in both",)
    if not differs:
        differs = tuple(
            f"shot {theirs[b].trajectory_id} has other snapshots"
            for a, b in common
            if (ours[a].slab_snapshot, ours[a].molecule_snapshot)
            != (theirs[b].slab_snapshot, theirs[b].molecule_snapshot)
        )[:1]
    if differs:
        return Pairing(campaign=second, reference=first, shots=0, differs=differs), None
    pairs = Pairs(
        reference=tuple(a for a, _ in common),
        other=tuple(b for _, b in common),
        clusters=clusters_of([ours[a] for a, _ in common]),
    )
    chains = pairs.clusters.slabs if from_ours is not None and from_ours.doses is not None else 0
    return Pairing(campaign=second, reference=first, shots=len(common), differs=(), chains=chains), pairs


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedLine:
    """A line of the table in both campaigns over their N common shots, linearised.

    `difference` is the other campaign's fraction less the reference's; `residual` (N,) are the shots' shares in its
    error, of mean 0; `differ` (N,) bool where the two shots count differently.
    """

    difference: float
    residual: FloatArray
    differ: BoolArray

    @property
    def square(self) -> float:
        """Mean square of the shots' own differences; for a line that counts all shots, the share that differ."""
        return float(np.mean(self.residual**2)) + self.difference**2

    @property
    def independent(self) -> float:
        """Variance of the difference if the shots were independent."""
        return float(np.mean(self.residual**2)) / (len(self.residual) - 1)


def paired_line(other: Line, reference: Line) -> PairedLine | None:
    """Of the same shots in the same order; None where a campaign has none to count."""
    if not other.counted.any() or not reference.counted.any():
        return None
    (theirs, more), (ours, less) = (linearised(line) for line in (other, reference))
    differ = (other.hit != reference.hit) | (other.counted != reference.counted)
    return PairedLine(difference=theirs - ours, residual=more - less, differ=differ)


def linearised(line: Line) -> tuple[float, FloatArray]:
    """The fraction of the counted shots, and each shot's share in its error (N,), as of a ratio of two means."""
    counted = line.counted.astype(np.float64)
    fraction = float(line.hit[line.counted].mean())
    residual: FloatArray = (line.hit * counted - fraction * counted) / counted.mean()
    return fraction, residual


def pooled_effect(lines: Sequence[PairedLine | None], clusters: Clusters) -> float | None:
    """Mean design effect of the differences, weighted by their variances; None where no shot differs in any line."""
    seen = [line for line in lines if line is not None and line.independent > 0]
    if not seen or clusters.fewest < 2:
        return None
    variance = sum(two_way_variance(line.residual, clusters) for line in seen)
    return max(1.0, variance / sum(line.independent for line in seen))


def _worth(line: PairedLine, clusters: Clusters, confidence: float, pooled: float | None) -> float:
    effect = None
    if line.independent > 0:
        effect = max(1.0, two_way_variance(line.residual, clusters) / line.independent)
    return effective_shots(line.differ, clusters, effect, confidence, pooled)[1]


def paired_interval(
    line: PairedLine | None, clusters: Clusters, confidence: float, pooled: float | None
) -> tuple[float, float]:
    """Bounds of the difference, robust against effects of the snapshots; (-1, 1) where nothing can be said."""
    if line is None or clusters.fewest < 2:
        return -1.0, 1.0
    shots = _worth(line, clusters, confidence, pooled)
    centre = line.difference * shots / (shots + 2)
    variance = (line.square * shots + 1 - line.difference**2 * shots**2 / (shots + 2)) / (shots + 2) ** 2
    half = float(special.ndtri(0.5 + confidence / 2)) * math.sqrt(variance)
    return max(-1.0, centre - half), min(1.0, centre + half)


def paired_p(line: PairedLine | None, clusters: Clusters, confidence: float, pooled: float | None) -> float | None:
    """Two-sided p value of no difference: McNemar's test at the number of shots that the differences are worth, which
    allows for few snapshots at `confidence`. 1 where no shot differs, None where nothing can be said."""
    if line is None or clusters.fewest < 2:
        return None
    if line.difference == 0.0 or line.square == 0.0:
        return 1.0
    shots = _worth(line, clusters, confidence, pooled)
    return float(2 * special.ndtr(-abs(line.difference) * math.sqrt(shots / line.square)))
