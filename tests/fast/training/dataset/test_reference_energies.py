"""Reference energies of the elements, and what they say about energies that do not belong together."""

import numpy as np
import pytest
from frame_cases import labelled_frame

from molgun_lmp.errors import TrainingError
from molgun_lmp.training.dataset.reference_energies import (
    CompositionEnergies,
    check_energies,
    reference_energies,
    settled_kind,
)


def test_least_squares_recovers_energies_of_independent_compositions() -> None:
    exact = {"H": -15.0, "C": -112.0}
    data = [
        labelled_frame(formula, carbon * exact["C"] + hydrogens * exact["H"])
        for formula, carbon, hydrogens in [("H2", 0, 2), ("CH4", 1, 4), ("C2H2", 2, 2), ("C2H6", 2, 6)]
    ]
    assert CompositionEnergies.of(data).least_squares({}) == pytest.approx(exact)


def test_least_squares_stays_near_the_atoms_where_the_fit_is_free() -> None:
    # One composition fixes one number: the binding energy per atom is shared in proportion, the rest stays.
    energies = CompositionEnergies.of([labelled_frame("CH4", -60.0)]).least_squares({"C": -40.0, "H": -3.0})
    assert energies["C"] + 4 * energies["H"] == pytest.approx(-60.0)
    correction = np.array([energies["C"] + 40.0, energies["H"] + 3.0])
    assert correction[1] / correction[0] == pytest.approx(4.0)


def test_an_element_without_its_isolated_atom_is_refused_with_the_way_out() -> None:
    with pytest.raises(TrainingError, match=r"no reference energy for C.*least_squares"):
        reference_energies("isolated_atoms", [labelled_frame("CH4")], {"H": -13.0})
    assert reference_energies("isolated_atoms", [labelled_frame("H2")], {"H": -13.0, "C": -1.0}) == {"H": -13.0}


def test_energies_in_two_units_are_refused() -> None:
    frames = [labelled_frame("H2", -31.0 * unit, source=f"f#{i}") for i, unit in enumerate([1, 1, 1, 1 / 27.2114])]
    with pytest.raises(TrainingError, match=r"f#3 \(H2\).*different units or levels"):
        check_energies(frames, {}, limit_ev_per_atom=5.0)
    check_energies(frames[:3], {}, limit_ev_per_atom=5.0)


def test_isolated_atoms_of_another_level_are_refused() -> None:
    with pytest.raises(TrainingError, match="no binding energy"):
        check_energies([labelled_frame("H2", -31.0)], {"H": -13.6 / 27.2114}, limit_ev_per_atom=5.0)
    check_energies([labelled_frame("H2", -31.0)], {"H": -13.6}, limit_ev_per_atom=5.0)


def test_frames_of_one_composition_count_by_their_number() -> None:
    # Three frames of H2 at -30 and one at -34 eV: the mean counts, here half of -31.
    data = [labelled_frame("H2", energy) for energy in (-30.0, -30.0, -30.0, -34.0)]
    assert CompositionEnergies.of(data).least_squares({})["H"] == pytest.approx(-15.5)


@pytest.mark.parametrize(
    ("isolated", "has_foundation", "kind"),
    [
        ({"H": -13.0, "C": -38.0}, True, "isolated_atoms"),
        ({"H": -13.0}, True, "foundation_estimated"),
        ({}, False, "least_squares"),
    ],
)
def test_auto_takes_isolated_atoms_where_all_are_there(
    isolated: dict[str, float], has_foundation: bool, kind: str
) -> None:
    assert settled_kind("auto", [labelled_frame("CH4")], isolated, has_foundation=has_foundation) == kind
    assert settled_kind("least_squares", [], isolated, has_foundation=has_foundation) == "least_squares"
