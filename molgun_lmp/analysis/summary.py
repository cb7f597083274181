"""The table of a campaign: every mode counted over every shot, with honest intervals."""

import csv
import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from molgun_lmp.analysis.statistics import Clusters, cluster_interval, pooled_design_effect, wilson
from molgun_lmp.errors import InputFileError
from molgun_lmp.records import JsonRecord, Mode, Outcome, TrajectoryResult

_STRICT = ConfigDict(extra="forbid")

TABLE_HEADER: Final = ("mode", "shots", "of", "fraction", "95 % over snapshots", "95 % if independent", "design effect")
"""Column titles that go with `TableRow.cells`, for a confidence of 95 %; see `Summary.header`."""

_CSV_HEADER: Final = (
    *("mode", "count", "shots", "fraction", "cluster_low", "cluster_high", "wilson_low", "wilson_high"),
    *("design_effect", "effective_shots", "note"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate(JsonRecord):
    """A count, its fraction of a number of shots, and two intervals of that fraction."""

    __pydantic_config__ = _STRICT

    count: int
    shots: int
    """The denominator."""
    fraction: float | None
    """None for no shots."""
    cluster: tuple[float, float]
    """Robust against effects of slab and molecule snapshots; the one to quote."""
    wilson: tuple[float, float]
    """As if every shot were independent."""
    design_effect: float | None
    effective_shots: float
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModeEstimate(JsonRecord):
    """One mode's share of all shots."""

    __pydantic_config__ = _STRICT

    mode: Mode
    estimate: Estimate


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableRow:
    """One line of the table, numbers unrounded."""

    label: str
    estimate: Estimate

    def cells(self) -> tuple[str, ...]:
        """The line as text for a terminal or a page, in the order of `TABLE_HEADER`; per cent, a dash for unknown."""
        e = self.estimate
        return (
            self.label,
            str(e.count),
            str(e.shots),
            "–" if e.fraction is None else f"{100 * e.fraction:.1f} %",
            bounds_text(e.cluster),
            bounds_text(e.wilson),
            "–" if e.design_effect is None else f"{e.design_effect:.2f}",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary(JsonRecord):
    """What a campaign says. Denominators are all analysed shots, the undecided and the failed among them."""

    __pydantic_config__ = _STRICT

    shots: int
    planned: int | None
    """Trajectories that the campaign planned; None where nobody said."""
    confidence: float
    modes: tuple[ModeEstimate, ...]
    """Every mode once, in the order of `Mode`."""
    stuck: Estimate
    """Bound at the end, of all shots."""
    stuck_of_contact: Estimate
    """Bound at the end, of the shots that came into contact."""
    contact: int
    slab_snapshots: int
    molecule_snapshots: int
    pooled_design_effect: float | None
    """Mean over the modes; None where the shots cannot tell it."""
    truncated: int
    """Trajectories whose dump was cut."""
    energy_flagged: int
    """Trajectories whose total energy moved beyond the campaign's limits."""
    energy_unknown: int
    """Analysed trajectories without a known energy drift, or without a result at all."""
    causes: dict[str, int]
    """Cause of failure -> trajectories."""

    def mode(self, mode: Mode) -> Estimate:
        """The estimate of one mode."""
        return next(row.estimate for row in self.modes if row.mode is mode)

    def table(self) -> tuple[TableRow, ...]:
        """Every mode, then sticking over all shots and over those in contact."""
        rows = [TableRow(label=row.mode.value, estimate=row.estimate) for row in self.modes]
        rows.append(TableRow(label="stuck, of all", estimate=self.stuck))
        rows.append(TableRow(label="stuck, of those in contact", estimate=self.stuck_of_contact))
        return tuple(rows)

    def header(self) -> tuple[str, ...]:
        """Column titles of `TableRow.cells` with this summary's confidence."""
        return tuple(title.replace("95 %", f"{100 * self.confidence:g} %") for title in TABLE_HEADER)


def bounds_text(bounds: tuple[float, float]) -> str:
    """An interval of a fraction in per cent, such as `12.0 to 34.5 %`."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def summarise(
    outcomes: Sequence[Outcome],
    results: Sequence[TrajectoryResult] = (),
    *,
    planned: int | None = None,
    confidence: float = 0.95,
) -> Summary:
    """Count every mode over all `outcomes` and give its intervals.

    `results` tell which trajectories were flagged or failed and why; `planned` is the campaign's number of shots.
    Raises `InputFileError` where a trajectory is there twice, or where a result has no outcome: either would change
    the denominator unseen.
    """
    _check_ids(outcomes, results)
    clusters = Clusters.of([o.slab_snapshot for o in outcomes], [o.molecule_snapshot for o in outcomes])
    hits = {mode: np.array([o.mode is mode for o in outcomes], dtype=np.bool_) for mode in Mode}
    pooled = pooled_design_effect(list(hits.values()), clusters)
    stuck = np.array([o.stuck for o in outcomes], dtype=np.bool_)
    contact = np.array([o.contact for o in outcomes], dtype=np.bool_)
    known = [r for r in results if r.energy.drift_ev_per_atom_per_ps is not None]
    return Summary(
        shots=len(outcomes),
        planned=planned,
        confidence=confidence,
        modes=tuple(
            ModeEstimate(mode=mode, estimate=_estimate(hit, clusters, confidence, pooled)) for mode, hit in hits.items()
        ),
        stuck=_estimate(stuck, clusters, confidence, pooled),
        stuck_of_contact=_estimate(stuck[contact], clusters.take(contact), confidence, pooled),
        contact=int(contact.sum()),
        slab_snapshots=clusters.slabs,
        molecule_snapshots=clusters.molecules,
        pooled_design_effect=pooled,
        truncated=sum(o.truncated for o in outcomes),
        energy_flagged=sum(r.energy.flagged for r in results),
        energy_unknown=len(outcomes) - len(known),
        causes=dict(sorted(Counter(r.cause.value for r in results if r.cause is not None).items())),
    )


def _check_ids(outcomes: Sequence[Outcome], results: Sequence[TrajectoryResult]) -> None:
    for kind, ids in (("outcome", [o.trajectory_id for o in outcomes]), ("result", [r.trajectory_id for r in results])):
        twice = [name for name, times in Counter(ids).items() if times > 1]
        if twice:
            raise InputFileError(
                f"trajectory {twice[0]!r} has more than one {kind} ({len(twice)} such trajectories): it would "
                "be counted twice. Pass each trajectory once."
            )
    missing = {r.trajectory_id for r in results} - {o.trajectory_id for o in outcomes}
    if missing:
        raise InputFileError(
            f"{len(missing)} finished or failed trajectories have no outcome, the first is {min(missing)!r}: fractions "
            "would leave them out. Run `molgun analyse` again."
        )


def _estimate(hit: npt.NDArray[np.bool_], clusters: Clusters, confidence: float, pooled: float | None) -> Estimate:
    interval = cluster_interval(hit, clusters, confidence, pooled)
    count, shots = int(hit.sum()), len(hit)
    return Estimate(
        count=count,
        shots=shots,
        fraction=count / shots if shots else None,
        cluster=(interval.low, interval.high),
        wilson=wilson(count, shots, confidence),
        design_effect=interval.design_effect,
        effective_shots=interval.effective_shots,
        note=interval.note,
    )


def sticking_sentence(summary: Summary) -> str:
    """The answer in plain words."""
    if summary.shots == 0:
        return "No trajectory was analysed: there is nothing to say about sticking yet."
    stuck, level = summary.stuck, f"{100 * summary.confidence:g} % interval"
    unclear = [f"{n} {mode.value}" for mode in (Mode.UNDECIDED, Mode.FAILED) if (n := summary.mode(mode).count)]
    if summary.mode(Mode.FAILED).count == summary.shots:
        return f"All {summary.shots} trajectories failed: nothing can be said about sticking."
    noun, verb = "shot" if summary.shots == 1 else "shots", "is" if stuck.count == 1 else "are"
    text = (
        f"{stuck.count} of {summary.shots} {noun} {verb} bound to the surface at the end: "
        f"{100 * stuck.count / stuck.shots:.1f} % ({level} over snapshots: {bounds_text(stuck.cluster)})."
    )
    if 0 < summary.contact < summary.shots:
        of = summary.stuck_of_contact
        text += (
            f" Of the {of.shots} that came into contact, {of.count} are: {100 * of.count / of.shots:.1f} % "
            f"({bounds_text(of.cluster)})."
        )
    elif summary.contact == 0:
        text += " None came into contact with the surface."
    if unclear:
        text += f" {' and '.join(unclear)} are in the denominator and count as not bound."
    return text


def write_csv(summary: Summary, path: Path) -> Path:
    """The table with unrounded numbers, one line per mode and two for sticking; an empty field where unknown."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(_CSV_HEADER)
        for row in summary.table():
            e = row.estimate
            writer.writerow(
                [
                    row.label,
                    e.count,
                    e.shots,
                    e.fraction,
                    *e.cluster,
                    *e.wilson,
                    e.design_effect,
                    e.effective_shots,
                    e.note,
                ]
            )
    return path
