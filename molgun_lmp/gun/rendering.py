"""Templates to deck text. Only finite numbers and plain names ever reach a deck."""

import functools
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import jinja2
import numpy as np
import numpy.typing as npt

from molgun_lmp.errors import ConfigError
from molgun_lmp.templates_dir import templates_folder

# Words, numbers and lists of id ranges: nothing that LAMMPS would expand, continue on the next line or run.
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,:_()+-]*")
_RANGES_PER_LINE: Final = 12


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,
        autoescape=False,  # a deck is no HTML; `_plain` is what guards it
    )


@functools.cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


def render(name: str, values: Mapping[str, Any]) -> str:
    """A template of templates/ filled in. Raises `ConfigError` for a value that has no place in a deck."""
    return _template(name).render(values)


def render_text(text: str, values: Mapping[str, Any]) -> str:
    """A template that is given as its text filled in. Raises `ConfigError` as `render` does, and for a broken one."""
    try:
        return _environment().from_string(text).render(values)
    except jinja2.TemplateError as error:
        raise ConfigError(f"the template\n{text}\ncannot be filled in: {error}.") from error


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ConfigError(f"{value!r} cannot stand in a LAMMPS deck: only numbers and plain names can.")
    if isinstance(value, str):
        if not _PLAIN.fullmatch(value):
            raise ConfigError(
                f"{value!r} cannot stand in a LAMMPS deck: use letters, digits, dots, dashes and underscores."
            )
        return value
    if not math.isfinite(value):
        raise ConfigError(f"{value!r} cannot stand in a LAMMPS deck: it is not a finite number.")
    return repr(value)


def id_ranges(mask: npt.NDArray[np.bool_]) -> list[str]:
    """Atom ids (from 1) where `mask` is True, as LAMMPS ranges: a dozen to a line, such as ["1:16 97:128"]."""
    ids = np.flatnonzero(mask) + 1
    if len(ids) == 0:
        return []
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    ranges = [f"{run[0]}:{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return [" ".join(ranges[start : start + _RANGES_PER_LINE]) for start in range(0, len(ranges), _RANGES_PER_LINE)]
