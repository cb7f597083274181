"""Two campaigns side by side: known numbers, the interval's coverage with snapshot effects, the test's level."""

import csv
import math
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest

from molgun_lmp.analysis.report.costs import Cost
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, cluster_interval, wilson
from molgun_lmp.analysis.statistics.comparison import compare, difference_interval, difference_p
from molgun_lmp.analysis.statistics.estimates import Estimate
from molgun_lmp.analysis.statistics.multiple_testing import holm
from molgun_lmp.errors import InputFileError
from molgun_lmp.models.level_of_theory import level_warning, method_of
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome
from molgun_lmp.results.compare import Side, cost_lines
from molgun_lmp.results.table_files import write_comparison


def independent(count: int, shots: int) -> Estimate:
    bounds = wilson(count, shots)
    return Estimate(
        count=count, shots=shots, fraction=count / shots if shots else None, cluster=bounds, wilson=bounds,
        simultaneous=bounds, design_effect=1.0, effective_shots=shots, note="",
    )  # fmt: skip


def outcomes(modes: list[Mode]) -> list[Outcome]:
    return [
        Outcome(
            trajectory_id=f"{index:06d}", mode=mode, stuck=mode == paper.OT_CY, contact=True, first_contact_ps=0.4,
            first_bond_ps=None, time_ps=2.0, lowest_clearance_angstrom=1.9, events=((0.0, mode),), bonds=(),
            reason="", truncated=False, slab_snapshot=f"s{index}", molecule_snapshot=f"m{index}",
        )
        for index, mode in enumerate(modes)
    ]  # fmt: skip


def test_the_interval_is_that_of_newcombes_paper() -> None:
    # Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10.
    for a, b, low, high in (
        (independent(56, 70), independent(48, 80), 0.0524, 0.3339),
        (independent(9, 10), independent(3, 10), 0.1705, 0.8090),
        (independent(10, 10), independent(0, 10), 0.6075, 1.0),
    ):
        assert difference_interval(a, b) == pytest.approx((low, high), abs=5e-5)
        assert difference_interval(b, a) == pytest.approx((-high, -low), abs=5e-5)


def test_the_p_value_is_the_score_tests() -> None:
    # 2x2 chi square without continuity correction: 56, 14; 48, 32 -> 150 (56*32 - 14*48)^2 / (70*80*104*46)
    chi2 = 150 * (56 * 32 - 14 * 48) ** 2 / (70 * 80 * 104 * 46)
    expected = math.erfc(math.sqrt(chi2 / 2))
    assert difference_p(independent(56, 70), independent(48, 80)) == pytest.approx(expected, rel=1e-9)
    assert difference_p(independent(0, 10), independent(0, 30)) == 1.0
    assert difference_p(independent(0, 0), independent(3, 30)) is None


def test_holm_is_monotone_and_leaves_the_unknown_alone() -> None:
    assert holm([0.01, None, 0.04, 0.03, 0.005]) == pytest.approx([0.03, None, 0.06, 0.06, 0.02])


def clustered(rng: np.random.Generator, fraction: float) -> Estimate:
    """120 shots on 30 slab and 40 molecule snapshots; half of the slabs are more, half less favourable."""
    slab, molecule = np.arange(120) % 30, rng.integers(0, 40, 120)
    tilt = rng.choice([-0.2, 0.2], 30)
    hit = rng.random(120) < fraction + tilt[slab]
    clusters = Clusters.of(slab.tolist(), molecule.tolist())
    interval = cluster_interval(hit, clusters)
    return Estimate(
        count=int(hit.sum()), shots=120, fraction=float(hit.mean()), cluster=(interval.low, interval.high),
        simultaneous=(0.0, 1.0), wilson=wilson(int(hit.sum()), 120), design_effect=interval.design_effect,
        effective_shots=interval.effective_shots, note=interval.note,
    )  # fmt: skip


def test_interval_and_test_hold_their_level_where_snapshots_matter() -> None:
    rng = np.random.default_rng(11)
    covered = rejected = found = 0
    for _ in range(1000):
        a, b, same = clustered(rng, 0.6), clustered(rng, 0.3), clustered(rng, 0.3)
        low, high = difference_interval(a, b)
        covered += low <= 0.3 <= high
        p, p_true = difference_p(same, b), difference_p(a, b)
        assert p is not None
        assert p_true is not None
        rejected += p < 0.05
        found += p_true < 0.05
    assert 935 <= covered <= 990  # 95 %, three standard errors are 2 %
    assert rejected <= 70
    assert found > 900


def test_a_comparison_shows_what_any_campaign_shows_and_sticking() -> None:
    a = outcomes([paper.OT_CY] * 30 + [paper.SCATTERED] * 10)
    b = outcomes([paper.OT_CY] * 10 + [paper.SCATTERED] * 20 + [paper.FAILED] * 10)
    found = compare(paper.SCHEME, [("a", a), ("b", b), ("again", a)])
    sticking = ["stuck, of all", "stuck, of those in contact", "trapped (not left)"]
    labels = [paper.OT_CY, paper.SCATTERED, paper.FAILED, "bound, intact", *sticking]
    by = {(d.row, d.campaign): d for d in found.differences}
    assert {row for row, _ in by} == {str(label) for label in labels}
    assert found.lines == len(by) == 14
    less = by["OT-CY", "b"]
    assert less.difference == pytest.approx(-0.5)
    assert less.simultaneous[0] < less.interval[0] < -0.5 < less.interval[1] < less.simultaneous[1] < 0
    assert less.p is not None
    assert less.p_holm is not None
    assert less.p < less.p_holm < 0.01
    assert by["OT-CY", "again"].difference == 0.0
    assert by["OT-CY", "again"].p == 1.0


def test_one_campaign_alone_or_twice_is_refused() -> None:
    a = outcomes([paper.OT_CY])
    with pytest.raises(InputFileError, match="two or more different"):
        compare(paper.SCHEME, [("a", a)])
    with pytest.raises(InputFileError, match="two or more different"):
        compare(paper.SCHEME, [("a", a), ("a", a)])


@pytest.mark.parametrize(
    ("level", "method"),
    [
        ("PBE-D3(BJ), VASP, 400 eV", "PBE-D3(BJ)"),
        ("PBE-D3(BJ)/PAW", "PBE-D3(BJ)"),
        ("PBE (VASP) + D3(BJ)", "PBE"),
        ("PBE + D3(BJ)", "PBE-D3(BJ)"),
        ("GFN1-xTB (tblite, 600 K); not comparable with PBE", "GFN1-XTB"),
        ("unknown", None),
        (" ", None),
    ],
)
def test_the_method_of_a_level_of_theory(level: str, method: str | None) -> None:
    assert method_of(level) == method


def test_other_levels_of_theory_are_warned_of_and_the_same_are_not() -> None:
    aimd = ("aimd", "PBE-D3(BJ), VASP, 400 eV")
    assert level_warning([aimd, ("tuned", "PBE-D3(BJ)/PAW")]) == ""
    warning = level_warning([aimd, ("tuned", "pbe-d3(bj), 500 eV"), ("toy", "GFN1-xTB (tblite)"), ("new", "")])
    assert "aimd is of PBE-D3(BJ), VASP, 400 eV, toy of GFN1-xTB." in warning
    assert "tuned" not in warning
    assert "level of theory of new is not stated" in warning


def test_each_side_has_its_line_of_costs() -> None:
    cost = Cost(what="mace, here", shots=3, steps=30, core_hours=0.3, core_hours_per_step=0.01)
    sides = [
        Side(name="aimd", outcomes=tuple(outcomes([paper.PC] * 2)), level_of_theory="", scheme=paper.SCHEME),
        Side(
            name="tuned", outcomes=tuple(outcomes([paper.PC] * 3)), level_of_theory="", scheme=paper.SCHEME, cost=cost
        ),
    ]
    lines = cost_lines(sides)
    assert [(one.what, one.shots, one.core_hours_per_step) for one in lines] == [("aimd", 2, None), ("tuned", 3, 0.01)]


def test_the_csv_holds_the_unrounded_numbers(tmp_path: Path) -> None:
    a, b = outcomes([paper.OT_CY, paper.OT_CY, paper.SCATTERED]), outcomes([paper.SCATTERED] * 7)
    found = compare(paper.SCHEME, [("a", a), ("b", b)])
    rows = list(csv.DictReader(write_comparison(found, tmp_path / "c.csv").open(encoding="utf-8")))
    assert [row["row"] for row in rows] == [d.row for d in found.differences]
    assert float(rows[0]["difference"]) == found.differences[0].difference == -2 / 3
    assert (rows[0]["reference_count"], rows[0]["count"], rows[0]["shots"]) == ("2", "0", "7")
