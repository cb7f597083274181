"""Lifetimes and what ends them: hand-worked shares, censoring, bands that snapshots widen, rates, moments."""

import csv
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of
from scipy import stats

from molgun_lmp.analysis.kinetics.event_times import moments
from molgun_lmp.analysis.kinetics.survival import Spell, competing_risks, survival, visits, wait_of, waits_after_contact
from molgun_lmp.analysis.kinetics.transition_rates import poisson_rate, rates
from molgun_lmp.analysis.statistics.clustered_intervals import wilson
from molgun_lmp.results.table_files import write_moments, write_rates, write_shares

FLIGHT = ((0.0, paper.IN_FLIGHT), (0.5, paper.PHYSISORBED))
BACK = outcome_of(
    0, paper.OT_CY, events=(*FLIGHT, (0.7, paper.PC), (0.9, paper.PHYSISORBED), (1.0, paper.PC), (1.6, paper.OT_CY))
)
STILL = outcome_of(1, paper.PC, events=(*FLIGHT, (1.2, paper.PC)))
NEVER = outcome_of(2, paper.SCATTERED, events=(*FLIGHT, (0.8, paper.SCATTERED)))


def spells(*given: tuple[float, str | None], snapshot: str | None = None) -> list[Spell]:
    return [
        Spell(time_ps=time, cause=cause, slab_snapshot=snapshot or f"s{k}", molecule_snapshot=snapshot or f"m{k}")
        for k, (time, cause) in enumerate(given)
    ]


def test_every_visit_to_the_precursor_with_what_ended_it() -> None:
    found = visits([BACK, STILL, NEVER], paper.PC)
    assert [spell.cause for spell in found] == ["physisorbed", "OT-CY", None]
    assert [spell.time_ps for spell in found] == pytest.approx([0.2, 0.6, 0.8])


def test_shares_by_hand() -> None:
    steps = competing_risks(
        spells((1, "OT-CY"), (2, None), (2, "left"), (3, "OT-CY"), (4, None)), np.random.default_rng(0), resamples=50
    )
    assert [step.time_ps for step in steps] == [0, 1, 2, 3]
    assert [step.at_risk for step in steps] == [5, 5, 4, 2]
    for name, expected in (
        ("lasting", [1, 4 / 5, 3 / 5, 3 / 10]),
        ("OT-CY", [0, 1 / 5, 1 / 5, 1 / 2]),
        ("left", [0, 0, 1 / 5, 1 / 5]),
    ):
        assert [step.shares[name][0] for step in steps] == pytest.approx(expected)
    assert competing_risks([], np.random.default_rng(0)) == ()


def test_the_wait_after_contact_is_that_of_the_kaplan_meier_file() -> None:
    outcomes = [BACK, STILL, NEVER, *(outcome_of(k, paper.PHYSISORBED, events=FLIGHT, time_ps=k) for k in range(3, 6))]
    steps = competing_risks(waits_after_contact(outcomes), np.random.default_rng(0), resamples=20)
    known = survival([wait for wait in map(wait_of, outcomes) if wait is not None])
    assert [(s.time_ps, s.at_risk) for s in steps] == [(s.time_ps, s.at_risk) for s in known]
    assert [s.shares["lasting"][0] for s in steps] == pytest.approx([s.waiting for s in known])


def test_a_single_snapshot_says_nothing_about_others() -> None:
    steps = competing_risks(spells((1, "a"), (2, "b"), snapshot="x"), np.random.default_rng(0))
    assert [step.shares["a"] for step in steps[1:]] == [(0.5, 0.0, 1.0)] * 2


def test_bands_hold_the_truth_where_snapshots_matter() -> None:
    rng = np.random.default_rng(6)
    held, width = [], []
    for _ in range(60):
        factor = np.exp(rng.normal(0, 0.5, 25))
        slab = np.arange(250) % 25
        bind, end = rng.exponential(1 / factor[slab]), rng.uniform(0.5, 3, 250)
        found = competing_risks(
            [
                Spell(
                    time_ps=min(b, e), cause="bound" if b < e else None, slab_snapshot=str(s), molecule_snapshot=str(s)
                )
                for b, e, s in zip(bind, end, slab, strict=True)
            ],
            rng,
            resamples=60,
        )
        _, low, high = [step for step in found if step.time_ps <= 1.0][-1].shares["lasting"]
        grid = np.exp(0.5 * stats.norm.ppf((np.arange(1000) + 0.5) / 1000))
        truth = float(np.exp(-grid).mean())
        held.append(low <= truth <= high)
        width.append(high - low)
    # three standard errors, and with 25 snapshots percentile bands are a little narrow
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60) - 0.02
    independent = 2 * 1.96 * np.sqrt(0.4 * 0.6 / 250)
    assert np.mean(width) > 1.15 * independent


def test_a_cause_that_was_never_seen_may_still_be_there() -> None:
    """0 of 100 independent spells allow 3.7 % (Wilson), and of as many that share 10 snapshots more."""
    own = spells(*((1.0 + k / 100, "bound") for k in range(100)))
    alone = competing_risks(own, np.random.default_rng(0), possible=("bound", "left"), resamples=50)
    assert alone[-1].shares["left"] == pytest.approx((0.0, 0.0, 0.037), abs=5e-4)
    assert alone[-1].shares["bound"] == pytest.approx((1.0, 0.963, 1.0), abs=5e-4)
    assert alone[-1].shares["lasting"] == pytest.approx((0.0, 0.0, 0.037), abs=5e-4)
    shared = [
        Spell(time_ps=one.time_ps, cause="bound", slab_snapshot=f"s{k % 10}", molecule_snapshot=f"m{k % 11}")
        for k, one in enumerate(own)
    ]
    together = competing_risks(shared, np.random.default_rng(0), possible=("bound", "left"), resamples=50)
    assert together[-1].shares["left"][2] == pytest.approx(wilson(0, 10)[1])
    assert "left" not in competing_risks(own, np.random.default_rng(0), resamples=10)[-1].shares
    single = competing_risks(spells((1, "bound"), snapshot="x"), np.random.default_rng(0), possible=("left",))
    assert single[-1].shares["left"] == (0.0, 0.0, 1.0)


def test_those_that_were_not_watched_so_long_do_not_say_that_nothing_happens() -> None:
    watched = [(1.0, "bound")] * 10 + [(0.5, None)] * 30 + [(2.0, "bound")] * 10
    steps = competing_risks(spells(*watched), np.random.default_rng(0), possible=("left",), resamples=50)
    assert [step.shares["left"][2] for step in steps[1:]] == pytest.approx([wilson(0, 20)[1]] * 2)


def test_bands_of_a_rare_cause_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(8)
    held = []
    for _ in range(100):
        rare = rng.random(100) < 0.01
        given = spells(*((1.0, "left" if one else "bound") for one in rare))
        _, low, high = competing_risks(given, rng, possible=("left",), resamples=50)[-1].shares["left"]
        held.append(low <= 0.01 <= high)
    assert np.mean(held) >= 0.9


def test_rates_count_the_time_without_a_transition() -> None:
    found = {(r.before, r.after): r for r in rates([BACK, STILL, NEVER])}
    to_adduct = found[paper.PC, paper.OT_CY]
    assert (to_adduct.count, to_adduct.visits, to_adduct.censored) == (1, 3, 1)
    assert to_adduct.time_ps == pytest.approx(0.2 + 0.6 + 0.8)
    assert to_adduct.per_ps == pytest.approx(1 / 1.6)
    assert found[paper.IN_FLIGHT, paper.PHYSISORBED].per_ps == pytest.approx(3 / 1.5)
    assert paper.OT_CY not in {before for before, _ in found}


def test_poisson_bounds_are_garwoods() -> None:
    # Garwood (1936), 95 %: 0 -> (0, 3.69), 1 -> (0.0253, 5.57), 10 -> (4.80, 18.39)
    for count, low, high in ((0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)):
        assert poisson_rate(count, 1.0) == pytest.approx((low, high), rel=2e-3)
        assert poisson_rate(count, 4.0) == pytest.approx((low / 4, high / 4), rel=2e-3)


def test_moments_of_a_trajectory(tmp_path: Path) -> None:
    one = moments(paper.SCHEME, BACK, translation_before_ev=0.2, translation_after_ev=0.05)
    assert (one.precursor_ps, one.precursor_ended_ps, one.precursor_became) == (0.7, 0.9, paper.PHYSISORBED)
    assert one.final_bond_ps == 1.6
    assert one.transferred_ev == pytest.approx(0.15)
    still = moments(paper.SCHEME, STILL, translation_before_ev=0.2, translation_after_ev=None)
    assert (still.precursor_ps, still.precursor_ended_ps, still.transferred_ev) == (1.2, None, None)
    broken = outcome_of(9, paper.EXPLOSION, events=(*FLIGHT, (0.7, paper.CC_BROKEN), (0.9, paper.EXPLOSION)))
    gone = moments(paper.SCHEME, broken, translation_before_ev=1.0, translation_after_ev=0.1)
    assert gone.began_ps == {"cc_broken_ps": 0.7, "ch_broken_ps": None, "explosion_ps": 0.9}
    assert gone.final_bond_ps is None
    with write_moments(paper.SCHEME, [one, still, gone], tmp_path / "e.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["precursor_became"] for row in rows] == ["physisorbed", "", ""]
    assert float(rows[0]["transferred_ev"]) == pytest.approx(0.15)


def test_files_hold_curves_and_rates(tmp_path: Path) -> None:
    curves = {"PC": competing_risks(visits([BACK, STILL], paper.PC), np.random.default_rng(0), resamples=10)}
    with write_shares(curves, tmp_path / "l.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["fate"] for row in rows} == {"lasting", "physisorbed", "OT-CY"}
    for time in {row["time_ps"] for row in rows}:
        assert sum(float(row["share"]) for row in rows if row["time_ps"] == time) == pytest.approx(1.0)
    lines = write_rates(rates([BACK, STILL, NEVER]), tmp_path / "t.csv").read_text().splitlines()
    assert lines[0].startswith("from,to,count,")
    assert len(lines) == 1 + len(rates([BACK, STILL, NEVER]))
