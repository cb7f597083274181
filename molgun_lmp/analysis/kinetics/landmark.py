"""Modes at fixed times after first contact, which flight times of different length cannot blur.

A table at one time is over the shots that were planned to be watched so long, whatever became of them. Who ended early
because of its fate (a molecule that left) is in it or out of it by the same rule as all others: counted wherever its
fate is known, it would be counted too often. One that had settled and was ended counts as it had settled, and those of
the audit say how often that was wrong (`two_phase`).
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.analysis.statistics.estimates import STUCK_LINE, Estimate, Estimator, audit_of, clusters_of
from molgun_lmp.analysis.statistics.two_phase import Audit, Line
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.outcome_scheme import OutcomeScheme, in_order
from molgun_lmp.records import Outcome, Stop
from molgun_lmp.units import ROUNDING_PS

_ENDED_BY_ITS_MODE: Final = frozenset({Stop.DEPARTED, Stop.FRAGMENT_LEFT, Stop.TOO_HOT, Stop.SETTLED})


@dataclasses.dataclass(frozen=True, kw_only=True)
class AfterContact:
    """The table at one time after first contact.

    Of the `contact` shots that came into contact `censored` were not watched so long (the planned end came before, or
    the run failed); the `watched` others are the denominator. That is fair where how late a molecule arrives has no
    bearing on what becomes of it.
    """

    time_ps: float
    contact: int
    watched: int
    censored: int
    lines: tuple[tuple[str, Estimate], ...]
    """Every mode that was seen then, and `stuck`: bound to the surface then, intact or broken."""


def mode_after_contact(
    scheme: OutcomeScheme, outcome: Outcome, stop: Stop | None, time_ps: float, planned_ps: float
) -> Mode | None:
    """The mode of one shot `time_ps` after its first contact; None where it made none or was not to be watched so long.

    `planned_ps` is how long its trajectory was planned to be. Whatever became of a molecule that arrived too late for
    this time, it is not in the table. Before its planned end a shot that a stop rule ended because of what it saw
    (`stop`) stays as it ended, and one that failed, or whose dump was cut, is watched until then. A mode that had not
    lasted the persistence time when the trajectory ended is undecided.
    """
    if outcome.first_contact_ps is None:
        return None
    at = outcome.first_contact_ps + time_ps
    if at > planned_ps + ROUNDING_PS:
        return None
    if at > outcome.time_ps + ROUNDING_PS:
        return outcome.mode if stop in _ENDED_BY_ITS_MODE and outcome.mode.kind is not Kind.FAILED else None
    began = [event for event in outcome.events if event[0] <= at + ROUNDING_PS]
    if not began:
        return None
    if (outcome.mode.kind is Kind.UNDECIDED or outcome.young) and began[-1] == outcome.events[-1]:
        return scheme.undecided
    return began[-1][1]


def stuck_after_contact(outcome: Outcome, mode: Mode, time_ps: float) -> bool:
    """Whether a shot was bound `time_ps` after first contact, when it was in `mode` (as `mode_after_contact` says)."""
    at = (outcome.first_contact_ps or 0.0) + time_ps
    if not mode.can_stick:
        return False
    if at > outcome.time_ps + ROUNDING_PS:
        return outcome.stuck
    changes = [bound for began, bound in outcome.bound_changes if began <= at + ROUNDING_PS]
    return bool(changes) and changes[-1]


def after_contact(
    scheme: OutcomeScheme,
    outcomes: Sequence[Outcome],
    stops: Sequence[Stop | None],
    times_ps: Sequence[float],
    *,
    planned_ps: float,
    confidence: float = 0.95,
) -> tuple[AfterContact, ...]:
    """The tables at each of `times_ps`; `stops` are the outcomes' in their order, `planned_ps` the length of every
    trajectory as planned.

    Trajectories that nobody planned (made elsewhere) have no such table: where a run ended says when it was to end only
    if it did not end because of what became of its molecule.
    """
    tables = []
    clusters = clusters_of(outcomes)
    contact = sum(outcome.first_contact_ps is not None for outcome in outcomes)
    audit = audit_of(outcomes)
    for time_ps in times_ps:
        found = [_watched(scheme, o, stop, time_ps, planned_ps) for o, stop in zip(outcomes, stops, strict=True)]
        watched = np.array([one is not None for one in found], dtype=np.bool_)
        seen = [one for one in found if one is not None]
        in_audit = None
        if audit is not None:
            later = np.array([one.settled for one in seen], dtype=np.bool_)
            among_audit = audit.take(watched)
            in_audit = dataclasses.replace(
                among_audit, settled=among_audit.settled & later, audited=among_audit.audited & later
            )
        lines = {
            m.label: _line([one.settled_as == m for one in seen], [one.mode == m for one in seen], in_audit)
            for m in in_order(mode for one in seen for mode in (one.settled_as, one.mode))
        }
        lines[STUCK_LINE] = _line([one.settled_stuck for one in seen], [one.stuck for one in seen], in_audit)
        among = clusters.take(watched)
        estimator = Estimator.of(
            list(lines.values())[:-1], among, confidence=confidence, lines=(len(scheme.modes) + 1) * len(times_ps)
        )
        tables.append(
            AfterContact(
                time_ps=time_ps,
                contact=contact,
                watched=len(seen),
                censored=contact - len(seen),
                lines=tuple((label, estimator.over(line, among)) for label, line in lines.items()),
            )
        )
    return tuple(tables)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _AtTime:
    """One shot at one time after contact: as it was, and as it had settled, if it had by then (`settled`)."""

    mode: Mode
    stuck: bool
    settled_as: Mode
    settled_stuck: bool
    settled: bool


def _watched(
    scheme: OutcomeScheme, outcome: Outcome, stop: Stop | None, time_ps: float, planned_ps: float
) -> _AtTime | None:
    """None as for `mode_after_contact`. A shot of the audit that failed later is taken as it had settled."""
    first = outcome.first_phase
    before = mode_after_contact(scheme, first, stop if first is outcome else Stop.SETTLED, time_ps, planned_ps)
    if before is None:
        return None
    after = mode_after_contact(scheme, outcome, stop, time_ps, planned_ps)
    last = first if after is None else outcome
    mode = after or before
    return _AtTime(
        mode=mode,
        stuck=stuck_after_contact(last, mode, time_ps),
        settled_as=before,
        settled_stuck=stuck_after_contact(first, before, time_ps),
        settled=outcome.audit_share is not None
        and (outcome.first_contact_ps or 0.0) + time_ps > first.time_ps + ROUNDING_PS,
    )


def _line(settled_as: Sequence[bool], at_end: Sequence[bool], audit: Audit | None) -> Line:
    hit = np.array(settled_as, dtype=np.bool_)
    change = None if audit is None else (np.array(at_end, dtype=np.int64) - hit) * audit.audited
    return Line.of_all(hit, change, audit)


def cells(scheme: OutcomeScheme, tables: Sequence[AfterContact]) -> list[tuple[str, ...]]:
    """Lines of a printed table: mode, then `count of watched` at each time; at last how many were censored."""
    lines = [dict(table.lines) for table in tables]
    rows = [
        (
            label,
            *(
                f"{at[label].count_text() if label in at else 0} of {t.watched}"
                for at, t in zip(lines, tables, strict=True)
            ),
        )
        for label in (*(mode.label for mode in scheme.modes), STUCK_LINE)
        if any(label in at for at in lines)
    ]
    return [*rows, ("not watched so long", *(f"{t.censored} of {t.contact}" for t in tables))]
