"""The classes of the shipped schemes, and that whoever shows classes asks the scheme for them."""

import ast
import csv
import dataclasses
import pickle
import re
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from pydantic import ValidationError

import molgun_lmp
from molgun_lmp.analysis.figures.kinetics import draw_flow
from molgun_lmp.analysis.figures.modes_heights_energy import draw_modes
from molgun_lmp.analysis.figures.timelines import draw_timelines
from molgun_lmp.analysis.kinetics.event_times import Moments, moments
from molgun_lmp.analysis.kinetics.landmark import after_contact, cells
from molgun_lmp.analysis.kinetics.survival import competing_risks, visits
from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.config.schemes import load_scheme, scheme_names
from molgun_lmp.outcome_classes import Kind, Mode, OutcomeClass
from molgun_lmp.outcome_conditions import When
from molgun_lmp.outcome_scheme import flow_columns, in_order
from molgun_lmp.plotting.style import mode_legend
from molgun_lmp.records import Outcome
from molgun_lmp.results.table_files import write_moments

MADE_UP = """\
name: mine
extends: weiske2026
classes:
  - {label: made up, set: bound, meaning: Bound as nothing else is., when: {bound_by: Xe}, colour: "#102030",
     marker: "8", count_at_any_time: true, precursor: true, moment: made_up_ps}
"""


def test_no_question_about_a_class_can_be_left_open() -> None:
    without = [field for field in dataclasses.fields(OutcomeClass) if field.default is dataclasses.MISSING]
    assert without == list(dataclasses.fields(OutcomeClass))
    assert all(field.default_factory is dataclasses.MISSING for field in without)


@pytest.mark.parametrize("name", scheme_names())
def test_every_class_is_its_own(name: str) -> None:
    scheme = load_scheme(name)
    rows = [mode.row for mode in scheme.modes]
    for what in ([row.meaning for row in rows], [row.style for row in rows], [row.label.lower() for row in rows]):
        assert len(set(what)) == len(rows)
    named = [row.moment for row in rows if row.moment is not None]
    assert sorted(named) == list(scheme.moment_columns)
    assert not set(named) & {field.name for field in dataclasses.fields(Moments)}
    assert [mode.rank for mode in scheme.modes] == list(range(len(rows)))
    assert scheme.hidden() == ()


@pytest.mark.parametrize("name", scheme_names())
def test_what_a_course_gives_is_there(name: str) -> None:
    scheme = load_scheme(name)
    assert [mode.kind for mode in (scheme.blown_up, scheme.undecided, scheme.failed)] == [
        Kind.BLOWN_UP,
        Kind.UNDECIDED,
        Kind.FAILED,
    ]
    for kind in (Kind.IN_FLIGHT, Kind.LEFT, Kind.NEAR):
        assert scheme.at_rest(kind).kind is kind
        assert scheme.fates(kind)[-1][1] is None


def test_classes_are_those_of_the_paper() -> None:
    adsorbed = {mode.row.paper for mode in paper.CLASSES if mode.bound_intact}
    assert adsorbed == {str(number) for number in range(1, 10)}
    assert {mode.row.paper for mode in paper.CLASSES if mode.unbound_fate} == {"i"}
    assert {str(mode): mode.row.paper for mode in paper.CLASSES if mode.damaged} == {
        "explosion": "iv", "C-C broken": "iii", "H abstraction": "ii",
    }  # fmt: skip
    assert [*paper.CLASSES[:3]] == ["explosion", "C-C broken", "H abstraction"], "what is broken comes first"
    assert [mode for mode in paper.CLASSES if mode.unbound_fate] == ["in flight", "scattered", "physisorbed"]


def test_what_is_minimised_counted_and_followed() -> None:
    kinds = {Kind.BOUND, Kind.DAMAGED, Kind.NEAR, Kind.UNDECIDED}
    assert [mode for mode in paper.CLASSES if mode.row.quenched] == [*paper.SCHEME.of_kind(*kinds)]
    assert paper.SCHEME.counted_at_any_time == ("C-C broken", "H abstraction")
    assert paper.SCHEME.precursors == ("PC",)
    assert paper.SCHEME.moment_columns == ("cc_broken_ps", "ch_broken_ps", "explosion_ps")


@pytest.mark.parametrize("name", scheme_names())
def test_the_flow_has_a_place_for_whatever_a_molecule_can_be_in(name: str) -> None:
    modes = load_scheme(name).modes
    placed = [mode for column in flow_columns(modes) for mode in column]
    assert len(placed) == len(set(placed))
    assert set(placed) == {mode for mode in modes if mode.kind not in {Kind.UNDECIDED, Kind.FAILED}}
    assert len({mode.row.flow_place for mode in placed}) == len(placed), "no two stand on one spot"


def test_a_class_is_found_by_its_label_and_goes_with_its_record() -> None:
    for mode in paper.CLASSES:
        assert paper.SCHEME.named(mode.label) is mode
        again: Mode = pickle.loads(pickle.dumps(mode))
        assert (again, again.row, again.rank) == (mode, mode.row, mode.rank)
    with pytest.raises(ValueError, match=r"'OT-XY' is no outcome class; there are explosion, .*, failed"):
        paper.SCHEME.named("OT-XY")
    assert in_order([paper.FAILED, paper.PC, paper.PC, paper.EXPLOSION]) == ["explosion", "PC", "failed"]
    one = _outcome(0, paper.PC)
    assert Outcome.from_json(one.to_json(), paper.SCHEME).mode.row is paper.PC.row
    with pytest.raises(ValidationError, match=r"'PC' is a class of some scheme, and nobody said which"):
        Outcome.from_json(one.to_json())


def test_no_class_is_called_by_name_in_the_package() -> None:
    """Words that Python shares with the schemes are those of sets, of conditions and of other things."""
    shared = {"other", "in flight", "undecided", "failed", "explosion", "physisorbed", "scattered"}
    shared |= set(When.model_fields)
    labels = {mode.label for name in scheme_names() for mode in load_scheme(name).modes} - shared
    found = set()
    for file in Path(molgun_lmp.__file__).parent.rglob("*.py"):
        if "examples" not in file.parts:
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
            found |= {(file.name, text) for text in texts & labels}
    assert found == set()


def test_a_class_in_the_file_is_all_that_tables_and_figures_need(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MADE_UP)
    scheme = load_scheme("mine.yaml", tmp_path)
    made_up, in_flight = scheme.named("made up"), scheme.named("in flight")
    assert made_up.bound_intact and made_up.row.quenched
    outcomes = [
        dataclasses.replace(
            _outcome(index, made_up), events=((0.0, in_flight), (0.6, made_up)), slab_snapshot=f"s{index}"
        )
        for index in range(3)
    ]
    assert [Outcome.from_json(one.to_json(), scheme) for one in outcomes] == outcomes

    summary = summarise(scheme, outcomes)
    table = {row.label: row.estimate.count for row in summary.table()}
    assert table["made up"] == table["made up, at any time"] == table["stuck, of all"] == 3
    assert str(parse_target("made up:0.1", scheme)) == "made up:0.1"
    tables = after_contact(scheme, outcomes, [None] * 3, (1.0,), planned_ps=2.0)
    assert ("made up", "3 of 3") in cells(scheme, tables)
    assert competing_risks(visits(outcomes, made_up), np.random.default_rng(0))

    assert mode_legend([made_up])[0].get_color() == "#102030"
    flow = _rows(draw_flow(outcomes, tmp_path).csv)
    assert ("in flight", "made up", "3") in {(row["from"], row["to"], row["count"]) for row in flow}
    assert [row["count"] for row in _rows(draw_modes(summary, tmp_path).csv) if row["mode"] == "made up"] == ["3"]
    assert "made up" in {row["mode"] for row in _rows(draw_timelines(outcomes, tmp_path).csv)}

    found = [moments(scheme, one, translation_before_ev=0.1, translation_after_ev=None) for one in outcomes]
    began = _rows(write_moments(scheme, found, tmp_path / "events.csv"))
    assert [(row["made_up_ps"], row["precursor_ps"]) for row in began] == [("0.6", "0.6")] * 3


def test_labels_stand_in_commands_and_files_as_they_are() -> None:
    for mode in paper.CLASSES:
        assert re.fullmatch(r"[A-Za-z][A-Za-z -]*", mode.label)
        assert f"{mode}" == str(mode) == mode.label


def _outcome(index: int, mode: Mode) -> Outcome:
    return Outcome(
        trajectory_id=f"{index:06d}", mode=mode, stuck=True, contact=True, first_contact_ps=0.5,
        first_bond_ps=0.6, time_ps=2.0, lowest_clearance_angstrom=1.9, bonds=(), reason="", truncated=False,
        events=((0.0, mode),), slab_snapshot="s", molecule_snapshot=f"m{index}",
    )  # fmt: skip


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
