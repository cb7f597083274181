"""A stored campaign decided by other classes than its own, from its frames alone."""

import csv
import re
import tarfile
from pathlib import Path
from typing import Final

import adsorption_cases as cases
import paper_classes as paper
import pytest

import molgun_lmp
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import InputFileError
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.compare import one_scheme

TESTS: Final = Path(__file__).parents[2]
STORED: Final = TESTS / "engine" / "data" / "campaign-0.1.tar.xz"
BEFORE: Final = TESTS / "engine" / "data" / "campaign-0.1.undisturbed-outcomes.csv"
CARBONYL: Final = """\
name: carbonyl
extends: weiske2026
sets: {chemisorbed: bound}
classes:
  - {label: one atom, set: chemisorbed, meaning: Bound to one atom., when: {bound_by: C, site: on top of one atom}}
  - {label: hollow, set: chemisorbed, meaning: Bound in a hollow., when: {bound_by: C, site: hollow}}
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    with tarfile.open(STORED) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "co-cu111"


def test_a_stored_campaign_is_decided_by_another_scheme_and_by_its_own_again(campaign: Path, tmp_path: Path) -> None:
    own = Store.open(campaign)
    assert own.scheme.identity == "weiske2026", "it names none"
    first = analyse(own, processes=1)
    with BEFORE.open(newline="", encoding="utf-8") as handle:
        before = {row["trajectory"]: (row["mode"], row["detail"], row["reason"]) for row in csv.DictReader(handle)}
    for one in first.ended:
        if one.outcome.mode.kind is not paper.FAILED.kind:
            assert (one.outcome.mode, one.outcome.detail, one.outcome.reason) == before[one.folder.id]

    (tmp_path / "co.yaml").write_text(CARBONYL)
    other = own.decided_by(str(tmp_path / "co.yaml"))
    second = analyse(other, processes=1)
    both = list(zip(first.ended, second.ended, strict=True))
    changed = {(one.outcome.mode.label, two.outcome.mode.label) for one, two in both}
    assert ("other", "hollow") in changed
    told = {"other", "undecided"}  # between two classes that are one by the other scheme
    assert {before for before, after in changed if before != after} <= told, "what is not carbonyl's stays"
    for one, two in both:
        assert one.outcome.bonds == two.outcome.bonds
        if paper.UNDECIDED.kind not in {one.outcome.mode.kind, two.outcome.mode.kind}:
            assert one.outcome.stuck == two.outcome.stuck
    table = {row.label: row.estimate.count for row in second.summary.table()}
    assert table["chemisorbed, all"] == table["hollow"] + table["one atom"] > 0

    again = analyse(Store.open(campaign), processes=1)
    assert [one.outcome for one in again.ended] == [one.outcome for one in first.ended]
    with pytest.raises(InputFileError, match=r"a is decided by .* weiske2026, b by carbonyl: .*--scheme"):
        one_scheme([("a", own.scheme), ("b", other.scheme)])


def test_pythons_way_in_takes_a_scheme(campaign: Path, tmp_path: Path) -> None:
    (tmp_path / "co.yaml").write_text(CARBONYL)
    found = molgun_lmp.load_campaign(campaign, scheme=str(tmp_path / "co.yaml"))
    assert found.store.scheme.named("hollow").row.group == "chemisorbed"


def test_the_scheme_of_the_docs_tells_a_double_bonds_reactions_apart(tmp_path: Path) -> None:
    text = (TESTS.parent / "docs" / "schemes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n# ethylene\.yaml\n(.*?)```", text, flags=re.DOTALL)
    assert len(block.splitlines()) <= 10
    (tmp_path / "ethylene.yaml").write_text(block)
    scheme = load_scheme("ethylene.yaml", tmp_path)
    groups = {"DOUBLE": (0, 1), "REST": (2, 3)}
    for name, label in (("OT-CY", "di-sigma"), ("BR-CY", "end bridge"), ("PC one carbon", "pi"), ("SL", "SL"),
                        ("diagonal", "other")):  # fmt: skip
        case = cases.Case(slab=cases.SLAB, molecule=cases.CASES[name][0], groups=groups)
        assert case.classify(scheme).mode == label
        assert case.classify().mode in {"other", "PC", "SL"}, "the paper's classes do not know it"
