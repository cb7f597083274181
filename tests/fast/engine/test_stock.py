"""The engine `stock`: only formulas of numbers reach a deck, and no model is needed."""

import pytest

from molgun_lmp.config import Engine
from molgun_lmp.engine.stock import STYLES, stock_card, stock_include
from molgun_lmp.errors import ConfigError


def test_the_lines_are_the_include() -> None:
    assert stock_include(["pair_style lj/cut 4.0", "pair_coeff * * 1e-3 2.5", "pair_modify shift yes"]) == (
        "pair_style lj/cut 4.0\npair_coeff * * 1e-3 2.5\npair_modify shift yes\n"
    )
    assert all(stock_include([f"pair_style {style} 4.0"]) for style in STYLES)


@pytest.mark.parametrize(
    "command",
    [
        "shell touch here",
        "pair_style python/cut 5.0 ./",
        "pair_style lj/cut 4.0\nshell touch here",
        "pair_style lj/cut $(2+2)",
        "pair_style lj/cut ${x}",
        "pair_coeff * * Si.tersoff Si",
        "pair_style mliap model mliappy m.pt",
        "include other.in",
        "pair_style lj/cut",
        "",
    ],
)
def test_nothing_else_is_taken(command: str) -> None:
    with pytest.raises(ConfigError, match="not taken"):
        stock_include([command])


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigError, match=r"engine\.commands is empty"):
        stock_card(Engine(kind="stock"), ["H"])
    with pytest.raises(ConfigError, match="cutoff_angstrom is missing"):
        stock_card(Engine(kind="stock", commands=("pair_style lj/cut 4.0",)), ["H"])
    card = stock_card(Engine(kind="stock", commands=("pair_style lj/cut 4.0",), cutoff_angstrom=4.0), ["H", "Si"])
    assert (card.elements, card.architecture.r_max_angstrom, card.files) == (("H", "Si"), 4.0, ())
    assert "no quantum chemistry" in card.level_of_theory
