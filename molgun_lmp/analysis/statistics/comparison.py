"""Campaigns side by side: by how much their fractions differ, and whether chance alone would do that.

The interval of a difference is made of the two fractions' own cluster-robust intervals (Newcombe's hybrid score method,
which takes any two intervals: "MOVER"). The test asks whether both campaigns could share one fraction, at the number of
independent shots that each is worth. Both take the campaigns as independent. Campaigns that fired the same shots are
not: they are compared shot by shot (`pairing`).
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from pydantic import ConfigDict
from scipy import special

from molgun_lmp.analysis.statistics.estimates import Estimate
from molgun_lmp.analysis.statistics.multiple_testing import holm
from molgun_lmp.analysis.statistics.pairing import (
    Drawn,
    Pairing,
    Pairs,
    pair,
    paired_interval,
    paired_line,
    paired_p,
    pooled_effect,
)
from molgun_lmp.analysis.statistics.summary import STICKING_LINES, Summary, TableRow, summarise, table_lines
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import JsonRecord, Outcome

_STRICT = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference(JsonRecord):
    """A campaign's fraction less the reference's, for one line of the table."""

    __pydantic_config__ = _STRICT

    row: str
    """A label of the table's first column."""
    campaign: str
    reference: str
    difference: float | None
    """None where either campaign has no shot to count, such as none in contact."""
    interval: tuple[float, float]
    """At the comparison's confidence, for this line alone."""
    simultaneous: tuple[float, float]
    """At the comparison's confidence for all lines at once (Bonferroni)."""
    p: float | None
    """Two-sided, for this line alone; None where a campaign cannot tell how much its shots are worth."""
    p_holm: float | None
    """Adjusted for the number of lines (Holm)."""
    pairs: int = 0
    """Shots whose own differences were taken; 0 where the campaigns were compared as independent."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison(JsonRecord):
    """Two or more campaigns; the first is the reference of all differences."""

    __pydantic_config__ = _STRICT

    names: tuple[str, ...]
    summaries: tuple[Summary, ...]
    confidence: float
    lines: int
    """Number of differences that the simultaneous intervals and Holm's p values allow for."""
    differences: tuple[Difference, ...]
    pairings: tuple[Pairing, ...] = ()
    """Of each campaign with the reference."""


def difference_interval(a: Estimate, b: Estimate) -> tuple[float, float]:
    """Bounds of (fraction of `a`) - (fraction of `b`) from their cluster-robust intervals; (-1, 1) for no shots.

    Source: Newcombe, Stat. Med. 17, 873 (1998), method 10; Donner and Zou, Stat. Methods Med. Res. 21, 347 (2012).
    """
    if a.fraction is None or b.fraction is None:
        return -1.0, 1.0
    (low_a, high_a), (low_b, high_b) = a.cluster, b.cluster
    between = a.fraction - b.fraction
    low = between - math.hypot(a.fraction - low_a, high_b - b.fraction)
    high = between + math.hypot(high_a - a.fraction, b.fraction - low_b)
    return max(-1.0, low), min(1.0, high)


def difference_p(a: Estimate, b: Estimate) -> float | None:
    """Two-sided p value of equal fractions: the pooled score test at each campaign's effective number of shots.

    1 where both are all hits or all misses; None where a campaign has no shots or a single snapshot of a kind.
    """
    if a.fraction is None or b.fraction is None or not (a.effective_shots > 0 and b.effective_shots > 0):
        return None
    pooled = a.fraction * a.effective_shots + b.fraction * b.effective_shots
    pooled /= a.effective_shots + b.effective_shots
    variance = pooled * (1 - pooled) * (1 / a.effective_shots + 1 / b.effective_shots)
    if variance <= 0.0:
        return 1.0
    return float(2 * special.ndtr(-abs(a.fraction - b.fraction) / math.sqrt(variance)))


def compare(
    scheme: OutcomeScheme,
    named: Sequence[tuple[str, Sequence[Outcome]]],
    *,
    planned: Sequence[int | None] = (),
    drawn: Sequence[Drawn | None] = (),
    confidence: float = 0.95,
) -> Comparison:
    """Compare campaigns, each a name and all its outcomes, with the first one.

    All are decided by the classes of `scheme`. Lines are those of the table in which any of them counts something, and
    always those on sticking. `planned` are the campaigns' numbers of shots; `drawn` what their shots were drawn from:
    where that agrees with the reference's, differences are taken shot by shot. Raises `InputFileError` for fewer than
    two campaigns or for a name given twice.
    """
    names = tuple(name for name, _ in named)
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputFileError(f"cannot compare {', '.join(names) or 'nothing'}: give two or more different campaigns.")
    numbers = tuple(planned) or (None,) * len(named)
    sources = tuple(drawn) or (None,) * len(named)
    summaries = tuple(
        summarise(scheme, outcomes, planned=number, confidence=confidence)
        for (_, outcomes), number in zip(named, numbers, strict=True)
    )
    rows = rows_seen([summary.table() for summary in summaries])
    lines = len(rows) * (len(named) - 1)
    levels = (confidence, 1 - (1 - confidence) / lines)
    tables = [[summarise(scheme, outcomes, confidence=level).table() for level in levels] for _, outcomes in named]
    pairings, found = [], list[Difference]()
    for one in range(1, len(named)):
        pairing, pairs = pair((*named[0], sources[0]), (*named[one], sources[one]))
        pairings.append(pairing)
        if pairs is None:
            found += _independent(names[one], names[0], tables[one], tables[0], rows)
        else:
            labels = [row.label for row in tables[0][0]]
            both = (
                table_lines(scheme, [named[0][1][k] for k in pairs.reference]),
                table_lines(scheme, [named[one][1][k] for k in pairs.other]),
            )
            found += _paired(pairing, pairs, both, {row: labels[row] for row in rows}, levels)
    differences = tuple(
        dataclasses.replace(one, p_holm=p) for one, p in zip(found, holm([one.p for one in found]), strict=True)
    )
    return Comparison(
        names=names,
        summaries=summaries,
        confidence=confidence,
        lines=lines,
        differences=differences,
        pairings=tuple(pairings),
    )


def _independent(
    campaign: str,
    reference: str,
    theirs: Sequence[Sequence[TableRow]],
    ours: Sequence[Sequence[TableRow]],
    rows: Sequence[int],
) -> list[Difference]:
    """Of both tables, each at the level of one line and at that of all."""
    return [
        Difference(
            row=ours[0][row].label,
            campaign=campaign,
            reference=reference,
            difference=_between(theirs[0][row].estimate, ours[0][row].estimate),
            interval=difference_interval(theirs[0][row].estimate, ours[0][row].estimate),
            simultaneous=difference_interval(theirs[1][row].estimate, ours[1][row].estimate),
            p=difference_p(theirs[0][row].estimate, ours[0][row].estimate),
            p_holm=None,
        )
        for row in rows
    ]


def _paired(
    pairing: Pairing,
    pairs: Pairs,
    lines: tuple[Sequence[Line], Sequence[Line]],
    labels: Mapping[int, str],
    levels: tuple[float, float],
) -> list[Difference]:
    """Of the lines with these numbers and labels, over the shots that both have; `lines` are all of reference and
    other."""
    reference, other = lines
    found = {row: paired_line(other[row], reference[row]) for row in labels}
    clusters, pooled = pairs.clusters, pooled_effect(list(found.values()), pairs.clusters)
    return [
        Difference(
            row=labels[row],
            campaign=pairing.campaign,
            reference=pairing.reference,
            difference=None if line is None else line.difference,
            interval=paired_interval(line, clusters, levels[0], pooled),
            simultaneous=paired_interval(line, clusters, levels[1], pooled),
            p=paired_p(line, clusters, levels[0], pooled),
            p_holm=None,
            pairs=pairing.shots,
        )
        for row, line in found.items()
    ]


def rows_seen(tables: Sequence[Sequence[TableRow]]) -> list[int]:
    """Lines in which any campaign counts something; those on sticking always, the last ones."""
    return [
        row
        for row, lines in enumerate(zip(*tables, strict=True))
        if any(line.estimate.seen for line in lines) or row >= len(tables[0]) - len(STICKING_LINES)
    ]


def _between(a: Estimate, b: Estimate) -> float | None:
    return None if a.fraction is None or b.fraction is None else a.fraction - b.fraction
