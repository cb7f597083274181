"""Settled shots that were ended early: the estimate is that of shots that all ran on, and its interval holds."""

import dataclasses
from typing import NamedTuple

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of
from scipy.special import expit

from molgun_lmp.analysis.kinetics.landmark import after_contact
from molgun_lmp.analysis.kinetics.survival import competing_risks, visits
from molgun_lmp.analysis.kinetics.transition_rates import rates
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, cluster_interval, wilson
from molgun_lmp.analysis.statistics.comparison import compare
from molgun_lmp.analysis.statistics.pairing import Drawn
from molgun_lmp.analysis.statistics.sequential import look_at, parse_target, plan_rule
from molgun_lmp.analysis.statistics.settled_shots import SettledShots
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.analysis.statistics.two_phase import Audit, Line, estimate
from molgun_lmp.arrays import BoolArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome, Stop

SHARE, SETTLES = 0.1, 0.8


class Fired(NamedTuple):
    """A campaign of which all is known: the line with what its audit saw, and who hits at the planned end."""

    line: Line
    clusters: Clusters
    at_end: BoolArray


def fired(rng: np.random.Generator, shots: int, *, level: float, leaves: float, alike: float) -> Fired:
    """Shots on 25 slab and 25 molecule snapshots with effects on the class; of those that settle in the line a share
    `leaves` has left it at the end, and a third of that of the others has come into it."""
    slab, molecule = rng.integers(25, size=(2, shots))
    effect = alike * (rng.normal(size=25)[slab] + rng.normal(size=25)[molecule])
    hit = rng.random(shots) < expit(np.log(level / (1 - level)) + effect)
    settled = rng.random(shots) < SETTLES
    changes = settled & (rng.random(shots) < np.where(hit, leaves, leaves / 3))
    audited = settled & (rng.random(shots) < SHARE)
    change = np.where(audited & changes, 1 - 2 * hit.astype(np.int64), 0)
    line = Line.of_all(hit, change, Audit(settled=settled, audited=audited, share=SHARE))
    return Fired(line, Clusters.of(slab.tolist(), molecule.tolist()), hit ^ changes)


@pytest.mark.parametrize(
    ("shots", "level", "leaves"), [(100, 0.5, 0.02), (300, 0.8, 0.02), (300, 0.1, 0.1), (1000, 0.8, 0.005)]
)
def test_the_estimate_is_unbiased_and_its_interval_holds(shots: int, level: float, leaves: float) -> None:
    campaigns, rng, alike = 500, np.random.default_rng(20261130), 0.4
    effects = alike * np.sqrt(2) * np.random.default_rng(1).normal(size=200_000)
    mean = float(expit(np.log(level / (1 - level)) + effects).mean())
    truth = mean + SETTLES * leaves * ((1 - mean) / 3 - mean)
    held, error, ended_early = 0, [], []
    for _ in range(campaigns):
        one = fired(rng, shots, level=level, leaves=leaves, alike=alike)
        found = estimate(one.line, one.clusters, 0.95, None)
        held += found.interval.low <= truth <= found.interval.high
        error.append(float(one.line.values.mean() - one.at_end.mean()))
        ended_early.append(float(one.line.hit.mean() - one.at_end.mean()))
    assert held / campaigns > 0.935
    spread = np.std(error) / np.sqrt(campaigns)
    assert abs(np.mean(error)) < 4 * spread, "of the shots that were fired, over the audit's draws"
    assert abs(np.mean(ended_early)) > 4 * np.std(ended_early) / np.sqrt(campaigns), "without the audit it is biased"


def test_without_settled_shots_the_numbers_are_those_of_the_line() -> None:
    one = fired(np.random.default_rng(3), 200, level=0.4, leaves=0.1, alike=0.5)
    none = np.zeros(200, dtype=np.bool_)
    nobody = Audit(settled=none, audited=none, share=SHARE)
    for line in (Line.of_all(one.line.hit), Line.of_all(one.line.hit, np.zeros(200, dtype=np.int64), nobody)):
        found = estimate(line, one.clusters, 0.95, 1.3)
        assert found.interval == cluster_interval(one.line.hit, one.clusters, 0.95, 1.3)
        assert found.independent == wilson(int(one.line.hit.sum()), 200)
        assert (found.fraction, found.corrected) == (one.line.hit.sum() / 200, 0.0)


def test_with_all_of_them_audited_it_is_the_table_of_the_ends() -> None:
    one = fired(np.random.default_rng(4), 300, level=0.4, leaves=0.2, alike=0.5)
    settled = one.line.audit.settled if one.line.audit is not None else one.at_end
    change = one.at_end.astype(np.int64) - one.line.hit
    line = Line.of_all(one.line.hit, change, Audit(settled=settled, audited=settled, share=1.0))
    found, plain = estimate(line, one.clusters, 0.95, None), cluster_interval(one.at_end, one.clusters, 0.95)
    assert found.fraction == pytest.approx(one.at_end.mean())
    assert (found.interval.low, found.interval.high) == pytest.approx((plain.low, plain.high), abs=0.02)


def settled_shot(index: int, mode: Mode, became: Mode | None = None) -> Outcome:
    """Settled at 1.5 ps; `became`: audited, and of that class from 3 ps on, at the planned end of 10 ps."""
    early = dataclasses.replace(outcome_of(index, mode, index % 7, index % 5, time_ps=1.5), audit_share=SHARE)
    if became is None:
        return early
    events = ((0.0, mode),) if became == mode else ((0.0, mode), (3.0, became))
    late = outcome_of(index, became, index % 7, index % 5, time_ps=10.0, events=events)
    return dataclasses.replace(late, audit_share=SHARE, as_settled=early)


SHOTS = [
    *(outcome_of(k, paper.SCATTERED, k % 7, k % 5, time_ps=10.0) for k in range(40)),
    *(settled_shot(k, paper.DB) for k in range(40, 90)),
    *(settled_shot(k, paper.DB, paper.DB) for k in range(90, 95)),
    settled_shot(95, paper.DB, paper.SCATTERED),
    *(settled_shot(k, paper.PC) for k in range(96, 100)),
]
STOPS = [Stop.SETTLED if o.audit_share is not None and o.as_settled is None else Stop.COMPLETED for o in SHOTS]


def test_the_table_counts_each_audited_shot_for_those_that_were_ended() -> None:
    table = {row.label: row.estimate for row in summarise(paper.SCHEME, SHOTS).table()}
    assert table["DB"].count_text() == "56-10"
    assert table["DB"].fraction == pytest.approx(0.46)
    assert table["scattered"].fraction == pytest.approx(0.50)
    assert table["stuck, of all"].fraction == pytest.approx(0.50)
    assert sum(row.estimate.fraction or 0.0 for row in summarise(paper.SCHEME, SHOTS).modes) == pytest.approx(1.0)
    assert "1 of 6 audited changed" in table["DB"].note
    assert table["DB"].cluster[1] - table["DB"].cluster[0] > 0.3, "six shots know little of fifty-six"
    look = look_at(plan_rule([parse_target("stuck:0.05", paper.SCHEME)], 100), SHOTS)
    assert look.found[0].fraction == pytest.approx(0.50)
    said = SettledShots.of(SHOTS, [], 20_000)
    assert said is not None
    assert (said.settled, said.audited, said.changed) == (60, 6, 1)


def test_a_fraction_below_nothing_is_cut_off_and_said_to_be() -> None:
    lost = [*SHOTS[:95], settled_shot(95, paper.PC, paper.SCATTERED), *SHOTS[96:]]
    table = {row.label: row.estimate for row in summarise(paper.SCHEME, lost).table()}
    assert table["PC"].fraction == 0.0
    assert "-5.0 %: cut off" in table["PC"].note


def test_at_a_time_after_contact_only_what_had_settled_by_then_is_audited() -> None:
    before, after = after_contact(paper.SCHEME, SHOTS, STOPS, (0.9, 4.0), planned_ps=10.0)
    early, late = dict(before.lines), dict(after.lines)
    assert (early["DB"].fraction, early["DB"].note) == (0.56, dict(before.lines)["PC"].note)
    assert late["DB"].fraction == pytest.approx(0.46)
    assert late["stuck"].fraction == pytest.approx(0.50)
    assert before.watched == after.watched == 100


def test_campaigns_with_settled_shots_are_not_compared_shot_by_shot() -> None:
    drawn = Drawn(seed=1, pools={}, gun={})
    found = compare(paper.SCHEME, [("a", SHOTS), ("b", SHOTS)], drawn=[drawn, drawn])
    assert found.pairings[0].shots == 0
    assert "ended early" in found.pairings[0].sentence()
    with pytest.raises(InputFileError, match="different shares"):
        summarise(paper.SCHEME, [*SHOTS[:99], dataclasses.replace(SHOTS[99], audit_share=0.2)])


def test_lifetimes_and_rates_after_settling_are_those_of_the_audit() -> None:
    """Visits of a bound class end at a constant rate; most are cut at 1.5 ps, where the molecules had settled."""
    rng, per_ps, audited = np.random.default_rng(12), 0.4, 0
    shots = []
    for k, lasts_ps in enumerate(rng.exponential(1 / per_ps, size=1500)):
        ended = lasts_ps < 1.5 or rng.random() > SHARE
        audited += not ended
        became = paper.DB if lasts_ps < 10.0 else paper.PC
        events = ((0.0, paper.PC), (lasts_ps, paper.DB))[: 1 if became == paper.PC else 2]
        early = dataclasses.replace(outcome_of(k, paper.PC, k % 40, k % 30, time_ps=1.5), audit_share=SHARE)
        late = outcome_of(k, became, k % 40, k % 30, events=events, time_ps=10.0)
        if lasts_ps < 1.5:
            shots.append(late)
        else:
            shots.append(early if ended else dataclasses.replace(late, audit_share=SHARE, as_settled=early))
    (rate,) = rates(shots)
    assert rate.per_ps == pytest.approx(per_ps, rel=0.15)
    assert rate.interval[0] < per_ps < rate.interval[1]
    assert rate.count < len(shots) / 2 + audited
    curve = competing_risks(visits(shots, paper.PC), np.random.default_rng(0), resamples=40)
    for time_ps in (1.0, 3.0, 6.0):
        share, low, high = [step for step in curve if step.time_ps <= time_ps][-1].shares["lasting"]
        assert share == pytest.approx(np.exp(-per_ps * time_ps), abs=0.06)
        assert low <= np.exp(-per_ps * time_ps) <= high
