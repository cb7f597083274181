"""Modes at fixed times after first contact: what is known, what is censored, and the table's denominators."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of

from molgun_lmp.analysis.kinetics.landmark import after_contact, cells, mode_after_contact
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Stop
from molgun_lmp.results.table_files import write_after_contact

EVENTS = ((0.0, paper.IN_FLIGHT), (0.5, paper.PHYSISORBED), (0.9, paper.PC), (1.6, paper.OT_CY))
ADSORBED = outcome_of(0, paper.OT_CY, events=EVENTS)
SHORT = outcome_of(1, paper.PC, events=EVENTS[:3], time_ps=1.2)
YOUNG = outcome_of(2, paper.UNDECIDED, events=EVENTS, time_ps=1.65)
LEFT = outcome_of(3, paper.SCATTERED, events=(*EVENTS[:2], (0.8, paper.SCATTERED)), contact_ps=0.5, time_ps=1.0)
BROKEN = outcome_of(4, paper.CC_BROKEN, events=(*EVENTS[:2], (0.8, paper.CC_BROKEN)), time_ps=1.0)
FAILED = outcome_of(5, paper.FAILED, events=EVENTS[:3], time_ps=1.2)
FLYING = outcome_of(6, paper.IN_FLIGHT, events=EVENTS[:1], contact_ps=None)
PLANNED_PS = 2.0


@pytest.mark.parametrize(
    ("outcome", "stop", "expected"),
    [
        (ADSORBED, Stop.COMPLETED, [paper.PHYSISORBED, paper.PC, paper.OT_CY, None]),
        (SHORT, Stop.COMPLETED, [paper.PHYSISORBED, paper.PC, None, None]),
        (YOUNG, Stop.COMPLETED, [paper.PHYSISORBED, paper.PC, paper.UNDECIDED, None]),
        (LEFT, Stop.DEPARTED, [paper.PHYSISORBED, paper.SCATTERED, paper.SCATTERED, None]),
        (BROKEN, Stop.COMPLETED, [paper.PHYSISORBED, paper.CC_BROKEN, None, None]),
        (BROKEN, Stop.FRAGMENT_LEFT, [paper.PHYSISORBED, paper.CC_BROKEN, paper.CC_BROKEN, None]),
        (FAILED, None, [paper.PHYSISORBED, paper.PC, None, None]),
        (FLYING, Stop.COMPLETED, [None] * 4),
    ],
)
def test_mode_at_each_time(outcome: object, stop: Stop | None, expected: list[Mode | None]) -> None:
    found = [mode_after_contact(paper.SCHEME, outcome, stop, t, PLANNED_PS) for t in (0.1, 0.4, 1.12, 1.6)]  # type: ignore[arg-type]
    assert found == expected


def test_the_table_counts_the_watched_and_names_the_censored(tmp_path: Path) -> None:
    outcomes = [ADSORBED, SHORT, YOUNG, LEFT, BROKEN, FAILED, FLYING]
    stops = [*[Stop.COMPLETED] * 3, Stop.DEPARTED, Stop.FRAGMENT_LEFT, None, Stop.COMPLETED]
    early, late = after_contact(paper.SCHEME, outcomes, stops, (0.4, 1.12), planned_ps=PLANNED_PS)
    assert (early.contact, early.watched, early.censored) == (6, 6, 0)
    assert {line: e.count for line, e in early.lines} == {"C-C broken": 1, "PC": 4, "scattered": 1, "stuck": 4}
    assert (late.contact, late.watched, late.censored) == (6, 4, 2)
    assert {line: e.count for line, e in late.lines} == {
        "C-C broken": 1, "OT-CY": 1, "scattered": 1, "undecided": 1, "stuck": 1,
    }  # fmt: skip
    assert all(e.shots == table.watched for table in (early, late) for _, e in table.lines)
    assert cells(paper.SCHEME, (early, late)) == [
        ("C-C broken", "1 of 6", "1 of 4"),
        ("OT-CY", "0 of 6", "1 of 4"),
        ("PC", "4 of 6", "0 of 4"),
        ("scattered", "1 of 6", "1 of 4"),
        ("undecided", "0 of 6", "1 of 4"),
        ("stuck", "4 of 6", "1 of 4"),
        ("not watched so long", "0 of 6", "2 of 6"),
    ]
    with write_after_contact((early, late), tmp_path / "t.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(float(r["after_contact_ps"]), int(r["watched"]), int(r["censored"])) for r in rows] == (
        [(0.4, 6, 0)] * 4 + [(1.12, 4, 2)] * 5
    )


def test_the_broken_that_are_bound_are_stuck_then_too() -> None:
    """One that breaks before it binds: broken and free, then broken and bound."""
    events = ((0.0, paper.IN_FLIGHT), (0.5, paper.H_ABSTRACTION))
    one = dataclasses.replace(
        outcome_of(0, paper.H_ABSTRACTION, events=events, stuck=True), bound_changes=((0.0, False), (1.1, True))
    )
    blown = dataclasses.replace(
        outcome_of(1, paper.EXPLOSION, events=((0.0, paper.EXPLOSION),)), bound_changes=((0, True),)
    )
    tables = after_contact(paper.SCHEME, [one, blown], [Stop.COMPLETED] * 2, (0.5, 1.0), planned_ps=PLANNED_PS)
    assert [dict(table.lines)["stuck"].count for table in tables] == [0, 1]
    (stopped,) = after_contact(paper.SCHEME, [one], [Stop.FRAGMENT_LEFT], (2.0,), planned_ps=9.0)
    assert dict(stopped.lines)["stuck"].count == 1


def test_no_contact_at_all() -> None:
    (table,) = after_contact(paper.SCHEME, [FLYING], [Stop.COMPLETED], (0.5,), planned_ps=PLANNED_PS)
    assert (table.contact, table.watched) == (0, 0)
    assert [(line, e.fraction) for line, e in table.lines] == [("stuck", None)]


@pytest.mark.parametrize(("arrival_ps", "run_ps"), [((0.2, 2.2), 3.0), ((3.0, 9.5), 10.0), ((0.0, 4.0), 4.0)])
def test_who_scatters_is_not_counted_where_others_that_came_as_late_are_not(
    arrival_ps: tuple[float, float], run_ps: float
) -> None:
    """Arrival has no bearing on fate; 40 % scatter 0.8 ps after contact, which ends their run, and 60 % bind."""
    rng = np.random.default_rng(11)
    outcomes, stops = [], []
    events: tuple[tuple[float, Mode], ...]
    arrivals, fates = rng.uniform(*arrival_ps, 4000), rng.random(4000) < 0.4
    for index, (contact, scatters) in enumerate(zip(arrivals, fates, strict=True)):
        gone = float(contact) + 0.8
        leaves = bool(scatters) and gone <= run_ps
        met = ((0.0, paper.IN_FLIGHT), (float(contact), paper.PHYSISORBED))
        if leaves:
            mode, events = paper.SCATTERED, (*met, (gone, paper.SCATTERED))
        elif scatters:
            mode, events = paper.PHYSISORBED, met
        else:
            mode, events = paper.OT_CY, (*met, (float(contact) + 1e-3, paper.OT_CY))
        end = gone if leaves else run_ps
        outcomes.append(outcome_of(index, mode, events=events, contact_ps=float(contact), time_ps=end))
        stops.append(Stop.DEPARTED if leaves else Stop.COMPLETED)
    (table,) = after_contact(paper.SCHEME, outcomes, stops, (2.0,), planned_ps=run_ps)
    lines = dict(table.lines)
    low, high = lines["scattered"].cluster
    assert low <= 0.4 <= high
    assert lines["scattered"].fraction == pytest.approx(0.4, abs=0.03)
    assert lines["OT-CY"].count + lines["scattered"].count == table.watched
    assert table.watched == sum(o.first_contact_ps + 2.0 <= run_ps for o in outcomes)  # type: ignore[operator]


def test_a_failed_shot_is_watched_until_it_failed() -> None:
    lost = outcome_of(7, paper.FAILED, events=EVENTS[:3], time_ps=1.2)
    found = [mode_after_contact(paper.SCHEME, lost, None, time, 10.0) for time in (0.1, 0.6, 0.8)]
    assert found == [paper.PHYSISORBED, paper.PC, None]
