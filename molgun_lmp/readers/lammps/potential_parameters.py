"""Potentials given by parameters: Tersoff and its kin, Stillinger-Weber, REBO, MEAM, ReaxFF, SNAP, ACE.

Formats: the pages of the pair styles below https://docs.lammps.org/Commands_pair.html.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from ase.data import chemical_symbols

from molgun_lmp.readers.lammps.potential_file import (
    PotentialFile,
    citation,
    number,
    numbers,
    reach,
    whole,
    without_comments,
)

_LABELS_OF_ENTRY: Final = 3
_LJ_ROW: Final = re.compile(r"^\s*([-+.\dEe]+)\s+(sigma|rcmax)_(CC|CH|HH)\s*$", re.MULTILINE)
_NAMED_NUMBER: Final = re.compile(r"[-+.\dEe]+(\s+[A-Za-z]\w*)?")
_GENERAL_OF_REAXFF: Final = 39
_UPPER_TAPER: Final = 12
_MOST_ENTRIES: Final = 100_000
_ASSIGNMENT: Final = re.compile(r"\s*(\w+)\s*(\([\d\s,]+\))?\s*=\s*('[\w.]+'|[-+.\dEeDdTtFf]+)\s*")
_RC_OF_MEAM: Final = 4.0
_LIBRARY_WORDS: Final = 19
_YACE_CUTOFF: Final = re.compile(r"\brcut: ([^,}\s]+)")
_ACE_CUTOFF: Final = re.compile(r"^cutoffmax\s*=\s*(\S+)$", re.MULTILINE)

Range = Callable[[Sequence[float]], float]
"""From an entry's numbers to how far it reaches, in Å."""


def entries(text: str, size: int, range_of: Range) -> PotentialFile:
    """A file of entries of three labels and `size` numbers each, on one line or several."""
    words = [word for line in without_comments(text) for word in line.split()]
    length = _LABELS_OF_ENTRY + size
    if not words or len(words) % length:
        raise ValueError(f"its {len(words)} words are not entries of three elements and {size} numbers")
    labels: dict[str, None] = {}
    ranges = []
    for start in range(0, len(words), length):
        three = words[start : start + _LABELS_OF_ENTRY]
        for label in three:
            if not label[0].isalpha():
                raise ValueError(f"{label[:40]!r} stands where an element does")
        labels |= dict.fromkeys(three)
        values = numbers(words[start + _LABELS_OF_ENTRY : start + length], f"in the entry {' '.join(three)}")
        ranges.append(range_of(values))
    return PotentialFile(labels=tuple(labels), cutoff_angstrom=reach(ranges), citation=citation(text))


def read_stillinger_weber(text: str) -> PotentialFile:
    """`pair_style sw`: epsilon, sigma, a, ...; nothing is felt beyond a sigma."""
    return entries(text, 11, lambda values: values[1] * values[2])


def read_tersoff(text: str) -> PotentialFile:
    """`pair_style tersoff`: m, gamma, lambda3, c, d, costheta0, n, beta, lambda2, B, R, D, lambda1, A."""
    return entries(text, 14, lambda values: values[10] + values[11])


def read_tersoff_zbl(text: str) -> PotentialFile:
    """`pair_style tersoff/zbl`: those of `tersoff`, then Z_i, Z_j, ZBLcut, ZBLexpscale."""
    return entries(text, 18, lambda values: values[10] + values[11])


def read_tersoff_mod(text: str) -> PotentialFile:
    """`pair_style tersoff/mod`: beta, alpha, h, eta, beta_ters, lambda2, B, R, D, lambda1, A, n, c1 to c5."""
    return entries(text, 17, lambda values: values[7] + values[8])


def read_tersoff_modc(text: str) -> PotentialFile:
    """`pair_style tersoff/mod/c`: those of `tersoff/mod`, then c0."""
    return entries(text, 18, lambda values: values[7] + values[8])


def read_rebo(text: str) -> PotentialFile:
    """`pair_style rebo`: carbon and hydrogen; the reach is that of its bonds."""
    return _rebo(text, "rcmax", 1.0)


def read_airebo(text: str, sigmas: float) -> PotentialFile:
    """`pair_style airebo` with the cutoff of its Lennard-Jones part in units of sigma."""
    return _rebo(text, "sigma", sigmas)


def _rebo(text: str, name: str, times: float) -> PotentialFile:
    lines = without_comments(text)
    for line in lines:
        if not _NAMED_NUMBER.fullmatch(line) and not all(_is_number(word) for word in line.split()):
            raise ValueError(f"{line[:60]!r} is neither a number with its name nor numbers")
    ranges = [number(value, f"as {name}") for value, of, _ in _LJ_ROW.findall(text) if of == name]
    if len(ranges) != 3 or len(lines) < 100:
        raise ValueError(f"it does not hold {name}_CC, {name}_CH and {name}_HH")
    return PotentialFile(labels=("C", "H"), cutoff_angstrom=reach(ranges) * times, citation=citation(text))


def read_reaxff(text: str) -> PotentialFile:
    """A force field of `pair_style reaxff`: general parameters (the 13th is the reach), then atoms, bonds, ..."""
    lines = text.splitlines()
    if len(lines) < _GENERAL_OF_REAXFF + 2:
        raise ValueError("it is too short for its general parameters")
    general = whole((lines[1].split() or [""])[0], "as the number of general parameters (line 2)", most=200)
    values = [_first_number(line, place) for place, line in enumerate(lines[2 : 2 + general], start=3)]
    if general <= _UPPER_TAPER or len(values) < general:
        raise ValueError(f"it has {len(values)} general parameters; the reach is the {_UPPER_TAPER + 1}th")
    head = 2 + general
    atoms = whole((lines[head].split() or [""])[0], f"as the number of elements (line {head + 1})", most=100)
    labels = list[str]()
    for place in range(head + 4, head + 4 + 4 * atoms, 4):
        block = lines[place : place + 4]
        if len(block) < 4 or len(block[0].split()) < 9:
            raise ValueError(f"it ends within the parameters of element {len(labels) + 1}")
        label, *first = block[0].split()
        numbers((*first[:8], *(word for line in block[1:] for word in line.split()[:8])), f"of element {label}")
        labels.append(label)
    _require_sections(lines, head + 4 + 4 * atoms)
    return PotentialFile(labels=tuple(labels), cutoff_angstrom=reach([values[_UPPER_TAPER]]), citation=citation(text))


def read_meam_library(text: str) -> PotentialFile:
    """A library of `pair_style meam`: for each label a lattice and 17 numbers."""
    words = [word for line in without_comments(text) for word in line.split()]
    if not words or len(words) % _LIBRARY_WORDS:
        raise ValueError(f"its {len(words)} words are not entries of a label, a lattice and 17 numbers")
    labels = []
    for start in range(0, len(words), _LIBRARY_WORDS):
        label, lattice, *values = words[start : start + _LIBRARY_WORDS]
        if not re.fullmatch(r"'?[A-Za-z]\w*'?", label) or not re.fullmatch(r"'?\w+'?", lattice):
            raise ValueError(f"{label[:40]!r} {lattice[:40]!r} stands where a label and a lattice do")
        numbers(values, f"of {label}")
        labels.append(label.strip("'"))
    return PotentialFile(labels=tuple(labels), cutoff_angstrom=None, citation=citation(text))


def read_meam_parameters(text: str) -> PotentialFile:
    """The second file of `pair_style meam`: assignments; `rc` is the reach, 4 Å where it does not say."""
    cutoff = _RC_OF_MEAM
    for line in without_comments(text):
        found = _ASSIGNMENT.fullmatch(line)
        if found is None:
            raise ValueError(f"{line[:60]!r} is no assignment such as `rc = 4.0`")
        if found[1] == "rc":
            cutoff = number(found[3], "as rc")
    return PotentialFile(labels=(), cutoff_angstrom=reach([cutoff]), citation=citation(text))


def read_snap_coefficients(text: str) -> PotentialFile:
    """`.snapcoeff`: elements with radius, weight and coefficients. The reach is in units of twice the radius."""
    rows = [line.split() for line in without_comments(text)]
    if not rows or len(rows[0]) != 2:
        raise ValueError("it does not begin with the numbers of elements and of coefficients")
    elements, size = whole(rows[0][0], "of elements", most=100), whole(rows[0][1], "of coefficients")
    if len(rows) != 1 + elements * (1 + size):
        raise ValueError(f"it has {len(rows)} lines, and {elements} elements of {size} coefficients take others")
    labels, radii = list[str](), list[float]()
    for start in range(1, len(rows), 1 + size):
        label, radius, weight = (*rows[start], "", "", "")[:3]
        numbers((radius, weight, *(word for row in rows[start + 1 : start + 1 + size] for word in row)), f"of {label}")
        labels.append(label)
        radii.append(float(radius))
    return PotentialFile(labels=tuple(labels), cutoff_angstrom=2.0 * reach(radii), citation=citation(text))


def read_snap_parameters(text: str) -> PotentialFile:
    """`.snapparam`: keywords with numbers. `cutoff_angstrom` is its rcutfac, to be multiplied with twice the radius."""
    values = {}
    for line in without_comments(text):
        keyword, *rest = line.split()
        if not re.fullmatch(r"[a-z]\w*", keyword) or not rest:
            raise ValueError(f"{line[:60]!r} is no keyword with a number")
        numbers((word for word in rest if not word[0].isalpha()), f"of {keyword}")
        values[keyword] = rest[0]
    if not values.keys() >= {"rcutfac", "twojmax"}:
        raise ValueError("it does not hold rcutfac and twojmax")
    return PotentialFile(labels=(), cutoff_angstrom=number(values["rcutfac"], "as rcutfac"), citation=citation(text))


def read_ace(text: str) -> PotentialFile:
    """A file of `pair_style pace`: ACE in its text form, or YAML (`.yace`)."""
    if text.lstrip().startswith("elements:"):
        return _yace(text)
    found = re.search(r"^elements:\s*(\S[^\n]*)$", text, re.MULTILINE)
    cutoff = _ACE_CUTOFF.search(text)
    if found is None or cutoff is None or "radbasename=" not in text:
        raise ValueError("it does not hold elements, radbasename and cutoffmax")
    labels = tuple(found[1].split())
    _require_symbols(labels)
    return PotentialFile(
        labels=labels, cutoff_angstrom=reach([number(cutoff[1], "as cutoffmax")]), citation=citation(text)
    )


def _yace(text: str) -> PotentialFile:
    """By its lines: the keys of its mappings are lists, which plain YAML in Python does not take."""
    elements = re.search(r"^elements: \[([^\]\n]*)\]\s*$", text, re.MULTILINE)
    ranges = [number(value, "as rcut") for value in _YACE_CUTOFF.findall(text)]
    if elements is None or not ranges or not re.search(r"^functions:", text, re.MULTILINE):
        raise ValueError("it does not hold elements, bonds with rcut, and functions")
    labels = tuple(elements[1].replace(",", " ").split())
    _require_symbols(labels)
    return PotentialFile(labels=labels, cutoff_angstrom=reach(ranges))


def _require_sections(lines: Sequence[str], place: int) -> None:
    """Of a force field: bonds on two lines each, with a second line of names above them, then the sections of one line
    each (off-diagonal terms, angles, torsions, hydrogen bonds)."""
    names, per_entry = 1, 2
    while place < len(lines) and lines[place].strip():
        size = int(_first_number(lines[place], place + 1))
        first, place = place + 1 + names, place + 1 + names + per_entry * size
        if not 0 <= size < _MOST_ENTRIES or place > len(lines):
            raise ValueError(f"it ends within the section that begins in line {first}")
        for row in range(first, place):
            _first_number(lines[row], row + 1)
        names, per_entry = 0, 1


def _require_symbols(labels: Sequence[str]) -> None:
    for label in labels:
        if label not in chemical_symbols:
            raise ValueError(f"{label[:40]!r} stands where an element does")


def _first_number(line: str, place: int) -> float:
    return number((line.split() or [""])[0], f"at the start of line {place}")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
