"""Energy conservation of a trajectory: drift and excursion by hand, flags against the kick's energy, old limits."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from molgun_lmp.campaign.worker.energy_conservation import CONSERVED_COLUMN, Moving, energy_record
from molgun_lmp.config import Bath, Dynamics, Thermostat
from molgun_lmp.records import EnergyRecord

TIME = np.linspace(0.0, 10.0, 501)
SCATTER = 0.004 * np.cos(40 * TIME)
"""eV: as much as two hundred atoms at 300 K really scatter."""
MANY = Moving(n_atoms=616, n_mobile=424, kick_energy_ev=1.0)
ONE = Moving(n_atoms=1, n_mobile=1, kick_energy_ev=1.0)
PER_ATOM = Dynamics(max_drift_ev_per_atom_per_ps=1e-4, max_excursion_ev_per_atom=1e-3)
"""As all campaigns had it before limits were of the whole cell."""
EXCHANGING = (Dynamics(bath=Bath()), Dynamics(ensemble="nvt", thermostat=Thermostat()), Dynamics(ensemble="nvt"))


def nve(energy: npt.NDArray[np.floating[Any]], dynamics: Dynamics | None = None, moving: Moving = MANY) -> EnergyRecord:
    return energy_record(
        {"Time": TIME[: len(energy)], "TotEng": energy.astype(np.float64)}, dynamics or Dynamics(), moving
    )


def test_a_straight_drift_is_recovered() -> None:
    record = nve(-800.0 + 3e-3 * TIME)
    assert record.drift_ev == pytest.approx(3e-2)
    assert record.excursion_ev == pytest.approx(3e-2)
    assert record.drift_ev_per_atom_per_ps == pytest.approx(3e-3 / 424, rel=1e-9), "frozen atoms do not dilute it"
    assert record.excursion_ev_per_atom == pytest.approx(3e-2 / 424)
    assert record.limit_ev == pytest.approx(0.05)
    assert not record.flagged


def test_a_jump_or_a_drift_of_a_part_of_the_kick_is_flagged_whatever_the_size_of_the_slab() -> None:
    jump, drift = SCATTER + 0.2 * (TIME > 4), SCATTER + 0.055 * TIME
    for bad in (jump, drift, -jump, -drift):
        assert nve(bad).flagged
        assert not nve(bad, PER_ATOM).flagged, "616 atoms hid it"
    assert not nve(SCATTER).flagged
    assert not nve(SCATTER, moving=Moving(n_atoms=154, n_mobile=74, kick_energy_ev=0.05)).flagged, "below the floor"


@pytest.mark.parametrize(("change", "flagged"), [(0.045, False), (0.055, True), (-0.055, True)])
def test_the_limit_is_a_share_of_the_kick(change: float, flagged: bool) -> None:
    assert nve(change * TIME / 10).flagged is flagged
    assert nve(change * (TIME > 5)).flagged is flagged
    assert nve(2 * change * (TIME > 5), Dynamics(max_energy_change=0.1)).flagged is flagged
    weak = Moving(n_atoms=616, n_mobile=424, kick_energy_ev=0.1)
    assert nve(change * (TIME > 5), Dynamics(energy_floor_ev=0.05), weak).flagged is flagged


def test_what_thermostats_put_in_is_taken_off_where_the_deck_prints_it() -> None:
    heat = 3.0 * np.sin(TIME)
    for dynamics in EXCHANGING:
        good, bad = SCATTER, SCATTER + 0.2 * (TIME > 4)
        for conserved, flagged in ((good, False), (bad, True)):
            thermo = {"Time": TIME, "TotEng": conserved + heat, CONSERVED_COLUMN: conserved}
            record = energy_record(thermo, dynamics, MANY)
            assert record.flagged is flagged
            assert record.drift_ev is not None
        unknown = energy_record({"Time": TIME, "TotEng": bad + heat}, dynamics, MANY)
        numbers = (unknown.drift_ev_per_atom_per_ps, unknown.excursion_ev_per_atom, unknown.limit_ev)
        assert numbers == (None, None, None), "decks of before do not print it: not checked"
        assert not unknown.flagged


def test_a_thermostat_that_counts_anew_after_a_resume_is_no_jump() -> None:
    counted = SCATTER - 1.5 * (TIME >= 4.0)
    thermo = {"Step": np.round(TIME * 2000), "Time": TIME, CONSERVED_COLUMN: counted}
    langevin = Dynamics(bath=Bath())
    assert energy_record(thermo, langevin, MANY).flagged
    assert not energy_record(thermo, langevin, MANY, resumed_at=(8000,)).flagged
    moved = thermo | {CONSERVED_COLUMN: counted + 0.2 * (TIME > 6)}
    assert energy_record(moved, langevin, MANY, resumed_at=(8000,)).flagged
    in_nve = {"Step": thermo["Step"], "Time": TIME, "TotEng": counted}
    assert energy_record(in_nve, Dynamics(), MANY, resumed_at=(8000,)).flagged, "without a thermostat it is one"


def test_an_oscillation_is_an_excursion_and_no_drift() -> None:
    record = nve(0.1 * np.cos(2 * np.pi * (TIME - 5.0) / 2.5), moving=ONE)
    assert record.drift_ev == pytest.approx(0.0, abs=1e-3)
    assert record.excursion_ev == pytest.approx(0.2, abs=1e-4)
    assert record.flagged


@pytest.mark.parametrize(("slope", "flagged"), [(0.9e-4, False), (1.1e-4, True), (-1.1e-4, True)])
def test_limits_per_atom_keep_their_meaning(slope: float, flagged: bool) -> None:
    lax = PER_ATOM.model_copy(update={"max_excursion_ev_per_atom": 1.0})
    record = nve(154 * slope * TIME, lax, Moving(n_atoms=154, n_mobile=74, kick_energy_ev=1.0))
    assert record.flagged is flagged
    assert record.drift_ev_per_atom_per_ps == pytest.approx(slope)
    assert (record.drift_ev, record.limit_ev) == (None, None)
    assert nve(0.2 * (TIME > 5), PER_ATOM, ONE).flagged
    with pytest.raises(ValueError, match="max_energy_change"):
        Dynamics(max_energy_change=0.05, max_excursion_ev_per_atom=1e-3)


def test_the_slope_of_half_a_vibration_is_no_drift() -> None:
    short = np.linspace(0.0, 0.01, 11)
    thermo = {"Time": short, "TotEng": 2e-4 * np.sin(2 * np.pi * short / 0.01)}
    record = energy_record(thermo, PER_ATOM, ONE)
    assert record.drift_ev_per_atom_per_ps is not None
    assert abs(record.drift_ev_per_atom_per_ps) > 1e-2
    assert not record.flagged


def test_two_lines_give_no_drift_and_a_nan_is_flagged() -> None:
    assert nve(0.0 * TIME[:2]).drift_ev_per_atom_per_ps is None
    assert nve(np.array([0.0, np.nan, 0.0])).flagged
    assert nve(TIME[:0]).excursion_ev_per_atom is None


def test_records_of_before_are_read() -> None:
    old = {"drift_ev_per_atom_per_ps": 1e-5, "excursion_ev_per_atom": 1e-4, "flagged": False}
    record = EnergyRecord.from_json(old)
    assert (record.drift_ev, record.excursion_ev, record.limit_ev) == (None, None, None)
