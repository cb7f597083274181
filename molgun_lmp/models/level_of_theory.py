"""Levels of theory as they are written on cards and in files: whether two are the same method."""

import re
from collections.abc import Sequence
from typing import Final

UNSTATED: Final = "level of theory not stated"
_UNKNOWN: Final = ("", "unknown", "unstated", UNSTATED)


def method_of(level_of_theory: str) -> str | None:
    """The method alone, without program, cutoff and remarks: `PBE-D3(BJ)` of `PBE-D3(BJ), VASP, 400 eV`; None for none.

    A dispersion correction that was added in the dynamics counts: `PBE + D3(BJ)` is `PBE-D3(BJ)`.
    """
    level = level_of_theory.strip()
    if level.lower() in _UNKNOWN:
        return None
    joined = re.sub(r"\s+\+\s+(?=D\d)", "-", level)
    return re.split(r"[,;/]|\s", joined, maxsplit=1)[0].upper()


def short_level(level_of_theory: str) -> str:
    """A level of theory without its remarks in parentheses and after a semicolon, for labels; in words where unknown.

    `GFN1-xTB` of `GFN1-xTB (tblite, Gamma point); not comparable with PBE`.
    """
    return re.split(r"\s+\(|;", level_of_theory.strip(), maxsplit=1)[0].strip() or UNSTATED


def level_warning(campaigns: Sequence[tuple[str, str]]) -> str:
    """What to say of campaigns, each (name, level of theory), before they are compared; empty where all is well.

    The first is what the others are compared with.
    """
    (name, level), *others = campaigns
    unknown = [one for one, its_level in campaigns if method_of(its_level) is None]
    other = [
        f"{one} of {short_level(its_level)}"
        for one, its_level in others
        if method_of(its_level) is not None and method_of(level) not in (None, method_of(its_level))
    ]
    words = []
    if other:
        words.append(
            f"Not one level of theory: {name} is of {short_level(level)}, {', '.join(other)}. Their forces differ, so "
            "a difference in outcomes does not tell how well a model learned its labels."
        )
    if unknown:
        words.append(f"The level of theory of {', '.join(unknown)} is not stated: it may differ from the others'.")
    return " ".join(words)
