"""What becomes of a molecule against how many are there already: sticking, holds and outcomes at each coverage.

Shots of one chain are not independent, for they meet what the chain has become; chains are. Intervals are clustered
over chains.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Self

import numpy as np

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, pooled_design_effect
from molgun_lmp.analysis.statistics.estimates import Estimator
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import BoolArray, IntArray
from molgun_lmp.dosing_records import Change, Hold
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.records import Outcome

MOST_BINS: Final = 12
"""Up to so many numbers of molecules each is a line of its own."""

What = Literal["sticking", "hold", "outcome", "site", "change"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """What coverages are counted by: atoms of the top layer, of which as many molecules are a monolayer, and dimers."""

    top_atoms: int
    dimers: int

    def per_atom(self, molecules: float) -> float:
        """Molecules per atom of the top layer: monolayers."""
        return molecules / self.top_atoms

    def per_dimer(self, molecules: float) -> float | None:
        """Molecules per dimer; None on a surface without."""
        return molecules / self.dimers if self.dimers else None


def holds_that_stay(physisorbed_stay: bool) -> tuple[Hold, ...]:
    """What holds a molecule so that it is taken up: bonds, to the slab or to what is bound there, and with
    `dose.keep: bound_and_physisorbed` also what holds one without."""
    bonds = (Hold.SURFACE, Hold.ADSORBATE)
    return (*bonds, Hold.FIRST_LAYER, Hold.SECOND_LAYER) if physisorbed_stay else bonds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Doses:
    """N shots of chains: (N,) the `chain` and the `dose` of each, how many molecules stood there `before`, and how many
    do `after`; `taken_up` (N,) bool: the newcomer is held so that it stays for the next dose."""

    chain: IntArray
    dose: IntArray
    before: IntArray
    after: IntArray
    taken_up: BoolArray

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], doses: int, *, physisorbed_stay: bool) -> Self:
        """From the outcomes of chains of so many doses; what stands there after a shot is what the next one met, or,
        after the last, what is held at its end."""
        met = {int(one.trajectory_id): one.company.before for one in outcomes if one.company is not None}
        stays = holds_that_stay(physisorbed_stay)
        rows = []
        for one in outcomes:
            if one.company is None or one.mode.kind is Kind.FAILED:
                continue
            index = int(one.trajectory_id)
            held = sum(molecule.hold in stays for molecule in one.company.molecules)
            after = met.get(index + 1, held) if (index + 1) % doses else held
            rows.append((*divmod(index, doses), one.company.before, after, one.company.newcomer.hold in stays))
        chain, dose, before, after_it, taken = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        return cls(chain=chain, dose=dose, before=before, after=after_it, taken_up=taken.astype(np.bool_))

    @property
    def clusters(self) -> Clusters:
        """The chains that shots share."""
        return Clusters.of(self.chain.tolist(), list(range(len(self.chain))), "chain")

    @property
    def chains(self) -> int:
        """How many there are."""
        return len(np.unique(self.chain))


def lines_of_doses(outcomes: Sequence[Outcome], doses: Doses) -> dict[tuple[What, str], BoolArray]:
    """(what, line) -> (N,) bool, over the shots of `doses`, made of the same outcomes: what sticks, what holds the
    newcomer, its class or what it stands on where that is no slab, its site, and what happened to those that were
    there; where a shot has it."""
    counted = [one for one in outcomes if one.company is not None and one.mode.kind is not Kind.FAILED]
    newcomers = [one.company.newcomer for one in counted if one.company is not None]
    modes = [mode.label for mode in in_order(one.mode for one in newcomers)]
    labels = dict.fromkeys([*modes, Hold.ADSORBATE.value, Hold.SECOND_LAYER.value])
    lines: dict[tuple[What, str], BoolArray] = {("sticking", "taken up"): doses.taken_up}
    lines |= {("hold", hold.value): np.array([one.hold is hold for one in newcomers], np.bool_) for hold in Hold}
    lines |= {("outcome", label): np.array([one.label == label for one in newcomers], np.bool_) for label in labels}
    sites = sorted({one.site for one in newcomers} - {""})
    lines |= {("site", site): np.array([one.site == site for one in newcomers], np.bool_) for site in sites}
    gatherings = [one.company for one in counted if one.company is not None]
    lines |= {("change", kind.value): np.array([one.count(kind) > 0 for one in gatherings], bool) for kind in Change}
    return {of: hit for of, hit in lines.items() if hit.any() or of[0] == "sticking"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AtCoverage:
    """A line of the table of shots that met between `fewest` and `most` molecules."""

    what: What
    line: str
    fewest: int
    most: int
    molecules: float
    """The mean that they met."""
    monolayers: float
    per_dimer: float | None
    count: int
    shots: int
    fraction: float
    cluster_low: float
    cluster_high: float
    simultaneous_low: float
    simultaneous_high: float
    """At a level so strict that the intervals of this line hold at all coverages at once."""
    note: str


def at_coverage(
    doses: Doses, lines: Mapping[tuple[What, str], BoolArray], places: Places, bins: int = MOST_BINS
) -> list[AtCoverage]:
    """Every line, each (N,) bool, at every coverage that shots met: each number of molecules by itself, or `bins`
    ranges of them where there are more."""
    if not len(doses.before):
        return []
    ranges = [(low, high) for low, high in _ranges(doses.before, bins) if _between(doses, low, high).any()]
    clusters, found = doses.clusters, []
    for (what, line), hit in lines.items():
        estimator = Estimator(confidence=0.95, lines=len(ranges), pooled=pooled_design_effect([hit], clusters))
        for low, high in ranges:
            there = _between(doses, low, high)
            one, mean = estimator.over(Line.of_all(hit[there]), clusters.take(there)), float(doses.before[there].mean())
            found.append(
                AtCoverage(
                    what=what,
                    line=line,
                    fewest=low,
                    most=high,
                    molecules=mean,
                    monolayers=places.per_atom(mean),
                    per_dimer=places.per_dimer(mean),
                    count=one.count,
                    shots=one.shots,
                    fraction=one.count / one.shots,
                    cluster_low=one.cluster[0],
                    cluster_high=one.cluster[1],
                    simultaneous_low=one.simultaneous[0],
                    simultaneous_high=one.simultaneous[1],
                    note=one.note,
                )
            )
    return found


def _between(doses: Doses, low: int, high: int) -> BoolArray:
    there: BoolArray = (doses.before >= low) & (doses.before <= high)
    return there


def _ranges(before: IntArray, bins: int) -> list[tuple[int, int]]:
    """Of numbers of molecules, both ends included."""
    highest = int(before.max())
    size = -(-(highest + 1) // bins)
    return [(low, min(low + size - 1, highest)) for low in range(0, highest + 1, size)]
