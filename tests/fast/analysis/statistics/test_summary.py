"""The campaign's table: every shot in every denominator, exact round trips, plain words."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import paper_classes as paper
import pytest
from ended_cases import ended, energy
from outcome_cases import outcome_of
from pydantic import ValidationError

from molgun_lmp.analysis.statistics.clustered_intervals import wilson
from molgun_lmp.analysis.statistics.estimates import lines_of
from molgun_lmp.analysis.statistics.sentences import left_out_sentence, noise_sentences, sticking_sentence
from molgun_lmp.analysis.statistics.sequential import look_at, parse_target, plan_rule
from molgun_lmp.analysis.statistics.summary import Summary, summarise, table_lines
from molgun_lmp.analysis.statistics.variants import variants
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.records import Cause, Outcome, TrajectoryResult
from molgun_lmp.results.table_files import write_summary

Campaign = tuple[list[Outcome], list[TrajectoryResult]]

BOUND = (paper.SL_DB, paper.SL, paper.DB, paper.OT_CY, paper.BR_CY, paper.OT_ET, paper.BR_ET, paper.PC, paper.OTHER)


def outcome(
    index: int, mode: Mode, *, slab: str | None = None, molecule: str | None = None, contact: bool | None = None
) -> Outcome:
    stuck = mode in BOUND
    return Outcome(
        trajectory_id=f"{index:06d}",
        mode=mode,
        stuck=stuck,
        contact=(mode != paper.IN_FLIGHT) if contact is None else contact,
        first_contact_ps=0.4,
        first_bond_ps=0.6 if stuck else None,
        time_ps=2.0,
        lowest_clearance_angstrom=1.9,
        events=((0.0, paper.IN_FLIGHT), (0.6, mode)),
        bonds=((130, 12, 1.94),) if stuck else (),
        reason="C130-Si12 1.94 Å",
        truncated=False,
        slab_snapshot=slab or f"s{index}",
        molecule_snapshot=molecule or f"m{index}",
    )


def result(
    index: int, *, cause: Cause | None = None, drift: float | None = 1e-6, flagged: bool = False
) -> TrajectoryResult:
    return ended(index, cause, energy=energy(drift, excursion=drift, flagged=flagged), engine="pair_style mace")


MODES = [paper.OT_CY] * 5 + [paper.SCATTERED] * 2 + [paper.IN_FLIGHT, paper.UNDECIDED, paper.FAILED]


@pytest.fixture
def campaign() -> Campaign:
    outcomes = [outcome(i, mode) for i, mode in enumerate(MODES)]
    results = [result(i) for i in range(8)]
    results += [result(8, flagged=True), result(9, cause=Cause.NAN_FORCE, drift=None)]
    return outcomes, results


def test_every_mode_is_counted_over_all_shots(campaign: Campaign) -> None:
    summary = summarise(paper.SCHEME, *campaign, planned=12)
    assert [row.mode for row in summary.modes] == list(paper.CLASSES)
    assert {row.mode: row.estimate.count for row in summary.modes if row.estimate.count} == {
        paper.OT_CY: 5, paper.SCATTERED: 2, paper.IN_FLIGHT: 1, paper.UNDECIDED: 1, paper.FAILED: 1,
    }  # fmt: skip
    assert sum(row.estimate.count for row in summary.modes) == summary.shots == 10
    assert all(row.estimate.shots == 10 for row in summary.modes)
    assert summary.planned == 12
    assert (summary.slab_snapshots, summary.molecule_snapshots) == (10, 10)
    assert (summary.energy_flagged, summary.energy_unknown) == (1, 1)
    assert summary.causes == {"nan-force": 1}


def test_sticking_over_all_and_over_those_in_contact(campaign: Campaign) -> None:
    summary = summarise(paper.SCHEME, *campaign)
    assert summary.contact == 9
    assert (summary.stuck.count, summary.stuck.shots, summary.stuck.fraction) == (5, 10, 0.5)
    assert (summary.stuck_of_contact.count, summary.stuck_of_contact.shots) == (5, 9)
    # Own snapshots everywhere: the robust interval is Wilson's.
    assert summary.stuck.cluster == summary.stuck.wilson == wilson(5, 10)
    assert summary.stuck_of_contact.wilson == wilson(5, 9)


def test_bound_is_bound_whether_intact_or_broken() -> None:
    """And the sticking coefficient lies between those that are bound and those that have not left again."""
    shots = [
        *(outcome_of(k, paper.OT_CY) for k in range(40)),
        *(outcome_of(k, paper.CC_BROKEN, stuck=True, detail="bound as DB") for k in range(40, 60)),
        *(outcome_of(k, paper.H_ABSTRACTION, stuck=True, detail="bound as OT-CY") for k in range(60, 80)),
        *(outcome_of(k, paper.PHYSISORBED) for k in range(80, 100)),
    ]
    summary = summarise(paper.SCHEME, shots)
    table = {row.label: row.estimate for row in summary.table()}
    assert table["bound, intact"].count == table["bound, damaged"].count == 40
    assert table["stuck, of all"].count == table["stuck, of those in contact"].count == 80
    assert table["trapped (not left)"].count == 100
    sentence = sticking_sentence(summary)
    assert "80 of 100 shots are bound to the surface at the end: 80.0 %" in sentence
    assert "40 of them intact and 40 damaged" in sentence
    assert (
        f"between 80.0 % (bound) and 100.0 % (not scattered) of those in contact ({100 * wilson(80, 100)[0]:.1f} to "
        "100.0 % with the intervals of both); between the two: 20 physisorbed."
    ) in sentence
    assert {row.mode: row.estimate.count for row in summary.modes if row.estimate.count} == {
        paper.OT_CY: 40, paper.CC_BROKEN: 20, paper.H_ABSTRACTION: 20, paper.PHYSISORBED: 20,
    }  # fmt: skip
    assert [(one.mode, one.detail, one.estimate.count) for one in variants(shots)] == [
        (paper.CC_BROKEN, "bound as DB", 20), (paper.H_ABSTRACTION, "bound as OT-CY", 20), (paper.OT_CY, "", 40),
    ]  # fmt: skip
    rule = plan_rule([parse_target("stuck:0.2", paper.SCHEME)], 100)
    assert look_at(rule, shots).found[0].count == 80
    assert {label: line.hit.sum() for label, line in lines_of(shots).items()}["stuck"] == 80


def test_the_sticking_coefficient_counts_contacts_alone_and_may_be_one_number() -> None:
    modes = [*[paper.OT_CY] * 6, *[paper.SCATTERED] * 2]
    shots = [outcome_of(k, mode) for k, mode in enumerate(modes)]
    low, high = wilson(6, 8)
    missed = outcome_of(8, paper.IN_FLIGHT, contact_ps=None)
    assert f"Sticking coefficient: 75.0 % ({100 * low:.1f} to {100 * high:.1f} %)." in sticking_sentence(
        summarise(paper.SCHEME, [*shots, missed])
    )
    undecided = [outcome_of(9, paper.UNDECIDED), outcome_of(10, paper.EXPLOSION, stuck=False)]
    sentence = sticking_sentence(summarise(paper.SCHEME, [*shots, missed, *undecided]))
    assert "between 60.0 % (bound) and 80.0 % (not scattered)" in sentence
    assert "between the two: 1 explosion, 1 undecided." in sentence
    assert "Sticking coefficient" not in sticking_sentence(summarise(paper.SCHEME, [missed]))


def test_shared_snapshots_widen_the_interval() -> None:
    shots = [outcome(i, paper.OT_CY if i % 4 < 2 else paper.SCATTERED, slab=f"s{i % 4}") for i in range(80)]
    summary = summarise(paper.SCHEME, shots)
    estimate = summary.mode(paper.OT_CY)
    assert estimate.wilson == wilson(40, 80)
    assert estimate.cluster[0] < estimate.wilson[0]
    assert estimate.cluster[1] > estimate.wilson[1]
    assert estimate.design_effect == summary.pooled_design_effect
    assert estimate.design_effect is not None
    assert estimate.design_effect > 10
    assert "only 4 snapshots" in estimate.note
    # A mode that was never seen borrows the campaign's design effect: it cannot look better known than the others.
    assert summary.mode(paper.PC).design_effect == summary.pooled_design_effect


def test_the_summary_does_not_depend_on_the_order_of_shots(campaign: Campaign) -> None:
    outcomes, results = campaign
    assert summarise(paper.SCHEME, outcomes[::-1], results[::-1]) == summarise(paper.SCHEME, outcomes, results)


@pytest.mark.parametrize("shots", [0, 1, 10])
def test_json_round_trip_is_exact(campaign: Campaign, shots: int) -> None:
    outcomes, results = campaign
    summary = summarise(paper.SCHEME, outcomes[:shots], results[:shots], planned=shots)
    text = json.dumps(summary.to_json(), allow_nan=False)
    assert Summary.from_json(json.loads(text), paper.SCHEME) == summary
    with pytest.raises(ValidationError):
        Summary.from_json({**summary.to_json(), "extra": 1}, paper.SCHEME)


def test_events_at_any_time_are_counted_whatever_came_after() -> None:
    events = ((0.0, paper.IN_FLIGHT), (0.5, paper.CC_BROKEN), (0.9, paper.EXPLOSION))
    exploded = dataclasses.replace(outcome(0, paper.EXPLOSION), events=events)
    summary = summarise(paper.SCHEME, [exploded, outcome(1, paper.CC_BROKEN), outcome(2, paper.OT_CY)])
    ever = {row.mode: row.estimate.count for row in summary.ever}
    assert ever == {paper.CC_BROKEN: 2, paper.H_ABSTRACTION: 0}
    assert summary.mode(paper.CC_BROKEN).count == 1
    assert "C-C broken, at any time" in [row.label for row in summary.table()]


def test_simultaneous_intervals_hold_all_lines_at_once() -> None:
    rng = np.random.default_rng(7)
    modes = [paper.OT_CY, paper.BR_CY, paper.PC, paper.DB, paper.SCATTERED, paper.PHYSISORBED]
    shares = [0.35, 0.2, 0.15, 0.1, 0.12, 0.08]
    alone = together = 0
    for _ in range(60):
        drawn = rng.choice(len(modes), size=150, p=shares)
        summary = summarise(paper.SCHEME, [outcome(k, modes[code]) for k, code in enumerate(drawn)])
        estimates = [(summary.mode(mode), share) for mode, share in zip(modes, shares, strict=True)]
        alone += all(e.cluster[0] <= share <= e.cluster[1] for e, share in estimates)
        together += all(e.simultaneous[0] <= share <= e.simultaneous[1] for e, share in estimates)
    assert together >= 57
    assert alone < together


def test_csv_equals_the_summary(campaign: Campaign, tmp_path: Path) -> None:
    summary = summarise(paper.SCHEME, *campaign)
    with write_summary(summary, tmp_path / "table.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == len(paper.CLASSES) + 7
    for row, line in zip(summary.table(), rows, strict=True):
        e = row.estimate
        assert line["mode"] == row.label
        assert (int(line["count"]), int(line["shots"]), float(line["fraction"])) == (e.count, e.shots, e.fraction)
        assert (float(line["cluster_low"]), float(line["cluster_high"])) == e.cluster
        assert (float(line["wilson_low"]), float(line["wilson_high"])) == e.wilson
        assert float(line["design_effect"]) == e.design_effect


def test_table_cells_go_with_the_header(campaign: Campaign) -> None:
    summary = summarise(paper.SCHEME, *campaign, confidence=0.9)
    row = next(row for row in summary.table() if row.label == "OT-CY")
    assert len(summary.header()) == len(row.cells())
    assert summary.header()[4] == "90 % over snapshots"
    low, high = wilson(5, 10, 0.9)
    bounds = f"{100 * low:.1f} to {100 * high:.1f} %"
    low, high = wilson(5, 10, 1 - 0.1 / (len(paper.CLASSES) + 7))
    strict = f"{100 * low:.1f} to {100 * high:.1f} %"
    assert row.cells()[:7] == ("OT-CY", "5", "10", "50.0 %", bounds, strict, bounds)


def test_nothing_is_counted_twice_or_left_out(campaign: Campaign) -> None:
    outcomes, results = campaign
    with pytest.raises(InputFileError, match=r"'000003' has more than one outcome .1 such"):
        summarise(paper.SCHEME, [*outcomes, outcomes[3]], results)
    with pytest.raises(InputFileError, match="more than one result"):
        summarise(paper.SCHEME, outcomes, [*results, results[0]])
    with pytest.raises(InputFileError, match=r"have no outcome, the first is '000009'.*molgun analyse"):
        summarise(paper.SCHEME, outcomes[:9], results)


def test_empty_and_hopeless_campaigns_are_said_in_words(campaign: Campaign) -> None:
    nothing = summarise(paper.SCHEME, [])
    assert nothing.stuck.fraction is None
    assert nothing.stuck.cluster == (0.0, 1.0)
    assert "No trajectory was analysed" in sticking_sentence(nothing)
    failed = summarise(paper.SCHEME, [outcome(i, paper.FAILED, contact=False) for i in range(3)])
    assert sticking_sentence(failed).startswith("All 3 trajectories failed")
    missed = summarise(paper.SCHEME, [outcome(0, paper.IN_FLIGHT), outcome(1, paper.IN_FLIGHT)])
    assert "None came into contact" in sticking_sentence(missed)
    assert missed.stuck_of_contact.fraction is None


def test_the_sentence_says_both_fractions_and_the_undecided(campaign: Campaign) -> None:
    sentence = sticking_sentence(summarise(paper.SCHEME, *campaign))
    assert "5 of 10 shots are bound to the surface at the end: 50.0 %" in sentence
    assert "Of the 9 that came into contact, 5 are: 55.6 %" in sentence
    assert "1 undecided and 1 failed are in the denominator" in sentence
    one = summarise(paper.SCHEME, [dataclasses.replace(outcome(0, paper.OT_CY), contact=True)])
    assert sticking_sentence(one).startswith("1 of 1 shot is bound")


def test_it_says_what_went_on_under_random_forces(campaign: Campaign) -> None:
    outcomes, results = campaign
    assert noise_sentences(summarise(paper.SCHEME, outcomes, results)) == []
    results[0] = dataclasses.replace(results[0], resumed_at=(1000,), noise_resumed="fresh")
    results[1] = dataclasses.replace(results[1], resumed_at=(1000,), noise_resumed="fresh")
    results[2] = dataclasses.replace(results[2], resumed_at=(1000,), noise_resumed="repeated")
    results[3] = dataclasses.replace(results[3], resumed_at=(1000,))
    summary = summarise(paper.SCHEME, outcomes, results)
    assert summary.noise_resumed == {"fresh": 2, "repeated": 1}
    assert Summary.from_json(json.loads(json.dumps(summary.to_json())), paper.SCHEME) == summary
    fresh, repeated = noise_sentences(summary)
    assert fresh.startswith("2 shots went on from a checkpoint under random forces")
    assert repeated.startswith("1 shot went on from a checkpoint with the noise of the start again")
    document = results[0].to_json()
    del document["noise_resumed"]  # as earlier versions wrote it
    assert TrajectoryResult.from_json(document).noise_resumed is None


def test_it_says_what_is_left_out(campaign: Campaign) -> None:
    summary = summarise(
        paper.SCHEME, *campaign, left_out={"000012": "its dump is cut", "000011": "copy the folder again"}
    )
    assert left_out_sentence(summary.left_out).startswith("2 shots ended on a cluster and could not be collected")
    assert left_out_sentence(summary.left_out).endswith("000011 (and 1 more): copy the folder again")
    assert left_out_sentence({}) == ""


def test_a_schemes_own_set_has_a_line_of_the_table(tmp_path: Path) -> None:
    classes = "[{label: tied, set: chemisorbed, meaning: M., when: {bound_by: C}}]"
    (tmp_path / "own.yaml").write_text(
        f"name: own\nextends: weiske2026\nsets: {{chemisorbed: bound, none: damaged}}\nclasses: {classes}\n"
    )
    scheme = load_scheme("own.yaml", tmp_path)
    modes = [scheme.named("tied")] * 3 + [scheme.named("PC")] * 2 + [scheme.failed]
    summary = summarise(scheme, [outcome_of(k, mode) for k, mode in enumerate(modes)])
    assert {name: one.count for name, one in summary.sets.items()} == {"chemisorbed": 3, "none": 0}
    table = {row.label: row.estimate.count for row in summary.table()}
    assert (table["tied"], table["chemisorbed, all"], table["bound, intact"], table["stuck, of all"]) == (3, 3, 5, 5)
    assert [row.label for row in summary.table()][-7:-3] == [
        "chemisorbed, all", "none, all", "bound, intact", "bound, damaged",
    ]  # fmt: skip
    assert [line.hit.sum() for line in table_lines(scheme, [outcome_of(0, modes[0])])][-7:-5] == [1, 0]
    assert Summary.from_json(summary.to_json(), scheme) == summary


def test_what_left_in_pieces_is_not_trapped() -> None:
    broken = dataclasses.replace(outcome_of(0, paper.CC_BROKEN, stuck=False), contact=True)
    ends = [broken, dataclasses.replace(broken, trajectory_id="1", gone=True), outcome_of(2, paper.OT_CY)]
    found = summarise(paper.SCHEME, ends)
    assert (found.stuck_of_contact.count, found.trapped_of_contact.count) == (1, 2)
    assert Outcome.from_json(ends[1].to_json(), paper.SCHEME).left
