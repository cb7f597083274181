"""How many shots and snapshots it takes to know a fraction to a given half-width.

The variance of a fraction p of n shots on S slab and M molecule snapshots, drawn at random, is taken as p (1 - p) times

    (1 - 2r) / n + r (1/n + (1 - 1/n) / S) + r (1/n + (1 - 1/n) / M),

r the intra-cluster correlation of shots that share a snapshot of one kind (the design effect of Kish, Survey Sampling
(1965), for two crossed kinds): more shots make the first part small, and only more snapshots the others.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from scipy import special

from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, normal_quantile, wilson
from molgun_lmp.analysis.statistics.sequential import plan_rule
from molgun_lmp.analysis.statistics.stopping import PrecisionTarget

CORRELATION: Final = 0.02
"""Assumed of shots that share a snapshot of one kind. With ten snapshots of each kind it makes a nominal 95 % interval
of 10,000 shots, taken as independent, hold in a quarter of all cases."""
AS_DRAWN_CORRELATION: Final = 0.1
"""The same where molecules are fired as drawn and share an equilibration run: how they are turned is then shared. A
fraction that goes with the tilt as 1 / (1 + exp(0.5 - b cos tilt)), in runs with an intra-cluster correlation of cos
tilt of 0.8, has 0.06 for b = 1 and 0.19 for b = 2."""
_MOST_SHOTS: Final = 10_000_000
_MOST_SNAPSHOTS: Final = 1_000_000


def correlation_of(design_effect: float, clusters: Clusters) -> float | None:
    """The intra-cluster correlation of each kind that a design effect over these shots stands for, if it is the same
    for both kinds; None where no two shots share a snapshot."""
    kinds = (clusters.slab, clusters.molecule)
    sharing = sum(float((np.bincount(codes) ** 2).sum()) / clusters.shots - 1 for codes in kinds)
    return (design_effect - 1) / sharing if sharing > 0 else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizing:
    """What a target takes, given what is assumed."""

    target: PrecisionTarget
    fraction: float
    correlation: float
    slabs: int
    molecules: int | None
    """None for an atom, which has no snapshots of its own."""
    shots: int | None
    """With a number of shots fixed beforehand and the pools as they are; None where no number suffices."""
    shots_until: int | None
    """The same with `molgun run --until`, which pays for looking before the end: the look at which it would stop."""
    looks: int
    best_half_width: float
    """What the pools allow at best, with any number of shots."""
    snapshots: int
    """Of each kind, enough for `shots_with_snapshots`."""
    shots_with_snapshots: int
    """Twice what independent shots would need."""
    molecule_unit: Literal["snapshot", "run"] = "snapshot"
    """What `molecules` counts: snapshots, or equilibration runs of molecules that are fired as drawn."""

    def sentences(self) -> tuple[str, ...]:
        """All of it in words."""
        name = f"{self.target.line} to ±{100 * self.target.half_width:g} %"
        given = f"a fraction of {self.fraction:g} and an intra-cluster correlation of {self.correlation:g} a kind"
        if self.molecules is None:
            pools, of_each = f"{self.slabs} slab snapshots", "slab snapshots"
        elif self.molecule_unit == "run":
            pools = f"{self.slabs} slab snapshots and {self.molecules} molecule runs"
            of_each = "slab snapshots and as many molecule runs"
        else:
            pools, of_each = f"{self.slabs} slab and {self.molecules} molecule snapshots", "snapshots of each kind"
        if self.shots is None:
            first = (
                f"{name} cannot be known with {pools}, however many shots use them ({given} assumed): "
                f"±{100 * self.best_half_width:.2g} % is the best."
            )
        else:
            first = (
                f"{name} takes {self.shots} shots on these {pools} ({given} assumed; 95 %, number of shots fixed "
                "beforehand)."
            )
        if self.shots_until is not None:
            first += f" `molgun run --until` would stop after about {self.shots_until}, at one of {self.looks} looks."
        return (
            first,
            f"Or {self.shots_with_snapshots} shots on {self.snapshots} "
            f"{of_each}: twice as many shots as would do if all were independent.",
        )


def half_width(
    *, shots: int, fraction: float, slabs: int, molecules: int, correlation: float, confidence: float = 0.95
) -> float:
    """Half-width of the table's interval to be expected; the quantile of few snapshots is Student's, as there."""
    shares = [1 / shots + (1 - 1 / shots) / pool for pool in (slabs, molecules)]
    variance = (1 - 2 * correlation) / shots + correlation * sum(shares)
    fewest = min(slabs, molecules, shots)
    if fewest < 2:
        return 0.5
    tail = 0.5 + confidence / 2
    few = float(special.stdtrit(shots - 1, tail) / special.stdtrit(fewest - 1, tail))
    effective = few**2 / variance
    low, high = wilson(fraction * effective, effective, confidence)
    return (high - low) / 2


def shots_for(
    target: PrecisionTarget,
    *,
    fraction: float,
    slabs: int,
    molecules: int,
    correlation: float,
    confidence: float = 0.95,
) -> int | None:
    """The smallest number of shots whose expected half-width is the target's; None where no number is enough."""

    def enough(shots: int) -> bool:
        found = half_width(
            shots=shots,
            fraction=fraction,
            slabs=slabs,
            molecules=molecules,
            correlation=correlation,
            confidence=confidence,
        )
        return found <= target.half_width

    return _first(enough, 2, _MOST_SHOTS)


def size(
    target: PrecisionTarget,
    *,
    fraction: float,
    correlation: float,
    slabs: int,
    molecules: int | None,
    planned: int,
    molecule_unit: Literal["snapshot", "run"] = "snapshot",
) -> Sizing:
    """What `target` takes with pools of `slabs` and `molecules` snapshots (or runs, None for an atom), in a campaign of
    `planned` shots.

    Raises `ValueError` for a fraction or correlation out of range (0 to 1, 0 to 0.5) or an empty pool.
    """
    if not 0.0 <= fraction <= 1.0 or not 0.0 <= correlation <= 0.5 or slabs < 1 or molecules == 0:
        raise ValueError(f"fraction {fraction}, correlation {correlation}, {slabs} and {molecules} snapshots")
    pools = {"slabs": slabs, "molecules": _MOST_SHOTS if molecules is None else molecules}
    shots = shots_for(target, fraction=fraction, correlation=correlation, **pools)
    rule = plan_rule([target], max(planned, 2 * (shots or planned)))
    sequential = shots_for(target, fraction=fraction, correlation=correlation, confidence=rule.level, **pools)
    endless = {"slabs": _MOST_SHOTS, "molecules": _MOST_SHOTS}
    many = 2 * (shots_for(target, fraction=fraction, correlation=0.0, **endless) or _MOST_SHOTS)

    def enough(snapshots: int) -> bool:
        of_each = {"slabs": snapshots, "molecules": _MOST_SHOTS if molecules is None else snapshots}
        found = half_width(shots=many, fraction=fraction, correlation=correlation, **of_each)
        return found <= target.half_width

    return Sizing(
        target=target,
        fraction=fraction,
        correlation=correlation,
        slabs=slabs,
        molecules=molecules,
        shots=shots,
        shots_until=None if sequential is None else next((n for n in rule.looks if n >= sequential), None),
        looks=len(rule.looks),
        best_half_width=half_width(shots=_MOST_SHOTS, fraction=fraction, correlation=correlation, **pools),
        snapshots=_first(enough, 2, _MOST_SNAPSHOTS) or _MOST_SNAPSHOTS,
        shots_with_snapshots=many,
        molecule_unit=molecule_unit,
    )


def _first(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number from `low` to `high` that is enough, where every larger one is, too."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def shots_needed(half_width: float, fraction: float, design_effect: float = 1.0, confidence: float = 0.95) -> int:
    """Shots after which Wilson's interval of `fraction` is at most +-`half_width` wide, times the design effect.

    The design effect holds for the number of shots per snapshot at which it was found: the projection assumes that new
    shots bring new snapshots at the same rate. Raises `ValueError` for numbers out of range.
    """
    if not 0.0 < half_width < 0.5:
        raise ValueError(f"half-width {half_width}: give a number between 0 and 0.5")
    if not 0.0 <= fraction <= 1.0 or design_effect < 1.0:
        raise ValueError(f"fraction {fraction} must lie in [0, 1] and design effect {design_effect} must be at least 1")
    z2 = normal_quantile(confidence) ** 2
    # Wilson's half-width w obeys w^2 (n + z^2)^2 = z^2 (n p q + z^2 / 4): a quadratic in n.
    a = half_width**2
    b = z2 * (2 * a - fraction * (1 - fraction))
    c = z2 * z2 * (a - 0.25)
    independent = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)
    return math.ceil(independent * design_effect - 1e-9)
