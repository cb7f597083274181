"""Conditions on fragments: which pieces there are, where each is, and how many."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from molgun_lmp.analysis.outcomes.conditions import fits
from molgun_lmp.analysis.outcomes.end_state import EndState, Piece
from molgun_lmp.analysis.outcomes.facts import Facts
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import ConfigError
from molgun_lmp.outcome_conditions import When
from molgun_lmp.outcome_words import AtomSite, Place
from molgun_lmp.surface.sites import Site

DOCS = Path(__file__).parents[4] / "docs" / "schemes.md"


def piece(formula: str, place: Place = Place.ON, kind: AtomSite | None = None) -> Piece:
    site = None if kind is None else Site(kind=kind, atoms=(0,), elements=("Ni",), compound=False)
    return Piece(atoms=(0,), slab=(), formula=formula, place=place, site=site, bonds=1, nearest_angstrom=1.0)


METHYL, HYDROGEN = piece("CH3", kind=AtomSite.ON_TOP), piece("H", kind=AtomSite.HOLLOW_FCC)
SPLIT = (METHYL, HYDROGEN)
FLYING = (piece("H", Place.FREE), piece("CH3", Place.FREE))


def holds(pieces: tuple[Piece, ...], when: When, lost: int = 0) -> bool:
    """Of a structure of which nothing is known but its pieces."""
    facts = object.__new__(Facts)
    facts.__dict__.update(
        state=EndState(pieces=pieces, removed=(), exchanged=()), loose=np.arange(4) < lost, numbers={}, pieces=pieces
    )
    return fits(facts, when.said())


@pytest.mark.parametrize(
    ("fragments", "fit", "fit_not"),
    [
        ({"formula": "CH3"}, [SPLIT, FLYING], [(HYDROGEN,)]),
        ({"formula": "H3C"}, [SPLIT], []),
        ({"formula": "H", "where": "on the surface"}, [SPLIT], [FLYING]),
        ({"where": "free"}, [FLYING, (METHYL, FLYING[0])], [SPLIT]),
        ({"formula": "H", "site": "hollow"}, [SPLIT], [FLYING, (METHYL,)]),
        ({"formula": "H", "site": "hollow hcp"}, [], [SPLIT]),
        ({"formula": "H", "site": ["hollow hcp", "hollow fcc"]}, [SPLIT], []),
        ({"formula": "H", "number": 2}, [(HYDROGEN, HYDROGEN)], [SPLIT]),
        ({"where": "free", "number": "none"}, [SPLIT], [FLYING]),
        ([{"formula": "H"}, {"formula": "CH3"}], [SPLIT, FLYING], [(METHYL,), (HYDROGEN,)]),
    ],
)
def test_pieces_by_formula_and_place(
    fragments: Any, fit: list[tuple[Piece, ...]], fit_not: list[tuple[Piece, ...]]
) -> None:
    when = When.model_validate({"fragments": fragments})
    assert all(holds(pieces, when) for pieces in fit)
    assert not any(holds(pieces, when) for pieces in fit_not)
    assert When.model_validate(when.model_dump(mode="json", exclude_none=True)) == when


def test_atoms_that_the_slab_has_lost_are_counted() -> None:
    when = When.model_validate({"slab_atoms_lost": "at least 2"})
    assert [holds(SPLIT, when, lost) for lost in (0, 1, 2, 3)] == [False, False, True, True]


def test_more_fragments_are_a_case_of_fewer() -> None:
    one = When.model_validate({"fragments": {"formula": "H"}})
    two = When.model_validate({"fragments": [{"formula": "H", "where": "free"}, {"formula": "CH3"}]})
    assert one.contains(two) and not two.contains(one)
    assert not one.excludes(two)


def test_what_is_no_formula_or_place_is_refused(tmp_path: Path) -> None:
    for wrong in ({"formula": "CH3?"}, {"formula": "Xx"}, {"where": "gas"}, {"site": "top"}, {"number": "few"}):
        with pytest.raises(ValidationError):
            When.model_validate({"fragments": wrong})
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: own\nextends: general\nclasses:\n  - {label: a, set: damaged, meaning: M.,\n"
        "     when: {fragments: [{formla: H}]}}\n"
    )
    with pytest.raises(ConfigError, match=r"line 5, .*formla: unknown condition; did you mean 'formula'"):
        load_scheme("own.yaml", tmp_path)


def test_the_scheme_of_the_docs_names_its_products(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n# methane\.yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "methane.yaml").write_text(block)
    scheme = load_scheme("methane.yaml", tmp_path)
    assert scheme.asks_for_places
    products, recombined = (scheme.rules[label].when for label in ("H and CH3", "recombined"))
    assert products is not None and recombined is not None
    assert holds(SPLIT, products) and not holds(FLYING, products)
    carried = Piece(
        atoms=(0,), slab=(7,), formula="H2", place=Place.FREE, site=None, bonds=0, nearest_angstrom=9.0
    )  # fmt: skip
    assert holds((carried,), recombined) and not holds(SPLIT, recombined)
