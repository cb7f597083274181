"""How much a surface takes: the coverage after each dose, the laws of sticking against it, and where it ends.

Sticking falls with the coverage as S = S0 (1 - x) (Langmuir, J. Am. Chem. Soc. 40, 1361 (1918)), or, where a molecule
on an occupied place may wander to a free one, as S = S0 (1 - x) / (1 - x + K x) (Kisliuk, J. Phys. Chem. Solids 3, 95
(1957)), x = n / n_sat; K is 1 for Langmuir's law, smaller with a precursor, and larger where a molecule keeps others
off its neighbours, too.
"""

import dataclasses
from typing import Final, Literal, get_args

import numpy as np
from scipy import optimize, special

from molgun_lmp.analysis.dosing.coverage import Doses, Places
from molgun_lmp.analysis.statistics.clustered_intervals import normal_quantile, wilson
from molgun_lmp.arrays import FloatArray, IntArray

UptakeLaw = Literal["Langmuir", "Kisliuk"]
RESAMPLES: Final = 200
_TINY: Final = 1e-9
_K_RANGE: Final = (0.05, 20.0)
_MOST_TIMES: Final = 20.0
"""Of the coverage that was reached: beyond it a saturation is not determined."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UptakePoint:
    """The mean coverage after a number of doses, over the chains that had as many, with its 95 % interval."""

    doses: int
    per_surface_atom: float
    """Doses per atom of the top layer."""
    chains: int
    molecules: float
    molecules_low: float
    molecules_high: float
    monolayers: float
    monolayers_low: float
    monolayers_high: float
    per_dimer: float | None
    spread: float | None
    """Standard deviation between chains; None for one chain."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UptakeFit:
    """A parameter of a law of sticking: S0, the saturation in molecules, in monolayers, K."""

    law: UptakeLaw
    parameter: str
    value: float
    low: float | None
    high: float | None
    """95 % over chains; None for fewer than two, and where the chains do not bound it. A saturation is never below the
    coverage that was reached."""
    deviance: float
    """-2 ln of the likelihood over that of the fractions at each coverage themselves."""
    freedom: int
    note: str


def uptake(doses: Doses, places: Places) -> list[UptakePoint]:
    """The curve, from no dose on. A chain counts as far as all its doses have ended."""
    after = _by_chain(doses)
    found = []
    for number in range(max(map(len, after), default=0) + 1):
        there = np.array([chain[number - 1] if number else 0 for chain in after if len(chain) >= number])
        mean, low, high = bounded_mean(there / max(number, 1))
        molecules, lowest, highest = mean * number, low * number, high * number
        found.append(
            UptakePoint(
                doses=number,
                per_surface_atom=places.per_atom(number),
                chains=len(there),
                molecules=molecules,
                molecules_low=lowest,
                molecules_high=highest,
                monolayers=places.per_atom(molecules),
                monolayers_low=places.per_atom(lowest),
                monolayers_high=places.per_atom(highest),
                per_dimer=places.per_dimer(molecules),
                spread=float(there.std(ddof=1)) if len(there) > 1 else None,
            )
        )
    return found


def bounded_mean(values: FloatArray, confidence: float = 0.95) -> tuple[float, float, float]:
    """The mean of L independent numbers between 0 and 1, and its interval.

    Wilson's at the effective number of trials m (1 - m) / (s² / L), which for trials is their number, with the
    correction of Korn and Graubard for few chains (`cluster_interval`). Numbers that are all alike count as one trial
    each. Nothing is known from one.
    """
    mean = float(values.mean()) if len(values) else 0.0
    if len(values) < 2:
        return mean, 0.0, 1.0
    variance = float(values.var(ddof=1)) / len(values)
    trials = mean * (1 - mean) / variance if variance > 0 else float(len(values))
    few = normal_quantile(confidence) / special.stdtrit(len(values) - 1, 0.5 + confidence / 2)
    trials *= float(few) ** 2
    return mean, *wilson(mean * trials, trials, confidence)


def sticking_law(values: FloatArray, molecules: FloatArray) -> FloatArray:
    """S at numbers of molecules, by S0, the saturation and K."""
    share = np.clip(molecules / values[1], 0.0, 1.0)
    found: FloatArray = values[0] * (1 - share) / np.maximum(1 - share + values[2] * share, _TINY)
    return found


def fit_uptake(doses: Doses, places: Places, rng: np.random.Generator) -> list[UptakeFit]:
    """Both laws by maximum likelihood, with bounds from resampled chains; nothing where no shot sticks, or all do."""
    size = int(doses.before.max(initial=0)) + 1
    names, number = np.unique(doses.chain, return_inverse=True)
    hits, shots = np.zeros((len(names), size)), np.zeros((len(names), size))
    np.add.at(hits, (number, doses.before), doses.taken_up)
    np.add.at(shots, (number, doses.before), 1)
    if size < 3 or hits.sum() in {0, shots.sum()}:
        return []
    drawn, reached = rng.integers(len(names), size=(RESAMPLES, len(names))), float(doses.after.max(initial=size - 1))
    found: list[UptakeFit] = []
    for law in get_args(UptakeLaw):
        best = _most_likely(law, hits.sum(axis=0), shots.sum(axis=0), reached)
        grid = _around(law, best, size, reached)
        again = grid[_best_on(grid, hits, shots, drawn)] if len(names) > 1 else grid[:0]
        found += _rows(law, best, again, (hits.sum(axis=0), shots.sum(axis=0)), places)
    return found


def _rows(
    law: UptakeLaw, best: FloatArray, again: FloatArray, counts: tuple[FloatArray, FloatArray], places: Places
) -> list[UptakeFit]:
    hits, shots = counts
    there = shots > 0
    own = _loss(hits[there] / shots[there], hits[there], shots[there])
    deviance = 2 * (
        _loss(sticking_law(best, np.arange(len(hits), dtype=float)[there]), hits[there], shots[there]) - own
    )
    parameters = 2 + (law == "Kisliuk")
    notes, widest, unbounded = list[str](), _MOST_TIMES * len(hits), set[int]()
    if not len(again):
        notes.append("a single chain: no interval")
    elif law == "Kisliuk" and _at_ends(again[:, 2]) > 0.025:
        notes.append("the shots do not tell K, and with it not the saturation")
        unbounded = {1, 2}
    elif np.percentile(again[:, 1], 97.5) > 0.9 * widest:
        notes.append("the coverage reached gives no upper end of the saturation")
    values = [("S0", 0, 1.0), ("saturation_molecules", 1, 1.0), ("saturation_monolayers", 1, 1.0 / places.top_atoms)]
    if law == "Kisliuk":
        values.append(("K", 2, 1.0))
    rows = []
    for name, column, unit in values:
        known = len(again) > 0 and column not in unbounded
        low, high = np.percentile(again[:, column], (2.5, 97.5)) * unit if known else (None, None)
        if high is not None and column == 1 and high > 0.9 * widest * unit:
            high = None
        rows.append(
            UptakeFit(
                law=law,
                parameter=name,
                value=float(best[column] * unit),
                low=None if low is None else float(low),
                high=None if high is None else float(high),
                deviance=deviance,
                freedom=int(there.sum()) - parameters,
                note="; ".join(notes),
            )
        )
    return rows


def _at_ends(power: FloatArray) -> float:
    """The share of K at an end of what is searched."""
    return float(((power <= 1.01 * _K_RANGE[0]) | (power >= 0.99 * _K_RANGE[1])).mean())


def _most_likely(law: UptakeLaw, hits: FloatArray, shots: FloatArray, reached: float) -> FloatArray:
    """S0, saturation, K of counts at 0, 1, 2, ... molecules.

    What is searched are the logit of S0, and the logarithms of K and of how far the saturation is above the highest
    number of molecules that was `reached`, which can be no higher than it.
    """
    there = shots > 0
    molecules, hits, shots = np.flatnonzero(there).astype(np.float64), hits[there], shots[there]
    widest = _MOST_TIMES * (molecules.max() + 1)
    size = 3 if law == "Kisliuk" else 2

    def values(x: FloatArray) -> FloatArray:
        above = np.exp(np.clip(x[1], -10.0, np.log(widest)))
        power = np.exp(np.clip(x[2], *np.log(_K_RANGE))) if size > 2 else 1.0
        return np.array([special.expit(x[0]), min(reached + above, widest), power])

    def loss(x: FloatArray) -> float:
        return _loss(sticking_law(values(x), molecules), hits, shots)

    first = special.logit(np.clip(hits[0] / shots[0], 0.02, 0.98))
    starts = [np.array([first, np.log(above), 0.0])[:size] for above in (1.0, 0.3 * reached + 1, widest / 4)]
    found = [optimize.minimize(loss, one, method="Nelder-Mead", options={"maxiter": 300}) for one in starts]
    return values(min(found, key=lambda one: float(one.fun)).x)


def _around(law: UptakeLaw, best: FloatArray, size: int, reached: float) -> FloatArray:
    """(P, 3): S0, saturation and K about the most likely ones, close by in steps of 2 %, and on to what is widest; no
    saturation is below what was `reached`."""
    sticking = special.expit(special.logit(np.clip(best[0], 1e-3, 1 - 1e-3)) + np.linspace(-1.6, 1.6, 33))
    close, widest = best[1] * np.linspace(0.6, 1.6, 51), _MOST_TIMES * size
    far = np.geomspace(close[-1], max(widest, close[-1]), 12)[1:]
    power = np.clip(best[2] * np.geomspace(1 / 8, 8, 17), *_K_RANGE) if law == "Kisliuk" else np.ones(1)
    below = np.geomspace(min(max(1.0, 0.3 * size), close[0]), close[0], 12)[:-1]
    ends = np.unique(np.maximum(np.concatenate([below, close, far]), reached))
    grid = np.stack(np.meshgrid(sticking, ends, power, indexing="ij"), axis=-1)
    return np.vstack([best, grid.reshape(-1, 3)])


def _best_on(grid: FloatArray, hits: FloatArray, shots: FloatArray, drawn: IntArray) -> IntArray:
    """(R,) the most likely of P points for each of R resampled sets of chains; `hits` and `shots` (L, size)."""
    chance = np.clip(sticking_law(grid.T[:, :, None], np.arange(hits.shape[1], dtype=np.float64)), _TINY, 1 - _TINY)
    hit, shot = hits[drawn].sum(axis=1), shots[drawn].sum(axis=1)
    likelihood = hit @ np.log(chance).T + (shot - hit) @ np.log1p(-chance).T
    best: IntArray = likelihood.argmax(axis=1)
    return best


def _loss(chance: FloatArray, hits: FloatArray, shots: FloatArray) -> float:
    inside = np.clip(chance, _TINY, 1 - _TINY)
    return -float(np.sum(hits * np.log(inside) + (shots - hits) * np.log1p(-inside)))


def _by_chain(doses: Doses) -> list[IntArray]:
    """The coverage after each of a chain's first doses, as far as none is missing."""
    chains = []
    for one in np.unique(doses.chain):
        mine = doses.chain == one
        order = np.argsort(doses.dose[mine])
        dose, after = doses.dose[mine][order], doses.after[mine][order]
        chains.append(after[: int(np.argmin(np.append(dose, -1) == np.arange(len(dose) + 1)))])
    return chains
