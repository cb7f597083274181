"""The members of a committee side by side: the same shots under each, fraction by member, and where they part.

What is said of each line of the table: `between_models`.
"""

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.analysis.statistics.between_models import OverModels, over_models
from molgun_lmp.analysis.statistics.comparison import rows_seen
from molgun_lmp.analysis.statistics.estimates import Estimate, Estimator, clusters_of
from molgun_lmp.analysis.statistics.summary import bounds_text, summarise, table_lines
from molgun_lmp.analysis.statistics.two_phase import Line
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import OutcomeScheme, in_order
from molgun_lmp.records import JsonRecord, Outcome

_STRICT = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MembersRow(JsonRecord):
    """One line of the table under each member."""

    __pydantic_config__ = _STRICT

    row: str
    """A label of the table's first column."""
    members: tuple[Estimate, ...]
    """In the order of the members."""
    fraction: float | None
    """The mean over the members; None where one of them has no shot to count, such as none in contact."""
    sampling: tuple[float, float]
    """Of the mean, over other shots under these very models."""
    between_models: float | None
    """Standard deviation of the fractions that models of this kind would give with any number of shots, luck taken
    off; None where it cannot be told from luck."""
    total: tuple[float, float]
    """Of the fraction that another model of this kind would give with any number of shots."""
    note: str

    def cells(self) -> tuple[str, ...]:
        """The line as text: label, each member's shots, the mean, its interval over shots, the standard deviation
        between models, the interval with models; per cent, a dash for unknown."""
        return (
            self.row,
            *(f"{one.count_text()} of {one.shots}" for one in self.members),
            _percent(self.fraction),
            bounds_text(self.sampling),
            _percent(self.between_models),
            bounds_text(self.total),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exchange(JsonRecord):
    """Two classes that one shot ends in under different members."""

    __pydantic_config__ = _STRICT

    one: Mode
    other: Mode
    shots: int
    """In which some member says the one and some member the other."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitShot(JsonRecord):
    """A shot whose class depends on the member."""

    __pydantic_config__ = _STRICT

    trajectory_id: str
    modes: tuple[Mode, ...]
    """In the order of the members."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Members(JsonRecord):
    """What K models say of the same shots."""

    __pydantic_config__ = _STRICT

    names: tuple[str, ...]
    shots: int
    """That have ended under every member; all numbers are of these."""
    confidence: float
    rows: tuple[MembersRow, ...]
    """The lines of the table in which any member counts something, and always those on sticking."""
    split: Estimate
    """Shots whose class is not the same under all members."""
    pair_split: float
    """Share of the shots that end in different classes under two members, the mean over all pairs of them: unlike
    `split` it does not grow with their number."""
    exchanges: tuple[Exchange, ...]
    """The most frequent first."""
    split_shots: tuple[SplitShot, ...]

    def row(self, label: str) -> MembersRow:
        """A line by its label, such as `stuck, of all`. Raises `KeyError` where no member counts anything in it."""
        return {one.row: one for one in self.rows}[label]

    def sentence(self) -> str:
        """How many shots hang on the member, in words."""
        level = f"{100 * self.confidence:g} %"
        if not self.split.count:
            return (
                f"All {len(self.names)} members end each of the {self.shots} shots in the same class; the share that "
                f"others would part in is {bounds_text(self.split.cluster)} ({level})."
            )
        return (
            f"{self.split.count} of {self.shots} shots end in a class that depends on the member "
            f"({_percent(self.split.fraction)}, {level} {bounds_text(self.split.cluster)}); two members end "
            f"{_percent(self.pair_split)} of them differently."
        )


def compare_members(
    scheme: OutcomeScheme, named: Sequence[tuple[str, Sequence[Outcome]]], *, confidence: float = 0.95
) -> Members:
    """Members, each a name and its outcomes: of the same shots in the same order, by the classes of `scheme`.

    Raises `InputFileError` for fewer than two members, for a name given twice, for fewer than two shots, and where the
    outcomes are not of the same shots.
    """
    names = tuple(name for name, _ in named)
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputFileError(f"cannot compare {', '.join(names) or 'nothing'}: give two or more different members.")
    first = named[0][1]
    ids = [outcome.trajectory_id for outcome in first]
    if len(ids) < 2 or any([one.trajectory_id for one in outcomes] != ids for _, outcomes in named):
        raise InputFileError("members are compared over the same shots, two at least: give outcomes of equal shots.")
    clusters = clusters_of(first)
    tables = [summarise(scheme, outcomes, confidence=confidence).table() for _, outcomes in named]
    lines = [table_lines(scheme, outcomes) for _, outcomes in named]
    pooled = max(
        (
            effect
            for of_member in lines
            if (effect := Estimator.of(of_member[: len(scheme.modes)], clusters).pooled) is not None
        ),
        default=None,
    )
    rows = [
        _row(
            tables[0][number].label,
            tuple(table[number].estimate for table in tables),
            over_models([one[number] for one in lines], clusters, confidence=confidence, pooled=pooled),
        )
        for number in rows_seen(tables)
    ]
    modes = [tuple(outcome.mode for outcome in same) for same in zip(*(outcomes for _, outcomes in named), strict=True)]
    parted = np.array([len(set(one)) > 1 for one in modes], dtype=np.bool_)
    pairs = [a != b for one in modes for a, b in itertools.combinations(one, 2)]
    return Members(
        names=names,
        shots=len(ids),
        confidence=confidence,
        rows=tuple(rows),
        split=Estimator(confidence=confidence, lines=1, pooled=None).over(Line.of_all(parted), clusters),
        pair_split=float(np.mean(pairs)),
        exchanges=_exchanges(modes),
        split_shots=tuple(
            SplitShot(trajectory_id=name, modes=one) for name, one in zip(ids, modes, strict=True) if len(set(one)) > 1
        ),
    )


def _row(label: str, members: tuple[Estimate, ...], found: OverModels | None) -> MembersRow:
    if found is None:
        unknown = (0.0, 1.0)
        return MembersRow(
            row=label,
            members=members,
            fraction=None,
            sampling=unknown,
            between_models=None,
            total=unknown,
            note="a member has no shot to count",
        )
    variance = found.between_variance
    return MembersRow(
        row=label,
        members=members,
        fraction=found.fraction,
        sampling=found.sampling,
        between_models=None if variance is None else math.sqrt(variance),
        total=found.total,
        note=found.note,
    )


def _exchanges(modes: Sequence[tuple[Mode, ...]]) -> tuple[Exchange, ...]:
    found = Counter(pair for one in modes for pair in itertools.combinations(in_order(one), 2))
    return tuple(Exchange(one=one, other=other, shots=shots) for (one, other), shots in found.most_common())


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f} %"
