"""Intervals for a fraction of shots that share slab and molecule snapshots.

Shots from one snapshot resemble each other, so a binomial interval claims too much. The variance of the fraction is
taken over both kinds of snapshots at once (two-way cluster-robust); its ratio to the binomial variance is the design
effect, and the interval is Wilson's at the number of independent shots that are worth as much.

Molecules that are fired as drawn look nearly the same way in all snapshots of one equilibration run. What is said of
molecule snapshots here then holds for these runs.
"""

import dataclasses
import math
from collections.abc import Hashable, Sequence
from typing import Final, Literal

import numpy as np
from scipy import special

from molgun_lmp.arrays import BoolArray, FloatArray, IntArray

FEW_CLUSTERS: Final = 10
"""Below this many snapshots of a kind an estimate of their spread is itself vague, and the note says so."""
RARE: Final = 0.1
"""Where fewer shots than this share hit, or missed, the few events may hide that they come in bursts."""
_MORE_EVENTS: Final = 2
"""That a rare fraction is held against: z^2 / 2, as Wilson's interval moves its centre for the fraction itself."""
_ALIKE: Final = 0.1
"""Intraclass correlation up to which this is done: more has to be seen."""


MoleculeUnit = Literal["snapshot", "run", "atom", "chain"]
"""What shots may share of their molecules: snapshots, or equilibration runs of which all snapshots are alike; an atom
has one state by nature, so that nothing is shared. `chain`: shots share the chain of doses that they are of, which
stands in place of the slab's snapshot, and nothing else."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clusters:
    """Which slab and which molecule snapshot each of N shots used, as codes 0..G-1; both arrays (N,)."""

    slab: IntArray
    molecule: IntArray
    both: IntArray
    """Codes of the pairs (slab snapshot, molecule snapshot)."""
    molecule_unit: MoleculeUnit = "snapshot"

    @classmethod
    def of(
        cls,
        slab: Sequence[Hashable],
        molecule: Sequence[Hashable],
        molecule_unit: MoleculeUnit = "snapshot",
    ) -> "Clusters":
        """Codes of N labels each. Raises `ValueError` where the two differ in length."""
        if len(slab) != len(molecule):
            raise ValueError(f"{len(slab)} slab labels but {len(molecule)} molecule labels: one of each per shot")
        pairs = list(zip(slab, molecule, strict=True))
        return cls(slab=_codes(slab), molecule=_codes(molecule), both=_codes(pairs), molecule_unit=molecule_unit)

    def take(self, keep: BoolArray) -> "Clusters":
        """The clusters of the shots where `keep`, (N,) bool, is true."""
        return Clusters.of(self.slab[keep].tolist(), self.molecule[keep].tolist(), self.molecule_unit)

    @property
    def shots(self) -> int:
        """Number of shots, N."""
        return len(self.slab)

    @property
    def slabs(self) -> int:
        """Number of different slab snapshots."""
        return _groups(self.slab)

    @property
    def molecules(self) -> int:
        """Number of different molecule snapshots."""
        return _groups(self.molecule)

    @property
    def fewest(self) -> int:
        """Snapshots of the kind that has fewer; its sample decides how much can be known."""
        return min(self.slabs, self.molecules)

    @property
    def fewest_name(self) -> str:
        """What `fewest` counts, in words."""
        if self.molecule_unit in {"atom", "chain"}:
            return "slab snapshots" if self.molecule_unit == "atom" else "chains"
        return (
            "molecule runs" if self.molecule_unit == "run" and self.molecules <= self.slabs else "snapshots of a kind"
        )

    @property
    def all_distinct(self) -> bool:
        """True where no snapshot was used twice: then the shots are independent."""
        return self.fewest == self.shots


def _codes(labels: Sequence[Hashable]) -> IntArray:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def _groups(codes: IntArray) -> int:
    return int(codes.max()) + 1 if len(codes) else 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interval:
    """Cluster-robust bounds of a fraction, with what they rest on."""

    low: float
    high: float
    design_effect: float | None
    """Variance over that of independent shots, at least 1. None where the shots cannot tell it."""
    effective_shots: float
    """Independent shots worth as much as these ones, the correction for few snapshots included."""
    note: str
    """What the reader must know about this interval; empty where there is nothing."""


def wilson(hits: float, shots: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a binomial fraction; (0, 1) for no shots.

    `hits` and `shots` may be fractional (effective numbers). Raises `ValueError` unless 0 <= hits <= shots and
    0 < confidence < 1. Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    if not 0.0 <= hits <= shots:
        raise ValueError(f"{hits} hits of {shots} shots: hits must lie between 0 and the number of shots")
    z = normal_quantile(confidence)
    if shots == 0:
        return 0.0, 1.0
    fraction = hits / shots
    centre = (hits + z * z / 2) / (shots + z * z)
    half = z / (shots + z * z) * math.sqrt(shots * fraction * (1 - fraction) + z * z / 4)
    # Exact at the ends, where rounding would leave 1e-17.
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == shots else min(1.0, centre + half)
    return low, high


def normal_quantile(confidence: float) -> float:
    """Of a two-sided interval. Raises `ValueError` unless 0 < confidence < 1."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence}: give a number between 0 and 1, such as 0.95")
    return float(special.ndtri(0.5 + confidence / 2))


def two_way_variance(hit: BoolArray | FloatArray, clusters: Clusters) -> float:
    """Variance of the mean of `hit` (N,), hits or numbers, over both kinds of snapshots; 0 where all shots agree.

    V = V_slab + V_molecule - V_pair, each term with the factor G/(G-1). This difference can come out too small by
    chance, even negative, so the result is never below the larger one-way variance. Needs two snapshots of each kind,
    else `ValueError`. Source: Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 238 (2011), eq. 2.11 and its
    small-sample correction.
    """
    if clusters.fewest < 2:
        raise ValueError("a variance between snapshots needs two slab and two molecule snapshots at least")
    residual = hit - hit.mean()
    slab = _one_way(residual, clusters.slab)
    molecule = _one_way(residual, clusters.molecule)
    return max(slab + molecule - _one_way(residual, clusters.both), slab, molecule)


def _one_way(residual: FloatArray, codes: IntArray) -> float:
    sums = np.bincount(codes, weights=residual)
    groups = len(sums)
    return float(groups / (groups - 1) * np.sum(sums**2) / len(residual) ** 2)


def design_effect(hit: BoolArray, clusters: Clusters) -> float | None:
    """Two-way variance over the variance of as many independent shots, at least 1.

    None where it cannot be estimated: no shots, all shots alike, or a single snapshot of a kind.
    """
    shots, hits = len(hit), int(hit.sum())
    if hits in (0, shots) or clusters.fewest < 2:
        return None
    return max(1.0, two_way_variance(hit, clusters) / _binomial_variance(hits, shots))


def _binomial_variance(hits: int, shots: int) -> float:
    return hits * (shots - hits) / (shots * shots * (shots - 1))


def burst_design_effect(hit: BoolArray, clusters: Clusters) -> float | None:
    """The design effect that a rare event would have had with two more of them in its fullest snapshot.

    Whether events come in bursts, a few snapshots with many, shows in pairs that share a snapshot. A few events make
    hardly a pair, and their design effect is then 1 although many snapshots with none and one with ten would be no
    surprise: just those campaigns that saw too few of them would be given too short an interval. Two more events are
    to the pairs what the z^2 / 2 more of Wilson's interval are to the fraction. Never below the design effect itself,
    and hardly above it for a hundred events, nor for few shots on each snapshot: it is not raised beyond what an
    intraclass correlation of 0.1 makes (Kish, Survey Sampling (1965)). None where the design effect is.
    """
    effect = design_effect(hit, clusters)
    if effect is None:
        return None
    event = hit if 2 * hit.sum() <= len(hit) else ~hit
    raised = []
    for codes in (clusters.slab, clusters.molecule):
        fullest = int(np.argmax(np.bincount(codes, weights=event)))
        more = event.copy()
        more[np.flatnonzero((codes == fullest) & ~event)[:_MORE_EVENTS]] = True
        shots_each = float(np.sum(np.bincount(codes) ** 2)) / len(hit)
        raised.append(min(design_effect(more, clusters) or effect, 1 + _ALIKE * (shots_each - 1)))
    return max(effect, *raised)


def pooled_design_effect(hits: Sequence[BoolArray], clusters: Clusters) -> float | None:
    """Mean design effect of several categories, weighted by their binomial variances; None where none has one.

    It stands in for categories too rare to show their own. Where all are, with next to all shots in one category, it
    is not below that one's `burst_design_effect`. Source: Rao and Scott, Ann. Stat. 12, 46 (1984), the first-order
    correction.
    """
    seen = [hit for hit in hits if 0 < hit.sum() < len(hit)]
    if not seen or clusters.fewest < 2:
        return None
    variance = sum(two_way_variance(hit, clusters) for hit in seen)
    effect = max(1.0, variance / sum(_binomial_variance(int(hit.sum()), len(hit)) for hit in seen))
    commonest = max(seen, key=_events)
    return max(effect, burst_design_effect(commonest, clusters) or effect) if _is_rare(commonest) else effect


def _events(hit: BoolArray) -> int:
    """Hits or misses, whichever are fewer."""
    return min(int(hit.sum()), int((~hit).sum()))


def _is_rare(hit: BoolArray) -> bool:
    return _events(hit) < RARE * len(hit)


def cluster_interval(
    hit: BoolArray, clusters: Clusters, confidence: float = 0.95, pooled: float | None = None
) -> Interval:
    """Interval of a fraction, robust against effects of slab and molecule snapshots.

    Wilson's interval at the effective number of shots n / deff * (t(n-1) / t(G-1))**2, G the number of snapshots of the
    kind that has fewer (Korn and Graubard, Surv. Methodol. 24, 193 (1998), with Wilson's interval for theirs). It
    contains Wilson's own, and equals it where every shot has its own snapshots.

    `hit` (N,) bool. `pooled` is the design effect of the campaign as a whole: with fewer hits, or misses, than
    snapshots, a fraction's own design effect is noise, and the larger of the two is used. Up to a tenth of the shots
    the pooled one is still a lower bound, unless the fraction's own `burst_design_effect` is smaller; that is used
    where no other is given. Where none is known, each snapshot counts as one observation, the worst case. A single
    snapshot of a kind says nothing about others: (0, 1).
    """
    shots, hits = len(hit), int(hit.sum())
    if shots == 0:
        normal_quantile(confidence)
        return Interval(low=0.0, high=1.0, design_effect=None, effective_shots=0.0, note="no shots")
    if clusters.fewest < 2:
        note = f"{_single(clusters)}: what others would give is unknown"
        return Interval(low=0.0, high=1.0, design_effect=None, effective_shots=0.0, note=note)
    if clusters.all_distinct:
        low, high = wilson(hits, shots, confidence)
        note = "every shot has its own snapshots: equal to Wilson"
        return Interval(low=low, high=high, design_effect=1.0, effective_shots=shots, note=note)
    effect, effective, note = effective_shots(hit, clusters, design_effect(hit, clusters), confidence, pooled)
    low, high = wilson(hits / shots * effective, effective, confidence)
    return Interval(low=low, high=high, design_effect=effect, effective_shots=effective, note=note)


def effective_shots(
    event: BoolArray, clusters: Clusters, effect: float | None, confidence: float, pooled: float | None
) -> tuple[float | None, float, str]:
    """The design effect to use, the independent shots that are worth as much, and what the reader must know.

    `event` (N,) bool are what the estimate rests on, and `effect` is its own design effect; see `cluster_interval`.
    """
    shots = len(event)
    burst = burst_design_effect(event, clusters) if _is_rare(event) else effect
    notes = []
    if pooled is not None and _events(event) < clusters.fewest and (effect is None or pooled > effect):
        effect = pooled
        notes.append("few events: design effect of the whole campaign")
    elif effect is not None and burst is not None:
        least = burst if pooled is None else min(burst, pooled)
        if least > effect:
            effect = least
            unit = "chain" if clusters.molecule_unit == "chain" else "snapshot"
            notes.append(f"few events: allowing for two more in one {unit}")
    if clusters.fewest < FEW_CLUSTERS:
        notes.append(f"only {clusters.fewest} {clusters.fewest_name}")
    if effect is None:
        one = {"molecule runs": "run", "chains": "chain"}.get(clusters.fewest_name, "snapshot")
        return None, float(clusters.fewest), "; ".join([f"all alike: one observation per {one}", *notes])
    few = special.stdtrit(shots - 1, 0.5 + confidence / 2) / special.stdtrit(clusters.fewest - 1, 0.5 + confidence / 2)
    return effect, float(shots / effect * few**2), "; ".join(notes)


def _single(clusters: Clusters) -> str:
    if clusters.molecule_unit == "chain":
        return "a single chain"
    kinds = (("slab snapshot", clusters.slabs), (f"molecule {clusters.molecule_unit}", clusters.molecules))
    return " and ".join(f"a single {name}" for name, number in kinds if number == 1 and name != "molecule atom")
