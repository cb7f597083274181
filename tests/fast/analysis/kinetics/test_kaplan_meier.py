"""Waits after first contact: hand-worked curves, competing risks against the truth, transitions."""

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest

from molgun_lmp.analysis.kinetics.survival import Fate, Wait, survival, transitions, wait_of
from molgun_lmp.analysis.kinetics.transition_rates import rates
from molgun_lmp.plotting.arrow_routes import NODE, Rectangle, routes
from molgun_lmp.records import Outcome
from molgun_lmp.results.table_files import write_rates, write_survival

BASE = Outcome(
    trajectory_id="000000", mode=paper.PHYSISORBED, stuck=False, contact=True, first_contact_ps=0.5, first_bond_ps=None,
    time_ps=2.0, lowest_clearance_angstrom=2.0, events=((0.0, paper.IN_FLIGHT), (0.5, paper.PHYSISORBED)), bonds=(),
    reason="", truncated=False, slab_snapshot="s", molecule_snapshot="m",
)  # fmt: skip


def waits(*given: tuple[float, Fate]) -> list[Wait]:
    return [Wait(time_ps=time, fate=fate) for time, fate in given]


def test_a_curve_worked_by_hand() -> None:
    steps = survival(waits((1, Fate.BOUND), (2, Fate.CENSORED), (2, Fate.LEFT), (3, Fate.BOUND), (4, Fate.CENSORED)))
    assert [step.time_ps for step in steps] == [0, 1, 2, 3]
    assert [step.at_risk for step in steps] == [5, 5, 4, 2]
    assert [step.waiting for step in steps] == pytest.approx([1, 4 / 5, 3 / 5, 3 / 10])
    assert [step.bound for step in steps] == pytest.approx([0, 1 / 5, 1 / 5, 1 / 2])
    assert [step.left for step in steps] == pytest.approx([0, 0, 1 / 5, 1 / 5])
    # Greenwood at t = 2 by hand: 1/(5*4) + 1/(4*3) = 2/15.
    spread = 1.959963985 * math.sqrt(2 / 15) / abs(math.log(3 / 5))
    assert steps[2].interval == pytest.approx((0.6 ** math.exp(spread), 0.6 ** math.exp(-spread)))


def test_competing_risks_find_the_true_shares_under_censoring() -> None:
    rng = np.random.default_rng(5)
    bind, leave, end = rng.exponential(1.0, 4000), rng.exponential(2.0, 4000), rng.uniform(0.5, 3.0, 4000)
    steps = survival(
        [
            Wait(time_ps=t, fate=Fate.CENSORED if t == e else Fate.BOUND if t == b else Fate.LEFT)
            for b, leaving, e in zip(bind, leave, end, strict=True)
            for t in (min(b, leaving, e),)
        ]
    )
    at_one = [step for step in steps if step.time_ps <= 1.0][-1]
    gone = 1 - math.exp(-1.5)
    assert at_one.waiting == pytest.approx(1 - gone, abs=0.03)
    assert at_one.bound == pytest.approx(gone * 2 / 3, abs=0.03)
    assert at_one.left == pytest.approx(gone / 3, abs=0.03)
    assert at_one.interval[0] < 1 - gone < at_one.interval[1]
    assert all(step.waiting + step.bound + step.left == pytest.approx(1.0) for step in steps)


def test_what_ended_each_wait() -> None:
    scattered = (*BASE.events, (1.4, paper.SCATTERED))
    for change, expected in (
        ({}, (1.5, Fate.CENSORED)),
        ({"first_bond_ps": 0.9, "mode": paper.OT_CY}, (0.4, Fate.BOUND)),
        ({"first_bond_ps": 0.5, "mode": paper.FAILED}, (0.0, Fate.BOUND)),
        ({"mode": paper.SCATTERED, "events": scattered}, (0.9, Fate.LEFT)),
        ({"mode": paper.SCATTERED}, (1.5, Fate.LEFT)),
        ({"mode": paper.FAILED}, (1.5, Fate.CENSORED)),
    ):
        wait = wait_of(dataclasses.replace(BASE, **change))
        assert wait is not None
        assert wait.fate is expected[1]
        assert wait.time_ps == pytest.approx(expected[0])
    assert wait_of(dataclasses.replace(BASE, first_contact_ps=None, contact=False)) is None


def test_nobody_in_contact_gives_no_curve_and_everybody_bound_ends_at_zero() -> None:
    assert [step.at_risk for step in survival([])] == [0]
    last = survival(waits((0.2, Fate.BOUND), (0.3, Fate.BOUND)))[-1]
    assert (last.waiting, last.bound, last.interval) == (0.0, 1.0, (0.0, 1.0))


def test_transitions_and_curves_are_written_unrounded(tmp_path: Path) -> None:
    more = dataclasses.replace(BASE, events=(*BASE.events, (1.0, paper.DB), (1.2, paper.OT_CY)))
    counts = transitions([BASE, more, dataclasses.replace(BASE, events=())])
    assert counts == {
        (paper.DB, paper.OT_CY): 1, (paper.IN_FLIGHT, paper.PHYSISORBED): 2, (paper.PHYSISORBED, paper.DB): 1,
    }  # fmt: skip
    assert next(iter(counts)) == (paper.DB, paper.OT_CY)
    lines = write_rates(rates([BASE, more]), tmp_path / "t.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines] == [
        ["from", "to", "count"], ["DB", "OT-CY", "1"], ["in flight", "physisorbed", "2"], ["physisorbed", "DB", "1"],
    ]  # fmt: skip
    steps = survival(waits((1 / 3, Fate.BOUND), (1.0, Fate.CENSORED), (2.0, Fate.CENSORED)))
    rows = list(csv.DictReader(write_survival(steps, tmp_path / "s.csv").open(encoding="utf-8")))
    assert (float(rows[1]["after_contact_ps"]), float(rows[1]["waiting"])) == (1 / 3, 1 - 1 / 3)


def test_arrows_cross_no_name_stay_on_the_page_and_have_their_numbers_apart() -> None:
    """A busy picture: five columns, arrows over several of them, back and forth, and within one."""
    columns = (1, 1, 3, 4, 6)
    places = {
        (x, y): (0.65 + 1.375 * x, 0.95 * ((rows - 1) / 2 - y)) for x, rows in enumerate(columns) for y in range(rows)
    }
    names = [
        Rectangle(middle=(x, y + side * 0.235), half=(half, 0.075))
        for x, y in places.values()
        for side, half in ((1, 0.33), (-1, 0.25))
    ]
    page = Rectangle(middle=(3.4, 0.0), half=(3.4, 3.0))
    start, near = (0, 0), (1, 0)
    pairs = [(start, near), (near, (2, 1)), ((2, 1), near), ((2, 1), (2, 0)), ((2, 0), (3, 3)), (near, (2, 2))]
    pairs += [(start, (4, y)) for y in range(6)] + [((2, 1), (3, y)) for y in range(4)] + [((4, 5), (3, 1))]
    found = routes(pairs, places, names, page)
    assert list(found) == pairs
    numbers = []
    for (a, b), route in found.items():
        assert not any(box.holds(route.points).any() for box in names), (a, b)
        assert page.holds(route.points).all(), (a, b)
        for end, point in ((a, route.points[0]), (b, route.points[-1])):
            assert math.dist(places[end], point) == pytest.approx(0.18)
        others = [place for node, place in places.items() if node not in (a, b)]
        assert min(math.dist(place, point) for place in others for point in route.points) > NODE, (a, b)
        numbers.append(route.number_at)
    apart = [math.dist(one, other) for n, one in enumerate(numbers) for other in numbers[:n]]
    assert min(apart) > 0.12
