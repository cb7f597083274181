"""Intervals of fractions: literature values, edge cases, and the coverage that they promise."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from molgun_lmp.analysis.statistics.clustered_intervals import (
    Clusters,
    burst_design_effect,
    cluster_interval,
    design_effect,
    pooled_design_effect,
    two_way_variance,
    wilson,
)
from molgun_lmp.analysis.statistics.sample_size import shots_needed


def _hits(*values: int) -> npt.NDArray[np.bool_]:
    return np.array(values, dtype=bool)


# Newcombe, Stat. Med. 17, 857 (1998), Table I, method 3.
@pytest.mark.parametrize(
    ("hits", "shots", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_published_values(hits: int, shots: int, low: float, high: float) -> None:
    assert wilson(hits, shots) == pytest.approx((low, high), abs=5e-5)
    assert wilson(shots - hits, shots) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@given(st.integers(1, 400), st.floats(0.5, 0.999), st.data())
def test_wilson_equals_the_score_test_that_it_inverts(shots: int, confidence: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, shots))
    reference = stats.binomtest(hits, shots).proportion_ci(confidence, method="wilson")
    assert wilson(hits, shots, confidence) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_nonsense_is_refused() -> None:
    for call in (
        lambda: wilson(3, 2),
        lambda: wilson(-1, 2),
        lambda: wilson(1, 2, 1.0),
        lambda: Clusters.of("ab", "a"),
        lambda: two_way_variance(_hits(0, 1), Clusters.of("aa", "ab")),
        lambda: shots_needed(0.0, 0.1),
        lambda: shots_needed(0.1, 1.1),
        lambda: shots_needed(0.1, 0.5, design_effect=0.5),
    ):
        with pytest.raises(ValueError, match=r"\w{3}"):
            call()


def test_two_way_variance_by_hand() -> None:
    # p = 1/2, residuals +-1/2. Slab sums +1, 0, -1: 3/2 * 2 / 36 = 1/12. Molecule sums 1/2, -1/2: 2 * 1/2 / 36 = 1/36.
    # All six pairs are different: 6/5 * 6/4 / 36 = 1/20.
    clusters = Clusters.of("aabbcc", "xyxyxy")
    hit = _hits(1, 1, 1, 0, 0, 0)
    slab, molecule, pair = 1 / 12, 1 / 36, 1 / 20
    assert slab + molecule - pair < slab
    assert two_way_variance(hit, clusters) == pytest.approx(slab)
    assert design_effect(hit, clusters) == pytest.approx(slab / (0.25 / 5))


def test_two_way_variance_where_both_kinds_matter() -> None:
    # Hits for slab a with molecule x: p = 1/4; sums over slabs and molecules +-1, over pairs 3/2 and -1/2 (three).
    clusters = Clusters.of("aaaabbbb", "xxyyxxyy")
    hit = _hits(1, 1, 0, 0, 0, 0, 0, 0)
    one = 2 * (1 + 1) / 64
    pair = 4 / 3 * (2.25 + 3 * 0.25) / 64
    assert two_way_variance(hit, clusters) == pytest.approx(2 * one - pair)


def test_paired_snapshots_are_one_kind_of_cluster() -> None:
    hit = _hits(1, 1, 0, 1, 0, 0, 0, 0)
    paired = Clusters.of("aabbccdd", "wwxxyyzz")
    own_molecules = Clusters.of("aabbccdd", "12345678")
    sums = np.array([1.25, 0.25, -0.75, -0.75])
    assert two_way_variance(hit, paired) == pytest.approx(4 / 3 * np.sum(sums**2) / 64)
    assert two_way_variance(hit, own_molecules) == pytest.approx(two_way_variance(hit, paired))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 4)), max_size=60))
def test_the_interval_is_never_narrower_than_wilson_and_never_leaves_zero_to_one(
    shots: list[tuple[bool, int, int]],
) -> None:
    hit = np.array([h for h, _, _ in shots], dtype=bool)
    clusters = Clusters.of([s for _, s, _ in shots], [m for _, _, m in shots])
    pooled = pooled_design_effect([hit, ~hit], clusters)
    for known in (None, pooled):
        interval = cluster_interval(hit, clusters, pooled=known)
        low, high = wilson(int(hit.sum()), len(hit))
        assert 0.0 <= interval.low <= low + 1e-12
        assert high - 1e-12 <= interval.high <= 1.0
        assert interval.design_effect is None or interval.design_effect >= 1.0
        assert math.isfinite(interval.effective_shots)


def test_own_snapshots_for_every_shot_give_wilson() -> None:
    labels = [str(i) for i in range(20)]
    hit = np.arange(20) < 7
    interval = cluster_interval(hit, Clusters.of(labels, labels))
    assert (interval.low, interval.high) == wilson(7, 20)
    assert interval.design_effect == 1.0
    assert "own snapshots" in interval.note
    # The general route agrees: the two-way variance is then p q / (n - 1) exactly.
    assert two_way_variance(hit, Clusters.of(labels, labels)) == pytest.approx(7 * 13 / 20**2 / 19)


def test_no_shots_and_single_snapshots_say_nothing() -> None:
    assert cluster_interval(_hits(), Clusters.of([], [])).note == "no shots"
    for slab, molecule, named in (("aaaa", "wxyz", "slab"), ("wxyz", "aaaa", "molecule"), ("aaaa", "bbbb", "and")):
        interval = cluster_interval(_hits(1, 0, 0, 1), Clusters.of(slab, molecule))
        assert (interval.low, interval.high) == (0.0, 1.0)
        assert named in interval.note


def test_unanimous_shots_count_once_per_snapshot_unless_the_campaign_knows_better() -> None:
    clusters = Clusters.of([i % 10 for i in range(1000)], [i // 10 % 10 for i in range(1000)])
    none, every = np.zeros(1000, dtype=bool), np.ones(1000, dtype=bool)
    worst = cluster_interval(none, clusters)
    assert (worst.low, worst.high) == wilson(0, 10)
    assert worst.design_effect is None
    assert "one observation per snapshot" in worst.note
    mirrored = cluster_interval(every, clusters)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - worst.high, 1.0))
    informed = cluster_interval(none, clusters, pooled=4.0)
    few = (stats.t.ppf(0.975, 999) / stats.t.ppf(0.975, 9)) ** 2
    assert informed.effective_shots == pytest.approx(250 * few)
    assert wilson(0, 1000)[1] < informed.high < worst.high


def test_total_agreement_within_snapshots_leaves_the_snapshots() -> None:
    # Every slab snapshot always gives the same answer: 600 shots are worth about 6, a little less for estimating it.
    slab = [i % 6 for i in range(600)]
    hit = np.array(slab) < 3
    effect = design_effect(hit, Clusters.of(slab, [i // 6 for i in range(600)]))
    assert effect is not None
    assert 600 / effect == pytest.approx(5.0, rel=0.01)


def test_a_pooled_design_effect_is_the_weighted_mean() -> None:
    clusters = Clusters.of("aabbccdd", "wwxxyyzz")
    first, second = _hits(1, 1, 0, 0, 0, 0, 0, 0), _hits(0, 0, 1, 1, 1, 0, 0, 0)
    rest = ~(first | second)
    weights = [p * (1 - p) / 7 for p in (2 / 8, 3 / 8, 3 / 8)]
    effects = [two_way_variance(h, clusters) / w for h, w in zip((first, second, rest), weights, strict=True)]
    expected = max(1.0, float(np.average(effects, weights=weights)))
    assert pooled_design_effect([first, second, rest, _hits(*[0] * 8)], clusters) == pytest.approx(expected)
    assert expected > 1.0
    assert pooled_design_effect([_hits(*[0] * 8)], clusters) is None


def test_subset_keeps_the_meaning_of_labels() -> None:
    clusters = Clusters.of("abcabc", "xxyyzz").take(_hits(0, 1, 1, 0, 1, 1))
    again = Clusters.of("bcbc", "xyzz")
    for name in ("slab", "molecule", "both"):
        assert np.array_equal(getattr(clusters, name), getattr(again, name))


def _coverage(shots: int, spread: float, location: float, repeats: int, seed: int) -> npt.NDArray[np.float64]:
    """(Wilson's, cluster-robust) share of intervals that hold the population's fraction; ten snapshots of each kind,
    each shifts the log odds by a normal effect of standard deviation `spread`."""
    rng = np.random.default_rng(seed)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    truth = float(expit(location + math.sqrt(2) * spread * nodes) @ weights / weights.sum())
    covered = np.zeros(2)
    for _ in range(repeats):
        slab, molecule = rng.integers(10, size=(2, shots))
        odds = location + rng.normal(0, spread, 10)[slab] + rng.normal(0, spread, 10)[molecule]
        hit = rng.random(shots) < expit(odds)
        interval = cluster_interval(hit, Clusters.of(slab.tolist(), molecule.tolist()))
        low, high = wilson(int(hit.sum()), shots)
        covered += (low <= truth <= high, interval.low <= truth <= interval.high)
    return covered / repeats


def test_coverage_with_snapshot_effects() -> None:
    independent, robust = _coverage(shots=1000, spread=0.7, location=-1.0, repeats=400, seed=0)
    assert independent < 0.5
    assert robust == pytest.approx(0.95, abs=0.033)  # three standard errors of 400 repeats


def test_coverage_without_snapshot_effects() -> None:
    independent, robust = _coverage(shots=200, spread=0.0, location=-1.0, repeats=400, seed=1)
    assert independent == pytest.approx(0.95, abs=0.033)
    assert independent <= robust  # the price of not knowing that the shots are independent


LEAST = 0.95 - 2.33 * math.sqrt(0.95 * 0.05 / 400)
"""What 95 % coverage stays above with 99 % probability in 400 campaigns."""


@pytest.mark.parametrize(
    ("snapshots", "shots_each", "fraction", "alike"),
    [(10, 100, 0.01, 0.05), (10, 100, 0.01, 0.1), (10, 100, 0.02, 0.02), (10, 30, 0.03, 0.1), (30, 100, 0.005, 0.02)],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_lone_rare_mode_is_covered(
    snapshots: int, shots_each: int, fraction: float, alike: float, alone: bool
) -> None:
    # Beta-binomial: `alike` is the intraclass correlation. Each molecule snapshot was used once.
    rng = np.random.default_rng(3)
    slab = np.repeat(np.arange(snapshots), shots_each)
    clusters = Clusters.of(slab.tolist(), range(len(slab)))
    shape = (1 - alike) / alike
    covered, repeats = 0, 400
    for _ in range(repeats):
        hit = rng.random(len(slab)) < rng.beta(fraction * shape, (1 - fraction) * shape, snapshots)[slab]
        interval = cluster_interval(
            hit, clusters, pooled=None if alone else pooled_design_effect([hit, ~hit], clusters)
        )
        covered += interval.low <= fraction <= interval.high
    assert covered / repeats >= LEAST


def test_rare_events_that_other_modes_vouch_for_are_not_widened() -> None:
    # Three modes of which the rare one's events lie apart: the others know that snapshots do not matter.
    rng = np.random.default_rng(5)
    slab, molecule = rng.integers(30, size=(2, 1000))
    clusters = Clusters.of(slab.tolist(), molecule.tolist())
    kind = rng.choice(3, size=1000, p=[0.5, 0.45, 0.05])
    modes = [kind == k for k in range(3)]
    pooled = pooled_design_effect(modes, clusters)
    assert pooled is not None
    own = design_effect(modes[2], clusters)
    assert own is not None
    interval = cluster_interval(modes[2], clusters, pooled=pooled)
    assert interval.design_effect == pytest.approx(max(own, pooled))
    assert cluster_interval(modes[0], clusters, pooled=pooled).design_effect == design_effect(modes[0], clusters)


def test_two_more_events_by_hand() -> None:
    # 400 shots, four snapshots; two events apart. With two more beside the first: 3, 1, 0, 0 of a hundred each.
    clusters = Clusters.of(np.repeat(np.arange(4), 100).tolist(), range(400))
    hit = np.zeros(400, dtype=bool)
    hit[[0, 100]] = True
    variance = 4 / 3 * sum((n - 1) ** 2 for n in (3, 1, 0, 0)) / 400**2
    assert burst_design_effect(hit, clusters) == pytest.approx(variance / (0.01 * 0.99 / 399))
    assert burst_design_effect(~hit, clusters) == burst_design_effect(hit, clusters)
    assert burst_design_effect(np.zeros(400, dtype=bool), clusters) is None
    assert burst_design_effect(hit, Clusters.of(range(400), range(400))) == pytest.approx(1.0)
    # Five shots on each snapshot: what is not seen is no correlation beyond 0.1.
    small = Clusters.of(np.repeat(np.arange(8), 5).tolist(), range(40))
    assert burst_design_effect(np.arange(40) == 0, small) == pytest.approx(1.4)


def test_shots_needed_by_hand() -> None:
    # Wilson's half-width for 30 of 100 shots solves back to 100 shots.
    low, high = wilson(30, 100)
    assert shots_needed((high - low) / 2, 0.3) == 100
    low, high = wilson(0, 50)
    assert shots_needed((high - low) / 2, 0.0) == 50
    # For p = 1/2 Wilson needs z^2 shots fewer than Wald's z^2 / (4 w^2) = 384.1.
    assert shots_needed(0.05, 0.5) == math.ceil(384.146 - 3.8415)
    assert shots_needed(0.05, 0.5, design_effect=3.0) == math.ceil(3 * (384.1459 - 3.8415))
