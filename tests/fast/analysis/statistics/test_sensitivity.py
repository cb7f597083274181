"""The table under scaled bond limits: the limits are scaled, and a long bond is one or is none."""

import csv
from pathlib import Path

import paper_classes as paper
import pytest
from adsorption_cases import CRITERIA, SLAB, SURFACE, SYMBOLS, A, Case, above, molecule, reference_of
from outcome_cases import outcome_of

from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.statistics.sensitivity import cells, changed, pair_limits, scaled, scaled_criteria, unscaled_of
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.results.table_files import write_changes, write_sensitivity

ELEMENTS = ("H", "C", "Si")


def test_the_limits_are_the_papers_and_scale_all_of_them() -> None:
    limits = pair_limits(CRITERIA, ELEMENTS)
    assert limits == pytest.approx({"C-C": 2.12, "C-H": 1.67, "C-Si": 2.47, "H-H": 1.22, "H-Si": 2.02, "Si-Si": 2.82})
    wider = scaled_criteria(CRITERIA, ELEMENTS, 1.1)
    assert pair_limits(wider, ELEMENTS) == pytest.approx({pair: 1.1 * limit for pair, limit in limits.items()})
    own = OutcomeCriteria(pair_limits_angstrom={"Si-C": 2.3})
    assert pair_limits(scaled_criteria(own, ELEMENTS, 0.9), ELEMENTS)["C-Si"] == pytest.approx(0.9 * 2.3)
    assert wider.hysteresis_angstrom == CRITERIA.hysteresis_angstrom


@pytest.mark.parametrize(("scale", "mode"), [(0.95, None), (1.0, paper.PC), (1.05, paper.PC)])
def test_a_bond_at_the_limit_is_one_or_is_none(scale: float, mode: Mode | None) -> None:
    case = Case(slab=SLAB, molecule=molecule(cy=above(A, 2.42)))
    criteria = scaled_criteria(CRITERIA, ELEMENTS, scale)
    limits = BondLimits.of(SYMBOLS, SLAB.get_chemical_symbols(), criteria)
    bonds = limits.bonds(case.molecule, SLAB.positions, SURFACE.lattice)
    assert paper.classified(bonds, reference_of(case, SURFACE), SURFACE, criteria.max_fragments).mode == mode


def test_counts_changes_and_files(tmp_path: Path) -> None:
    usual = [outcome_of(0, paper.PC), outcome_of(1, paper.OT_CY), outcome_of(2, paper.PHYSISORBED)]
    strict = [outcome_of(0, paper.PHYSISORBED), *usual[1:]]
    found = [scaled(paper.SCHEME, 0.9, {}, strict), scaled(paper.SCHEME, 1.0, {}, usual)]
    assert unscaled_of(found) is found[1]
    assert [changed(one, found[1]) for one in found] == [1, 0]
    assert cells(found) == [
        ("OT-CY", "1", "1"),
        ("PC", "0", "1"),
        ("physisorbed", "2", "1"),
        ("stuck", "1", "2"),
        ("changed their mode", "1", "0"),
    ]
    with write_sensitivity(found, tmp_path / "s.csv").open(newline="") as handle:
        rows = {(float(row["scale"]), row["line"]): row for row in csv.DictReader(handle)}
    assert len(rows) == 2 * (len(paper.CLASSES) + 1)
    assert (rows[0.9, "PC"]["count"], rows[0.9, "PC"]["difference"], rows[0.9, "PC"]["changed"]) == ("0", "-1", "1")
    assert write_changes(found, tmp_path / "c.csv").read_text().splitlines() == [
        "trajectory,mode_at_0.9,mode_at_1",
        "000000,physisorbed,PC",
    ]
