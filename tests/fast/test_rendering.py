"""Templates to text: what may stand in a deck, a script and a page, and that no template gets out of its sandbox."""

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2.exceptions import SecurityError
from markupsafe import Markup

from molgun_lmp import rendering
from molgun_lmp.errors import ConfigError
from molgun_lmp.rendering import render, render_page, render_script, render_text


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of templates in place of the package's own."""

    def forget() -> None:
        rendering._environment.cache_clear()
        rendering._template.cache_clear()

    monkeypatch.setattr(rendering, "templates_folder", lambda: tmp_path)
    (tmp_path / "one.j2").write_text("{{ value }}\n")
    forget()
    yield tmp_path
    forget()


@pytest.mark.usefixtures("templates")
def test_a_value_is_guarded_by_where_it_goes() -> None:
    assert render("one.j2", {"value": "H C Si"}) == "H C Si\n"
    assert render_script("one.j2", {"value": "'a b'; $x"}) == "'a b'; $x"
    assert render_page("one.j2", {"value": "<b>"}) == "&lt;b&gt;"
    assert render_page("one.j2", {"value": Markup("<b>")}) == "<b>"


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize("value", [None, True, [1], float("nan"), float("inf")])
def test_neither_a_deck_nor_a_script_takes_what_is_no_text_or_finite_number(value: object) -> None:
    for fill in (render, render_script):
        with pytest.raises(ConfigError, match="cannot stand in"):
            fill("one.j2", {"value": value})


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize("value", ["a\nb", "$x", "a & b", '"'])
def test_a_deck_takes_no_text_that_lammps_would_expand(value: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        render("one.j2", {"value": value})


@pytest.mark.usefixtures("templates")
def test_a_name_without_a_value_is_an_error_everywhere() -> None:
    for fill in (render, render_script, render_page):
        with pytest.raises((ConfigError, jinja2.UndefinedError), match=r"(?i)undefined"):
            fill("one.j2", {})


def test_a_users_template_reaches_nothing_but_its_values(templates: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be filled in"):
        render_text("{{ elements.__class__.__mro__ }}", {"elements": "H"})
    (templates / "one.j2").write_text("{{ values.append(1) }}")
    with pytest.raises(SecurityError):
        render_page("one.j2", {"values": []})
