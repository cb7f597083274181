"""How long molecules stay between first contact and first bond, what ends that, and which mode follows which.

Trajectories end before all is decided, so lifetimes are censored: the share still waiting is Kaplan and Meier's
estimate, the shares that bound or left are Aalen and Johansen's for competing risks, so the three add up to one.
Shots count as independent here; effects of shared snapshots are in the table's intervals, not in these.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

from molgun_lmp.csv_files import write_csv
from molgun_lmp.outcome_classes import LEFT, Mode
from molgun_lmp.records import Outcome

_CSV_HEADER: Final = ("after_contact_ps", "at_risk", "waiting", "waiting_low", "waiting_high", "bound", "left")


class Fate(StrEnum):
    """What ended the wait after first contact."""

    BOUND = "bound"
    LEFT = "left"
    CENSORED = "censored"


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

    A molecule that scattered has left when that mode began for the last time; one that ended in any other way
    (trajectory over, failed, blown up) was watched until then and is censored.
    """
    contact = outcome.first_contact_ps
    if contact is None:
        return None
    if outcome.first_bond_ps is not None:
        return Wait(time_ps=max(0.0, outcome.first_bond_ps - contact), fate=Fate.BOUND)
    if outcome.mode is not LEFT:
        return Wait(time_ps=max(0.0, outcome.time_ps - contact), fate=Fate.CENSORED)
    began = outcome.events[-1][0] if outcome.events and outcome.events[-1][1] is LEFT else outcome.time_ps
    return Wait(time_ps=max(0.0, began - contact), fate=Fate.LEFT)


def survival(waits: Sequence[Wait], confidence: float = 0.95) -> tuple[Step, ...]:
    """The curves as steps at each time where a molecule bound or left, the first at 0 with everyone waiting.

    A wait censored at the time of an event is at risk for it. Sources: Kaplan and Meier, J. Am. Stat. Assoc. 53, 457
    (1958); Aalen and Johansen, Scand. J. Stat. 5, 141 (1978); Kalbfleisch and Prentice (2002), eq. 1.15.
    """
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    times = np.array([wait.time_ps for wait in waits])
    fates = np.array([wait.fate for wait in waits], dtype=object)
    waiting, bound, left, greenwood = 1.0, 0.0, 0.0, 0.0
    steps = [Step(time_ps=0.0, at_risk=len(waits), waiting=1.0, interval=(0.0, 1.0), bound=0.0, left=0.0)]
    for time in np.unique(times[fates != Fate.CENSORED]) if len(waits) else ():
        at_risk = int((times >= time).sum())
        now_bound = int(((times == time) & (fates == Fate.BOUND)).sum())
        now_left = int(((times == time) & (fates == Fate.LEFT)).sum())
        gone = now_bound + now_left
        bound += waiting * now_bound / at_risk
        left += waiting * now_left / at_risk
        waiting *= 1 - gone / at_risk
        interval = (0.0, 1.0)
        if gone < at_risk:
            greenwood += gone / (at_risk * (at_risk - gone))
            spread = z * math.sqrt(greenwood) / abs(math.log(waiting))
            interval = (waiting ** math.exp(spread), waiting ** math.exp(-spread))
        steps.append(
            Step(time_ps=float(time), at_risk=at_risk, waiting=waiting, interval=interval, bound=bound, left=left)
        )
    return tuple(steps)


def transitions(outcomes: Sequence[Outcome]) -> dict[tuple[Mode, Mode], int]:
    """How often one lasting mode followed another, over all trajectories, in the order of `Mode`."""
    counts = Counter(
        (before[1], after[1])
        for outcome in outcomes
        for before, after in zip(outcome.events, outcome.events[1:], strict=False)
    )
    order = {mode: rank for rank, mode in enumerate(Mode)}
    return dict(sorted(counts.items(), key=lambda item: (order[item[0][0]], order[item[0][1]])))


def write_survival(steps: Sequence[Step], path: Path) -> Path:
    """The curves with unrounded numbers, one line per step."""
    rows = ((s.time_ps, s.at_risk, s.waiting, *s.interval, s.bound, s.left) for s in steps)
    return write_csv(path, _CSV_HEADER, rows)
