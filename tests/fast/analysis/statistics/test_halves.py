"""The test of convergence: halves that agree, halves that do not, and how often chance alone tells them apart."""

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of

from molgun_lmp.analysis.statistics.halves import halves, halves_sentence
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome


def shots(*modes: Mode) -> list[Outcome]:
    return [outcome_of(index, mode) for index, mode in enumerate(modes)]


def test_halves_that_agree_say_what_could_have_gone_unseen() -> None:
    found = halves(paper.SCHEME, shots(*[paper.OT_CY, paper.SCATTERED] * 50))
    assert found is not None
    assert [summary.shots for summary in found.summaries] == [50, 50]
    widest = max((d.interval[1] - d.interval[0]) / 2 for d in found.differences)
    assert halves_sentence(found) == (
        "Convergence: between the first 50 and the last 50 shots no line differs beyond chance (smallest p 1 of 6 "
        f"lines); differences of {100 * widest:.0f} % could have gone unseen."
    )


def test_halves_that_do_not_are_named() -> None:
    sentence = halves_sentence(halves(paper.SCHEME, shots(*[paper.OT_CY] * 50, *[paper.OT_CY, paper.SCATTERED] * 25)))
    assert "differences beyond chance: OT-CY (-50.0 %, p" in sentence
    assert "scattered (+50.0 %" in sentence


def test_few_shots_or_no_two_snapshots_give_no_test() -> None:
    assert halves(paper.SCHEME, shots(*[paper.OT_CY] * 19)) is None
    alone = [outcome_of(k, paper.OT_CY, 0, 0) for k in range(40)]
    assert halves_sentence(halves(paper.SCHEME, alone)) == halves_sentence(None) == ""


@pytest.mark.parametrize("snapshots", [200, 15])
def test_chance_alone_tells_halves_apart_no_more_often_than_said(snapshots: int) -> None:
    rng = np.random.default_rng(3)
    apart = 0
    for _ in range(30):
        slab, molecule = rng.integers(snapshots, size=(2, 200))
        chance = 0.4 + (rng.uniform(-0.2, 0.2, snapshots)[slab] if snapshots < 100 else 0.0)
        hit = rng.random(200) < chance
        some = [
            outcome_of(k, paper.OT_CY if h else paper.SCATTERED, s, m)
            for k, (h, s, m) in enumerate(zip(hit, slab, molecule, strict=True))
        ]
        apart += "beyond chance:" in halves_sentence(halves(paper.SCHEME, some))
    assert apart <= 30 * (0.05 + 3 * np.sqrt(0.05 * 0.95 / 30))
