"""Which atoms are the molecule's and which the surface's, from bonds and composition alone.

A surface hangs together through the cell's boundaries, a molecule ends: the atoms that bonds connect to their own
periodic images are the surface, the others the molecule. A molecule that is bonded to the surface in every frame is
told by its elements instead, and where they do not tell either, nothing is guessed.
"""

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.formula import Formula
from ase.geometry import get_distances
from ase.neighborlist import natural_cutoffs, neighbor_list
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from molgun_lmp.arrays import BoolArray, IntArray
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.errors import ConfigError
from molgun_lmp.geometry import Geometry

_LOOKED_AT: Final = 20
"""Frames of each composition that vote; more would find the same atoms."""
_INDICES: Final = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


class Group(StrEnum):
    """What an atom belongs to."""

    MOLECULE = "molecule"
    SURFACE = "surface"
    SURFACE_H = "surface hydrogen"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoleculeChoice:
    """The molecule as the user names it: by `indices` (from 0) or by the atoms that its `formula` counts."""

    indices: tuple[int, ...] = ()
    formula: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "MoleculeChoice":
        """From `128-153`, `0,4,7-9` or `C12H14`. Raises `ConfigError` for anything else."""
        if _INDICES.fullmatch(text):
            parts = [part.partition("-")[::2] for part in text.split(",")]
            return cls(indices=tuple(i for first, last in parts for i in range(int(first), int(last or first) + 1)))
        try:
            counts = Formula(text).count()
        except ValueError:
            counts = {}
        if not counts or not counts.keys() <= atomic_numbers.keys() or not counts.keys() - {"H"}:
            raise ConfigError(
                f"--molecule {text!r} names no molecule. Give atom indices, counted from 0, such as 128-153, or a "
                "formula with an element besides hydrogen, such as C12H14."
            )
        return cls(formula=counts)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grouping:
    """`groups`: for each frame a tuple of one `Group` an atom, or None where they cannot be told.

    `undecided`: formula of such frames -> why.
    """

    groups: tuple[tuple[Group, ...] | None, ...]
    undecided: Mapping[str, str]


def group_atoms(frames: Sequence[Geometry], molecule: MoleculeChoice | None = None) -> Grouping:
    """The group of every atom; frames with the same elements in the same order have the same molecule."""
    families: dict[tuple[tuple[str, ...], tuple[bool, bool, bool]], list[int]] = {}
    for index, frame in enumerate(frames):
        families.setdefault((frame.symbols, frame.pbc), []).append(index)
    groups: list[tuple[Group, ...] | None] = [None] * len(frames)
    undecided: dict[str, str] = {}
    for members in families.values():
        looked_at = [frames[i].atoms() for i in members[:: max(1, len(members) // _LOOKED_AT)]]
        found = _find(looked_at, molecule)
        if isinstance(found, str):
            undecided[str(looked_at[0].get_chemical_formula())] = found
            continue
        named = tuple(_group(symbol, inside) for symbol, inside in zip(frames[members[0]].symbols, found, strict=True))
        for index in members:
            groups[index] = named
    return Grouping(groups=tuple(groups), undecided=undecided)


def molecule_atoms(atoms: Atoms, named: str | None) -> IntArray:
    """The molecule's atoms in one structure, `named` as `MoleculeChoice.parse` takes it.

    Raises `ConfigError` where they cannot be told.
    """
    found = _find([atoms], None if named is None else MoleculeChoice.parse(named))
    if isinstance(found, str) or not found.any() or found.all():
        why = found if isinstance(found, str) else "all atoms hang together, or none go on through the boundaries"
        raise ConfigError(
            f"slab and molecule of {atoms.symbols.formula.convert('hill')} cannot be told apart: {why}. Say which "
            "atoms are the molecule (`molecule: 128-153`, or --set molecule=128-153)."
        )
    return np.flatnonzero(found)


def _group(symbol: str, in_molecule: bool) -> Group:
    if in_molecule:
        return Group.MOLECULE
    return Group.SURFACE_H if symbol == "H" else Group.SURFACE


def _find(family: Sequence[Atoms], molecule: MoleculeChoice | None) -> BoolArray | str:
    """(N,) True for the molecule's atoms, or why they cannot be told."""
    if molecule is not None and molecule.formula:
        return _by_formula(family, molecule.formula)
    if molecule is not None and max(molecule.indices) < len(family[0]):
        mask = np.zeros(len(family[0]), dtype=np.bool_)
        mask[list(molecule.indices)] = True
        return mask
    periodic = [endless_atoms(atoms) for atoms in family]
    apart = [~mask for mask in periodic if mask.any() and not mask.all()]
    if apart:
        return _most_common(apart, heavy=family[0].numbers != 1)
    return ~periodic[0] if not periodic[0].any() else _by_composition(family)


def endless_atoms(atoms: Atoms) -> BoolArray:
    """(N,) True for atoms that bonds connect to their own periodic images: those of a slab or a bulk."""
    first, second, shift = _bonds(atoms)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(atoms), len(atoms))).tocsr()
    n_fragments, fragment = connected_components(graph, directed=False)
    step = {(i, j): s for i, j, s in zip(first.tolist(), second.tolist(), shift, strict=True)}
    image = np.zeros((len(atoms), 3), dtype=np.int64)
    for number in range(n_fragments):
        order, before = breadth_first_order(graph, int(np.argmax(fragment == number)), directed=False)
        for atom in order[1:].tolist():
            image[atom] = image[before[atom]] + step[int(before[atom]), atom]
    # A way round that does not come back to the image it started from.
    around = (image[first] + shift != image[second]).any(axis=1)
    endless: BoolArray = np.isin(fragment, fragment[first[around]])
    return endless


def boundaries_that_bonds_cross(atoms: Atoms) -> tuple[bool, bool, bool]:
    """Along which of the cell's vectors atoms would be bonded through the boundary, whatever is said of periodicity."""
    periodic = atoms.copy()
    periodic.pbc = atoms.cell.lengths() > 0
    _, _, shift = _bonds(periodic)
    a, b, c = (shift != 0).any(axis=0).tolist()
    return a, b, c


def _bonds(atoms: Atoms) -> tuple[IntArray, IntArray, IntArray]:
    """Pairs of bonded atoms, both ways round, and (B, 3) the cell vectors between their images.

    The limit is that of outcomes: the sum of the covalent radii plus a slack.
    """
    slack = OutcomeCriteria().slack_angstrom
    radii = [radius + slack / 2 for radius in natural_cutoffs(atoms)]
    first, second, shift = neighbor_list("ijS", atoms, radii)
    return first, second, shift


def _most_common(masks: Sequence[BoolArray], heavy: BoolArray) -> BoolArray:
    """The mask found most often; a lone hydrogen counts only where nothing heavier is apart from the surface."""
    votes = collections.Counter(mask.tobytes() for mask in masks)
    best = max(votes, key=lambda key: (bool((np.frombuffer(key, dtype=np.bool_) & heavy).any()), votes[key]))
    return np.frombuffer(best, dtype=np.bool_)


def _by_composition(family: Sequence[Atoms]) -> BoolArray | str:
    counts = collections.Counter(symbol for symbol in family[0].get_chemical_symbols() if symbol != "H")
    if len(counts) < 2:
        return np.zeros(len(family[0]), dtype=np.bool_)
    own = set(counts) - {counts.most_common(1)[0][0]}
    masks = [_with_hydrogen(atoms, own) for atoms in family]
    if any(_is_molecule_on_surface(atoms, mask) for atoms, mask in zip(family, masks, strict=True)):
        return _most_common(masks, heavy=family[0].numbers != 1)
    return "bonded to the surface in every frame, and its elements do not tell it apart; name it with --molecule"


def _by_formula(family: Sequence[Atoms], formula: Mapping[str, int]) -> BoolArray | str:
    masks = [_with_hydrogen(atoms, set(formula) - {"H"}) for atoms in family]
    if not any(mask.any() for mask in masks):
        return masks[0]
    fitting = [
        mask for atoms, mask in zip(family, masks, strict=True) if Formula(str(atoms[mask].symbols)).count() == formula
    ]
    if not fitting:
        found = Formula(str(family[0][masks[0]].symbols)).format("hill")
        return f"the atoms of these elements and their hydrogen are {found}, not what --molecule says; give indices"
    return _most_common(fitting, heavy=family[0].numbers != 1)


def _with_hydrogen(atoms: Atoms, elements: set[str]) -> BoolArray:
    """(N,) True for the atoms of `elements` and the hydrogen that is nearest to one of them."""
    symbols = np.array(atoms.get_chemical_symbols())
    chosen: BoolArray = np.isin(symbols, list(elements))
    hydrogen, heavy = np.flatnonzero(symbols == "H"), np.flatnonzero(symbols != "H")
    if len(hydrogen) and len(heavy):
        _, lengths = get_distances(atoms.positions[hydrogen], atoms.positions[heavy], cell=atoms.cell, pbc=atoms.pbc)
        chosen[hydrogen] = chosen[heavy[np.argmin(lengths, axis=1)]]
    return chosen


def _is_molecule_on_surface(atoms: Atoms, mask: BoolArray) -> bool:
    """Whether these atoms are one piece that ends, and all others hang together through the cell's boundaries."""
    molecule, surface = atoms[mask], atoms[~mask]
    first, second, _ = _bonds(molecule)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(molecule), len(molecule)))
    in_one_piece = connected_components(graph, directed=False)[0] == 1
    return bool(
        in_one_piece and not endless_atoms(molecule).any() and endless_atoms(surface[surface.numbers != 1]).all()
    )
