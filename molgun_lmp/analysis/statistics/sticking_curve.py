"""Sticking against energy and angle: curves fitted by maximum likelihood, their spread from a bootstrap over snapshots.

    S(E, t) = A f((E cos^n t - E0) / W)

with f the logistic function 1 / (1 + exp(-x)), or (1 + erf x) / 2, the form that beams of hydrogen are described by
(Michelsen and Auerbach, J. Chem. Phys. 94, 7502 (1991)); A is the sticking at high energy, E0 where half of that is
reached, W > 0 the width of a rise and W < 0 that of a fall (trapping). n is 2 where the energy of the motion along the
normal decides alone, 0 where the whole energy does (Rettner, Michelsen and Auerbach, J. Chem. Phys. 102, 4625 (1995)).
"""

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
from pydantic import ConfigDict
from scipy import special

from molgun_lmp.analysis.statistics.bootstrap import resampled_weights
from molgun_lmp.analysis.statistics.clustered_intervals import FEW_CLUSTERS, Clusters
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.records import JsonRecord

CurveLaw = Literal["logistic", "error function"]
CURVE_LAWS: Final[tuple[CurveLaw, ...]] = get_args(CurveLaw)
UNITS: Final = {"A": "", "E0": "eV", "W": "eV", "n": ""}
RESAMPLES: Final = 200
FEWEST_ENERGIES: Final = 3

_NARROWEST: Final = 0.02
_WIDEST: Final = 5.0
_BEYOND: Final = 1.0
_LARGEST_POWER: Final = 4.0
_TINY: Final = 1e-9
_STEPS: Final = 100
_SETTLED: Final = 1e-9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameter(JsonRecord):
    """One number of a curve; spread and bounds are None where no bootstrap can tell them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    value: float
    standard_error: float | None
    low: float | None
    high: float | None
    at_limit: bool
    """The fit ended at the edge of what is searched: the shots do not determine it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveFit(JsonRecord):
    """One curve through the points of a grid. `covariance` is in the order of `parameters`, None without bootstrap."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    line: str
    law: CurveLaw
    parameters: tuple[Parameter, ...]
    covariance: tuple[tuple[float, ...], ...] | None
    deviance: float
    """-2 ln of the likelihood over that of the points' own fractions; for independent shots about `freedom`."""
    freedom: int
    """Points less parameters."""
    note: str

    def at(self, energy_ev: FloatArray, polar_deg: FloatArray) -> FloatArray:
        """Sticking (N,) at energies (N,) eV and angles (N,) degrees."""
        values = np.array([one.value for one in self.parameters])
        return curve(self.law, values, energy_ev, np.cos(np.radians(polar_deg)))

    def sentence(self) -> str:
        """The parameters with their bounds."""
        said = []
        for one in self.parameters:
            unit = f" {UNITS[one.name]}" if UNITS[one.name] else ""
            bounds = "" if one.low is None else f" ({one.low:.3g} to {one.high:.3g})"
            said.append(f"{one.name} = {one.value:.3g}{unit}{bounds}{', at its limit' if one.at_limit else ''}")
        note = f" ({self.note})" if self.note else ""
        return f"{self.line}, {self.law}: {'; '.join(said)}. Deviance {self.deviance:.1f} on {self.freedom}{note}."


def curve(law: CurveLaw, values: FloatArray, energy_ev: FloatArray, cosine: FloatArray) -> FloatArray:
    """A f((E cos^n t - E0) / W) of each of P points, (..., P), for `values` (..., 3 or 4): A, E0, W and, where angles
    vary, n."""
    return _with_slopes(law, values, energy_ev, cosine)[0]


def _with_slopes(
    law: CurveLaw, values: FloatArray, energy_ev: FloatArray, cosine: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The curve (..., P), and its derivatives by each parameter, (..., P, 3 or 4)."""
    level, middle, width = (values[..., k, None] for k in range(3))
    effective = energy_ev * (cosine ** values[..., 3, None] if values.shape[-1] > 3 else 1.0)
    x = (effective - middle) / width
    if law == "logistic":
        shape = special.expit(x)
        slope = shape * special.expit(-x)
    else:
        shape, slope = 0.5 * special.erfc(-x), np.exp(-(x**2)) / np.sqrt(np.pi)
    steep = level * slope / width
    slopes = [shape, -steep, -steep * x]
    if values.shape[-1] > 3:
        slopes.append(steep * effective * np.log(cosine))
    found: FloatArray = level * shape
    return found, np.stack(slopes, axis=-1)


def fit_curves(
    line: str,
    counted: Line,
    *,
    point: IntArray,
    points: Sequence[tuple[float, float]],
    clusters: Clusters,
    rng: np.random.Generator,
) -> tuple[CurveFit, ...]:
    """Each of `CURVE_LAWS` through one line of the table.

    `point` (N,) is each shot's place among `points`, pairs of energy in eV and polar angle in degrees; `clusters` are
    those of all N shots: a resampled campaign has a snapshot as often at every point, as the shots share them. None is
    fitted to fewer than three energies, to no more points than parameters, or where all shots agree.
    """
    energy, polar = np.array(points, dtype=np.float64).T
    hit = (counted.hit & counted.counted).astype(np.float64)

    def totals(weights: IntArray | FloatArray) -> tuple[FloatArray, FloatArray]:
        per_point = [np.bincount(point, weights * one, len(points)) for one in (hit, counted.counted)]
        return per_point[0].astype(np.float64), per_point[1].astype(np.float64)

    hits, shots = totals(np.ones(len(point)))
    there = shots > 0
    parameters = 3 + (len(set(polar[there])) > 1)
    if len(set(energy[there])) < FEWEST_ENERGIES or there.sum() <= parameters or hits.sum() in (0, shots.sum()):
        return ()
    search = _Search(energy=energy, cosine=np.cos(np.radians(polar)), angles=parameters > 3)
    resamples = RESAMPLES if clusters.fewest > 1 else 0
    drawn = np.array([totals(resampled_weights(clusters, rng)) for _ in range(resamples)])
    found = []
    for law in CURVE_LAWS:
        best = search.best(law, hits, shots)
        again = search.descend(law, np.tile(best, (resamples, 1)), drawn[:, 0], drawn[:, 1]) if resamples else None
        found.append(_fit(line, law, search=search, best=best, drawn=again, observed=(hits, shots), clusters=clusters))
    return tuple(found)


def _fit(
    line: str,
    law: CurveLaw,
    *,
    search: "_Search",
    best: FloatArray,
    drawn: FloatArray | None,
    observed: tuple[FloatArray, FloatArray],
    clusters: Clusters,
) -> CurveFit:
    """A record of what was found; `drawn` (resamples, parameters) are the resampled campaigns' curves, or None."""
    names = list(UNITS)[: len(best)]
    limits = search.limits(rising=best[2] > 0)
    bounds = None if drawn is None else np.percentile(drawn, (2.5, 97.5), axis=0)
    spread = None if drawn is None else np.cov(drawn.T)
    hits, shots = observed
    own = _loss(hits / np.maximum(shots, 1), hits, shots)
    here = _loss(curve(law, best, search.energy, search.cosine), hits, shots)
    notes = []
    if drawn is None:
        notes.append("a single snapshot of a kind: no interval")
    elif clusters.fewest < FEW_CLUSTERS:
        notes.append(f"only {clusters.fewest} {clusters.fewest_name}: intervals are too narrow rather than too wide")
    return CurveFit(
        line=line,
        law=law,
        parameters=tuple(
            Parameter(
                name=name,
                value=float(value),
                standard_error=None if spread is None else float(np.sqrt(spread[k, k])),
                low=None if bounds is None else float(bounds[0, k]),
                high=None if bounds is None else float(bounds[1, k]),
                at_limit=name != "A" and bool(np.min(np.abs(np.subtract(limits[k], value))) < 1e-4 * np.ptp(limits[k])),
            )
            for k, (name, value) in enumerate(zip(names, best, strict=True))
        ),
        covariance=None if spread is None else tuple(tuple(map(float, row)) for row in spread),
        deviance=2.0 * float(here - own),
        freedom=int((shots > 0).sum()) - len(best),
        note="; ".join(notes),
    )


def _loss(chance: FloatArray, hits: FloatArray, shots: FloatArray) -> FloatArray:
    """-ln of the binomial likelihood of each row of points, its constant left out."""
    inside = np.clip(chance, _TINY, 1 - _TINY)
    found: FloatArray = -np.sum(hits * np.log(inside) + (shots - hits) * np.log1p(-inside), axis=-1)
    return found


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Search:
    """Where a curve is looked for: the points' energies in eV and cosines, and whether n is free."""

    energy: FloatArray
    cosine: FloatArray
    angles: bool

    @property
    def span(self) -> float:
        """From the lowest energy to the highest."""
        return float(np.ptp(self.energy))

    def limits(self, *, rising: bool) -> list[tuple[float, float]]:
        """Of A, E0, W and n."""
        lowest, highest = float(self.energy.min()), float(self.energy.max())
        width = (_NARROWEST * self.span, _WIDEST * self.span)
        return [
            (_TINY, 1.0),
            (lowest - _BEYOND * self.span, highest + _BEYOND * self.span),
            width if rising else (-width[1], -width[0]),
            *([(0.0, _LARGEST_POWER)] if self.angles else []),
        ]

    def descend(self, law: CurveLaw, start: FloatArray, hits: FloatArray, shots: FloatArray) -> FloatArray:
        """The most likely curves (R, parameters) for R rows of `hits` and `shots` (R, P), from `start`, of its sense.

        Fisher's scoring, damped as Levenberg and Marquardt do, all rows at once; a parameter that would leave its
        limits stays there.
        """
        low, high = np.array([self.limits(rising=bool(row[2] > 0)) for row in start]).transpose(2, 0, 1)
        values, damping = np.clip(start, low, high), np.full(len(start), 1e-3)
        lowest = _loss(curve(law, values, self.energy, self.cosine), hits, shots)
        for _ in range(_STEPS):
            chance, slopes = _with_slopes(law, values, self.energy, self.cosine)
            inside = np.clip(chance, _TINY, 1 - _TINY)
            pull = np.einsum("rp,rpk->rk", (hits - shots * inside) / (inside * (1 - inside)), slopes)
            information = np.einsum("rp,rpk,rpl->rkl", shots / (inside * (1 - inside)), slopes, slopes)
            held = ((values <= low) & (pull < 0)) | ((values >= high) & (pull > 0))
            information[held[:, :, None] | held[:, None, :]] = 0.0
            diagonal = np.einsum("rkk->rk", information)
            diagonal *= 1 + damping[:, None]
            diagonal += _TINY * diagonal.max(axis=1, keepdims=True) + _TINY
            step = np.linalg.solve(information, np.where(held, 0.0, pull)[:, :, None])[:, :, 0]
            trial = np.clip(values + step, low, high)
            loss = _loss(curve(law, trial, self.energy, self.cosine), hits, shots)
            better = loss <= lowest
            gained = np.where(better, lowest - loss, 0.0)
            values, lowest = np.where(better[:, None], trial, values), np.minimum(loss, lowest)
            damping = np.clip(np.where(better, damping / 3, damping * 5), 1e-9, 1e9)
            if np.all((better & (gained < _SETTLED)) | (damping >= 1e8)):
                break
        return values

    def best(self, law: CurveLaw, hits: FloatArray, shots: FloatArray) -> FloatArray:
        """The most likely curve, (parameters,), over several starts, rising and falling."""
        highest = min(1.0, 1.1 * float(np.max(hits / np.maximum(shots, 1))))
        starts = np.array(
            [
                [level, middle, sense * self.span * width, power][: 4 if self.angles else 3]
                for sense in (1, -1)
                for level in (highest, 1.0)
                for middle in np.quantile(self.energy, (0.1, 0.5, 0.9))
                for width in (0.1, 0.4)
                for power in (0.5, 2.0)
            ]
        )
        ends = self.descend(law, starts, np.tile(hits, (len(starts), 1)), np.tile(shots, (len(starts), 1)))
        found: FloatArray = ends[np.argmin(_loss(curve(law, ends, self.energy, self.cosine), hits, shots))]
        return found
