"""Groups of the molecule by what is bonded to what, in a small part of SMARTS.

A chain of atoms, each an element or in brackets with conditions: `X2` two neighbours in all, `H1` one of them hydrogen,
`R` in a ring, `R0` in none, `r8` in a ring of eight but in no smaller one; `*` is any element. Positions tell no bond
orders, so between atoms there is nothing, `~` or `-`. A carbon of a triple bond is `[CX2]`. The group is the first two
atoms, or those marked `:1` and `:2`, as in `[CX2:1][CX2:2][CX4]`.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.arrays import BoolArray
from molgun_lmp.errors import ConfigError

_ATOM: Final = re.compile(r"[~-]?(?:\[(?P<inside>[^\[\]]+)\]|(?P<bare>[BCFHINOPS]))")
_INSIDE: Final = re.compile(
    r"(?P<element>\*|[A-Z][a-z]?)(?P<rest>(?:[;&]?(?:X\d+|H\d+|R0?|r\d+))*)(?::(?P<mark>[12]))?"
)
_CONDITION: Final = re.compile(r"(X|H|R|r)(\d*)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _PatternAtom:
    element: str
    conditions: tuple[tuple[str, int | None], ...]
    mark: str | None


def find_group(name: str, pattern: str, symbols: Sequence[str], bonded: BoolArray) -> tuple[int, int]:
    """The one pair of bonded atoms that a pattern names in a molecule with these symbols and `bonded` (n, n).

    Raises `ConfigError` for what is no pattern, and where none or several pairs fit.
    """
    atoms = _parse(name, pattern)
    first, second = _pair(name, pattern, atoms)
    rings = [_smallest_ring(bonded, atom) for atom in range(len(symbols))]
    fitting = [[atom for atom in range(len(symbols)) if _fits(one, atom, symbols, bonded, rings)] for one in atoms]
    pairs = sorted({(min(c[first], c[second]), max(c[first], c[second])) for c in _chains(fitting, bonded)})
    if len(pairs) == 1:
        return pairs[0]
    found = ", ".join(f"{symbols[a]}{a}-{symbols[b]}{b}" for a, b in pairs)
    raise ConfigError(
        f"system.molecule.patterns.{name}: {pattern!r} fits {found or 'no atoms'}, and a group is one pair. "
        f"{'Narrow it, such as with R or R0, or' if pairs else 'Look at the bonds of the molecule, or'} give indices "
        "under `groups`."
    )


def _parse(name: str, pattern: str) -> list[_PatternAtom]:
    atoms: list[_PatternAtom] = []
    at = 0
    while at < len(pattern):
        match = _ATOM.match(pattern, at)
        inside = match and _INSIDE.fullmatch(match["inside"] or match["bare"])
        if not match or not inside or inside["element"] not in {"*", *atomic_numbers}:
            why = (
                " (positions tell no bond orders: write [CX2] for a carbon of a triple bond)"
                if (pattern[at : at + 1] in {"#", "=", ":"})
                else ""
            )
            raise ConfigError(
                f"system.molecule.patterns.{name}: {pattern!r} is not understood from {pattern[at:]!r} on{why}. "
                "Write a chain of atoms such as [CX2;R][CX2;R]."
            )
        conditions = [
            (letter, int(number) if number else None) for letter, number in _CONDITION.findall(inside["rest"])
        ]
        atoms.append(_PatternAtom(element=inside["element"], conditions=tuple(conditions), mark=inside["mark"]))
        at = match.end()
    return atoms


def _pair(name: str, pattern: str, atoms: Sequence[_PatternAtom]) -> tuple[int, int]:
    marks = [atom.mark for atom in atoms]
    if sorted(filter(None, marks)) == ["1", "2"]:
        return marks.index("1"), marks.index("2")
    if len(atoms) < 2 or any(marks):
        raise ConfigError(
            f"system.molecule.patterns.{name}: {pattern!r} names no pair: a group is the first two atoms, or those "
            "marked :1 and :2."
        )
    return 0, 1


def _fits(
    wanted: _PatternAtom, atom: int, symbols: Sequence[str], bonded: BoolArray, rings: Sequence[int | None]
) -> bool:
    neighbours = np.flatnonzero(bonded[atom]).tolist()
    count = {"X": len(neighbours), "H": sum(symbols[other] == "H" for other in neighbours)}
    for letter, number in wanted.conditions:
        if letter == "R":
            holds = (rings[atom] is None) == (number == 0)
        elif letter == "r":
            holds = rings[atom] == number
        else:
            holds = count[letter] == number
        if not holds:
            return False
    return wanted.element in {"*", symbols[atom]}


def _chains(
    fitting: Sequence[Sequence[int]], bonded: BoolArray, before: tuple[int, ...] = ()
) -> Iterator[tuple[int, ...]]:
    if len(before) == len(fitting):
        yield before
        return
    for atom in fitting[len(before)]:
        if atom not in before and (not before or bonded[before[-1], atom]):
            yield from _chains(fitting, bonded, (*before, atom))


def _smallest_ring(bonded: BoolArray, atom: int) -> int | None:
    """The size of the smallest ring that an atom is in, None where it is in none."""
    sizes: list[int] = []
    for start in np.flatnonzero(bonded[atom]).tolist():
        reached, edge, steps = {atom, start}, [start], 0
        while edge:
            steps += 1
            edge = sorted({int(b) for a in edge for b in np.flatnonzero(bonded[a])} - reached)
            # Another neighbour of the atom, met without passing through it, closes a ring.
            if any(bonded[atom, other] for other in edge):
                sizes.append(steps + 2)
                break
            reached |= set(edge)
    return min(sizes, default=None)
