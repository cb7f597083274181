"""Exported files are compared on pairs of close atoms, by a share of the forces that are there."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import MODEL_FORMATS
from molgun_lmp.models.error_reports import ContactParity
from molgun_lmp.models.predict import Prediction
from molgun_lmp.training.export.contacts import ClosePair, compare_contacts, contact_dimers, require_contacts

DIMERS = contact_dimers(("H", "C", "Si"), (), 5.0)


def test_every_pair_of_a_model_is_pushed_together_from_half_an_angstrom_up() -> None:
    pairs = {dimer.pair for dimer in DIMERS}
    assert pairs == {("H", "H"), ("H", "C"), ("H", "Si"), ("C", "C"), ("C", "Si"), ("Si", "Si")}
    for pair in pairs:
        distances = [dimer.distance_angstrom for dimer in DIMERS if dimer.pair == pair]
        assert distances == sorted(distances)
        assert (min(distances), len(distances)) == (0.5, len(DIMERS) // 6)
        assert np.diff(distances)[np.array(distances)[1:] < 1.2] == pytest.approx(0.1)
        assert 4.0 < max(distances) < 5.0
    frame = DIMERS[0].frame()
    assert np.linalg.norm(frame.positions[1]) == pytest.approx(0.5)
    assert np.abs(frame.positions[1]).min() > 0.1  # along no axis


def test_of_a_universal_model_the_pairs_of_the_frames_are_taken() -> None:
    many = ("H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Si")
    dimers = contact_dimers(many, {"Si", "C"}, 6.0)
    assert {dimer.pair for dimer in dimers} == {("C", "C"), ("C", "Si"), ("Si", "Si")}


def forces(size: Callable[[ClosePair], float]) -> list[Prediction]:
    return [
        Prediction(energy_ev=0.0, forces=np.array([[0.0, 0.0, -size(dimer)], [0.0, 0.0, size(dimer)]]))
        for dimer in DIMERS
    ]


def repulsion(dimer: ClosePair) -> float:
    return float(2.0 / dimer.distance_angstrom**9)


def compared(found: list[Prediction], reference: list[Prediction] | None = None) -> ContactParity:
    report = compare_contacts(DIMERS, reference or forces(repulsion), found, format="symmetrix", dtype="float64")
    assert report is not None
    return report


def test_a_share_of_a_large_force_passes_and_is_told() -> None:
    share = MODEL_FORMATS["symmetrix"].parity["float64"].contact
    report = compared(forces(lambda dimer: repulsion(dimer) * (1.0 + share / 2.0)))
    assert report.passed
    assert (report.worst_pair, report.worst_angstrom, report.from_angstrom) == (("H", "H"), 0.5, 0.5)
    assert report.force_there_ev_per_angstrom == pytest.approx(1024.0)
    assert report.force_ev_per_angstrom == pytest.approx(1024.0 * share / 2.0)
    assert (report.dimers, report.elements) == (len(DIMERS), ("H", "C", "Si"))
    require_contacts(report)


def test_a_table_that_ends_too_early_is_found_where_it_does() -> None:
    """A radial table that is constant below 0.75 Å, for one pair alone."""

    def cut(dimer: ClosePair) -> float:
        if dimer.pair != ("C", "Si"):
            return repulsion(dimer)
        return repulsion(dataclasses.replace(dimer, distance_angstrom=max(0.75, dimer.distance_angstrom)))

    report = compared(forces(cut))
    assert not report.passed
    assert report.worst_pair == ("C", "Si")
    with pytest.raises(ModelError, match=r"symmetrix float64 file .*where atoms are close: for C-Si at 0\.[567] Å"):
        require_contacts(report)


def test_a_force_that_passes_through_zero_is_judged_by_those_around_it() -> None:
    def swings(dimer: ClosePair) -> float:
        return 0.0 if dimer.distance_angstrom == pytest.approx(0.7) else repulsion(dimer)

    off = [dataclasses.replace(one, forces=one.forces + 1e-2) for one in forces(swings)]
    scan = [number for number, dimer in enumerate(DIMERS) if dimer.distance_angstrom < 0.75]
    found = [off[number] if number in scan else one for number, one in enumerate(forces(swings))]
    assert compared(found, forces(swings)).passed


def test_what_is_no_number_fails_and_is_not_compared_where_mace_has_none() -> None:
    broken = forces(repulsion)
    broken[3] = Prediction(energy_ev=0.0, forces=np.full((2, 3), np.nan))
    with pytest.raises(ModelError, match=r"not numbers for H-H at 0\.8 Å"):
        compared(broken)
    report = compared(forces(repulsion), [broken[3], *forces(repulsion)[1:]])
    assert report.passed
    assert report.from_angstrom == pytest.approx(0.6)
    assert report.dimers == len(DIMERS) - 1
    assert compare_contacts([], [], [], format="symmetrix", dtype="float64") is None
