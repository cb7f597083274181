"""Outcome schemes from files: what they say, what they leave out, and what is refused with its line."""

import re
from pathlib import Path

import pytest

from molgun_lmp.analysis.outcomes.classify import PARTS
from molgun_lmp.analysis.outcomes.conditions import TESTS
from molgun_lmp.condition_values import BondWord, Count
from molgun_lmp.condition_words import CLAUSES, in_words
from molgun_lmp.config.schemes import load_scheme, scheme_names
from molgun_lmp.errors import ConfigError
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.outcome_conditions import DETAIL_PARTS, TIME_KEYS, When
from molgun_lmp.outcome_scheme import OutcomeScheme

ETHYLENE = """\
name: ethylene
extends: weiske2026
without: [OT-CY, BR-CY, OT-ET, BR-ET, DB, SL-DB]
sets: {chemisorbed: bound}
classes:
  - label: di-sigma
    set: chemisorbed
    meaning: Both carbon atoms are bound to one dimer.
    when: {groups: {DOUBLE: {state: reacted, site: on-top}}}
  - {label: split, set: damaged, meaning: The double bond is broken., when: {broken: group DOUBLE}}
"""


def read(folder: Path, text: str) -> OutcomeScheme:
    (folder / "own.yaml").write_text(text)
    return load_scheme("own.yaml", folder)


def refused(folder: Path, text: str, *said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(folder, text)
    for words in said:
        assert re.search(words, str(error.value)), str(error.value)


def test_every_condition_and_every_part_of_a_detail_is_known_to_who_evaluates_them() -> None:
    assert set(TESTS) | TIME_KEYS == set(When.model_fields)
    assert not set(TESTS) & TIME_KEYS
    assert set(PARTS) == set(DETAIL_PARTS)
    assert set(CLAUSES) == set(When.model_fields)


@pytest.mark.parametrize("name", scheme_names())
def test_every_scheme_of_the_package_is_explained(name: str) -> None:
    for one in load_scheme(name).by_structure:
        assert len(in_words(one.when)) == len(one.when.said())


@pytest.mark.parametrize("key", ["below", "carried_off", "taken_up", "removed", "exchanged"])
def test_what_is_and_what_is_not_are_said_in_other_words(key: str) -> None:
    there, absent = (in_words(When.model_validate({key: value})) for value in (True, False))
    assert there != absent


def test_a_file_is_as_short_as_what_it_adds(tmp_path: Path) -> None:
    scheme = read(tmp_path, ETHYLENE)
    labels = [mode.label for mode in scheme.modes]
    assert labels[:5] == ["explosion", "split", "C-C broken", "H abstraction", "di-sigma"]
    assert not {"OT-CY", "DB"} & set(labels)
    assert scheme.named("di-sigma").kind is Kind.BOUND
    assert scheme.named("di-sigma").row.group == "chemisorbed"
    assert scheme.named("PC").row.group == "bound"
    assert scheme.source.startswith("Weiske")
    assert not scheme.shipped
    styles = [mode.row.style for mode in scheme.modes]
    assert len(set(styles)) == len(styles), "each has a look of its own, said or not"


def test_hollow_stands_for_every_hollow_and_none_of_them_for_another() -> None:
    hollow, fcc, hcp = (When.model_validate({"site": site}) for site in ("hollow", "hollow fcc", "hollow hcp"))
    assert hollow.contains(fcc)
    assert not hollow.excludes(fcc)
    assert not fcc.contains(hollow)
    assert fcc.excludes(hcp)


@pytest.mark.parametrize("name", scheme_names())
def test_a_scheme_written_down_is_the_same_scheme(name: str, tmp_path: Path) -> None:
    scheme = load_scheme(name)
    again = read(tmp_path, scheme.yaml())
    assert again.document == scheme.document
    assert again.modes == scheme.modes
    assert [mode.row for mode in again.modes] == [mode.row for mode in scheme.modes]
    assert again.rules == scheme.rules
    assert scheme.identity == name
    assert again.identity.startswith(f"{name} ") and again.identity == read(tmp_path, again.yaml()).identity


def test_what_a_file_has_of_another_is_written_down_with_it(tmp_path: Path) -> None:
    scheme = read(tmp_path, ETHYLENE)
    whole = tmp_path / "elsewhere"
    whole.mkdir()
    again = read(whole, scheme.yaml())
    assert "extends" not in scheme.yaml()
    assert (again.identity, [m.row for m in again.modes]) == (scheme.identity, [m.row for m in scheme.modes])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("when: {groups", "when: {group", r"own\.yaml, line 9, classes\.0\.when\.group: unknown condition; did"),
        ("label: di-sigma", "lable: di-sigma", r"line 6, classes\.0\.lable: unknown key; did you mean 'label'\?"),
        ("site: on-top", "site: ontop", r"line 9, .*site.*: 'ontop' is no site; there are on-top, bridge"),
        ("state: reacted", "state: reactd", r"line 9, .*state.*: Input should be 'free', 'dative', 'reacted'"),
        ("broken: group DOUBLE", "broken: CC", r"line 10, .*broken.*: 'CC' names no bonds: write any, none, skeleton"),
        ("broken: group DOUBLE", "pieces: some", r"line 10, .*pieces: 'some' is no number: write 2, at least 2"),
        ("set: chemisorbed", "set: chemisorped", r"line 7, .*'chemisorped' is no set; did you .*'chemisorbed'"),
        ("extends: weiske2026", "extends: weiske2062", r"line 2, extends: .*'weiske2062'; did you mean weiske2026\?"),
        ("OT-CY, BR-CY", "OT-CY, BR-XY", r"line 3, without: weiske2026 has no class 'BR-XY'; did you mean 'BR-"),
        ("label: split", "label: di-sigma", r"line 10, .*: 'di-sigma' stands at line 6 already"),
        ("sets: {chemisorbed: bound}", "sets: {chemisorbed: bond}", r"line 4, sets\.chemisorbed: Input should be"),
        ("    when: {gr", "    detail: \"{nobody}\"\n    when: {gr", r"line 9, .*detail: \{nobody\} is nothing"),
        ("name: ethylene\n", "", r"own\.yaml, line 1, name: Field required"),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_its_line_and_what_to_write(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in ETHYLENE
    refused(tmp_path, ETHYLENE.replace(before, after), said)


def own_class(conditions: str, kind: str = "bound") -> str:
    return (
        "name: own\nextends: weiske2026\nclasses:\n"
        f"  - {{label: first, set: {kind}, meaning: M., when: {{bound_by: C}}}}\n"
        f"  - {{label: second, set: {kind}, meaning: M2., when: {{{conditions}}}}}\n"
    )


@pytest.mark.parametrize(
    "conditions",
    ["bound_by: C", "bound_by: [C]", "bound_by: C, slab_bonds: 2", "bound_by: C, bound: true, groups: {A: {}}"],
)
def test_a_class_that_can_never_be_reached_is_refused(tmp_path: Path, conditions: str) -> None:
    said = r"line 5, .*: no molecule can ever be second, since first \(line 4\) comes first"
    refused(tmp_path, own_class(conditions), said)


@pytest.mark.parametrize("conditions", ["bound_by: [C, H]", "slab_bonds: 2", "bound_by: H, slab_bonds: at least 2"])
def test_a_class_with_other_conditions_is_not(tmp_path: Path, conditions: str) -> None:
    assert "second" in [mode.label for mode in read(tmp_path, own_class(conditions)).modes]


def test_all_that_another_scheme_would_have_said_is_hidden_by_a_class_for_everything(tmp_path: Path) -> None:
    text = "name: own\nextends: weiske2026\nclasses:\n  - {label: all, set: bound, meaning: M., when: {bound: true}}\n"
    refused(tmp_path, text, r"no molecule can ever be OT-CY, since all \(line 4\) comes first", r"ever be other")


def test_conditions_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, own_class("bound: false, slab_bonds: 2", "damaged"), r"`bound: false`, and other conditions ask")


@pytest.mark.parametrize("conditions", ["bound: false", "broken: C-H"])
def test_what_counts_as_bound_is_bound_and_whole(tmp_path: Path, conditions: str) -> None:
    refused(tmp_path, own_class(conditions), r"line 5, .*: what is of a set that counts as bound is bound, and none of")
    assert read(tmp_path, own_class(conditions, "damaged").replace("bound_by: C", "pieces: 9"))


WHOLE = """\
name: own
classes:
  - {label: gone to pieces, set: blown up, meaning: A., when: {free_fragments: at least 5}}
  - {label: split, set: damaged, meaning: B., when: {broken: any}}
  - {label: held, set: bound, meaning: C., when: {bound: true}}
  - {label: flying, set: in flight, meaning: D.}
  - {label: direct, set: left, meaning: E., when: {contact_ps: less than 0.5, touched: false}}
  - {label: desorbed, set: left, meaning: F.}
  - {label: above, set: near, meaning: G.}
  - {label: open, set: undecided, meaning: H.}
  - {label: lost, set: failed, meaning: I.}
"""


def test_a_scheme_may_stand_alone(tmp_path: Path) -> None:
    scheme = read(tmp_path, WHOLE)
    assert scheme.at_rest(Kind.LEFT) == "desorbed"
    assert [mode for mode, _ in scheme.fates(Kind.LEFT)] == ["direct", "desorbed"]
    assert (scheme.blown_up, scheme.undecided, scheme.failed) == ("gone to pieces", "open", "lost")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (3, r"one class has `set: blown up`, here 0"),
        (4, r"add a last class of `set: damaged` with `when: \{broken: any\}`"),
        (5, r"add a last class of `set: bound` with `when: \{bound: true\}`"),
        (6, r"the last class of `set: in flight` has no `when`"),
        (8, r"the last class of `set: left` has no `when`"),
        (10, r"one class without `when` has `set: undecided`, here 0"),
    ],
)
def test_what_every_scheme_needs_is_asked_for(tmp_path: Path, line: int, said: str) -> None:
    lines = WHOLE.splitlines()
    refused(tmp_path, "\n".join(lines[: line - 1] + lines[line:]) + "\n", said)


def test_times_are_asked_of_molecules_that_left_or_are_near(tmp_path: Path) -> None:
    refused(tmp_path, own_class("contact_ps: at least 1"), r"how long a molecule stayed is asked of those that left")


def test_what_is_whole_and_unbound_is_told_apart_by_time_alone(tmp_path: Path) -> None:
    said = r"line 7, .*: what is of `set: left` is whole and unbound, .* contact_ps and touched alone, not by slab_"
    refused(tmp_path, WHOLE.replace("contact_ps: less than 0.5", "slab_bonds: none"), said)
    refused(
        tmp_path, WHOLE.replace("less than 0.5", "less than max_fragments"), r"line 7, .*contact_ps: write a number"
    )


def test_a_scheme_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no outcome scheme 'weiske2025': .*Did you mean weiske2026\?"):
        load_scheme("weiske2025")
    with pytest.raises(ConfigError, match=r"there is no file .*missing\.yaml\. Name an outcome scheme"):
        load_scheme("missing.yaml", tmp_path)
    (tmp_path / "a.yaml").write_text("name: a\nextends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("name: b\nextends: a.yaml\n")
    with pytest.raises(ConfigError, match=r"extend each other in a circle"):
        load_scheme("a.yaml", tmp_path)


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        (2, [2], [1, 3]),
        ("none", [0], [1]),
        ("at least 2", [2, 9], [1]),
        ("more than 2", [3], [2]),
        ("at most 2", [0, 2], [3]),
        ("less than 2", [1], [2]),
        ("1 to 3", [1, 2, 3], [0, 4]),
        ("more than max_fragments", [4], [3]),
    ],
)
def test_numbers_in_words(words: object, inside: list[int], outside: list[int]) -> None:
    count, named = Count.parse(words), {"max_fragments": 3}
    assert all(count.holds(number, named) for number in inside)
    assert not any(count.holds(number, named) for number in outside)
    assert Count.parse(count.in_words()) == count


@pytest.mark.parametrize("words", ["", "two", "at least", "at least 1 to 2", "3 to 1", "nan", "inf", True, None, [1]])
def test_what_is_no_number_is_refused(words: object) -> None:
    with pytest.raises(ValueError, match=r"write 2, at least 2|larger than"):
        Count.parse(words)


def test_sets_of_numbers_and_of_bonds_are_compared_without_a_structure() -> None:
    at_least, more, two = Count.parse("at least 2"), Count.parse("more than 2"), Count.parse(2)
    assert at_least.contains(more) and at_least.contains(two) and not more.contains(two)
    assert more.excludes(two) and not at_least.excludes(two)
    named = Count.parse("more than max_fragments")
    assert named.contains(named) and not named.contains(at_least) and not named.excludes(two)
    bonds = {word: BondWord.parse(word) for word in ("any", "none", "skeleton", "H-C", "C-C", "group A")}
    assert bonds["H-C"] == "C-H"
    contained = {(a, b) for a, one in bonds.items() for b, other in bonds.items() if a != b and one.contains(other)}
    assert contained == {("any", "skeleton"), ("any", "H-C"), ("any", "C-C"), ("any", "group A"), ("skeleton", "C-C")}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("set: bound, among: [bound, near]", "line 4, .*what was not bound all along"),
        ("set: damaged, among: [bound]", "line 4, .*`set: bound` or `near` without `when`"),
        ("set: near, among: [near], when: {touched: true}", "line 4, .*without `when`"),
        ("set: near, among: [left]", r"line 4, .*write \[bound\], or \[bound, near\]"),
    ],
)
def test_a_class_of_what_wavers_is_whole_and_at_the_surface(tmp_path: Path, key: str, said: str) -> None:
    refused(
        tmp_path,
        f"name: own\nextends: general\nclasses:\n  - {{label: to and fro, meaning: It wavers., {key}}}\n",
        said,
    )
