"""Outcome schemes: those that come with the package, by name, and the user's own, by the path of a file.

An error names the file, the line, the key, and what to write instead.
"""

import difflib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from molgun_lmp.config.loading import load_yaml
from molgun_lmp.config.scheme_file import SchemeClass, SchemeFile, merged, scheme_of
from molgun_lmp.errors import ConfigError
from molgun_lmp.outcome_classes import UNBOUND_FATES, Kind
from molgun_lmp.outcome_conditions import TIME_KEYS, FragmentWhen, GroupWhen, When
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.shipped_templates import templates_folder

_FILE_ENDS: Final = (".yaml", ".yml")
_ONE_OF_EACH: Final = (Kind.UNDECIDED, Kind.FAILED)


def scheme_names() -> tuple[str, ...]:
    """The schemes that come with this package."""
    return tuple(sorted(file.stem for file in (templates_folder() / "schemes").glob("*.yaml")))


def load_scheme(name: str, folder: Path = Path()) -> OutcomeScheme:
    """A scheme by its name, or by the path of a file of the user's own, relative to `folder`. Raises `ConfigError`."""
    if name in scheme_names():
        return _shipped(name)
    if not name.endswith(_FILE_ENDS):
        near = difflib.get_close_matches(name, scheme_names(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ConfigError(
            f"there is no outcome scheme {name!r}: there are {', '.join(scheme_names())}.{hint} For classes of your "
            "own name a file (it ends in .yaml); `molgun schemes` explains those that there are."
        )
    return scheme_of(_read((folder / Path(name).expanduser()).resolve()), shipped=False)


def named_from_here(scheme: str) -> str:
    """A scheme as it may be named in any folder: a file by its whole path."""
    return scheme if scheme in scheme_names() else str(Path(scheme).absolute())


@functools.cache
def _shipped(name: str) -> OutcomeScheme:
    return scheme_of(_read(templates_folder() / "schemes" / f"{name}.yaml"), shipped=True)


def _read(file: Path, extended: tuple[Path, ...] = ()) -> SchemeFile:
    """The whole and valid contents of a file, with those of the scheme that it extends. Raises `ConfigError`."""
    document = load_yaml(file, what="an outcome scheme")
    lines = _Lines(file)
    try:
        own = SchemeFile.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explained(error, lines)) from error
    base = None
    if own.extends is not None:
        if file in extended:
            raise ConfigError(f"{lines.at('extends')}: the schemes extend each other in a circle.")
        base = _read(_base_of(own.extends, file, lines), (*extended, file))
    whole = own if base is None else merged(own, base)
    problems = [*_own_problems(own, base, lines), *_whole_problems(whole, lines)]
    if problems:
        raise ConfigError("\n".join([f"{file}: {len(problems)} problem(s)", *(f"  {one}" for one in problems)]))
    return whole


def _base_of(name: str, file: Path, lines: "_Lines") -> Path:
    if name in scheme_names():
        return templates_folder() / "schemes" / f"{name}.yaml"
    if name.endswith(_FILE_ENDS) and (file.parent / name).is_file():
        return (file.parent / name).resolve()
    near = difflib.get_close_matches(name, scheme_names(), n=1)
    raise ConfigError(
        f"{lines.at('extends')}: there is no outcome scheme {name!r}"
        + (f"; did you mean {near[0]}?" if near else f": name one of {', '.join(scheme_names())}, or a file.")
    )


def _own_problems(own: SchemeFile, base: SchemeFile | None, lines: "_Lines") -> Iterator[str]:
    """What is wrong with what a file says by itself."""
    known = {one.label for one in base.classes} if base is not None else set()
    if own.without and base is None:
        yield f"{lines.at('without')}: there is nothing to leave out of a scheme that extends none."
    elif unknown := sorted(set(own.without) - known):
        yield f"{lines.at('without')}: {own.extends} has no class {unknown[0]!r}{_nearest(unknown[0], known)}"
    for name in own.sets:
        if name in set(Kind):
            yield f"{lines.at('sets', name)}: {name!r} is a set of every scheme; name another one."
    seen: dict[str, int] = {}
    for place, one in enumerate(own.classes):
        if (first := seen.setdefault(one.label.lower(), place)) != place:
            yield (
                f"{lines.at('classes', place, 'label')}: {one.label!r} stands at line "
                f"{lines.number('classes', first, 'label')} already; each class has a label of its own."
            )


def _whole_problems(whole: SchemeFile, lines: "_Lines") -> Iterator[str]:
    """What is wrong with all classes together."""
    sets = [*Kind, *whole.sets]
    unknown = [one for one in whole.classes if whole.kind_of(one) is None]
    for one in unknown:
        yield f"{lines.of(one, 'set')}: {one.set!r} is no set{_nearest(one.set, sets)}"
    if unknown:
        return
    kinds = {one.label: whole.kind_of(one) for one in whole.classes}
    for kind in Kind:
        yield from _problems_of_kind(kind, [one for one in whole.classes if kinds[one.label] is kind], lines)
    scheme = scheme_of(whole, shipped=False)
    labels = {one.label: one for one in whole.classes}
    for mode, by in scheme.hidden():
        yield (
            f"{lines.of(labels[mode.label], 'when')}: no molecule can ever be {mode!s}, since {by!s} "
            f"{lines.before(labels[by.label])} comes first and fits wherever this does. Put it before, or say more."
        )
    for one in whole.classes:
        when = one.when
        if when is not None and when.names_a_bond_to_the_slab and when.bound is False:
            yield f"{lines.of(one, 'when')}: `bound: false`, and other conditions ask for a bond to the slab."
        elif when is not None and kinds[one.label] is Kind.BOUND and not when.allows_whole:
            yield f"{lines.of(one, 'when')}: what is of a set that counts as bound is bound, and none of it is broken."
    styles: dict[tuple[str, str, str], str] = {}
    for mode in scheme.modes:
        style = (mode.row.style.colour, mode.row.style.marker, mode.row.style.dash)
        if (other := styles.setdefault(style, mode.label)) != mode:
            yield f"{lines.of(labels[mode.label])}: {mode!s} is drawn as {other} is; give it a marker of its own."


def _problems_of_kind(kind: Kind, classes: list[SchemeClass], lines: "_Lines") -> Iterator[str]:
    for one in classes:
        if one.among is not None and (one.when is not None or kind not in {Kind.BOUND, Kind.NEAR}):
            yield f"{lines.of(one, 'among')}: `among` is for classes of `set: bound` or `near` without `when`."
        elif one.among is not None and kind is Kind.BOUND and Kind.NEAR in one.among:
            yield f"{lines.of(one, 'among')}: what was not bound all along is not of `set: bound`; write `set: near`."
    classes = [one for one in classes if one.among is None]
    free = [one for one in classes if one.when is None]
    for one in free if kind in {Kind.BOUND, Kind.DAMAGED} else ():
        yield f"{lines.of(one)}: {one.label} needs `when`: a {kind} molecule is known by its structure alone."
    if kind in _ONE_OF_EACH and (len(classes) != 1 or not free):
        yield f"{lines.file}: one class without `when` has `set: {kind}`, here {len(classes)}."
    elif kind is Kind.BLOWN_UP and len(classes) != 1:
        yield f"{lines.file}: one class has `set: {kind}`, here {len(classes)}."
    elif kind in UNBOUND_FATES and (len(free) != 1 or classes[-1] is not free[0]):
        yield f"{lines.file}: the last class of `set: {kind}` has no `when`, and all others have one."
    for one in classes:
        asked = set() if one.when is None else set(one.when.said())
        if kind not in UNBOUND_FATES and asked & TIME_KEYS:
            yield f"{lines.of(one, 'when')}: how long a molecule stayed is asked of those that left or are near alone."
        elif kind in UNBOUND_FATES and asked - TIME_KEYS:
            yield (
                f"{lines.of(one, 'when')}: what is of `set: {kind}` is whole and unbound, and told apart by "
                f"{' and '.join(sorted(TIME_KEYS))} alone, not by {min(asked - TIME_KEYS)}."
            )
    rest = _EVERY.get(kind)
    if rest is not None and not any(one.when is not None and one.when.contains(rest[1]) for one in classes):
        yield f"{lines.file}: add a last class of `set: {kind}` with `when: {{{rest[0]}}}` for all the rest."


_EVERY: Final[Mapping[Kind, tuple[str, When]]] = {
    Kind.BOUND: ("bound: true", When.model_validate({"bound": True, "broken": "none"})),
    Kind.DAMAGED: ("broken: any", When.model_validate({"broken": "any"})),
}
"""Kind -> the conditions of a class for all of it as a file says them, and all that holds then."""


def _nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, sorted(map(str, known)), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(map(str, known))}."


class _Lines:
    """Where in a file its keys stand."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @functools.cached_property
    def _root(self) -> Any:
        """The file once more, where anything is wrong with it."""
        return yaml.compose(self.file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)

    def number(self, *path: str | int) -> int:
        """The line of a key, or of the nearest thing around it, counted from 1."""
        node, line = self._root, 1
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line

    def at(self, *path: str | int) -> str:
        """`FILE, line N, KEY`."""
        return f"{self.file}, line {self.number(*path)}, {'.'.join(map(str, path))}"

    def of(self, one: SchemeClass, key: str = "label") -> str:
        """The same of a key of a class, which may stand in the scheme that the file extends."""
        place = self._place(one.label)
        return f"{self.file}, {one.label}" if place is None else self.at("classes", place, key)

    def before(self, one: SchemeClass) -> str:
        """`(line N)` of a class of this file, nothing for one of the scheme that it extends."""
        place = self._place(one.label)
        return "of the scheme that it extends" if place is None else f"(line {self.number('classes', place, 'label')})"

    def _place(self, label: str) -> int | None:
        found = _child(self._root, "classes")
        classes = found[1].value if found is not None and isinstance(found[1], yaml.SequenceNode) else []
        for place in range(len(classes)):
            named = _child(classes[place], "label")
            if named is not None and named[1].value == label:
                return place
        return None


def _child(node: Any, part: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


_KEYS: Final[Mapping[str, type[BaseModel]]] = {
    "when": When,
    "classes": SchemeClass,
    "groups": GroupWhen,
    "fragments": FragmentWhen,
}


def _explained(error: ValidationError, lines: _Lines) -> str:
    """Every problem on a line, with where it is and what to write instead."""
    said = []
    for problem in error.errors(include_url=False):
        path, what = problem["loc"], problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            inside = next((part for part in reversed(path[:-1]) if part in _KEYS), None)
            known = (SchemeFile if inside is None else _KEYS[str(inside)]).model_fields
            kind = "key" if inside in {None, "classes"} else "condition"
            what = f"unknown {kind}{_nearest(str(path[-1]), known)}"
        said.append(f"{lines.at(*path)}: {what}")
    return "\n".join([f"{lines.file}: {len(said)} problem(s)", *(f"  {one}" for one in dict.fromkeys(said))])
