"""What all readers of interatomic potential files share. A potential file is data: comments, labels and numbers.

The readers here understand as much of a file as says whose it is, what it knows and how far it reaches; LAMMPS itself
reads the rest. Each raises `ValueError`, in words, for a text that is no file of its style.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Sequence

_CITATION = re.compile(r"CITATION:\s*(.*?)\s*(?:\b[A-Z]{4,}:|$)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PotentialFile:
    """What one potential file holds.

    `labels`: the names that `pair_coeff` may ask it for, chemical symbols as a rule, in its own order;
    `cutoff_angstrom`: how far its atoms feel each other, None where the format does not say it; `citation`: the paper
    that its first line names, or nothing.
    """

    labels: tuple[str, ...]
    cutoff_angstrom: float | None
    citation: str = ""


def citation(text: str) -> str:
    """Of the first line's metadata (`DATE: ... CITATION: ...`), as the files that come with LAMMPS have them."""
    found = _CITATION.search(text.partition("\n")[0])
    return "" if found is None or found[1].lower() == "unknown" else found[1].strip(" .,")


def without_comments(text: str) -> list[str]:
    """The lines that hold something before a `#`, up to there."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def number(word: str, where: str) -> float:
    """A finite number. Raises `ValueError`."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{word[:40]!r} {where} is no number")
    return value


def numbers(words: Iterable[str], where: str) -> list[float]:
    """Finite numbers. Raises `ValueError` for the first that is none."""
    return [number(word, where) for word in words]


def whole(word: str, where: str, *, most: int = 1_000_000) -> int:
    """A count from 1 on. Raises `ValueError`."""
    if not word.isdecimal() or not 1 <= int(word) <= most:
        raise ValueError(f"{word[:40]!r} {where} is no count from 1 to {most:,}")
    return int(word)


def reach(cutoffs: Sequence[float]) -> float:
    """The largest of some cutoffs in Å. Raises `ValueError` where it is no length."""
    cutoff = max(cutoffs)
    if not 0.0 < cutoff < 100.0:
        raise ValueError(f"its cutoff is {cutoff:g} Å")
    return cutoff
