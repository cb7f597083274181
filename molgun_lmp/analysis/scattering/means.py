"""Means over the particles that left, with intervals over the snapshots that their shots share."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special

from molgun_lmp.analysis.scattering.scattered import Scattered
from molgun_lmp.analysis.statistics.clustered_intervals import FEW_CLUSTERS, Clusters, two_way_variance
from molgun_lmp.arrays import FloatArray

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

MEANS_HEADER: Final = ("came back", "mean of", "particles", "mean", "95 % over snapshots", "spread")
"""Column titles that go with `Mean.cells`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean:
    """Of one quantity of one kind of particle: `particles` that have it, `low` and `high` of the 95 % interval of the
    mean (None where the shots do not tell), `spread` the standard deviation of the particles."""

    what: str
    quantity: str
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
        return self.what, QUANTITIES[self.quantity], str(self.particles), f"{self.mean:.3g}", between, spread


def means(rows: Sequence[Scattered], clusters: Clusters) -> tuple[Mean, ...]:
    """All means, those of whole molecules first; `clusters` has the snapshots of each row's shot."""
    kinds = sorted({(not one.intact, one.formula) for one in rows})
    found = []
    for broken, formula in kinds:
        ours = [one.intact is not broken and one.formula == formula for one in rows]
        for quantity in QUANTITIES:
            values = [getattr(one, quantity) for one in rows]
            keep = np.array([mine and value is not None for mine, value in zip(ours, values, strict=True)])
            if keep.any():
                known = np.array([value for value, kept in zip(values, keep, strict=True) if kept], dtype=np.float64)
                what = formula if not broken else f"{formula} (not as fired)"
                found.append(mean_of(what, quantity, known, clusters.take(keep)))
    return tuple(found)


def mean_of(what: str, quantity: str, values: FloatArray, clusters: Clusters, confidence: float = 0.95) -> Mean:
    """The mean of N values, N > 0, with Student's interval at the two-way cluster-robust variance.

    Its degrees of freedom are those of the kind of snapshots that has fewer, less one (Cameron, Gelbach and Miller, J.
    Bus. Econ. Stat. 29, 238 (2011)).
    """
    mean, low, high, note = float(values.mean()), None, None, ""
    if clusters.fewest < 2:
        note = f"a single one of {clusters.fewest_name}: what others would give is unknown"
    else:
        student = float(special.stdtrit(clusters.fewest - 1, 0.5 + confidence / 2))
        half = student * float(np.sqrt(two_way_variance(values, clusters)))
        low, high = mean - half, mean + half
        note = f"only {clusters.fewest} {clusters.fewest_name}" if clusters.fewest < FEW_CLUSTERS else ""
    return Mean(
        what=what,
        quantity=quantity,
        particles=len(values),
        mean=mean,
        low=low,
        high=high,
        spread=float(values.std(ddof=1)) if len(values) > 1 else None,
        note=note,
    )
