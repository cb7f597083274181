"""Where the next molecule settles: beside the others, or away from them, held against random sequential adsorption.

Each molecule that a surface took is compared with where it could have gone in the state that it met: to any free place
of the kind that molecules of these chains were seen on, all alike (random sequential adsorption, Evans, Rev. Mod. Phys.
65, 1281 (1993)). A place is free where no molecule stands nearer than a distance. Two are tried: that of a place being
taken once, and the closest distance that any two molecules were seen at. The first tells whether molecules keep others
off, the second whether, beyond that, they draw them near.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from molgun_lmp.analysis.dosing.random_adsorption import RELATIONS, Lattice, Relation, SettledMolecule, Tally
from molgun_lmp.analysis.statistics.multiple_testing import holm
from molgun_lmp.arrays import FloatArray
from molgun_lmp.dosing_records import Hold
from molgun_lmp.records import Outcome

DRAWS: Final = 999
RESAMPLES: Final = 400

Blocked = Literal["place", "closest"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NeighbourRow:
    """How often molecules settled at a distance from others, and how often they would have at random.

    `relation`: `pairs` counts all that were there, `nearest` and `last` only the nearest one and the last one to come;
    `blocked`: what a place is free of, see the module.
    """

    relation: Relation
    blocked: Blocked
    blocked_angstrom: float
    low_angstrom: float
    high_angstrom: float
    observed: int
    expected: float
    ratio: float
    ratio_low: float | None
    ratio_high: float | None
    """95 % over chains; None for fewer than two."""
    random_low: float
    random_high: float
    """Between which 95 % of the ratios lie that random adsorption gives."""
    p: float
    p_holm: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tendency:
    """Whether the next molecule settles beside its nearest neighbour, or beside the last one, or away: mean distances
    in Å, and those of random adsorption from the same states."""

    relation: Relation
    blocked: Blocked
    blocked_angstrom: float
    steps: int
    mean_angstrom: float
    random_angstrom: float
    random_low: float
    random_high: float
    p: float

    @property
    def sentence(self) -> str:
        """In words."""
        other = "the nearest one" if self.relation == "nearest" else "the last one"
        way = "as far as at random"
        if self.p < 0.05:
            way = "nearer than at random" if self.mean_angstrom < self.random_angstrom else "farther than at random"
        return (
            f"The next molecule settles {way} from {other}: {self.mean_angstrom:.2f} Å, at random "
            f"{self.random_low:.2f} to {self.random_high:.2f} Å (p = {self.p:.3f}, {self.steps} molecules)."
        )


def settled(outcomes: Sequence[Outcome], doses: int) -> list[SettledMolecule]:
    """The newcomers that the slab bound, each with the places of those that were bound to it when it came, if any."""
    found = []
    for one in outcomes:
        if one.company is None or one.company.newcomer.hold is not Hold.SURFACE:
            continue
        bound = [m.place_at_start_angstrom for m in one.company.molecules[:-1] if m.hold_at_start is Hold.SURFACE]
        there, place = np.array(bound).reshape(-1, 2), np.array(one.company.newcomer.place_angstrom)
        found.append(SettledMolecule(chain=int(one.trajectory_id) // doses, place=place, there=there))
    return found


def neighbours(
    steps: Sequence[SettledMolecule], lattice: Lattice, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[list[NeighbourRow], list[Tendency]]:
    """Distances at which molecules settled against those at random; nothing where none had another beside it."""
    later = [step for step in steps if len(step.there)]
    if not later:
        return [], []
    closest = min(float(lattice.distances(step.place[None], step.there).min()) for step in later)
    rows: list[NeighbourRow] = []
    tendencies: list[Tendency] = []
    radii: dict[Blocked, float] = {"place": 0.0, "closest": closest}
    for blocked, radius in radii.items():
        tally = Tally.of(steps, lattice, radius, rng, draws)
        rows += _rows(tally, blocked, radius, rng)
        tendencies += _tendencies(tally, blocked, radius)
    return rows, tendencies


def _rows(tally: Tally, blocked: Blocked, radius: float, rng: np.random.Generator) -> list[NeighbourRow]:
    """The shells in which a molecule was or could have been."""
    found: list[NeighbourRow] = []
    observed, expected, drawn = tally.observed.sum(axis=0), tally.expected.sum(axis=0), tally.drawn
    chains = len(tally.observed)
    again = rng.integers(chains, size=(RESAMPLES, chains))
    for number, relation in enumerate(RELATIONS):
        rows: list[NeighbourRow] = []
        for shell in np.flatnonzero((expected[number] > 0) | (observed[number] > 0)).tolist():
            seen, mean, random = observed[number, shell], expected[number, shell], drawn[:, number, shell]
            if mean <= 0:
                continue  # nothing is there at random, so that nothing is told of it
            resampled = (
                tally.observed[again, number, shell].sum(axis=1),
                tally.expected[again, number, shell].sum(axis=1),
            )
            there = resampled[1] > 0
            bounds = np.percentile(resampled[0][there] / resampled[1][there], (2.5, 97.5)) if chains > 1 else None
            envelope = np.percentile(random, (2.5, 97.5)) / mean
            rows.append(
                NeighbourRow(
                    relation=relation,
                    blocked=blocked,
                    blocked_angstrom=radius,
                    low_angstrom=float(tally.edges[shell]),
                    high_angstrom=float(tally.edges[shell + 1]),
                    observed=int(seen),
                    expected=float(mean),
                    ratio=float(seen / mean),
                    ratio_low=None if bounds is None else float(bounds[0]),
                    ratio_high=None if bounds is None else float(bounds[1]),
                    random_low=float(envelope[0]),
                    random_high=float(envelope[1]),
                    p=_p(float(seen), float(mean), random),
                    p_holm=1.0,
                )
            )
        adjusted = holm([row.p for row in rows])
        found += [dataclasses.replace(row, p_holm=p or 0.0) for row, p in zip(rows, adjusted, strict=True)]
    return found


def _tendencies(tally: Tally, blocked: Blocked, radius: float) -> list[Tendency]:
    found = []
    for number, relation in enumerate(RELATIONS):
        if relation == "pairs" or not tally.steps:
            continue
        random = tally.drawn_distance[:, number] / tally.steps
        mean = float(tally.distance[number] / tally.steps)
        expected = float(tally.expected_distance[number] / tally.steps)
        low, high = np.percentile(random, (2.5, 97.5))
        found.append(
            Tendency(
                relation=relation,
                blocked=blocked,
                blocked_angstrom=radius,
                steps=tally.steps,
                mean_angstrom=mean,
                random_angstrom=expected,
                random_low=float(low),
                random_high=float(high),
                p=_p(mean, expected, random),
            )
        )
    return found


def _p(observed: float, expected: float, random: FloatArray) -> float:
    """Two-sided, of so many draws."""
    as_far = np.abs(random - expected) >= abs(observed - expected) - 1e-9
    return float((1 + as_far.sum()) / (1 + len(random)))
