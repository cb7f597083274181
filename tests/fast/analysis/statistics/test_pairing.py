"""Campaigns that fired the same shots: what must agree, known numbers, coverage and level, and what pairing gains."""

import dataclasses
import math

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of
from scipy.special import expit

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.analysis.statistics.comparison import Comparison, compare, difference_interval, difference_p
from molgun_lmp.analysis.statistics.estimates import Estimator
from molgun_lmp.analysis.statistics.pairing import Drawn, paired_interval, paired_line, paired_p, pooled_effect
from molgun_lmp.analysis.statistics.summary import summarise, table_lines
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.records import Outcome

DRAWN = Drawn(seed=24, pools={"slab": "aa", "molecule": "bb"}, gun={"kick": {"kind": "flux"}, "pairing": "paired"})
ROW = "OT-CY"


def fired(hits: list[bool], slab: list[int] | None = None, molecule: list[int] | None = None) -> list[Outcome]:
    return [
        outcome_of(
            k,
            paper.OT_CY if hit else paper.SCATTERED,
            None if slab is None else slab[k],
            None if molecule is None else molecule[k],
        )
        for k, hit in enumerate(hits)
    ]


def compared(a: list[Outcome], b: list[Outcome], other: Drawn | None = DRAWN) -> Comparison:
    return compare(paper.SCHEME, [("a", a), ("b", b)], drawn=[DRAWN, other])


def test_what_keeps_two_campaigns_from_being_paired_is_named() -> None:
    a, b = fired([True] * 6 + [False] * 6), fired([True] * 8 + [False] * 4)
    found = compared(a, b)
    assert found.pairings[0].shots == 12
    assert {one.pairs for one in found.differences} == {12}
    assert "b is paired with a: seed, pools and gun agree" in found.pairings[0].sentence()
    for other, named in (
        (dataclasses.replace(DRAWN, seed=25), "seed differs"),
        (dataclasses.replace(DRAWN, pools={"slab": "aa", "molecule": "cc"}), "molecule pool differs"),
        (dataclasses.replace(DRAWN, gun={"kick": {"kind": "flux"}, "pairing": "independent"}), "gun.pairing differs"),
        (dataclasses.replace(DRAWN, doses=4), "dose.molecules differs"),
        (Drawn(seed=1, pools=DRAWN.pools, gun={"pairing": "paired"}), "seed, gun.kick differ"),
        (None, "shots of b were drawn elsewhere"),
    ):
        apart = compared(a, b, other)
        assert apart.pairings[0].shots == 0
        assert f"are compared as independent: {named}." in apart.pairings[0].sentence()
        assert apart.differences == compare(paper.SCHEME, [("a", a), ("b", b)]).differences
    strange = [dataclasses.replace(one, slab_snapshot="x") if k == 3 else one for k, one in enumerate(b)]
    assert compared(a, strange).pairings[0].differs == ("shot 000003 has other snapshots",)
    assert compared(a, b[9:] + fired([True] * 40)[12:]).pairings[0].differs == ("only 3 shots are in both",)
    assert compared(a, b[2:]).pairings[0].shots == 10, "what only one of them has is left out"
    assert Comparison.from_json(found.to_json(), paper.SCHEME) == found


def test_independent_pairs_give_mcnemars_test_and_the_interval_of_agresti_and_min() -> None:
    # 53 alike hits, 16 and 3 that differ, 17 alike misses, each with its own snapshots.
    a = [True] * 53 + [True] * 16 + [False] * 3 + [False] * 17
    b = [True] * 53 + [False] * 16 + [True] * 3 + [False] * 17
    found = next(one for one in compared(fired(b), fired(a)).differences if one.row == ROW)
    assert found.difference == pytest.approx(13 / 89)
    assert found.p == pytest.approx(math.erfc(13 / math.sqrt(19) / math.sqrt(2)), rel=1e-9)
    half = 1.959964 * math.sqrt((16 + 3 + 1) - 13**2 / 91) / 91
    assert found.interval == pytest.approx((13 / 91 - half, 13 / 91 + half), abs=1e-6)


def test_lines_are_those_of_the_table_and_those_in_contact_are_a_ratio() -> None:
    ended = enumerate([*paper.CLASSES, paper.OT_CY])
    outcomes = [outcome_of(k, mode, contact_ps=None if k % 5 == 0 else 0.5) for k, mode in ended]
    lines, table = table_lines(paper.SCHEME, outcomes), summarise(paper.SCHEME, outcomes).table()
    assert [(int(line.hit.sum()), int(line.counted.sum())) for line in lines] == [
        (row.estimate.count, row.estimate.shots) for row in table
    ]
    # By hand: of 4 shots 3 in contact of which 2 hit, against 2 of which 1.
    one = Line(hit=np.array([1, 1, 0, 0], bool), counted=np.array([1, 1, 1, 0], bool))
    two = Line(hit=np.array([1, 0, 0, 0], bool), counted=np.array([1, 1, 0, 0], bool))
    line = paired_line(one, two)
    assert line is not None
    assert line.difference == pytest.approx(2 / 3 - 1 / 2)
    by_hand = np.array([1 / 3, 1 / 3, -2 / 3, 0]) / 0.75 - np.array([1 / 2, -1 / 2, 0, 0]) / 0.5
    assert line.residual == pytest.approx(by_hand)
    assert line.differ.tolist() == [False, True, True, False]
    assert paired_line(one, Line(hit=two.hit, counted=np.zeros(4, bool))) is None


def test_campaigns_that_end_alike_differ_by_no_more_than_their_snapshots_allow() -> None:
    hits = [k % 3 == 0 for k in range(60)]
    slab, molecule = [k % 6 for k in range(60)], [k // 10 for k in range(60)]
    found = next(
        one for one in compared(fired(hits, slab, molecule), fired(hits, slab, molecule)).differences if one.row == ROW
    )
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.interval[0] < 0 < found.interval[1] < 0.5
    single = Clusters.of([0] * 4, range(4))
    line = paired_line(
        Line(hit=np.ones(4, bool), counted=np.ones(4, bool)), Line(hit=np.zeros(4, bool), counted=np.ones(4, bool))
    )
    assert paired_interval(line, single, 0.95, None) == (-1.0, 1.0)
    assert paired_p(line, single, 0.95, None) is None


@dataclasses.dataclass(frozen=True)
class Seen:
    """One line of two campaigns with the same shots: paired, and as if they were independent."""

    interval: tuple[float, float]
    p: float | None
    apart: tuple[float, float]
    p_apart: float | None


def two_campaigns(rng: np.random.Generator, *, spread: float, alike: float, shift: float) -> Seen:
    """1000 shots on 30 snapshots of each kind, which shift the log odds of both campaigns by the same normal effects of
    standard deviation `spread`; a share `alike` of the shots has the same luck. `shift` is the other's log odds."""
    shots, snapshots = 1000, 30
    slab, molecule = rng.integers(snapshots, size=(2, shots))
    odds = -0.8 + rng.normal(0, spread, snapshots)[slab] + rng.normal(0, spread, snapshots)[molecule]
    luck, clusters = rng.random(shots), Clusters.of(slab.tolist(), molecule.tolist())
    reference = luck < expit(odds)
    other = np.where(rng.random(shots) < alike, luck, rng.random(shots)) < expit(odds + shift)
    every = np.ones(shots, dtype=bool)
    line = paired_line(Line(hit=other, counted=every), Line(hit=reference, counted=every))
    pooled = pooled_effect([line], clusters)
    ours, theirs = (
        Estimator.of([line], clusters).over(line, clusters) for line in map(Line.of_all, (reference, other))
    )
    return Seen(
        interval=paired_interval(line, clusters, 0.95, pooled),
        p=paired_p(line, clusters, 0.95, pooled),
        apart=difference_interval(theirs, ours),
        p_apart=difference_p(theirs, ours),
    )


def _mean(spread: float, location: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(expit(location + math.sqrt(2) * spread * nodes) @ weights / weights.sum())


REPEATS = 400
MARGIN = 2.33 * math.sqrt(0.95 * 0.05 * REPEATS)


@pytest.mark.parametrize(
    ("spread", "alike", "gain"),
    [(0.0, 0.0, 0.95), (0.0, 0.5, 1.8), (0.36, 0.0, 2.0), (0.36, 0.5, 4.0), (0.7, 0.5, 9.0)],
)
def test_paired_campaigns_hold_their_level_and_gain(spread: float, alike: float, gain: float) -> None:
    rng = np.random.default_rng(7)
    seen = [two_campaigns(rng, spread=spread, alike=alike, shift=0.0) for _ in range(REPEATS)]
    assert sum(one.interval[0] <= 0.0 <= one.interval[1] for one in seen) >= 0.95 * REPEATS - MARGIN
    assert sum(one.p is not None and one.p < 0.05 for one in seen) <= 0.05 * REPEATS + MARGIN
    squares = [
        sum((high - low) ** 2 for low, high in bounds)
        for bounds in ([one.apart for one in seen], [one.interval for one in seen])
    ]
    assert squares[0] / squares[1] >= gain


def test_a_difference_that_is_there_is_covered_and_found() -> None:
    rng = np.random.default_rng(9)
    truth = _mean(0.7, -0.4) - _mean(0.7, -0.8)
    seen = [two_campaigns(rng, spread=0.7, alike=0.5, shift=0.4) for _ in range(REPEATS)]
    assert sum(one.interval[0] <= truth <= one.interval[1] for one in seen) >= 0.95 * REPEATS - MARGIN
    assert sum(one.p is not None and one.p < 0.05 for one in seen) > 0.9 * REPEATS
    lost = sum(one.p_apart is not None and one.p_apart >= 0.05 for one in seen)
    assert lost > 0.9 * REPEATS, "as independent campaigns they would have shown nothing"


def test_of_chains_of_doses_the_chains_are_the_units() -> None:
    """Eight chains of ten doses, whose sticking the other campaign's conditions raise in some and lower in others: what
    the paired shots say of the mean difference holds as often as it says, and would not if shots were the units."""
    rng, chains, doses, repeats = np.random.default_rng(11), 8, 10, 400
    chain = np.repeat(np.arange(chains), doses)
    names = [f"chain {number}" for number in chain.tolist()]
    every, held = np.ones(chains * doses, dtype=bool), {"chain": 0, "atom": 0}
    for _ in range(repeats):
        shifted = np.clip(0.5 + rng.normal(0, 0.25, chains), 0, 1)[chain]
        reference, other = rng.random(len(chain)) < 0.5, rng.random(len(chain)) < shifted
        line = paired_line(Line(hit=other, counted=every), Line(hit=reference, counted=every))
        for unit, slabs in (("chain", names), ("atom", [str(number) for number in range(len(chain))])):
            clusters = Clusters.of(slabs, range(len(chain)), "chain" if unit == "chain" else "atom")
            low, high = paired_interval(line, clusters, 0.95, pooled_effect([line], clusters))
            held[unit] += low <= 0.0 <= high
    assert held["chain"] >= 0.95 * repeats - MARGIN
    assert held["atom"] < 0.9 * repeats
    a, b = (
        [dataclasses.replace(one, slab_snapshot=f"chain {k // 4}") for k, one in enumerate(fired([hit] * 12))]
        for hit in (True, False)
    )
    drawn = dataclasses.replace(DRAWN, doses=4)
    (found,) = compare(paper.SCHEME, [("a", a), ("b", b)], drawn=[drawn, drawn]).pairings
    assert (found.chains, found.shots) == (3, 12)
    assert "chain by chain" in found.sentence() and "the 3 chains that both have" in found.sentence()
