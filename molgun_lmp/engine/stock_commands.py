"""The lines of `engine.commands`, taken apart and checked word by word: nothing else reaches a deck.

Formulas are pair styles of numbers, potentials those that read files (`molgun_lmp.engine.potential_styles`); `hybrid`
and `hybrid/overlay` join them (https://docs.lammps.org/pair_hybrid.html).
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from ase.data import atomic_numbers

from molgun_lmp.engine.potential_styles import POTENTIAL_STYLES, PotentialStyle
from molgun_lmp.errors import ConfigError

FORMULAS: Final[Mapping[str, int]] = {
    "born": 5,
    "buck": 3,
    "gauss": 2,
    "lj/cut": 2,
    "lj/expand": 3,
    "lj/smooth/linear": 2,
    "morse": 3,
    "soft": 1,
    "yukawa": 1,
    "zbl": 2,
}
"""Pair styles that are formulas of the distance and the atoms' types -> how many coefficients a pair has of each, after
which a cutoff of the pair's own may stand; that of all pairs is the last number of `pair_style`
(https://docs.lammps.org/pair_style.html)."""
_SHIFT: Final[Mapping[str, int]] = {"lj/expand": 2}
"""Styles that reckon with r less one of their coefficients, so that they reach as much farther than the cutoff that is
given (https://docs.lammps.org/pair_lj_expand.html) -> which."""
HYBRIDS: Final = ("hybrid", "hybrid/overlay")
NOTHING: Final = "NULL"
"""Stands for no element, and for no file of parameters (MEAM)."""

_NUMBERS: Final = re.compile(r"[0-9*.eE+-]+")
_TYPES: Final = re.compile(r"\*|\d+(\*\d*)?|\*\d+|[A-Z][a-z]?")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_LABEL: Final = re.compile(r"[A-Za-z][\w()+-]*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coefficients:
    """One `pair_coeff`: for which pairs of types, of which style, and what follows; `files` as the user wrote them."""

    types: tuple[str, str]
    style: str
    words: tuple[str, ...] = ()
    """Of a formula its numbers; of a potential the elements that the user gave for the types, if any."""
    files: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Those taken from a library (MEAM)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StockCommands:
    """`engine.commands`: `styles` the words after each style's name; `lines` the other commands in order, those that
    are no `pair_coeff` as they stand."""

    hybrid: str | None
    styles: Mapping[str, tuple[str, ...]]
    lines: tuple[Coefficients | str, ...]

    @property
    def formulas_reach_angstrom(self) -> float:
        """The longest range of the pairs that a formula is given for; 0 without any.

        Raises `ConfigError` for one that is no number.
        """
        reach = [0.0]
        for line in self.lines:
            if isinstance(line, Coefficients) and line.style in FORMULAS:
                own = line.words[FORMULAS[line.style] :]
                shift = line.words[_SHIFT[line.style] :][:1] if line.style in _SHIFT else ()
                for word in own[:1] or self.styles[line.style][-1:]:
                    try:
                        reach.append(sum(map(float, (word, *shift))))
                    except ValueError as error:
                        raise ConfigError(
                            f"engine.commands: the cutoff {word} of {line.style} is no number."
                        ) from error
        return max(reach)

    @property
    def potentials(self) -> list[PotentialStyle]:
        """The styles that read files."""
        return [POTENTIAL_STYLES[name] for name in self.styles if name in POTENTIAL_STYLES]


def parse(commands: Sequence[str]) -> StockCommands:
    """Take the lines apart. Raises `ConfigError` for one that is not taken."""
    if not commands:
        raise ConfigError(
            "engine.kind is `stock`, and engine.commands is empty: give the pair potential, such as "
            "[pair_style lj/cut 4.0, pair_coeff * * 0.01 2.5]."
        )
    for command in commands:
        if not command.isprintable():
            raise _not_taken(command, "a command is one line")
    first, *rest = (command.split() for command in commands)
    if first[:1] != ["pair_style"]:
        raise _not_taken(commands[0], "the first command is `pair_style`")
    hybrid, styles = _styles(first[1:], commands[0])
    return StockCommands(
        hybrid=hybrid,
        styles=styles,
        lines=tuple(
            _line(words, command, hybrid, tuple(styles)) for words, command in zip(rest, commands[1:], strict=True)
        ),
    )


def base_name(file: str) -> str:
    """The name under which a potential's file lies in the campaign. Raises `ConfigError` for one that no deck takes."""
    name = PurePath(file).name
    if not _FILE_NAME.fullmatch(name):
        raise ConfigError(
            f"engine.commands: the file name {name!r} cannot stand in a LAMMPS deck. Rename the file: letters, digits, "
            "dots, dashes and underscores."
        )
    return name


def renamed(commands: Sequence[str]) -> tuple[str, ...]:
    """The commands with each potential's file by its bare name, as a campaign folder holds it beside its model."""
    parsed = parse(commands)
    found = []
    for command, line in zip(commands[1:], parsed.lines, strict=True):
        files = {file: base_name(file) for file in line.files} if isinstance(line, Coefficients) else {}
        found.append(" ".join(files.get(word, word) for word in command.split()) if files else command)
    return (commands[0], *found)


def _styles(words: Sequence[str], command: str) -> tuple[str | None, dict[str, tuple[str, ...]]]:
    hybrid = words[0] if words and words[0] in HYBRIDS else None
    styles: dict[str, list[str]] = {}
    for word in words[1:] if hybrid else words:
        if word in FORMULAS or word in POTENTIAL_STYLES:
            if word in styles:
                raise _not_taken(command, f"{word} stands twice")
            styles[word] = []
        elif not styles:
            raise _not_taken(command, f"{word} is no style that is known here")
        else:
            styles[[*styles][-1]].append(word)
    if not styles or (hybrid is None and len(styles) > 1):
        raise _not_taken(command, "it names no style" if not styles else "two styles are joined by `hybrid/overlay`")
    for style, after in styles.items():
        row = POTENTIAL_STYLES.get(style)
        expected = rf"{_NUMBERS.pattern}( {_NUMBERS.pattern})*" if row is None else row.arguments
        if not re.fullmatch(expected, " ".join(after)):
            raise _not_taken(command, f"what follows {style} is not what that style takes")
        if row is not None and row.kcal and hybrid:
            raise _not_taken(command, f"{style}, which computes in kcal/mol, is taken alone")
    return hybrid, {style: tuple(after) for style, after in styles.items()}


def _line(words: Sequence[str], command: str, hybrid: str | None, styles: Sequence[str]) -> Coefficients | str:
    match words:
        case ["pair_modify", "shift", "yes" | "no"]:
            return command
        case ["pair_modify", "pair", style, "shift", "yes" | "no"] if hybrid and style in styles:
            return command
        case ["pair_coeff", first, second, *after] if _TYPES.fullmatch(first) and _TYPES.fullmatch(second):
            style = styles[0]
            if hybrid:
                style, *after = after or [""]
                if style not in styles:
                    raise _not_taken(command, f"with {hybrid} one of {', '.join(styles)} follows the types")
            return _coefficients((first, second), style, after, command)
    raise _not_taken(command, "it is none of the lines below")


def _coefficients(types: tuple[str, str], style: str, after: Sequence[str], command: str) -> Coefficients:
    row = POTENTIAL_STYLES.get(style)
    if row is None:
        if not after or not all(_NUMBERS.fullmatch(word) for word in after):
            raise _not_taken(command, f"{style} takes numbers")
        return Coefficients(types=types, style=style, words=tuple(after))
    if not row.per_type and types != ("*", "*"):
        raise _not_taken(command, f"{style} is given for all types at once (`pair_coeff * *`)")
    names, labels = list(after[:1]), list[str]()
    rest = list(after[1:])
    if row.named_labels:
        while rest and rest[0] != NOTHING and _LABEL.fullmatch(rest[0]):
            labels.append(rest.pop(0))
    while rest and len(names) < row.files:
        names.append(rest.pop(0))
    if len(names) < row.files or (row.named_labels and not labels):
        asked = "library, labels, and file of parameters (or NULL)" if row.named_labels else f"{row.files} file(s)"
        raise _not_taken(command, f"{style} takes {asked}")
    if (row.per_type and rest) or not all(_LABEL.fullmatch(word) for word in rest):
        raise _not_taken(command, "after the files stand elements, or nothing: they follow from the system")
    files = tuple(name for name in names if name != NOTHING)
    return Coefficients(types=types, style=style, words=tuple(rest), files=files, labels=tuple(labels))


def type_numbers(word: str, elements: Sequence[str]) -> range:
    """The types, from 1, that a word of `pair_coeff` stands for: a number, a range with `*`, or a chemical symbol.

    Raises `ConfigError` for one that the system has not.
    """
    if word in atomic_numbers:
        if word not in elements:
            raise ConfigError(f"engine.commands: there is no {word} in this system ({', '.join(elements)}).")
        first = elements.index(word) + 1
        return range(first, first + list(elements).count(word))  # an element with isotopes has several, side by side
    low, star, high = word.partition("*")
    first = int(low or 1)
    last = int(high or len(elements)) if star else first
    if not 1 <= first <= last <= len(elements):
        named = ", ".join(f"{number} {element}" for number, element in enumerate(elements, start=1))
        raise ConfigError(f"engine.commands: there is no type {word!r}; the types of this system are {named}.")
    return range(first, last + 1)


def _not_taken(command: str, why: str) -> ConfigError:
    return ConfigError(
        f"engine.commands: {command!r} is not taken: {why}. Taken are `pair_style` of numbers ({', '.join(FORMULAS)}), "
        f"of files ({', '.join(POTENTIAL_STYLES)}) or of several of them ({', '.join(HYBRIDS)}), `pair_coeff` and "
        "`pair_modify shift`, and nothing that could run a program."
    )
