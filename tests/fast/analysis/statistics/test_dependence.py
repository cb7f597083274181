"""Dependence on what was drawn: bins, folded impact sites, orientation, and a test that keeps its level."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from adsorption_cases import SLAB, SURFACE, A, B
from outcome_cases import outcome_of

from molgun_lmp.analysis.maps.impact import tilt_deg, to_dimer, to_top_atom
from molgun_lmp.analysis.statistics.dependence import (
    bin_edges,
    dependence,
    detectable_difference,
    equal_fractions_p,
)
from molgun_lmp.analysis.statistics.estimates import Estimate
from molgun_lmp.arrays import FloatArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.results.table_files import write_dependence

POSITIONS = np.asarray(SLAB.positions)


def test_bins_hold_equal_numbers_and_never_nothing() -> None:
    values = np.random.default_rng(0).exponential(1.0, 103)
    edges = bin_edges(values)
    counts, _ = np.histogram(values, edges)
    assert len(edges) == 6
    assert counts.sum() == 103
    assert counts.min() >= 19
    assert len(bin_edges(values[:35])) == 4, "fewer bins for fewer shots"
    for nothing in (values[:19], np.full(100, 0.2), np.full(100, np.nan)):
        assert len(bin_edges(nothing)) == 0
    two_values = np.repeat([0.1, 0.2], 50)
    assert len(bin_edges(two_values)) in (0, 3)


def test_bins_count_every_shot_once_and_leave_out_the_unknown() -> None:
    rng = np.random.default_rng(1)
    energy = rng.uniform(0, 1, 200)
    energy[:7] = np.nan
    outcomes = [outcome_of(k, paper.OT_CY if e > 0.5 else paper.SCATTERED) for k, e in enumerate(energy)]
    bins = [b for b in dependence({"e": energy, "same": np.ones(200)}, outcomes) if b.line == "OT-CY"]
    assert {b.variable for b in bins} == {"e"}
    assert sum(b.estimate.shots for b in bins) == 193
    assert sum(b.estimate.count for b in bins) == int((energy > 0.5).sum())
    assert (bins[0].estimate.fraction, bins[-1].estimate.fraction) == (0.0, 1.0)
    assert bins[0].p is not None
    assert bins[0].p < 1e-6
    assert bins[0].p_holm is not None
    assert bins[0].p_holm >= bins[0].p


def _p_without_effect(rng: np.random.Generator, spread: float) -> float:
    """All shots alike but for their snapshots; the variable means nothing."""
    slab, molecule = rng.integers(15, size=(2, 300))
    chance = 0.4 + rng.uniform(-spread, spread, 15)[slab] + rng.uniform(-spread, spread, 15)[molecule]
    hit = rng.random(300) < chance
    outcomes = [
        outcome_of(k, paper.OT_CY if h else paper.SCATTERED, s, m)
        for k, (h, s, m) in enumerate(zip(hit, slab, molecule, strict=True))
    ]
    p = next(b.p for b in dependence({"angle": rng.uniform(size=300)}, outcomes) if b.line == "OT-CY")
    assert p is not None
    return p


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_the_test_keeps_its_level(spread: float) -> None:
    rng = np.random.default_rng(4)
    rejected = np.mean([_p_without_effect(rng, spread) < 0.05 for _ in range(120)])
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_what_the_test_could_have_found_is_found_that_often() -> None:
    """Independent shots whose chance rises over the variable by what is called detectable: found in 80 of 100."""
    rng = np.random.default_rng(9)
    variable = rng.uniform(size=300)
    flat = [outcome_of(k, paper.OT_CY if k % 2 else paper.SCATTERED) for k in range(300)]
    bins = [b for b in dependence({"e": variable}, flat) if b.line == "OT-CY"]
    detectable = bins[0].detectable
    assert detectable is not None
    assert 0.2 < detectable < 0.4
    place = np.searchsorted([b.high for b in bins[:-1]], variable, side="right") / (len(bins) - 1)
    found = []
    for _ in range(100):
        hit = rng.random(300) < 0.5 + detectable * (place - 0.5)
        shots = [outcome_of(k, paper.OT_CY if h else paper.SCATTERED) for k, h in enumerate(hit)]
        p = next(b.p for b in dependence({"e": variable}, shots) if b.line == "OT-CY")
        found.append(p is not None and p < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=3 * np.sqrt(0.8 * 0.2 / 100))


def test_what_the_audit_takes_away_beyond_all_that_was_there_is_nothing() -> None:
    """One hit of twenty, less the audit's correction of ten, is a fraction below zero, and no reason for a p of nan."""
    below = Estimate(
        count=1, shots=20, fraction=-0.45, cluster=(0, 1), simultaneous=(0, 1), wilson=(0, 1), design_effect=1.0,
        effective_shots=20.0, note="", corrected=-10.0,
    )  # fmt: skip
    none = dataclasses.replace(below, count=0, corrected=0.0, fraction=0.0)
    assert below.hits == -9.0
    for pair in ((below, none), (below, below)):
        assert equal_fractions_p(pair) == 1.0
        assert detectable_difference(pair) is None
    some = dataclasses.replace(none, count=10, fraction=0.5)
    p = equal_fractions_p((below, some))
    assert p is not None and 0.0 < p < 1e-3
    assert p == equal_fractions_p((none, some))


def test_fewer_or_more_alike_shots_see_less_and_agreement_nothing() -> None:
    def detectable(shots: int, snapshots: int, modes: list[Mode]) -> float | None:
        outcomes = [outcome_of(k, modes[k % len(modes)], k % snapshots, k % (snapshots + 1)) for k in range(shots)]
        return dependence({"e": np.linspace(0, 1, shots)}, outcomes)[0].detectable

    two = [paper.OT_CY, paper.SCATTERED, paper.SCATTERED]
    many, few, alike = detectable(600, 599, two), detectable(60, 59, two), detectable(600, 8, two)
    assert many is not None
    assert few is not None
    assert alike is not None
    assert many < few
    assert many < alike
    assert detectable(60, 59, [paper.OT_CY]) is None


def test_impacts_fold_onto_dimers_and_atoms() -> None:
    middle = (POSITIONS[A] + POSITIONS[B])[:2] / 2
    axis = (POSITIONS[B] - POSITIONS[A])[:2]
    axis /= np.linalg.norm(axis)
    row = np.array([-axis[1], axis[0]])
    cell = np.asarray(SLAB.cell[:2, :2])
    aims = np.array(
        [middle, middle + 0.7 * axis, middle - 0.7 * axis + cell[0], middle + 1.2 * row - 2 * cell[1], POSITIONS[A, :2]]
    )
    along_axis, along_row = to_dimer(aims, SURFACE, POSITIONS)
    half = float(np.linalg.norm((POSITIONS[B] - POSITIONS[A])[:2])) / 2
    assert along_axis == pytest.approx([0, 0.7, 0.7, 0, half], abs=1e-9)
    assert along_row == pytest.approx([0, 0, 0, 1.2, 0], abs=1e-9)
    assert to_top_atom(aims, SURFACE, POSITIONS)[[0, 4]] == pytest.approx([half, 0.0], abs=1e-9)
    anywhere = np.random.default_rng(0).uniform(0, 15, (500, 2))
    along_axis, along_row = to_dimer(anywhere, SURFACE, POSITIONS)
    # Half the distances of two dimers in a row and of two rows, and as buckling shifts the dimers' middles.
    assert along_row.max() < 3.87 / 2 + 0.87
    assert 3.0 < along_axis.max() < 7.73 / 2 + 0.87


def test_orientation_by_hand() -> None:
    def turned(group_at: list[float]) -> FloatArray:
        return np.array([group_at, group_at, [-2 * x for x in group_at]])

    assert tilt_deg(turned([0, 0, -1]), (0, 1)) == pytest.approx(0.0, abs=1e-4)
    assert tilt_deg(turned([0, 0, 1]), (0, 1)) == pytest.approx(180.0, abs=1e-4)
    assert tilt_deg(turned([1, 0, 0]), (0, 1)) == pytest.approx(90.0)
    assert tilt_deg(turned([0, 1, -1]), (0, 1)) == pytest.approx(45.0)


def test_the_file_holds_the_bins(tmp_path: Path) -> None:
    outcomes = [outcome_of(k, paper.PC if k % 2 else paper.OTHER) for k in range(40)]
    bins = dependence({"e": np.arange(40.0)}, outcomes)
    with write_dependence(bins, tmp_path / "d.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == len(bins) == 4 * 3
    assert [(r["line"], float(r["low"]), int(r["count"])) for r in rows] == [
        (b.line, b.low, b.estimate.count) for b in bins
    ]
