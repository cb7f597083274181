"""Which key was meant, for one that a file of ours does not have."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_FEW: Final = 3
"""Sections that are named; a key of more, such as `kind`, says nothing."""


def unknown_key(loc: Sequence[str | int], schema: Mapping[str, Any], file_kind: str | None = None) -> str:
    """What to say of a key that is unknown at `loc`: the whole path of the one that was probably meant.

    `schema` is the JSON schema of the file (`BaseModel.model_json_schema`), and `file_kind` what `molgun schema` calls
    files that have it. A key of the same section that is spelled alike comes first, then the sections that have this
    very key, then what is spelled alike elsewhere, and at last where all keys are listed; the keys themselves, where it
    is no file. A key is never answered with itself at the same place.
    """
    paths = list(dict.fromkeys(_paths(schema, schema, "", ())))
    key, section = str(loc[-1]), _section(loc[:-1], paths)
    if f"{section}{key}" in paths:
        return f"unknown key here; `{section.removesuffix('.')}` has it where it is of another kind"
    beside = [path.removeprefix(section) for path in paths if path.startswith(section)]
    if near := difflib.get_close_matches(key, [name for name in beside if "." not in name], n=1):
        return f"unknown key; did you mean `{section}{near[0]}`?"
    places: dict[str, list[str]] = {}
    for path in paths:
        places.setdefault(path.rpartition(".")[2], []).append(f"`{path}`")
    if 0 < len(places.get(key, ())) <= _FEW:
        return f"unknown key here; it is {' or '.join(places[key])}"
    elsewhere = [name for name, there in places.items() if name != key and len(there) <= _FEW]
    if near := difflib.get_close_matches(key, elsewhere, n=1):
        return f"unknown key; did you mean {' or '.join(places[near[0]])}?"
    if file_kind is not None:
        return f"unknown key; `molgun schema {file_kind}` lists those of this file, with what each means"
    return f"unknown key; there are {', '.join(name for name in beside if '.' not in name)}"


def _section(loc: Sequence[str | int], paths: Sequence[str]) -> str:
    """`gun.kick.` of the place of a section, which pydantic gives with numbers and the names of kinds between."""
    section = ""
    for part in loc:
        if f"{section}{part}" in paths:
            section += f"{part}."
    return section


def _paths(node: Mapping[str, Any], schema: Mapping[str, Any], at: str, through: tuple[str, ...]) -> Iterator[str]:
    """The dotted paths of all keys under a part of a schema, each section before what is in it."""
    reference = node.get("$ref")
    if reference is not None:
        if reference not in through:  # a section may hold its own kind
            definition = schema["$defs"][reference.rpartition("/")[2]]
            yield from _paths(definition, schema, at, (*through, reference))
        return
    for one in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
        yield from _paths(one, schema, at, through)
    if isinstance(node.get("items"), dict):
        yield from _paths(node["items"], schema, at, through)
    for name, inside in node.get("properties", {}).items():
        path = f"{at}{name}"
        yield path
        yield from _paths(inside, schema, f"{path}.", through)
