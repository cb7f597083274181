"""The stop rule: looks fixed beforehand, honest coverage with snapshot effects, and what it takes to reach a target."""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import paper_classes as paper
import pytest
from outcome_cases import outcome_of
from scipy import stats
from scipy.special import expit

from molgun_lmp.analysis.statistics.clustered_intervals import (
    Clusters,
    cluster_interval,
    pooled_design_effect,
    wilson,
)
from molgun_lmp.analysis.statistics.sample_size import correlation_of, half_width, shots_for, shots_needed, size
from molgun_lmp.analysis.statistics.sentences import sticking_sentence
from molgun_lmp.analysis.statistics.sequential import (
    FEWEST_SHOTS,
    GROWTH,
    estimate_at,
    look_at,
    parse_target,
    plan_rule,
)
from molgun_lmp.analysis.statistics.stopping import PrecisionTarget, Stopping, stopping_sentence
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.campaign.store.stop_rule import counted, standing
from molgun_lmp.errors import ConfigError

NARROW = PrecisionTarget(line="OT-CY", half_width=0.05)


def test_targets_are_read_and_nonsense_is_refused() -> None:
    assert parse_target("ot-cy:0.02", paper.SCHEME) == PrecisionTarget(line="OT-CY", half_width=0.02)
    assert parse_target("in flight : 0.1", paper.SCHEME) == PrecisionTarget(line="in flight", half_width=0.1)
    assert parse_target("stuck:0.05", paper.SCHEME).line == "stuck"
    assert str(parse_target("C-C broken:0.05", paper.SCHEME)) == "C-C broken:0.05"
    for wrong in ("OT-CY", "OT-CY:", "OT-CY:0", "OT-CY:0.5", "OT-CY:nan", "OT:0.1", "0.1"):
        with pytest.raises(ConfigError, match="is no target"):
            parse_target(wrong, paper.SCHEME)


def test_looks_begin_where_the_target_can_be_reached_and_end_with_all_shots() -> None:
    rule = plan_rule([NARROW], 3000)
    first = rule.looks[0]
    low, high = wilson(0, first)
    assert (high - low) / 2 <= 0.05
    low, high = wilson(0, first - 1)
    assert (high - low) / 2 > 0.05
    assert rule.looks[-1] == 3000
    assert all(a < b <= math.ceil(a * GROWTH) for a, b in zip(rule.looks, rule.looks[1:], strict=False))
    assert rule.level == pytest.approx(0.97)
    only = plan_rule([NARROW], 10)
    assert only.looks == (10,)
    assert only.level == pytest.approx(0.95)
    assert plan_rule([PrecisionTarget(line="PC", half_width=0.4)], 100).looks[0] == FEWEST_SHOTS
    assert plan_rule([NARROW, PrecisionTarget(line="PC", half_width=0.4)], 3000).looks == rule.looks


def _campaign(
    rng: np.random.Generator, planned: int, snapshots: int, spread: float, location: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hits and snapshots; each snapshot shifts the log odds by a normal effect of standard deviation `spread`."""
    slab, molecule = rng.integers(snapshots, size=(2, planned))
    odds = location + rng.normal(0, spread, snapshots)[slab] + rng.normal(0, spread, snapshots)[molecule]
    return rng.random(planned) < expit(odds), slab, molecule


def _truth(spread: float, location: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(expit(location + math.sqrt(2) * spread * nodes) @ weights / weights.sum())


@pytest.mark.parametrize(
    ("half", "planned", "snapshots", "spread", "location"),
    [(0.05, 2000, 60, 0.3, -1.0), (0.08, 1000, 25, 0.4, -1.0), (0.05, 2000, 300, 0.0, -2.5)],
)
def test_the_interval_at_the_stop_covers_as_promised(
    half: float, planned: int, snapshots: int, spread: float, location: float
) -> None:
    rng = np.random.default_rng(8)
    rule = plan_rule([PrecisionTarget(line="OT-CY", half_width=half)], planned)
    truth, repeats = _truth(spread, location), 150
    covered = early = independent = 0
    for _ in range(repeats):
        hit, slab, molecule = _campaign(rng, planned, snapshots, spread, location)
        for shots in rule.looks:
            clusters = Clusters.of(slab[:shots].tolist(), molecule[:shots].tolist())
            line = Line.of_all(hit[:shots])
            interval = estimate_at(rule, line, clusters, pooled_design_effect([line.hit], clusters)).interval
            if (interval.high - interval.low) / 2 <= half:
                early += shots < planned
                break
        covered += interval.low <= truth <= interval.high
        low, high = wilson(int(hit[:shots].sum()), shots)
        independent += low <= truth <= high
    assert covered / repeats >= 0.95
    assert early > repeats / 4, "the rule does stop campaigns"
    assert independent < covered, "taken as independent and looked at once it would claim too much"


@pytest.mark.parametrize(
    ("half", "planned", "snapshots", "spread", "location"),
    [
        (0.05, 2000, 300, 0.0, math.log(0.28 / 0.72)),
        (0.05, 5000, 60, 0.3, -1.0),
        (0.08, 4000, 40, 0.4, -1.0),
    ],
)
def test_a_rule_stops_after_little_more_than_half_of_bonferronis_shots(
    half: float, planned: int, snapshots: int, spread: float, location: float
) -> None:
    rng = np.random.default_rng(4)
    rule = plan_rule([PrecisionTarget(line="OT-CY", half_width=half)], planned)
    strict = dataclasses.replace(rule, look_level=None)
    assert strict.level == 1 - 0.05 / len(rule.looks)
    truth, repeats = _truth(spread, location), 120
    covered, shots_of = 0, {rule: 0, strict: 0}
    for _ in range(repeats):
        hit, slab, molecule = _campaign(rng, planned, snapshots, spread, location)
        for which in shots_of:
            for shots in which.looks:
                clusters = Clusters.of(slab[:shots].tolist(), molecule[:shots].tolist())
                line = Line.of_all(hit[:shots])
                interval = estimate_at(which, line, clusters, pooled_design_effect([line.hit], clusters)).interval
                if (interval.high - interval.low) / 2 <= half:
                    break
            shots_of[which] += shots
            covered += which is rule and interval.low <= truth <= interval.high
    assert covered / repeats >= 0.95 - 2.33 * math.sqrt(0.95 * 0.05 / repeats)
    assert shots_of[rule] <= 0.6 * shots_of[strict]


@pytest.mark.parametrize("half", [0.02, 0.05, 0.1, 0.2])
def test_the_level_of_a_look_is_enough_for_brownian_motion_at_any_fraction(half: float) -> None:
    # As the level was found: normal increments between the looks, Wilson's interval, the worst of all fractions.
    rng = np.random.default_rng(6)
    rule = plan_rule([PrecisionTarget(line="OT-CY", half_width=half)], 20_000)
    looks, paths = np.array(rule.looks), 4000
    walks = np.cumsum(rng.normal(size=(paths, len(looks))) * np.sqrt(np.diff(looks, prepend=0)), axis=1) / looks
    z = stats.norm.ppf(0.5 + rule.level / 2)
    worst = 1.0
    for truth in np.linspace(0.02, 0.5, 33):
        seen = np.clip(truth + math.sqrt(truth * (1 - truth)) * walks, 0, 1)
        width = z / (1 + z * z / looks) * np.sqrt(seen * (1 - seen) / looks + (z / 2 / looks) ** 2)
        reached = width <= half
        reached[:, -1] = True
        stop = (np.arange(paths), reached.argmax(axis=1))
        centre = (seen + z * z / 2 / looks) / (1 + z * z / looks)
        worst = min(worst, float((np.abs(centre - truth) <= width)[stop].mean()))
    assert worst >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / paths)


def test_a_look_sees_its_prefix_and_the_level_of_all_looks() -> None:
    rule = plan_rule([PrecisionTarget(line="OT-CY", half_width=0.2), PrecisionTarget(line="stuck", half_width=0.3)], 60)
    outcomes = [
        outcome_of(k, paper.OT_CY if k % 4 == 0 else paper.PC if k % 4 == 1 else paper.SCATTERED) for k in range(20)
    ]
    look = look_at(rule, outcomes)
    clusters = Clusters.of(range(20), range(20))
    strict = cluster_interval(np.arange(20) % 4 == 0, clusters, rule.level)
    first, second = look.found
    assert (first.count, second.count, look.shots) == (5, 10, 20)
    assert (first.low, first.high) == (strict.low, strict.high)
    plain = cluster_interval(np.arange(20) % 4 == 0, clusters)
    assert strict.high - strict.low > plain.high - plain.low
    assert first.reached == (first.half_width <= 0.2)
    assert look.reached == (first.reached and second.reached)


def test_the_stop_is_told_and_only_its_prefix_is_counted() -> None:
    rule = plan_rule([PrecisionTarget(line="stuck", half_width=0.4)], 50)
    outcomes = [outcome_of(k, paper.OT_CY if k % 2 else paper.SCATTERED) for k in range(20)]
    stopping = Stopping(rule=rule, looks=(look_at(rule, outcomes),))
    assert stopping.reached
    assert stopping.over
    assert Stopping.from_json(stopping.to_json()) == stopping
    text = sticking_sentence(summarise(paper.SCHEME, outcomes, planned=50, stopping=stopping))
    assert "Stopped by rule at look 1 of" in text
    assert "stuck 50.0 %" in text
    half = 100 * stopping.looks[0].found[0].half_width
    assert f"that is ±{half:.1f} %, asked for ±40 %" in text
    assert "The other 30 were not needed." in text
    all_fired = [outcome_of(k, paper.OT_CY if k % 2 else paper.SCATTERED) for k in range(50)]
    text = sticking_sentence(summarise(paper.SCHEME, all_fired, planned=50, stopping=stopping))
    assert "reached at look 1 of" in text
    assert "The other 30 were fired all the same, and the table counts them." in text
    assert stopping_sentence(Stopping(rule=rule)) == ""

    early = [f"{k:06d}" for k in (*range(20), 23, 31)]
    assert early[counted(stopping, 50, early)] == early[:20], "those that ended beyond the prefix ended too fast"
    assert early[counted(None, 50, early)] == early
    assert standing(stopping, early) == stopping
    freed = standing(stopping, [*early[:7], *early[8:]])
    assert freed is not None
    assert (freed.rule, freed.looks) == (rule, ()), "a look at a shot that is free again is not quoted"
    assert standing(None, early) is None
    everything = [f"{k:06d}" for k in range(50)]
    assert everything[counted(stopping, 50, everything)] == everything


def test_the_expected_width_is_the_tables_own() -> None:
    endless = {"slabs": 10**7, "molecules": 10**7}
    assert shots_for(NARROW, fraction=0.3, correlation=0.0, **endless) == pytest.approx(shots_needed(0.05, 0.3), abs=1)
    rng = np.random.default_rng(2)
    widths, alike = [], []
    spread, location, shots, snapshots = 0.4, -0.8, 1500, 30
    for _ in range(40):
        hit, slab, molecule = _campaign(rng, shots, snapshots, spread, location)
        clusters = Clusters.of(slab.tolist(), molecule.tolist())
        found = cluster_interval(hit, clusters)
        widths.append((found.high - found.low) / 2)
        assert found.design_effect is not None
        alike.append(correlation_of(found.design_effect, clusters) or 0.0)
    truth = _truth(spread, location)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights /= weights.sum()
    grid = expit(location + spread * (nodes[:, None] + nodes[None, :]))
    one_kind = float(weights @ (grid @ weights) ** 2 - truth**2) / (truth * (1 - truth))
    expected = half_width(shots=shots, fraction=truth, slabs=snapshots, molecules=snapshots, correlation=one_kind)
    assert np.mean(widths) == pytest.approx(expected, rel=0.1)
    assert np.mean(alike) == pytest.approx(one_kind, rel=0.25)
    assert correlation_of(1.0, Clusters.of(range(9), range(9))) is None


def test_sizes_say_when_the_pools_are_too_small() -> None:
    given: dict[str, Any] = {"fraction": 0.3, "correlation": 0.02}
    small = size(parse_target("OT-CY:0.02", paper.SCHEME), slabs=10, molecules=10, planned=1000, **given)
    assert small.shots is None
    assert "cannot be known with 10 slab and 10 molecule" in small.sentences()[0]
    assert small.best_half_width > 0.02
    again = half_width(shots=small.shots_with_snapshots, slabs=small.snapshots, molecules=small.snapshots, **given)
    assert again <= 0.02
    fewer = half_width(
        shots=small.shots_with_snapshots, slabs=small.snapshots - 1, molecules=small.snapshots - 1, **given
    )
    assert fewer > 0.02
    large = size(parse_target("OT-CY:0.05", paper.SCHEME), slabs=200, molecules=200, planned=3000, **given)
    assert large.shots is not None
    assert half_width(shots=large.shots, slabs=200, molecules=200, **given) <= 0.05
    assert half_width(shots=large.shots - 1, slabs=200, molecules=200, **given) > 0.05
    assert large.shots_until is not None
    assert large.shots_until > large.shots, "looking before the end costs shots"
    assert large.shots_until in plan_rule([parse_target("OT-CY:0.05", paper.SCHEME)], 3000).looks
    with pytest.raises(ValueError, match=r"correlation 0\.6"):
        size(NARROW, fraction=0.3, correlation=0.6, slabs=10, molecules=10, planned=10)
