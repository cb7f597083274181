"""Which atom of one molecule is which of another, told by what is bonded to what: every program has its own order."""

from collections.abc import Iterator, Sequence

import numpy as np

from molgun_lmp.arrays import BoolArray


def matching_atoms(
    symbols: Sequence[str], bonded: BoolArray, other_symbols: Sequence[str], other_bonded: BoolArray
) -> tuple[int, ...] | None:
    """For each of the n atoms of a molecule the atom of another one that has its place; None for other molecules.

    `bonded`, `other_bonded` (n, n) bool. Atoms that the bonds do not tell apart, such as the hydrogens of CH3, are
    taken in any order. Mirror images are one molecule here.
    """
    if sorted(symbols) != sorted(other_symbols) or bonded.sum() != other_bonded.sum():
        return None
    ours, theirs = _places(symbols, bonded, other_symbols, other_bonded)
    if sorted(ours) != sorted(theirs):
        return None
    order = _neighbours_first(ours, bonded)
    found = next(_matches(order, (ours, theirs), (bonded, other_bonded), {}), None)
    return None if found is None else tuple(found[atom] for atom in range(len(symbols)))


def _places(
    symbols: Sequence[str], bonded: BoolArray, other_symbols: Sequence[str], other_bonded: BoolArray
) -> tuple[list[int], list[int]]:
    """A number for each atom of both: equal where element and surroundings are, to any distance."""
    neighbours = [[np.flatnonzero(row).tolist() for row in graph] for graph in (bonded, other_bonded)]
    words: list[list[object]] = [list(symbols), list(other_symbols)]
    kinds = 0
    while True:
        names = {word: number for number, word in enumerate(sorted({word for one in words for word in one}, key=repr))}
        numbers = [[names[word] for word in one] for one in words]
        if len(names) == kinds:
            return numbers[0], numbers[1]
        kinds = len(names)
        words = [
            [(own[atom], *sorted(own[other] for other in around[atom])) for atom in range(len(own))]
            for own, around in zip(numbers, neighbours, strict=True)
        ]


def _neighbours_first(places: Sequence[int], bonded: BoolArray) -> list[int]:
    """All atoms, each after a neighbour where it has one before it; rare places first, which leave little choice."""
    rarity = [places.count(place) for place in places]
    order: list[int] = []
    left = set(range(len(places)))
    while left:
        near = {atom for atom in left if order and bonded[atom, order].any()} or left
        order.append(min(near, key=lambda atom: (rarity[atom], atom)))
        left.remove(order[-1])
    return order


def _matches(
    order: Sequence[int],
    places: tuple[Sequence[int], Sequence[int]],
    bonded: tuple[BoolArray, BoolArray],
    taken: dict[int, int],
) -> Iterator[dict[int, int]]:
    if len(taken) == len(order):
        yield taken
        return
    atom = order[len(taken)]
    for other, place in enumerate(places[1]):
        fits = place == places[0][atom] and other not in taken.values()
        if fits and all(bonded[0][atom, one] == bonded[1][other, match] for one, match in taken.items()):
            yield from _matches(order, places, bonded, {**taken, atom: other})
