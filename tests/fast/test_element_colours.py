"""Colours of elements: no two of a picture alike, none lost on paper."""

import itertools

import pytest

from molgun_lmp.plotting.element_colours import distance, element_colours

SYSTEMS = (
    "Cl Ni", "H C Si", "C O Cu", "H C O Pt", "H C O Fe", "H C S Au", "C H O Al", "C H O Ti", "F Cl H Ni", "O H Ag Pd",
    "N He", "Br I Cu", "H C O N Fe Ni Cu Pd Ag Pt Au",
)  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_two_elements_of_a_picture_look_alike(system: str) -> None:
    colours = element_colours(system.split())
    assert min(distance(*pair) for pair in itertools.combinations(colours.values(), 2)) > 0.1
    assert element_colours(reversed(system.split())) == colours


def test_what_everybody_knows_stays_and_the_others_give_way() -> None:
    assert distance("#1ff01f", "#50d050") < 0.1, "Jmol's chlorine and nickel"
    assert element_colours(["Ni"]) == {"Ni": "#50d050"}
    beside = element_colours(["Ni", "Cl"])
    assert beside["Cl"] == "#1ff01f"
    assert beside["Ni"] != "#50d050"
    assert element_colours(["Si", "H", "C"])["Si"] == "#f0c8a0"


def test_hydrogen_is_not_the_colour_of_paper() -> None:
    assert distance(element_colours(["H"])["H"], "#ffffff") > 0.1
    assert distance("#000000", "#ffffff") == pytest.approx(1.0, abs=1e-6)
