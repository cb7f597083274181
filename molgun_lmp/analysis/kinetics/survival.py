"""How long something lasts and what ends it: competing risks with censoring, and bands over snapshots.

The share that lasts is Kaplan and Meier's estimate, the share that each cause has ended is Aalen and Johansen's, so
that all add up to one at every time. Bands are bootstrapped over slab and molecule snapshots, since spells of shots
that share one resemble each other. What has happened to none, or to all, is alike in every bootstrap sample, which says
nothing of how rare it may be: its band is that of a fraction of which none, or all, was seen.

What a shot does after it has settled is seen in those of the audit alone, each of which then stands for 1 / share shots
(inverse probability weights: Robins and Finkelstein, Biometrics 56, 779 (2000)); to take the others for censored at
random would be wrong, since it was the cool ones that were ended.

Written here, thirty lines, since the libraries that have it do not fit: lifelines' Aalen-Johansen estimate moves tied
times at random, and times of frames are tied; statsmodels' gives no bands over clusters and would be built anew for
each resample.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from scipy import special

from molgun_lmp.analysis.statistics.bootstrap import resampled_weights
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters, cluster_interval, pooled_design_effect
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.records import Outcome

LASTING: Final = "lasting"
_CENSORED: Final = -1
_ROUNDING: Final = 1e-12


class Fate(StrEnum):
    """What ended the wait after first contact."""

    BOUND = "bound"
    """A bound mode began that lasted; a touch ends no wait."""
    LEFT = "left"
    CENSORED = "censored"


WAIT_ENDS: Final = {Fate.BOUND: 0, Fate.LEFT: 1}
"""The causes that end a wait, by their column."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wait:
    """One molecule's time in ps from first contact to its fate, or to where the trajectory ended."""

    time_ps: float
    fate: Fate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """Shares of the molecules in contact from `time_ps` after first contact until the next step."""

    time_ps: float
    at_risk: int
    """Still waiting and watched just before this time."""
    waiting: float
    interval: tuple[float, float]
    """95 % bounds of `waiting` (Greenwood, log-log); (0, 1) where nothing or everything has happened."""
    bound: float
    left: float


def wait_of(outcome: Outcome) -> Wait | None:
    """The wait of one trajectory; None where the molecule never came into contact.

    It ends with the first bound mode that lasts the persistence time, as modes do in their sequence. A molecule that
    scattered without one has left when that mode began for the last time; one that ended in any other way (trajectory
    over, failed, blown up) was watched until then and is censored.
    """
    contact = outcome.first_contact_ps
    if contact is None:
        return None
    if outcome.first_bond_ps is not None:
        return Wait(time_ps=max(0.0, outcome.first_bond_ps - contact), fate=Fate.BOUND)
    if outcome.mode.kind is not Kind.LEFT:
        return Wait(time_ps=max(0.0, outcome.time_ps - contact), fate=Fate.CENSORED)
    began = outcome.events[-1][0] if outcome.events and outcome.events[-1][1].kind is Kind.LEFT else outcome.time_ps
    return Wait(time_ps=max(0.0, began - contact), fate=Fate.LEFT)


def survival(waits: Sequence[Wait], confidence: float = 0.95) -> tuple[Step, ...]:
    """The curves as steps at each time where a molecule bound or left, the first at 0 with everyone waiting.

    A wait censored at the time of an event is at risk for it. Sources: Kaplan and Meier, J. Am. Stat. Assoc. 53, 457
    (1958); Aalen and Johansen, Scand. J. Stat. 5, 141 (1978); Kalbfleisch and Prentice (2002), eq. 1.15.
    """
    steps = [Step(time_ps=0.0, at_risk=len(waits), waiting=1.0, interval=(0.0, 1.0), bound=0.0, left=0.0)]
    if not waits:
        return tuple(steps)
    z = float(special.ndtri(0.5 + confidence / 2))
    times = np.array([wait.time_ps for wait in waits])
    codes = np.array([WAIT_ENDS.get(wait.fate, _CENSORED) for wait in waits], dtype=np.int64)
    moments = np.unique(times[codes != _CENSORED])
    at_risk, shares = _shares(
        times, codes, moments, len(WAIT_ENDS), weights=np.ones(len(waits)), begun=np.zeros(len(waits))
    )
    ended = np.bincount(np.searchsorted(moments, times[codes != _CENSORED]), minlength=len(moments))
    greenwood = 0.0
    for time, watched, gone, (waiting, bound, left) in zip(
        moments.tolist(), at_risk.tolist(), ended.tolist(), shares.tolist(), strict=True
    ):
        interval = (0.0, 1.0)
        if gone < watched:
            greenwood += gone / (watched * (watched - gone))
            spread = z * math.sqrt(greenwood) / abs(math.log(waiting))
            interval = (waiting ** math.exp(spread), waiting ** math.exp(-spread))
        steps.append(
            Step(time_ps=time, at_risk=int(watched), waiting=waiting, interval=interval, bound=bound, left=left)
        )
    return tuple(steps)


def transitions(outcomes: Sequence[Outcome]) -> dict[tuple[Mode, Mode], int]:
    """How often one lasting mode followed another, over all trajectories, in the order of their scheme."""
    counts = Counter(
        (before[1], after[1])
        for outcome in outcomes
        for before, after in zip(outcome.lasting, outcome.lasting[1:], strict=False)
    )
    return dict(sorted(counts.items(), key=lambda item: (item[0][0].rank, item[0][1].rank)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spell:
    """One stretch of time in ps in which a molecule stayed in a state, and what ended it; None where it was still in
    it when the trajectory ended (censored). `molecule_snapshot` is the molecule's run where that is what shots share.
    """

    time_ps: float
    cause: str | None
    slab_snapshot: str
    molecule_snapshot: str
    seen_from_ps: float = 0.0
    """From when on it is watched with this weight."""
    weight: float = 1.0
    """How many spells it stands for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of all spells from `time_ps` until the next such record.

    `shares`: `lasting`, then every cause -> (estimate, low, high). The bounds are the middle 95 % (or the confidence
    asked for) of bootstrap samples over snapshots; for none and for all they are those of `cluster_interval` over the
    spells that were watched so long or had ended; (0, 1) with a single snapshot of a kind, which says nothing of
    others. At time zero nothing has ended by definition.
    """

    time_ps: float
    at_risk: int
    """Spells that still lasted and were watched just before this time."""
    shares: Mapping[str, tuple[float, float, float]]


def waits_after_contact(outcomes: Sequence[Outcome]) -> list[Spell]:
    """From first contact to the first bound mode that lasts (`bound`) or to leaving without one (`left`)."""
    found = [(outcome, wait) for outcome in outcomes if (wait := wait_of(outcome)) is not None]
    return [
        _spell(outcome, wait.time_ps, None if wait.fate is Fate.CENSORED else wait.fate.value)
        for outcome, wait in found
    ]


def visits(outcomes: Sequence[Outcome], mode: Mode) -> list[Spell]:
    """Every visit to a lasting mode, such as the precursor; the cause of its end is the mode that followed.

    A visit that lasts until the trajectory ends is censored, whatever ended the trajectory, and so is one after which
    a mode began that did not last until then. One in which the molecule settled goes on in the shots of the audit
    alone, with their weight.
    """
    spells = []
    for outcome in outcomes:
        ends = [*outcome.lasting[1:], (outcome.followed_ps, None)]
        for (began, at), (ended, after) in zip(outcome.lasting, ends, strict=False):
            if at != mode:
                continue
            *before, last = weighted_parts(outcome, began, ended)
            for start_ps, end_ps, weight in before:
                spells.append(_spell(outcome, end_ps - began, None, start_ps - began, weight))
            cause = None if after is None else after.label
            spells.append(_spell(outcome, max(0.0, ended - began), cause, last[0] - began, last[2]))
    return spells


def weighted_parts(outcome: Outcome, began_ps: float, ended_ps: float) -> list[tuple[float, float, float]]:
    """A stretch of a trajectory as parts (begin, end, how many trajectories it stands for): one of the audit stands for
    those that were ended, from when it had settled."""
    settled_ps = outcome.first_phase.time_ps
    if outcome.as_settled is None or outcome.audit_share is None or ended_ps <= settled_ps:
        return [(began_ps, ended_ps, 1.0)]
    after = (max(began_ps, settled_ps), ended_ps, 1.0 / outcome.audit_share)
    return [after] if began_ps >= settled_ps else [(began_ps, settled_ps, 1.0), after]


def _spell(
    outcome: Outcome, time_ps: float, cause: str | None, seen_from_ps: float = 0.0, weight: float = 1.0
) -> Spell:
    return Spell(
        seen_from_ps=seen_from_ps,
        weight=weight,
        time_ps=time_ps,
        cause=cause,
        slab_snapshot=outcome.slab_snapshot,
        molecule_snapshot=outcome.molecule_cluster,
    )


def competing_risks(
    spells: Sequence[Spell],
    rng: np.random.Generator,
    *,
    possible: Iterable[str] = (),
    resamples: int = 200,
    confidence: float = 0.95,
) -> tuple[Shares, ...]:
    """The shares at time zero and at each time at which a spell ended, causes in alphabetic order.

    `possible` causes are there even where they ended no spell. A spell that is censored at the time of an event is at
    risk for it. Sources: Kaplan and Meier, J. Am. Stat. Assoc. 53, 457 (1958); Aalen and Johansen, Scand. J. Stat. 5,
    141 (1978); the bootstrap as in `molgun_lmp.analysis.statistics.convergence`.
    """
    if not spells:
        return ()
    causes = sorted({spell.cause for spell in spells if spell.cause is not None} | set(possible))
    times = np.array([spell.time_ps for spell in spells])
    codes = np.array([_CENSORED if s.cause is None else causes.index(s.cause) for s in spells], dtype=np.int64)
    moments = np.unique(times[codes != _CENSORED])
    weights = np.array([spell.weight for spell in spells])
    begun = np.array([spell.seen_from_ps for spell in spells])
    at_risk, shares = _shares(times, codes, moments, len(causes), weights=weights, begun=begun)
    clusters = Clusters.of([s.slab_snapshot for s in spells], [s.molecule_snapshot for s in spells])
    if clusters.fewest < 2:
        low, high = np.zeros_like(shares), np.ones_like(shares)
    else:
        samples = [
            _shares(
                times, codes, moments, len(causes), weights=weights * resampled_weights(clusters, rng), begun=begun
            )[1]
            for _ in range(resamples)
        ]
        low, high = np.quantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        pooled = pooled_design_effect([codes == cause for cause in range(len(causes))], clusters)
        for row, column in np.argwhere((high < _ROUNDING) | (low > 1 - _ROUNDING)):
            known = ((times >= moments[row]) | (codes != _CENSORED)) & ((begun == 0.0) | (begun < moments[row]))
            every = np.full(int(known.sum()), low[row, column] > 0.5)
            interval = cluster_interval(every, clusters.take(known), confidence, pooled)
            low[row, column], high[row, column] = interval.low, interval.high
    names = (LASTING, *causes)
    at_start = round(float(weights[begun == 0.0].sum()))
    start = Shares(time_ps=0.0, at_risk=at_start, shares={n: (float(n == LASTING),) * 3 for n in names})
    steps = [
        Shares(
            time_ps=float(moment),
            at_risk=round(float(at_risk[row])),
            shares={
                name: (float(shares[row, k]), float(low[row, k]), float(high[row, k])) for k, name in enumerate(names)
            },
        )
        for row, moment in enumerate(moments)
    ]
    return (start, *steps)


def _shares(
    times: FloatArray,
    codes: IntArray,
    moments: FloatArray,
    n_causes: int,
    *,
    weights: FloatArray,
    begun: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Numbers at risk (M,), and shares (M, 1 + causes) that last and that each cause has ended."""
    late = begun > 0.0
    at_risk = _beyond(times, weights, moments) - _beyond(begun[late], weights[late], moments)
    ended = codes != _CENSORED
    table = np.zeros((len(moments), n_causes))
    np.add.at(table, (np.searchsorted(moments, times[ended]), codes[ended]), weights[ended])
    hazard = np.divide(table, at_risk[:, None], out=np.zeros_like(table), where=at_risk[:, None] > 0)
    lasting = np.cumprod(1 - hazard.sum(axis=1))
    before = np.append(1.0, lasting[:-1])
    return at_risk, np.column_stack([lasting, np.minimum(1.0, np.cumsum(before[:, None] * hazard, axis=0))])


def _beyond(times: FloatArray, weights: FloatArray, moments: FloatArray) -> FloatArray:
    """(M,) the weight of all times that are not before each moment."""
    order = np.argsort(times)
    beyond = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)
    found: FloatArray = beyond[np.searchsorted(times[order], moments, side="left")]
    return found
