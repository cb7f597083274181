"""From frames to an outcome: hysteresis, persistence, fates, failures, and the order of the verdicts."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import paper_classes as paper
import pytest
from adsorption_cases import (
    CASES,
    CRITERIA,
    FREE,
    GROUPS,
    NEXT_SAME,
    SLAB,
    SURFACE,
    SYMBOLS,
    A,
    B,
    Case,
    molecule,
    over,
    reference_of,
)

from molgun_lmp.analysis.kinetics.event_times import moments
from molgun_lmp.analysis.kinetics.survival import Fate, transitions, visits, wait_of
from molgun_lmp.analysis.kinetics.transition_rates import rates
from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.decide import decide
from molgun_lmp.analysis.outcomes.mode_history import ModeHistory
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import FloatArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.readers.trajectory import Frame
from molgun_lmp.records import Cause, EnergyRecord, Outcome, Stop, TrajectoryResult

STRIDE_FS = 20.0
CLEAN = reference_of(Case(slab=SLAB, molecule=molecule()), SURFACE)
REFERENCE = Reference(
    symbols=(*SLAB.get_chemical_symbols(), *SYMBOLS),
    n_slab=len(SLAB),
    surface=SURFACE,
    molecule=CLEAN,
    limits=BondLimits.of(SYMBOLS, SLAB.get_chemical_symbols(), CRITERIA),
    scheme=paper.SCHEME,
    numbers={"max_fragments": CRITERIA.max_fragments},
    slab_state=SlabState.of(SURFACE, CRITERIA),
)
ON_TOP = CASES["OT-CY"][0]
BRIDGE = CASES["BR-CY"][0]
PRECURSOR = CASES["PC one carbon"][0]
GONE = molecule()


def hovering(gap: float) -> FloatArray:
    """All parts far above but for C0, which is `gap` straight above a dimer atom, its mate above it."""
    return molecule(cy=SLAB.positions[A] + np.array([[0, 0, gap], [0, 0, gap + 1.3]]))


def frames(*stages: tuple[FloatArray, int]) -> Iterator[Frame]:
    """Each stage's structure for so many frames, 20 fs (40 steps of 0.5 fs) apart."""
    structures = [positions for positions, number in stages for _ in range(number)]
    for index, positions in enumerate(structures):
        yield Frame(
            step=1000 + 40 * index,
            symbols=REFERENCE.symbols,
            positions=np.vstack([SLAB.positions, positions]),
            images=None,
            velocities=None,
            cell=np.array(SLAB.cell[:]),
            origin=np.zeros(3),
            pbc=(True, True, True),
        )


def result(state: str = "finished", stop: Stop | None = Stop.COMPLETED, cause: Cause | None = None) -> TrajectoryResult:
    return TrajectoryResult.from_json(
        {
            "trajectory_id": "t",
            "state": state,
            "stop": stop,
            "cause": cause,
            "message": "what LAMMPS said",
            "steps": 10,
            "energy": EnergyRecord(drift_ev_per_atom_per_ps=None, excursion_ev_per_atom=None, flagged=False).to_json(),
            "wall_s": 1.0,
            "started_at": "",
            "host": "",
            "engine": "",
            "attempt": 1,
            "hashes": {},
        }
    )


def outcome(
    *stages: tuple[FloatArray, int], criteria: OutcomeCriteria = CRITERIA, stop: Stop = Stop.COMPLETED
) -> Outcome:
    reference = dataclasses.replace(REFERENCE, numbers={"max_fragments": criteria.max_fragments})
    return decide("t", frames(*stages), reference, criteria, result(stop=stop), timestep_fs=0.5)


@pytest.mark.parametrize("name", [name for name in CASES if name != "unbound"])
def test_every_bound_class_at_the_end_of_a_trajectory(name: str) -> None:
    positions, mode, detail = CASES[name]
    found = outcome((GONE, 3), (positions, 8))
    assert (found.mode, found.detail, found.stuck, found.contact) == (mode, detail, True, True)
    assert found.first_contact_ps == found.first_touch_ps == found.first_bond_ps == pytest.approx(0.06)
    assert [event_mode for _, event_mode in found.events] == [paper.IN_FLIGHT, mode]
    assert found.events[1][0] == pytest.approx(0.06)
    assert found.time_ps == pytest.approx(0.2)
    assert Outcome.from_json(found.to_json(), paper.SCHEME) == found


def test_bonds_and_clearance_at_the_end() -> None:
    found = outcome((GONE, 1), (ON_TOP, 8))
    assert [bond[:2] for bond in found.bonds] == [(len(SLAB), A), (len(SLAB) + 1, B)]
    assert [bond[2] for bond in found.bonds] == pytest.approx([1.95, 1.95], abs=1e-9)
    highest = SLAB.positions[:, 2].max()
    assert found.lowest_clearance_angstrom == pytest.approx(ON_TOP[:, 2].min() - highest, abs=1e-9)
    assert "1.95 Å" in found.reason


def test_young_mode_is_undecided_until_it_has_lasted() -> None:
    stages = [outcome((GONE, 2), (ON_TOP, number)) for number in range(1, 8)]
    # the first frame of a mode is its birth: n frames have lasted (n - 1) * 20 fs
    assert [found.mode for found in stages] == [paper.UNDECIDED] * 5 + [paper.OT_CY] * 2
    assert stages[0].detail == "young OT-CY"
    assert stages[0].stuck is False
    assert "less than 100 fs" in stages[3].reason


def test_bound_from_the_first_frame_is_as_young() -> None:
    assert outcome((ON_TOP, 4)).mode == paper.UNDECIDED
    assert outcome((ON_TOP, 6)).mode == paper.OT_CY


def test_flicker_back_to_an_established_mode_is_forgotten() -> None:
    found = outcome((GONE, 2), (ON_TOP, 10), (BRIDGE, 3), (ON_TOP, 1))
    assert found.mode == paper.OT_CY
    assert [mode for _, mode in found.events] == [paper.IN_FLIGHT, paper.OT_CY]


def test_flicker_at_the_end_is_undecided_and_zero_persistence_takes_it() -> None:
    stages = ((GONE, 2), (PRECURSOR, 10), (ON_TOP, 2))
    assert outcome(*stages).mode == paper.UNDECIDED
    at_once = outcome(*stages, criteria=OutcomeCriteria(persistence_fs=0.0))
    assert at_once.mode == paper.OT_CY


def test_sequence_of_modes_with_times() -> None:
    found = outcome((GONE, 5), (PRECURSOR, 10), (ON_TOP, 10), (GONE, 10))
    times, modes = zip(*found.events, strict=True)
    assert modes == (paper.IN_FLIGHT, paper.PC, paper.OT_CY, paper.SCATTERED)
    assert times == pytest.approx((0.0, 0.1, 0.3, 0.5))
    assert (found.mode, found.stuck) == (paper.SCATTERED, False)
    assert found.first_bond_ps == pytest.approx(0.1)


def test_a_touch_is_no_bond() -> None:
    touched = outcome((GONE, 5), (hovering(3.5), 3), (ON_TOP, 4), (hovering(3.5), 10), (GONE, 10))
    assert touched.mode == paper.SCATTERED
    assert touched.first_touch_ps == pytest.approx(0.16)
    assert touched.first_bond_ps is None
    wait = wait_of(touched)
    assert wait is not None
    assert wait.fate is Fate.LEFT, "the table and the lifetimes tell one story"
    again = outcome((GONE, 5), (ON_TOP, 2), (hovering(3.5), 10), (PRECURSOR, 10))
    assert again.first_touch_ps == pytest.approx(0.1)
    assert again.first_bond_ps == pytest.approx(0.34)
    assert [bound for _, bound in again.bound_changes] == [False, True]


def test_a_bond_of_the_first_frame_has_to_last_as_any_other() -> None:
    brief = outcome((ON_TOP, 3), (hovering(3.5), 10))
    assert (brief.first_touch_ps, brief.first_bond_ps) == (0.0, None)
    assert brief.bound_changes == ((0.0, False),)
    assert outcome((ON_TOP, 6), (GONE, 10)).first_bond_ps == 0.0


def test_a_broken_molecule_is_bound_from_when_it_is() -> None:
    bound = ON_TOP.copy()
    bound[5] = GONE[5] + np.array([0, 0, 6.0])
    found = outcome((GONE, 5), (broken(5, 6.0), 10), (bound, 10), criteria=OutcomeCriteria(max_fragments=5))
    assert [mode for _, mode in found.events] == [paper.IN_FLIGHT, paper.H_ABSTRACTION]
    assert found.events[1][0] == pytest.approx(0.1)
    assert found.first_bond_ps == found.first_touch_ps == pytest.approx(0.3)


@pytest.mark.parametrize("every", [1, 2, 4])
def test_when_it_bound_does_not_hang_on_how_often_frames_are_stored(every: int) -> None:
    """Three touches shorter than the persistence time, then a bond that stays: found by all strides to within one."""
    stages = [(GONE, 9), (ON_TOP, 3), (hovering(3.5), 13), (PRECURSOR, 1), (hovering(3.5), 12), (ON_TOP, 4)]
    stored = list(frames(*stages, (hovering(3.5), 12), (ON_TOP, 20)))[::every]
    found = decide("t", stored, REFERENCE, CRITERIA, result(), timestep_fs=0.5)
    assert found.mode == paper.OT_CY
    assert found.first_bond_ps == pytest.approx(1.08, abs=0.02 * every - 1e-9)


def test_desorption_younger_than_the_persistence_is_undecided() -> None:
    assert outcome((GONE, 2), (ON_TOP, 10), (GONE, 3)).mode == paper.UNDECIDED


def test_hysteresis_keeps_a_bond_that_was_formed() -> None:
    between = hovering(2.6)  # a Si-C bond forms below 2.47 and breaks beyond 2.67 Å
    assert outcome((GONE, 2), (PRECURSOR, 10), (between, 4)).mode == paper.PC
    assert outcome((GONE, 2), (PRECURSOR, 10), (between, 1), (PRECURSOR, 1)).mode == paper.PC
    assert outcome((GONE, 2), (PRECURSOR, 10), (hovering(2.7), 10)).mode == paper.PHYSISORBED


@pytest.mark.parametrize("before", [GONE, PRECURSOR])
def test_length_that_stays_between_the_thresholds_is_undecided(before: FloatArray) -> None:
    found = outcome((before, 10), (hovering(2.6), 10))
    assert found.mode == paper.UNDECIDED
    assert "between forming and breaking" in found.reason
    assert "2.60 Å" in found.reason


def test_length_between_the_thresholds_that_changes_no_class_is_decided() -> None:
    # C1 of the reacted group comes to within 2.5 Å of a second atom: reacted on top with it and without.
    limits = OutcomeCriteria(pair_limits_angstrom={"Si-C": 2.0}, hysteresis_angstrom=0.9)
    reference = dataclasses.replace(REFERENCE, limits=BondLimits.of(SYMBOLS, SLAB.get_chemical_symbols(), limits))
    bonds = reference.limits.bonds(ON_TOP, SLAB.positions, SURFACE.lattice)
    assert reference.limits.between_thresholds(bonds)[1].any()
    found = decide("t", frames((ON_TOP, 10)), reference, limits, None, timestep_fs=0.5)
    assert found.mode == paper.OT_CY


def test_fates_of_an_unbound_molecule() -> None:
    never = outcome((hovering(6.0), 3), (hovering(4.1), 3))
    assert (never.mode, never.contact, never.first_contact_ps) == (paper.IN_FLIGHT, False, None)
    assert "never below 4.10 Å" in never.reason
    near = outcome((GONE, 3), (hovering(3.5), 3), (hovering(5.5), 1))
    assert (near.mode, near.contact) == (paper.PHYSISORBED, True)
    left = outcome((GONE, 3), (hovering(3.5), 3), (hovering(6.5), 1))
    assert left.mode == paper.SCATTERED
    assert left.first_contact_ps == pytest.approx(0.06)
    stopped = outcome((GONE, 3), (hovering(3.5), 3), (hovering(5.5), 1), stop=Stop.DEPARTED)
    assert (stopped.mode, stopped.stuck) == (paper.SCATTERED, False)
    assert "stopped on its way out" in stopped.reason


@pytest.mark.parametrize(("start", "mode"), [(6.5, paper.IN_FLIGHT), (5.0, paper.SCATTERED)])
def test_a_molecule_that_was_stopped_in_flight_has_not_left(start: float, mode: Mode) -> None:
    """A thermostat may turn it round before it arrives; above its start it is on its way out."""
    found = outcome((hovering(start), 3), (hovering(4.3), 2), (hovering(5.8), 1), stop=Stop.DEPARTED)
    assert (found.mode, found.contact) == (mode, False)
    assert "never below 4.30 Å" in found.reason
    assert ("above its start" in found.reason) == (mode == paper.SCATTERED)


@pytest.mark.parametrize("out_angstrom", [5.4, 5.6, 5.9, 6.1, 6.5])
def test_a_departure_is_an_event_wherever_the_run_was_stopped(out_angstrom: float) -> None:
    """The stop acts at 5.5 Å, and the frames say that a molecule has gone from 6 Å on."""
    outcomes = [
        outcome((GONE, 3), (hovering(3.5), 6), (hovering(5.0), 1), (hovering(out_angstrom), 1), stop=Stop.DEPARTED),
        outcome((GONE, 3), (PRECURSOR, 10), (hovering(3.5), 10), (hovering(out_angstrom), 1), stop=Stop.DEPARTED),
    ]
    for one in outcomes:
        assert one.mode == paper.SCATTERED
        assert one.events[-1] == (one.time_ps, paper.SCATTERED)
    counts = transitions(outcomes)
    assert counts[paper.PHYSISORBED, paper.SCATTERED] == 2
    (rate,) = (one for one in rates(outcomes) if one.before == paper.PHYSISORBED)
    assert (rate.count, rate.visits, rate.censored) == (2, 2, 0)
    assert [spell.cause for spell in visits(outcomes, paper.PHYSISORBED)] == [paper.SCATTERED] * 2


def test_who_departs_from_a_bond_at_once_has_left() -> None:
    """Frames stored so seldom that the last two are a bond and the way out."""
    gone = outcome((GONE, 2), (PRECURSOR, 10), (hovering(5.6), 1), stop=Stop.DEPARTED)
    assert (gone.mode, gone.events[-1][1]) == (paper.SCATTERED, paper.SCATTERED)
    assert [spell.cause for spell in visits([gone], paper.PC)] == ["scattered"]
    never = outcome((GONE, 5), stop=Stop.DEPARTED)
    assert [mode for _, mode in never.events] == [paper.IN_FLIGHT], "neither in contact nor above its start"


def test_a_mode_that_has_not_lasted_ends_no_other() -> None:
    """A precursor that seems to react 40 fs before the end: undecided in the table, and lasting in its lifetime."""
    stages = ((GONE, 3), (PRECURSOR, 10), (ON_TOP, 3))
    young = outcome(*stages)
    assert (young.mode, young.young, young.events[-1][1]) == (paper.UNDECIDED, True, paper.OT_CY)
    assert transitions([young]) == {(paper.IN_FLIGHT, paper.PC): 1}
    (spell,) = visits([young], paper.PC)
    assert spell.cause is None
    assert spell.time_ps == pytest.approx(0.2)
    assert {rate.before for rate in rates([young])} == {paper.IN_FLIGHT}
    assert moments(paper.SCHEME, young, translation_before_ev=0.2, translation_after_ev=None).precursor_ended_ps is None
    failed = decide("t", frames(*stages), REFERENCE, CRITERIA, result("failed", None, Cause.HUNG), timestep_fs=0.5)
    assert visits([failed], paper.PC) == [spell]
    old = outcome(*stages, (ON_TOP, 5))
    assert not old.young
    assert [one.cause for one in visits([old], paper.PC)] == ["OT-CY"]


def test_lone_frame_of_a_free_molecule_is_in_flight() -> None:
    assert outcome((GONE, 1)).mode == paper.IN_FLIGHT


def broken(atom: int, far: float) -> FloatArray:
    positions = GONE.copy()
    positions[atom, 2] += far
    return positions


def test_broken_bonds() -> None:
    criteria = OutcomeCriteria(max_fragments=5)
    assert outcome((GONE, 2), (broken(1, 3.0), 8), criteria=criteria).mode == paper.CC_BROKEN
    assert outcome((GONE, 2), (broken(5, 3.0), 8), criteria=criteria).mode == paper.H_ABSTRACTION
    assert outcome((GONE, 2), (broken(1, 3.0), 8)).mode == paper.EXPLOSION


def test_what_is_left_of_a_broken_molecule_sticks_where_it_is_bound() -> None:
    criteria = OutcomeCriteria(max_fragments=5)
    bound = ON_TOP.copy()
    bound[5, 2] += 6.0
    found = outcome((GONE, 5), (bound, 10), criteria=criteria)
    assert (found.mode, found.detail, found.stuck) == (paper.H_ABSTRACTION, "bound as OT-CY", True)
    assert found.first_bond_ps == pytest.approx(0.1)
    free = outcome((GONE, 5), (broken(5, 6.0), 10), criteria=criteria)
    assert (free.mode, free.detail, free.stuck) == (paper.H_ABSTRACTION, "not bound", False)
    assert outcome((GONE, 5), (bound, 3), criteria=criteria).stuck is False, "undecided"


def test_fragment_that_left_needs_no_persistence() -> None:
    stages = ((GONE, 5), (broken(5, 3.0), 1))
    criteria = OutcomeCriteria(max_fragments=5)
    assert outcome(*stages, criteria=criteria).mode == paper.UNDECIDED
    assert outcome(*stages, criteria=criteria, stop=Stop.FRAGMENT_LEFT).mode == paper.H_ABSTRACTION


def test_run_that_blew_up() -> None:
    hot = outcome((GONE, 2), (ON_TOP, 10), stop=Stop.TOO_HOT)
    assert (hot.mode, hot.stuck) == (paper.EXPLOSION, False)
    assert [mode for _, mode in hot.events] == [paper.IN_FLIGHT, paper.OT_CY, paper.EXPLOSION]
    assert hot.events[-1][0] == hot.time_ps
    lost = GONE.copy()
    lost[2, 1] = np.nan
    found = outcome((GONE, 2), (lost, 1), (GONE, 3))
    assert found.mode == paper.EXPLOSION
    assert "no longer numbers" in found.reason
    assert Outcome.from_json(found.to_json(), paper.SCHEME) == found


def test_failure_of_the_run_comes_first_and_keeps_what_was_seen() -> None:
    failed = result("failed", None, Cause.LAMMPS_ERROR)
    found = decide("t", frames((GONE, 2), (ON_TOP, 10)), REFERENCE, CRITERIA, failed, timestep_fs=0.5)
    assert (found.mode, found.stuck, found.contact) == (paper.FAILED, False, True)
    assert found.detail == "lammps-error"
    assert "what LAMMPS said" in found.reason
    empty = decide("t", [], REFERENCE, CRITERIA, failed, timestep_fs=0.5)
    assert (empty.mode, empty.lowest_clearance_angstrom, empty.events) == (paper.FAILED, None, ())
    assert Outcome.from_json(empty.to_json(), paper.SCHEME) == empty


def cut_dump() -> Iterator[Frame]:
    yield from frames((GONE, 2))
    raise InputFileError("damaged")


def test_damaged_dump_is_an_error_unless_the_run_failed_anyway() -> None:
    with pytest.raises(InputFileError, match="damaged"):
        decide("t", cut_dump(), REFERENCE, CRITERIA, result(), timestep_fs=0.5)
    failed = result("failed", None, Cause.WORKER_DIED)
    assert decide("t", cut_dump(), REFERENCE, CRITERIA, failed, timestep_fs=0.5).mode == paper.FAILED


def test_no_frame_and_foreign_frames_are_errors() -> None:
    with pytest.raises(InputFileError, match="no frame"):
        decide("t", [], REFERENCE, CRITERIA, None, timestep_fs=0.5)
    foreign = [dataclasses.replace(frame, symbols=frame.symbols[::-1]) for frame in frames((GONE, 1))]
    with pytest.raises(InputFileError, match="step 1000"):
        decide("t", foreign, REFERENCE, CRITERIA, None, timestep_fs=0.5)


def test_snapshots_and_truncation_are_handed_on() -> None:
    cut = [dataclasses.replace(frame, cut_after=index == 7) for index, frame in enumerate(frames((ON_TOP, 8)))]
    found = decide("t", cut, REFERENCE, CRITERIA, None, timestep_fs=0.5, slab_snapshot="s3", molecule_snapshot="m5")
    assert (found.truncated, found.slab_snapshot, found.molecule_snapshot) == (True, "s3", "m5")


def test_molecule_across_the_boundary_by_image_flags_is_the_same() -> None:
    plain = list(frames((GONE, 2), (BRIDGE, 8)))
    wrapped: list[Frame] = []
    for frame in plain:
        images = np.zeros((len(frame.symbols), 3), dtype=np.int64)
        images[-6:, 0], images[:32, 2] = -1, 1
        wrapped.append(dataclasses.replace(frame, images=images, positions=frame.positions - images @ frame.cell))
    found = [decide("t", some, REFERENCE, CRITERIA, None, timestep_fs=0.5) for some in (plain, wrapped)]
    assert [bond[:2] for bond in found[0].bonds] == [(len(SLAB), A), (len(SLAB) + 1, NEXT_SAME)]
    assert found[0].mode == found[1].mode == paper.BR_CY
    assert found[1].lowest_clearance_angstrom == pytest.approx(found[0].lowest_clearance_angstrom)


def test_reference_from_a_planned_start() -> None:
    start = np.vstack([SLAB.positions, over(A, B), FREE[2:] + np.array([0, 0, 20.0])])
    start[len(SLAB) : len(SLAB) + 2, 2] += 20.0
    made = Reference.of(
        symbols=REFERENCE.symbols,
        positions=start,
        surface=SURFACE,
        n_slab=len(SLAB),
        groups=GROUPS,
        criteria=CRITERIA,
        scheme=paper.SCHEME,
    )
    assert (made.molecule.bonded == CLEAN.bonded).all()
    assert (made.limits.surface == REFERENCE.limits.surface).all()


def history(persistence_ps: float, modes: Sequence[Mode]) -> ModeHistory[Mode]:
    made: ModeHistory[Mode] = ModeHistory(persistence_ps=persistence_ps)
    for index, mode in enumerate(modes):
        made.add(index * 0.02, mode)
    return made


def test_history_counts_a_mode_from_its_birth() -> None:
    made = history(0.04, [paper.IN_FLIGHT, paper.PC, paper.PC, paper.PC, paper.OT_CY])
    assert made.events == [(0.0, paper.IN_FLIGHT), (0.02, paper.PC)]
    assert made.young == made.last == (0.08, paper.OT_CY)


def test_history_does_not_add_up_two_young_modes() -> None:
    made = history(0.04, [paper.PC, paper.OT_CY, paper.BR_CY, paper.OT_CY, paper.BR_CY])
    assert made.events == [(0.0, paper.PC)]
    assert made.last == (0.08, paper.BR_CY)
