"""Which source files of this package a module rests on: its own, those that it imports, those that these import, ..."""

import ast
import functools
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from molgun_lmp.provenance import sha256_file, sha256_text

_ROOT: Final = Path(__file__).parent
_PACKAGE: Final = _ROOT.name
_FOR_TYPES: Final = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t][^\n]*\n|\n)*", re.MULTILINE)
"""What is imported for the type checker alone is not there when the module runs."""
_STATEMENT: Final = re.compile(rf"^[ \t]*(?:from|import) {_PACKAGE}\b[^\n(]*(?:\([^)]*\))?", re.MULTILINE)


def files_behind(module: str) -> tuple[Path, ...]:
    """The files of a module, named such as `molgun_lmp.results.one_pass`, and of all that it imports, in order.

    Imports inside functions count; those under `if TYPE_CHECKING:` do not, nor does a package's `__init__` that nothing
    is taken from. What another process is started with, and what is imported by a name made at run time, is not found.
    Raises `ModuleNotFoundError` for a module that this package has not.
    """
    start = _file_of(module)
    if start is None:
        raise ModuleNotFoundError(f"{_PACKAGE} has no module {module}", name=module)
    found, waiting = {start}, [start]
    while waiting:
        for file in _imported_by(waiting.pop()):
            if file not in found:
                found.add(file)
                waiting.append(file)
    return tuple(sorted(found))


@functools.cache
def _imported_by(file: Path) -> tuple[Path, ...]:
    names = imported(file.read_text(encoding="utf-8"))
    return tuple(one for one in map(_file_of, dict.fromkeys(names)) if one is not None)


@functools.cache
def code_version(module: str) -> str:
    """A hash of the code that a module rests on, as 64 hex digits. Raises as `files_behind`."""
    files = files_behind(module)
    return sha256_text("".join(f"{file.relative_to(_ROOT)} {sha256_file(file)}\n" for file in files))


def imported(source: str) -> Iterator[str]:
    """The names of this package that a source text imports; `from a import b` gives `a` and `a.b`, a module or not."""
    # The statements alone are parsed: whole files take ten times as long.
    for statement in _STATEMENT.findall(_FOR_TYPES.sub("", source)):
        for node in ast.parse(textwrap.dedent(statement)).body:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file_of(name: str) -> Path | None:
    package, *parts = name.split(".")
    if package != _PACKAGE:
        return None
    path = _ROOT.joinpath(*parts)
    file = path.with_suffix(".py") if parts else path / "__init__.py"
    return next((one for one in (file, path / "__init__.py") if one.is_file()), None)
