"""The table of outcome classes: each row answers every question, and whoever shows classes shows every row."""

import ast
import csv
import dataclasses
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import molgun_lmp
from molgun_lmp import outcome_classes
from molgun_lmp.analysis.kinetics.event_times import Moments
from molgun_lmp.analysis.outcomes.classify import classify
from molgun_lmp.outcome_classes import (
    BLOWN_UP,
    BOUND_INTACT,
    DAMAGED,
    EVER,
    FAILED,
    IN_FLIGHT,
    LEFT,
    MOMENT_COLUMNS,
    NEAR,
    PRECURSORS,
    UNBOUND_FATES,
    UNDECIDED,
    WORTH_QUENCHING,
    Kind,
    Mode,
    OutcomeClass,
    flow_columns,
)

MADE_UP = """\
    MADE_UP = OutcomeClass(
        label="made up", paper=None, kind=Kind.BOUND, style=ModeStyle(colour="#102030", marker="8"),
        meaning="Bound as nothing else is.",
        flow_place=(1, 1), quenched=True, counted_at_any_time=True, precursor=True, moment="made_up_ps",
    )
"""


def test_no_question_about_a_class_can_be_left_open() -> None:
    without = [field for field in dataclasses.fields(OutcomeClass) if field.default is dataclasses.MISSING]
    assert without == list(dataclasses.fields(OutcomeClass))
    assert all(field.default_factory is dataclasses.MISSING for field in without)


def test_every_class_is_its_own() -> None:
    assert len(Mode.__members__) == len(Mode), "two rows with one label are one class"
    for what in ([m.row.meaning for m in Mode], [m.row.style for m in Mode], [m.row.label.lower() for m in Mode]):
        assert len(set(what)) == len(Mode)
    moments = [m.row.moment for m in Mode if m.row.moment is not None]
    assert sorted(moments) == list(MOMENT_COLUMNS)
    assert len(set(moments)) == len(moments)
    assert not set(moments) & {field.name for field in dataclasses.fields(Moments)}


def test_every_class_belongs_to_exactly_one_set() -> None:
    sets = (BOUND_INTACT, DAMAGED, UNBOUND_FATES, {UNDECIDED}, {FAILED})
    for mode in Mode:
        assert sum(mode in one for one in sets) == 1


def test_what_a_course_gives_is_one_class_of_each_kind() -> None:
    assert [m.row.kind for m in (BLOWN_UP, IN_FLIGHT, LEFT, NEAR, UNDECIDED, FAILED)] == list(Kind)[2:]
    for kind in list(Kind)[2:]:
        assert sum(mode.row.kind is kind for mode in Mode) == 1


def test_classes_are_those_of_the_paper() -> None:
    adsorbed = {mode.row.paper for mode in BOUND_INTACT}
    assert adsorbed == {str(number) for number in range(1, 10)}
    assert {mode.row.paper for mode in UNBOUND_FATES} == {"i"}
    assert {mode: mode.row.paper for mode in DAMAGED} == {
        Mode.EXPLOSION: "iv", Mode.CC_BROKEN: "iii", Mode.H_ABSTRACTION: "ii",
    }  # fmt: skip
    assert list(Mode)[:3] == [Mode.EXPLOSION, Mode.CC_BROKEN, Mode.H_ABSTRACTION], "what is broken comes first"
    assert {Mode.IN_FLIGHT, Mode.SCATTERED, Mode.PHYSISORBED} == UNBOUND_FATES


def test_what_is_minimised_counted_and_followed() -> None:
    assert (BOUND_INTACT | DAMAGED | {NEAR, UNDECIDED}) - {BLOWN_UP} == WORTH_QUENCHING
    assert EVER == (Mode.CC_BROKEN, Mode.H_ABSTRACTION)
    assert PRECURSORS == (Mode.PC,)


def test_the_flow_has_a_place_for_whatever_a_molecule_can_be_in() -> None:
    placed = [mode for column in flow_columns() for mode in column]
    assert len(placed) == len(set(placed))
    assert set(placed) == set(Mode) - {UNDECIDED, FAILED}
    assert len({mode.row.flow_place for mode in placed}) == len(placed), "no two stand on one spot"


def test_a_class_is_found_by_its_label() -> None:
    for mode in Mode:
        assert Mode.named(mode.value) is mode is Mode(mode.value)  # type: ignore[arg-type]  # as pydantic calls it
    with pytest.raises(ValueError, match=r"'OT-XY' is no outcome class; there are explosion, .*, failed"):
        Mode.named("OT-XY")


def test_only_the_classifier_calls_classes_by_name() -> None:
    package = Path(molgun_lmp.__file__).parent
    naming = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Mode":
                naming |= {file} if node.attr in Mode.__members__ else set()
    assert naming == {Path(inspect.getfile(classify))}


@pytest.fixture
def one_class_more() -> Iterator[None]:
    """The package loaded anew with a row more in its table; afterwards it is as it was."""
    text = Path(outcome_classes.__file__).read_text(encoding="utf-8")
    before = text.index("    FAILED = OutcomeClass(")
    with_it = text[:before] + MADE_UP + text[before:]
    name = outcome_classes.__name__

    def ours() -> list[str]:
        return [module for module in sys.modules if module.partition(".")[0] == molgun_lmp.__name__]

    kept = {module: sys.modules.pop(module) for module in ours()}
    try:
        sys.modules[name] = types.ModuleType(name)
        exec(compile(with_it, outcome_classes.__file__, "exec"), vars(sys.modules[name]))
        yield
    finally:
        for module in ours():
            del sys.modules[module]
        sys.modules.update(kept)


@pytest.mark.usefixtures("one_class_more")
def test_a_row_is_all_that_tables_and_figures_need(tmp_path: Path) -> None:
    from molgun_lmp.analysis.figures.kinetics import draw_flow
    from molgun_lmp.analysis.figures.modes_heights_energy import draw_modes
    from molgun_lmp.analysis.figures.timelines import draw_timelines
    from molgun_lmp.analysis.kinetics.event_times import moments
    from molgun_lmp.analysis.kinetics.landmark import after_contact, cells
    from molgun_lmp.analysis.kinetics.survival import competing_risks, visits
    from molgun_lmp.analysis.statistics.sequential import parse_target
    from molgun_lmp.analysis.statistics.summary import summarise
    from molgun_lmp.outcome_classes import BOUND_INTACT, IN_FLIGHT, WORTH_QUENCHING, Mode
    from molgun_lmp.plotting.style import mode_legend
    from molgun_lmp.records import Outcome
    from molgun_lmp.results.table_files import write_moments

    made_up = Mode.named("made up")
    assert made_up in BOUND_INTACT
    assert made_up in WORTH_QUENCHING
    outcomes = [
        Outcome(
            trajectory_id=f"{index:06d}", mode=made_up, stuck=True, contact=True, first_contact_ps=0.5,
            first_bond_ps=0.6, time_ps=2.0, lowest_clearance_angstrom=1.9, bonds=(), reason="", truncated=False,
            events=((0.0, IN_FLIGHT), (0.6, made_up)), slab_snapshot=f"s{index}", molecule_snapshot=f"m{index}",
        )
        for index in range(3)
    ]  # fmt: skip
    assert [Outcome.from_json(one.to_json()) for one in outcomes] == outcomes

    summary = summarise(outcomes)
    table = {row.label: row.estimate.count for row in summary.table()}
    assert table["made up"] == table["made up, at any time"] == table["stuck, of all"] == 3
    assert str(parse_target("made up:0.1")) == "made up:0.1"
    assert ("made up", "3 of 3") in cells(after_contact(outcomes, [None] * 3, (1.0,), planned_ps=2.0))
    assert competing_risks(visits(outcomes, made_up), np.random.default_rng(0))

    assert mode_legend([made_up])[0].get_color() == "#102030"
    flow = _rows(draw_flow(outcomes, tmp_path).csv)
    assert ("in flight", "made up", "3") in {(row["from"], row["to"], row["count"]) for row in flow}
    assert [row["count"] for row in _rows(draw_modes(summary, tmp_path).csv) if row["mode"] == "made up"] == ["3"]
    assert "made up" in {row["mode"] for row in _rows(draw_timelines(outcomes, tmp_path).csv)}

    found = [moments(one, translation_before_ev=0.1, translation_after_ev=None) for one in outcomes]
    began = _rows(write_moments(found, tmp_path / "events.csv"))
    assert [(row["made_up_ps"], row["precursor_ps"]) for row in began] == [("0.6", "0.6")] * 3


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
