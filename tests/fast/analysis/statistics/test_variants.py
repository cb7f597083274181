"""The variants within the classes: which are listed, in which order, and of how many shots."""

import csv
import dataclasses
from pathlib import Path

import paper_classes as paper
from outcome_cases import outcome_of

from molgun_lmp.analysis.statistics.variants import variants
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome
from molgun_lmp.results.table_files import write_variants


def ended(number: int, mode: Mode, detail: str = "") -> Outcome:
    return dataclasses.replace(outcome_of(number, mode), detail=detail)


ENDS = [
    ended(0, paper.OTHER, "CO hollow"),
    ended(1, paper.PC, "CO on top of one atom"),
    ended(2, paper.OTHER, "CO between two atoms"),
    ended(3, paper.OTHER, "CO hollow"),
    ended(4, paper.OT_CY),
    ended(5, paper.UNDECIDED, "young PC"),
    ended(6, paper.SCATTERED),
]


def test_bound_shots_are_counted_by_class_and_then_by_number_over_all_shots(tmp_path: Path) -> None:
    found = variants(ENDS)
    assert [one.cells()[:5] for one in found] == [
        ("OT-CY", "–", "1", "7", "14.3 %"),
        ("PC", "CO on top of one atom", "1", "7", "14.3 %"),
        ("other", "CO hollow", "2", "7", "28.6 %"),
        ("other", "CO between two atoms", "1", "7", "14.3 %"),
    ]
    for one in found:
        e = one.estimate
        assert e.simultaneous[0] < e.cluster[0] < e.count / 7 < e.cluster[1] < e.simultaneous[1]
    with write_variants(found, tmp_path / "variants.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["detail"], row["count"]) for row in rows][2:] == [("CO hollow", "2"), ("CO between two atoms", "1")]
    assert [float(row["cluster_low"]) for row in rows] == [one.estimate.cluster[0] for one in found]


def test_classes_without_variants_need_no_second_table() -> None:
    assert variants([ended(0, paper.OT_CY), ended(1, paper.SCATTERED), ended(2, paper.UNDECIDED, "young PC")]) == ()
    assert variants([]) == ()


def test_what_left_in_pieces_is_listed_by_its_products() -> None:
    ends = [
        *(dataclasses.replace(ended(number, paper.CC_BROKEN, "H + CH3"), stuck=False) for number in range(3)),
        ended(3, paper.OT_CY),
        dataclasses.replace(ended(4, paper.UNDECIDED, "young C-C broken"), stuck=False),
    ]
    assert [one.cells()[:4] for one in variants(ends)] == [
        ("C-C broken", "H + CH3", "3", "5"),
        ("OT-CY", "–", "1", "5"),
    ]
