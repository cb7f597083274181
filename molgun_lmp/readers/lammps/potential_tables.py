"""Tabulated embedded-atom potentials: funcfl (`eam`), setfl (`eam/alloy`, `eam/fs`), `adp`, and tables of `bop`.

Formats: https://docs.lammps.org/pair_eam.html, pair_adp.html, pair_bop.html.
"""

from typing import Final

from ase.data import chemical_symbols

from molgun_lmp.readers.lammps.potential_file import PotentialFile, citation, number, numbers, reach, whole

_PAIR_FUNCTIONS_OF_ADP: Final = 3


class _PotentialLines:
    """The lines of a table, taken from the top: numbers may be spread over any number of lines, but end with one."""

    def __init__(self, text: str, comments: int) -> None:
        self._lines = text.splitlines()
        self._next = comments

    def words(self, at_least: int, what: str) -> list[str]:
        """The words of the next line."""
        words = self._lines[self._next].split() if self._next < len(self._lines) else []
        self._next += 1
        if len(words) < at_least:
            raise ValueError(f"line {self._next} is not {what}")
        return words

    def table(self, size: int, what: str) -> None:
        """Pass over `size` numbers."""
        left = size
        while left > 0:
            words = self.words(1, f"of the {size} numbers of {what}")
            numbers(words, f"in line {self._next}")
            left -= len(words)
        if left < 0:
            raise ValueError(f"{what} has more than its {size} numbers, in line {self._next}")

    def end(self) -> None:
        """Raise where something follows."""
        if any(line.strip() for line in self._lines[self._next :]):
            raise ValueError(f"it goes on after its last table, in line {self._next + 1}")


def read_funcfl(text: str) -> PotentialFile:
    """A file of `pair_style eam`: one element, by its atomic number."""
    lines = _PotentialLines(text, comments=1)
    charge, *_ = lines.words(3, "atomic number, mass, lattice constant and lattice")
    z = whole(charge, "in line 2", most=len(chemical_symbols) - 1)
    n_density, n_distance, cutoff = _grid(lines)
    for size, what in ((n_density, "F(rho)"), (n_distance, "Z(r)"), (n_distance, "rho(r)")):
        lines.table(size, what)
    lines.end()
    return PotentialFile(labels=(chemical_symbols[z],), cutoff_angstrom=cutoff, citation=citation(text))


def read_alloy(text: str) -> PotentialFile:
    """A file of `pair_style eam/alloy` (setfl)."""
    return _setfl(text)


def read_finnis_sinclair(text: str) -> PotentialFile:
    """A file of `pair_style eam/fs`: a density function for each pair of elements."""
    return _setfl(text, density_of_pairs=True)


def read_adp(text: str) -> PotentialFile:
    """A file of `pair_style adp`: setfl with the dipole and quadrupole functions after the pair potential."""
    return _setfl(text, pair_functions=_PAIR_FUNCTIONS_OF_ADP)


def read_bop(text: str) -> PotentialFile:
    """A table of `pair_style bop`: its elements, then numbers alone. It does not say its reach in one place."""
    lines = _PotentialLines(text, comments=1)
    n_elements = whole(lines.words(1, "the number of elements")[0], "in line 2", most=100)
    labels = []
    for _ in range(n_elements):
        charge, mass, label, *_ = lines.words(3, "atomic number, mass and name of an element")
        numbers((charge, mass), f"of element {label}")
        labels.append(label)
    words = [word for line in text.splitlines()[2 + n_elements :] for word in line.split()]
    if len(words) < 100 * n_elements:
        raise ValueError("it ends after its first lines: there is no table")
    numbers(words, "in its tables")
    return PotentialFile(labels=tuple(labels), cutoff_angstrom=None, citation=citation(text))


def _setfl(text: str, *, density_of_pairs: bool = False, pair_functions: int = 1) -> PotentialFile:
    lines = _PotentialLines(text, comments=3)
    count, *labels = lines.words(2, "the number of elements and their names")
    n_elements = whole(count, "in line 4", most=100)
    if len(labels) != n_elements:
        raise ValueError(f"line 4 says {n_elements} elements and names {len(labels)}")
    n_density, n_distance, cutoff = _grid(lines)
    for label in labels:
        numbers(lines.words(2, f"atomic number and mass of {label}")[:2], f"of element {label}")
        lines.table(n_density, f"F(rho) of {label}")
        lines.table(n_distance * (n_elements if density_of_pairs else 1), f"rho(r) of {label}")
    pairs = n_elements * (n_elements + 1) // 2
    lines.table(n_distance * pairs * pair_functions, "the pair functions")
    lines.end()
    return PotentialFile(labels=tuple(labels), cutoff_angstrom=cutoff, citation=citation(text))


def _grid(lines: _PotentialLines) -> tuple[int, int, float]:
    """Points in density and distance, and the cutoff in Å."""
    words = lines.words(5, "Nrho, drho, Nr, dr and the cutoff")
    numbers((words[1], words[3]), "among the grid's spacings")
    cutoff = number(words[4], "as the cutoff")
    return whole(words[0], "as Nrho"), whole(words[2], "as Nr"), reach([cutoff])
