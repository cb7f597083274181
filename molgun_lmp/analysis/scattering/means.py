"""Means over the particles that left, with intervals over the snapshots that their shots share."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from scipy import special

from molgun_lmp.analysis.scattering.scattered import Scattered
from molgun_lmp.analysis.statistics.clustered_intervals import FEW_CLUSTERS, Clusters, two_way_variance
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.units import BOLTZMANN_EV_PER_K

QUANTITIES: Final = {
    "translation_ev": "translational energy / eV",
    "translation_lost_ev": "translational energy lost / eV",
    "fraction_lost": "share of it lost",
    "to_surface_ev": "given to the surface / eV",
    "rotation_ev": "rotational energy / eV",
    "vibration_ev": "vibrational energy / eV",
    "j": "J",
    "v": "v",
    "polar_deg": "polar angle / °",
    "in_plane_deg": "angle in plane / °",
    "out_of_plane_deg": "angle out of plane / °",
    "residence_ps": "time on the surface / ps",
    "bounces": "bounces",
}
"""Columns of the table of particles that are averaged, and what they are called."""

OF_POINTS: Final = ("translation_lost_ev", "fraction_lost", "polar_deg")
"""What is printed of each point of a grid; the file has all."""

ACCOMMODATIONS: Final = {
    "energy_accommodation": "energy accommodation",
    "normal_accommodation": "normal momentum accommodation",
    "tangential_accommodation": "tangential momentum accommodation",
}
"""Ratios of means over whole molecules, and what they are called."""

_LEAST: Final = 0.02
"""Of what came: where less than this could be exchanged, no share of it is said."""

MEANS_HEADER: Final = ("came back", "mean of", "particles", "mean", "95 % over snapshots", "spread")
"""Column titles that go with `Mean.cells`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean:
    """Of one quantity of one kind of particle: `particles` that have it, `low` and `high` of the 95 % interval of the
    mean (None where the shots do not tell), `spread` the standard deviation of the particles."""

    what: str
    quantity: str
    point: str
    """Of the gun's grid of energies and angles, such as `0.5 eV, 30°`; empty without one."""
    particles: int
    mean: float
    low: float | None
    high: float | None
    spread: float | None
    note: str

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """As they stand in the printed table."""
        between = "unknown" if self.low is None or self.high is None else f"{self.low:.3g} to {self.high:.3g}"
        spread = "–" if self.spread is None else f"{self.spread:.2g}"
        return (
            f"{self.what}, {self.point}" if self.point else self.what,
            (QUANTITIES | ACCOMMODATIONS)[self.quantity],
            str(self.particles),
            f"{self.mean:.3g}",
            between,
            spread,
        )


def means(
    rows: Sequence[Scattered], clusters: Clusters, points: Mapping[str, BoolArray] | None = None
) -> tuple[Mean, ...]:
    """All means, those of whole molecules first; `clusters` has the snapshots of each row's shot.

    `points`: each point of the gun's grid, where it has one, and which rows (N,) are of it: each has its own means.
    """
    if points is None:
        return tuple(_means(rows, clusters))
    return tuple(
        dataclasses.replace(one, point=point)
        for point, here in points.items()
        for one in _means([row for row, kept in zip(rows, here, strict=True) if kept], clusters.take(here))
    )


def _means(rows: Sequence[Scattered], clusters: Clusters) -> Iterator[Mean]:
    kinds = sorted({(not one.intact, one.formula) for one in rows})
    for broken, formula in kinds:
        ours = [one.intact is not broken and one.formula == formula for one in rows]
        for quantity in QUANTITIES:
            values = [getattr(one, quantity) for one in rows]
            keep = np.array([mine and value is not None for mine, value in zip(ours, values, strict=True)])
            if keep.any():
                known = np.array([value for value, kept in zip(values, keep, strict=True) if kept], dtype=np.float64)
                what = formula if not broken else f"{formula} (not as fired)"
                yield mean_of(what, quantity, known, clusters.take(keep))
        if not broken:
            yield from accommodations(formula, rows, np.array(ours), clusters)


def accommodations(
    what: str, rows: Sequence[Scattered], ours: BoolArray, clusters: Clusters, confidence: float = 0.95
) -> list[Mean]:
    """Accommodation coefficients of the rows that are `ours`, (N,) bool.

    What they exchanged with the surface, over what they would have, had they come into equilibrium with it:
    of translational energy (E_i - E_f) / (E_i - 2 k T); of the sizes of normal momentum (p_i - p_f) / (p_i - p_w), with
    p_w = sqrt(pi m k T / 2) that of an effusive flux; of tangential momentum, along the beam, 1 - p_f / p_i. T is the
    slab's temperature before contact, and means are over those that left (S. A. Schaaf and P. L. Chambré, Flow of
    Rarefied Gases, 1961). A coefficient whose denominator is next to nothing, or may be nothing, is left out.
    """
    keep = np.array(
        [mine and one.polar_deg is not None and one.slab_k is not None for mine, one in zip(ours, rows, strict=True)],
        dtype=np.bool_,
    )
    if not keep.any():
        return []
    known = [one for one, kept in zip(rows, keep, strict=True) if kept]
    thermal = BOLTZMANN_EV_PER_K * np.array([one.slab_k for one in known], dtype=np.float64)
    came, went = (np.array([getattr(one, name) for one in known]) for name in ("incidence_ev", "translation_ev"))
    down, up = (np.radians([getattr(one, name) for one in known]) for name in ("incidence_polar_deg", "polar_deg"))
    turned = np.radians([(one.azimuth_deg or 0.0) - one.incidence_azimuth_deg for one in known])
    # Momenta in units of sqrt(2 m) of the molecule's own mass, which cancels.
    along, forth = np.sqrt(came) * np.sin(down), np.sqrt(went) * np.sin(up) * np.cos(turned)
    into, out, wall = np.sqrt(came) * np.cos(down), np.sqrt(went) * np.cos(up), np.sqrt(np.pi * thermal) / 2.0
    ratios = {
        "energy_accommodation": (came - went, came - 2.0 * thermal, came),
        "normal_accommodation": (into - out, into - wall, np.sqrt(came)),
        "tangential_accommodation": (along - forth, along, np.sqrt(came)),
    }
    ours_alone = clusters.take(keep)
    return [
        found
        for quantity, (given, whole, size) in ratios.items()
        if abs(whole.mean()) > _LEAST * size.mean()
        and (found := _ratio((what, quantity), given, whole, ours_alone, confidence)) is not None
    ]


def _ratio(
    name: tuple[str, str], given: FloatArray, whole: FloatArray, clusters: Clusters, confidence: float
) -> Mean | None:
    """A ratio of two means (N,), its interval by the residuals of its linear expansion."""
    what, quantity = name
    base = mean_of(what, quantity, whole, clusters, confidence)
    if base.low is None or base.high is None or base.low <= 0.0 <= base.high:
        return None
    value = float(given.mean()) / base.mean
    found = mean_of(what, quantity, value + (given - value * whole) / base.mean, clusters, confidence)
    return dataclasses.replace(found, spread=None)


def mean_of(what: str, quantity: str, values: FloatArray, clusters: Clusters, confidence: float = 0.95) -> Mean:
    """The mean of N values, N > 0, with Student's interval at the two-way cluster-robust variance.

    Its degrees of freedom are those of the kind of snapshots that has fewer, less one (Cameron, Gelbach and Miller, J.
    Bus. Econ. Stat. 29, 238 (2011)).
    """
    mean, low, high, note = float(values.mean()), None, None, ""
    if clusters.fewest < 2:
        note = "a single snapshot of a kind: what others would give is unknown"
    else:
        student = float(special.stdtrit(clusters.fewest - 1, 0.5 + confidence / 2))
        half = student * float(np.sqrt(two_way_variance(values, clusters)))
        low, high = mean - half, mean + half
        note = f"only {clusters.fewest} {clusters.fewest_name}" if clusters.fewest < FEW_CLUSTERS else ""
    return Mean(
        what=what,
        quantity=quantity,
        point="",
        particles=len(values),
        mean=mean,
        low=low,
        high=high,
        spread=float(values.std(ddof=1)) if len(values) > 1 else None,
        note=note,
    )
