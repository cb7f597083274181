"""One fraction under several models that fired the same shots: how much of its error is the models'.

The members of a committee were trained alike, and differ where the data do not decide. A fraction p_k under member k
of K differs from the mean over them by two things: by the model, with a variance s2 between models, and by luck, since
even a model that is hardly another one sends some shots elsewhere. The members share their shots, so what a shot does
to all of them cancels in the differences, and the luck is known from how the members disagree within the shots: with
B the variance of the p_k and W that of their luck, B - W estimates s2. Where shots are independent it is the estimate
of the two-way layout shots x members, W its residual mean square over N (Searle, Casella and McCulloch, Variance
Components (1992), ch. 4); here W is the cluster-robust variance of the members' differences, so that luck which the
shots of one snapshot share is luck as well. Below nothing it is cut off.

The interval is of the fraction that another model of this kind would give with any number of shots, the reference
method among them if it is to the members as they are to each other. It is off the mean by m' - (mean of m and luck) -
(luck of the mean): V + (1 + 1/K) s2, V the variance of the mean over shots, in which the luck of its members is
already. As (1 + 1/K) B estimates (1 + 1/K) (s2 + W) with K - 1 degrees of freedom, a variance of the form
(1 + 1/K) E[B] + V - (1 + 1/K) W needs no estimate of s2 at all, and counts no luck twice: B at the t quantile of
K - 1, as for the prediction of one more value, the rest at the normal one. The half width beside that of the shots is
the square root of

    t^2 (1 + 1/K) B - z^2 min(V, (1 + 1/K) W),

not below 0, and laid out on the angular scale (arcsine of the root of the fraction: Anscombe, Biometrika 35, 246
(1948)), on which a spread at a fraction near 0 or 1 reaches farther away from that end than towards it. Were s2 itself
estimated, cut off and widened, the interval would miss too often where it was cut off.
That the spread of an observable over the members is its error is what is done with committees elsewhere
(Imbalzano et al., J. Chem. Phys. 154, 074102 (2021)); an error that all members share no committee shows.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from molgun_lmp.analysis.statistics.clustered_intervals import (
    Clusters,
    cluster_interval,
    effective_shots,
    normal_quantile,
    two_way_variance,
    wilson,
)
from molgun_lmp.analysis.statistics.pairing import linearised
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import FloatArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverModels:
    """A fraction over K members that fired the same shots."""

    fraction: float
    """The mean over the members."""
    sampling: tuple[float, float]
    """Of that mean over other shots, robust against shared snapshots: these very models, fired for ever."""
    between_variance: float | None
    """Of the fractions that models of this kind would give with any number of shots; None where the snapshots cannot
    tell luck from models."""
    total: tuple[float, float]
    """Of the fraction that another model of this kind would give with any number of shots."""
    note: str
    """What to mind of the interval over shots."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VarianceParts:
    """Of the fractions of K members over the same shots: `members` between them, as they came out (B), and `luck`, what
    of it is to be expected of models that are alike (W)."""

    members: float
    luck: float

    @classmethod
    def of(cls, values: FloatArray, clusters: Clusters) -> "VarianceParts":
        """Of values (K, N) whose means are the fractions. Raises `ValueError` as `two_way_variance`."""
        members = len(values)
        apart = values - values.mean(axis=0)
        luck = sum(two_way_variance(one, clusters) for one in apart) / (members - 1)
        return cls(members=float(values.mean(axis=1).var(ddof=1)), luck=float(luck))

    @property
    def between(self) -> float:
        """What is left for the models; negative where luck alone would be expected to give more."""
        return self.members - self.luck


def over_models(
    lines: Sequence[Line], clusters: Clusters, *, confidence: float = 0.95, pooled: float | None = None
) -> OverModels | None:
    """One line of a table under each of K >= 2 members, the same N shots in the same order.

    `clusters` of the shots; `pooled` as in `cluster_interval`. None where a member has no shot to count.
    """
    if not all(line.counted.any() for line in lines):
        return None
    taken = [linearised(line) for line in lines]
    values: FloatArray = np.array([fraction + residual for fraction, residual in taken])
    fraction = min(1.0, max(0.0, float(values.mean())))
    usual = min(zip(lines, taken, strict=True), key=lambda one: abs(one[1][0] - fraction))[0]
    among = clusters.take(usual.counted)
    if among.fewest < 2:
        unknown = cluster_interval(usual.hit[usual.counted], among, confidence)
        return OverModels(
            fraction=fraction, sampling=(0.0, 1.0), between_variance=None, total=(0.0, 1.0), note=unknown.note
        )
    sampled = two_way_variance(values.mean(axis=0), clusters)
    sampling, note = _over_shots(
        fraction, sampled, usual, among, members=len(lines), confidence=confidence, pooled=pooled
    )
    parts = VarianceParts.of(values, clusters)
    down, up = _reach_of_models(fraction, _half_width_of_models(parts, sampled, len(lines), confidence))
    return OverModels(
        fraction=fraction,
        sampling=sampling,
        between_variance=max(0.0, parts.between),
        total=(
            max(0.0, fraction - math.hypot(fraction - sampling[0], down)),
            min(1.0, fraction + math.hypot(sampling[1] - fraction, up)),
        ),
        note=note,
    )


def _over_shots(
    fraction: float,
    variance: float,
    usual: Line,
    among: Clusters,
    *,
    members: int,
    confidence: float,
    pooled: float | None,
) -> tuple[tuple[float, float], str]:
    """Wilson's interval of the mean at the number of independent shots that its variance says, and what to mind.

    Up to K times the shots that were fired, since each member has luck of its own. Where events are rare it is the
    number that the member `usual`, whose fraction is nearest to the mean, would be given alone.
    """
    hit = usual.hit[usual.counted]
    binomial = fraction * (1 - fraction) / (len(hit) - 1)
    effect = max(1 / members, variance / binomial) if variance > 0.0 and binomial > 0.0 else None
    if effect is None and among.all_distinct:
        effect = 1.0
    _, worth, note = effective_shots(hit, among, effect, confidence, pooled)
    return wilson(fraction * worth, worth, confidence), note


def _half_width_of_models(parts: VarianceParts, sampled: float, members: int, confidence: float) -> float:
    more = 1 + 1 / members
    t = float(special.stdtrit(members - 1, 0.5 + confidence / 2))
    z = normal_quantile(confidence)
    return math.sqrt(max(0.0, t**2 * more * parts.members - z**2 * min(sampled, more * parts.luck)))


def _reach_of_models(fraction: float, half: float) -> tuple[float, float]:
    """How far a half width reaches down and up from a fraction, on the angular scale."""
    slope = 2 * math.sqrt(fraction * (1 - fraction))
    if slope == 0.0:
        return 0.0, 0.0
    angle, wide = math.asin(math.sqrt(fraction)), half / slope
    low, high = math.sin(max(0.0, angle - wide)) ** 2, math.sin(min(math.pi / 2, angle + wide)) ** 2
    return fraction - low, high - fraction
