"""Templates to text: LAMMPS decks, job scripts and pages. The one place where a Jinja environment is made.

Every template is filled in within a sandbox, and a name without a value is an error. What a value may be depends on
where it goes: into a deck only finite numbers and plain names, into a script only text and numbers, and into a page any
text, which is escaped.
"""

import functools
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import jinja2
import numpy as np
from jinja2.sandbox import ImmutableSandboxedEnvironment

from molgun_lmp.arrays import BoolArray
from molgun_lmp.errors import ConfigError
from molgun_lmp.shipped_templates import templates_folder

_Text = Literal["deck", "script", "page"]

# Words, numbers and lists of id ranges: nothing that LAMMPS would expand, continue on the next line or run.
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,:_()+-]*")
_RANGES_PER_LINE: Final = 12


def render(name: str, values: Mapping[str, Any]) -> str:
    """A deck's template of templates/ filled in. Raises `ConfigError` for a value that has no place in a deck."""
    return _template("deck", name).render(values)


def render_text(text: str, values: Mapping[str, Any]) -> str:
    """A deck's template that is given as its text filled in. Raises `ConfigError` as `render` does, and for a broken
    one."""
    try:
        return _environment("deck").from_string(text).render(values)
    except jinja2.TemplateError as error:
        raise ConfigError(f"the template\n{text}\ncannot be filled in: {error}.") from error


def render_script(name: str, values: Mapping[str, Any]) -> str:
    """A job script's template of templates/ filled in, without the line break at its end.

    Values are written as they are: quote for the shell what is not a word. Raises `ConfigError` for what is neither
    text nor a finite number.
    """
    return _template("script", name).render(values)


def render_page(name: str, values: Mapping[str, Any]) -> str:
    """An HTML template of templates/ filled in, without the line break at its end; text is escaped, `Markup` is not."""
    return _template("page", name).render(values)


def id_ranges(mask: BoolArray) -> list[str]:
    """Atom ids (from 1) where `mask` is True, as LAMMPS ranges: a dozen to a line, such as ["1:16 97:128"]."""
    ids = np.flatnonzero(mask) + 1
    if len(ids) == 0:
        return []
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    ranges = [f"{run[0]}:{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return [" ".join(ranges[start : start + _RANGES_PER_LINE]) for start in range(0, len(ranges), _RANGES_PER_LINE)]


def deck_value(value: Any) -> str:
    """A number or plain name as it stands in a deck. Raises `ConfigError` for anything else."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        raise ConfigError(
            f"{value!r} cannot stand in a LAMMPS deck: use letters, digits, dots, dashes and underscores."
        )
    return _word(value, "a LAMMPS deck", "only numbers and plain names can")


def _script_value(value: Any) -> str:
    return _word(value, "a job script", "only text and numbers can")


def _word(value: Any, place: str, what_can: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ConfigError(f"{value!r} cannot stand in {place}: {what_can}.")
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        raise ConfigError(f"{value!r} cannot stand in {place}: it is not a finite number.")
    return repr(value)


_GUARDS: Final[Mapping[_Text, Callable[[Any], str] | None]] = {
    "deck": deck_value,
    "script": _script_value,
    "page": None,  # its guard is the escaping
}


@functools.cache
def _environment(text: _Text) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=text == "deck",
        finalize=_GUARDS[text],
        autoescape=text == "page",
    )


@functools.cache
def _template(text: _Text, name: str) -> jinja2.Template:
    return _environment(text).get_template(name)
