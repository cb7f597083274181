"""Energy conservation of a trajectory: drift and excursion checked by hand, flags at the campaign's limits."""

import numpy as np
import pytest

from molgun_lmp.campaign.worker.energy_conservation import energy_record
from molgun_lmp.config import Bath, Dynamics, Thermostat

TIME = np.linspace(0.0, 2.0, 101)
N_ATOMS = 154


def test_a_straight_drift_is_recovered_per_atom() -> None:
    record = energy_record(TIME, -800.0 + 3e-3 * TIME, N_ATOMS, Dynamics())
    assert record.drift_ev_per_atom_per_ps == pytest.approx(3e-3 / N_ATOMS, rel=1e-9)
    assert record.excursion_ev_per_atom == pytest.approx(6e-3 / N_ATOMS, rel=1e-9)
    assert not record.flagged


def test_an_oscillation_is_an_excursion_and_no_drift() -> None:
    record = energy_record(TIME, 0.1 * np.cos(2 * np.pi * (TIME - 1.0)), 1, Dynamics())
    assert record.drift_ev_per_atom_per_ps == pytest.approx(0.0, abs=1e-12)
    assert record.excursion_ev_per_atom == pytest.approx(0.2)
    assert record.flagged


@pytest.mark.parametrize(("slope", "flagged"), [(0.9e-4, False), (1.1e-4, True), (-1.1e-4, True)])
def test_a_drift_beyond_the_limit_is_flagged(slope: float, flagged: bool) -> None:
    assert energy_record(TIME, slope * TIME, 1, Dynamics(max_excursion_ev_per_atom=1.0)).flagged is flagged


def test_the_slope_of_half_a_vibration_is_no_drift() -> None:
    short = np.linspace(0.0, 0.01, 11)
    record = energy_record(short, 2e-4 * np.sin(2 * np.pi * short / 0.01), 1, Dynamics())
    assert record.drift_ev_per_atom_per_ps is not None and abs(record.drift_ev_per_atom_per_ps) > 1e-2
    assert not record.flagged


def test_a_heat_bath_has_no_conserved_energy() -> None:
    for dynamics in (Dynamics(bath=Bath()), Dynamics(ensemble="nvt", thermostat=Thermostat())):
        record = energy_record(TIME, TIME**2, 1, dynamics)
        assert (record.drift_ev_per_atom_per_ps, record.excursion_ev_per_atom, record.flagged) == (None, None, False)


def test_two_lines_give_no_drift_and_a_nan_is_flagged() -> None:
    assert energy_record(TIME[:2], TIME[:2] * 0.0, 1, Dynamics()).drift_ev_per_atom_per_ps is None
    assert energy_record(TIME[:3], np.array([0.0, np.nan, 0.0]), 1, Dynamics()).flagged
    assert energy_record(TIME[:0], TIME[:0], 1, Dynamics()).excursion_ev_per_atom is None
