"""Random sequential adsorption continued from the states that molecules met: where each could have gone as well."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.surface.clean_surface import Surface
from molgun_lmp.surface.minimum_image import MinimumImage

_SHELLS: Final = 8
_FIRST_SHELL, _SHELL = 0.25, 0.5
"""In units of the lattice's shortest distance: to where the first shell reaches, and how wide the others are."""
_SAME: Final = 0.05
"""Of the same: two distances that differ by less are one, and two places that are nearer."""

Relation = Literal["pairs", "nearest", "last"]
RELATIONS: Final[tuple[Relation, ...]] = get_args(Relation)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettledMolecule:
    """A molecule that a surface took: its `place` (2,) Å, and those (k, 2) of the ones that were there, the last one to
    come at the end."""

    chain: int
    place: FloatArray
    there: FloatArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lattice:
    """Points (R, 2) Å, dimers or atoms of the top layer, alike where of the same `elements` (R,), such as Pt or
    Si-Si, and the cell's `images`."""

    points: FloatArray
    elements: tuple[str, ...]
    images: MinimumImage

    @classmethod
    def of(cls, surface: Surface) -> "Lattice":
        """Of a clean surface."""
        symbols = np.array(surface.symbols)
        if not len(surface.dimers):
            top = surface.top
            return cls(points=surface.positions[top, :2], elements=tuple(symbols[top].tolist()), images=surface.lattice)
        first, second = surface.positions[surface.dimers[:, 0]], surface.positions[surface.dimers[:, 1]]
        return cls(
            points=(first + surface.lattice.shortest(second - first) / 2)[:, :2],
            elements=tuple("-".join(sorted(pair)) for pair in symbols[surface.dimers].tolist()),
            images=surface.lattice,
        )

    @property
    def spacing(self) -> float:
        """The shortest distance between two of the points, Å."""
        apart = self.distances(self.points, self.points)
        return float(apart[~np.eye(len(apart), dtype=np.bool_)].min(initial=self.images.spacing))

    def distances(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """(n, m) Å between places (n, 2) and (m, 2), by the shortest images."""
        flat = [np.column_stack([places, np.zeros(len(places))]) for places in (one, other)]
        return self.images.distances(*flat)

    def candidates(self, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
        """All places (C, 2) that lie to some point as one of those `seen` (n, 2) does to its nearest, both of the same
        elements, and the weight of each (C,): how often that was seen, by the number of such points."""
        own = self.distances(seen, self.points).argmin(axis=1)
        away = self.images.shortest(np.column_stack([seen - self.points[own], np.zeros(len(seen))]))[:, :2]
        _, kind = np.unique(self.elements, return_inverse=True)
        steps = np.rint(away / (_SAME * self.spacing))
        kinds, counts = np.unique(np.column_stack([kind[own], steps]), axis=0, return_counts=True)
        places, weights = [np.empty((0, 2))], [np.empty(0)]
        for of, number in zip(kinds, counts.tolist(), strict=True):
            alike = self.points[kind == of[0]]
            places.append(alike + of[1:] * _SAME * self.spacing)
            weights.append(np.full(len(alike), number / len(alike)))
        return np.concatenate(places), np.concatenate(weights)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tally:
    """Steps of L chains by the distance at which they settled, in S shells with `edges` (S + 1,) Å, for each of the
    three `RELATIONS`.

    `observed` and `expected` (L, 3, S); `drawn` (B, 3, S): all of them settled at random, B times; `distance` and
    `expected_distance` (3,) and `drawn_distance` (B, 3): sums over the `steps`, Å; of pairs there is none.
    """

    edges: FloatArray
    observed: FloatArray
    expected: FloatArray
    drawn: FloatArray
    distance: FloatArray
    expected_distance: FloatArray
    drawn_distance: FloatArray
    steps: int

    @classmethod
    def of(
        cls,
        steps: Sequence[SettledMolecule],
        lattice: Lattice,
        blocked_angstrom: float,
        rng: np.random.Generator,
        draws: int,
    ) -> "Tally":
        """Of steps with another molecule there; one to which no place was free tells nothing, and is left out."""
        spacing = lattice.spacing
        edges = spacing * np.array([0.0, *(_FIRST_SHELL + _SHELL * np.arange(_SHELLS))])
        places, weights = lattice.candidates(np.array([step.place for step in steps]))
        nearest_free = max((1 - _SAME) * blocked_angstrom, _SAME * spacing)
        chains = {chain: number for number, chain in enumerate(dict.fromkeys(step.chain for step in steps))}
        observed = np.zeros((len(chains), len(RELATIONS), _SHELLS))
        expected, drawn = np.zeros_like(observed), np.zeros((draws, len(RELATIONS), _SHELLS))
        distance, expected_distance = np.zeros(len(RELATIONS)), np.zeros(len(RELATIONS))
        drawn_distance, counted = np.zeros((draws, len(RELATIONS))), 0
        for step in steps:
            apart = lattice.distances(places, step.there) if len(step.there) else np.empty((0, 0))
            free = (apart > nearest_free).all(axis=1)
            if not free.any():
                continue
            chance = weights[free] / weights[free].sum()
            shells, lengths = _by_shell(apart[free], edges)
            seen, length = _by_shell(lattice.distances(step.place[None], step.there), edges)
            chosen = np.minimum(np.searchsorted(np.cumsum(chance), rng.random(draws)), len(chance) - 1)
            observed[chains[step.chain]] += seen[0]
            expected[chains[step.chain]] += np.einsum("c,crs->rs", chance, shells)
            drawn += shells[chosen]
            distance += length[0]
            expected_distance += chance @ lengths
            drawn_distance += lengths[chosen]
            counted += 1
        return cls(
            edges=edges,
            observed=observed,
            expected=expected,
            drawn=drawn,
            distance=distance,
            expected_distance=expected_distance,
            drawn_distance=drawn_distance,
            steps=counted,
        )


def _by_shell(apart: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(C, 3, S): how many of k molecules are in each shell around each of C places, all, the nearest and the last;
    and the distances (C, 3) Å. `apart` (C, k) Å; what is beyond the last shell is in none."""
    inside = (np.digitize(apart, edges) - 1)[:, :, None] == np.arange(len(edges) - 1)
    nearest, rows = apart.argmin(axis=1), np.arange(len(apart))
    found = np.stack([inside.sum(axis=1), inside[rows, nearest], inside[:, -1]], axis=1).astype(np.float64)
    return found, np.column_stack([np.zeros(len(apart)), apart[rows, nearest], apart[:, -1]])
