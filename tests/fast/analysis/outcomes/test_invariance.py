"""Classes and sites do not depend on how a structure is written down: changes drawn at random, one after the other."""

import numpy as np
import pytest
from adsorption_cases import CASES, SLAB, Case, mirrored, relabelled, rotated, shifted, skewed
from ase.build import bcc100, fcc111
from hypothesis import given, settings
from hypothesis import strategies as st

from molgun_lmp.arrays import FloatArray
from molgun_lmp.surface.clean_surface import find_surface

ANGLES = st.floats(-360.0, 360.0, allow_subnormal=False)  # symmetrix switches them off in a process that loaded it
SHIFTS = st.floats(-40.0, 40.0, allow_subnormal=False)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("rotate"), ANGLES),
        st.tuples(st.just("shift"), st.tuples(SHIFTS, SHIFTS)),
        st.tuples(st.just("relabel"), st.integers(0, 1000)),
        st.tuples(st.just("mirror"), st.none()),
        st.tuples(st.just("skew"), st.none()),
    ),
    max_size=5,
)


def changed(case: Case, steps: list[tuple[str, object]]) -> Case:
    for kind, value in steps:
        if kind == "rotate":
            assert isinstance(value, float)
            case = rotated(case, value)
        elif kind == "shift":
            assert isinstance(value, tuple)
            case = shifted(case, (*value, 0.0))
        elif kind == "relabel":
            assert isinstance(value, int)
            case = relabelled(case, value)
        else:
            case = mirrored(case) if kind == "mirror" else skewed(case)
    return case


@settings(max_examples=150, deadline=None, derandomize=True)
@given(name=st.sampled_from(sorted(CASES)), steps=CHANGES)
def test_every_class_on_silicon(name: str, steps: list[tuple[str, object]]) -> None:
    case = Case(slab=SLAB, molecule=CASES[name][0])
    expected, found = case.classify(), changed(case, steps).classify()
    assert (found.mode, found.bound) == (expected.mode, expected.bound)
    if expected.detail != "bound by C4":  # which names an atom by its place
        assert found.detail == expected.detail


METALS = {"fcc111": fcc111("Cu", (4, 4, 3), vacuum=12.0), "bcc100": bcc100("Fe", (4, 4, 3), vacuum=12.0)}


def over_top_atoms(metal: str, number: int, height: float) -> Case:
    """A case on a metal: the group CY upright over one top atom or in the middle of several that are adjacent."""
    slab = METALS[metal].copy()
    slab.pbc = True
    surface = find_surface(slab)
    chosen = [int(np.flatnonzero(surface.top)[5])]
    while len(chosen) < number:
        next_to_all = surface.adjacent[chosen].all(axis=0)
        chosen.append(int(np.flatnonzero(next_to_all)[0]))
    ways = surface.lattice.vectors_between(slab.positions[chosen[:1]], slab.positions[chosen])[0]
    foot = slab.positions[chosen[0]] + ways.mean(axis=0)
    molecule: FloatArray = np.array([[0.0, 0.0, 15.0 + index] for index in range(6)]) + foot
    molecule[:2] = foot + np.array([[0.0, 0.0, height], [0.0, 0.0, height + 1.2]])
    return Case(slab=slab, molecule=molecule)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    place=st.sampled_from(
        [("fcc111", 1, 1.9), ("fcc111", 2, 1.5), ("fcc111", 3, 1.3), ("bcc100", 1, 1.9), ("bcc100", 2, 1.4)]
    ),
    steps=CHANGES,
)
def test_sites_of_metals(place: tuple[str, int, float], steps: list[tuple[str, object]]) -> None:
    case = over_top_atoms(*place)
    expected, found = case.classify(), changed(case, steps).classify()
    assert expected.bound
    assert (found.mode, found.detail) == (expected.mode, expected.detail)
    assert expected.detail.endswith({1: "on top of one atom", 2: "between two atoms", 3: "hollow"}[place[1]])


@pytest.mark.parametrize("metal", METALS)
def test_a_sixth_or_a_quarter_turn_of_the_crystal_under_the_molecule(metal: str) -> None:
    case = over_top_atoms(metal, 2, 1.45)
    turned = rotated(case, {"fcc111": 60.0, "bcc100": 90.0}[metal])
    # the crystal is the same again, the molecule's place in it another one of the same kind
    assert turned.classify().detail == case.classify().detail
