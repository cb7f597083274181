"""How far slab and molecule warm: windows before contact and at the end, and what is said of a campaign."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from outcome_cases import outcome_of

from molgun_lmp.analysis.kinetics.heat import AVERAGED_PS, Temperatures, heat_of, heat_sentence
from molgun_lmp.heat_records import Heat
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Outcome
from molgun_lmp.results.table_files import write_heat

TIMES_PS = np.arange(0.0, 3.01, 0.02)


def stepped(contact_ps: float) -> Temperatures:
    """A slab that goes from 300 to 350 K at contact, and a molecule from 310 to 500 K, 0.2 to 0.05 eV."""
    after = contact_ps <= TIMES_PS
    return Temperatures(
        slab_k=np.where(after, 350.0, 300.0),
        molecule_k=np.where(after, 500.0, 310.0),
        translation_ev=np.where(after, 0.05, 0.2),
    )


def shot(index: int, mode: Mode, warmed_k: float | None) -> Outcome:
    heat = Heat(
        slab_before_k=300.0,
        slab_end_k=None if warmed_k is None else 300.0 + warmed_k,
        molecule_before_k=310.0,
        molecule_end_k=None if warmed_k is None else 500.0,
        translation_before_ev=0.2,
        translation_end_ev=None if warmed_k is None else 0.05,
    )
    return dataclasses.replace(outcome_of(index, mode), heat=heat)


def test_means_are_taken_before_contact_and_at_the_end() -> None:
    heat = heat_of(stepped(1.0), TIMES_PS, 1.0)
    assert (heat.slab_before_k, heat.slab_end_k, heat.warmed_k) == pytest.approx((300.0, 350.0, 50.0))
    assert (heat.molecule_before_k, heat.molecule_end_k) == pytest.approx((310.0, 500.0))
    assert (heat.translation_before_ev, heat.translation_end_ev) == pytest.approx((0.2, 0.05))
    kept = dataclasses.replace(outcome_of(0, paper.PC), heat=heat)
    assert Outcome.from_json(kept.to_json(), paper.SCHEME) == kept
    falling = dataclasses.replace(stepped(1.0), slab_k=400.0 - 10.0 * TIMES_PS)
    assert heat_of(falling, TIMES_PS, 1.0).slab_end_k == pytest.approx(400.0 - 10.0 * (3.0 - AVERAGED_PS / 2), abs=0.2)


def test_the_end_is_after_contact_and_nothing_is_made_up() -> None:
    late = heat_of(stepped(2.9), TIMES_PS, 2.9)
    assert late.slab_end_k == pytest.approx(350.0), "not the half picosecond in which it still flew"
    never = heat_of(stepped(9.0), TIMES_PS, None)
    assert never.slab_before_k == pytest.approx(300.0)
    assert (never.slab_end_k, never.warmed_k) == (None, None)
    at_once = heat_of(stepped(0.0), TIMES_PS, 0.0)
    assert (at_once.slab_before_k, at_once.warmed_k) == (None, None)
    nothing = heat_of(
        Temperatures(slab_k=np.empty(0), molecule_k=np.empty(0), translation_ev=np.empty(0)), np.empty(0), None
    )
    assert nothing.slab_before_k is None


def test_a_campaign_says_how_far_its_slab_warmed() -> None:
    shots = [
        shot(0, paper.OT_CY, 60.0),
        shot(1, paper.DB, 40.0),
        shot(2, paper.SCATTERED, 5.0),
        shot(3, paper.IN_FLIGHT, None),
    ]
    assert heat_sentence([*shots, outcome_of(4, paper.OT_CY)]) == (
        "Heat: the mobile atoms of the slab were at 300 ± 0 K before contact, and in the last 0.5 ps at 350 ± 10 K in "
        "those that are bound then (2 shots, +50 ± 10 K) and at 305 K in the others (1 shot, +5 K); the molecules, "
        "about their centres of mass, went from 310 ± 0 to 500 ± 0 K. Means with standard errors over shots."
    )
    assert heat_sentence([outcome_of(4, paper.OT_CY), shot(3, paper.IN_FLIGHT, None)]) == ""


def test_the_file_has_a_line_for_each_shot_whose_velocities_were_stored(tmp_path: Path) -> None:
    shots = [shot(0, paper.OT_CY, 60.0), outcome_of(1, paper.OT_CY), shot(2, paper.IN_FLIGHT, None)]
    with write_heat(shots, tmp_path / "t.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["trajectory_id"], row["slab_warmed_k"]) for row in rows] == [("000000", "60.0"), ("000002", "")]
