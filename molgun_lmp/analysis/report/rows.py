"""What the report page says, as plain text and rows; the template only lays it out."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from molgun_lmp.analysis.report.paper import PAPER_LEVEL
from molgun_lmp.analysis.statistics.sentences import grid_sentence, left_out_sentence, noise_sentences
from molgun_lmp.analysis.statistics.summary import STICKING_LINES, Summary
from molgun_lmp.outcome_classes import Kind
from molgun_lmp.records import Outcome, Shot, TrajectoryResult

TRAJECTORY_HEADER: Final = (
    "trajectory", "mode", "from training", "contact / ps", "bond / ps", "bonds", "why", "angle / °", "energy / eV",
    "drift / (eV/atom/ps)", "stopped", "LAMMPS files",
)  # fmt: skip

COLUMN_CLASSES: Final = {
    "mode": "text",
    "from training": "text",
    "bonds": "text bonds",
    "why": "text why",
    "stopped": "text",
    "LAMMPS files": "text files",
}
"""Of the style sheet; the other columns are numbers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SummaryLine:
    """A line of the first table with the numbers of its footnotes."""

    cells: tuple[str, ...]
    marks: tuple[int, ...]
    seen: bool
    sticking: bool
    """Whether it is one of what sticks."""

    @property
    def shown(self) -> bool:
        """Whether it stands in the short table: what sticks does, whatever was seen."""
        return self.seen or self.sticking


def summary_lines(summary: Summary) -> tuple[tuple[SummaryLine, ...], tuple[str, ...]]:
    """The lines of the first table, and the footnotes that they refer to, numbered from 1."""
    notes: list[str] = []
    lines = []
    for row in summary.table():
        marks = []
        for note in filter(None, row.estimate.note.split("; ")):
            if note not in notes:
                notes.append(note)
            marks.append(notes.index(note) + 1)
        seen, sticking = row.estimate.seen, row.label in STICKING_LINES
        lines.append(SummaryLine(cells=row.cells(), marks=tuple(marks), seen=seen, sticking=sticking))
    return tuple(lines), tuple(notes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelsStatement:
    """What is said of the labels; `mind` where a reader would else compare what cannot be compared."""

    text: str
    mind: bool


def labels_statement(level_of_theory: str, *, paper_system: bool) -> LabelsStatement:
    """Which quantum chemistry the model learned from and, for the reference paper's own system, whether that is the
    paper's."""
    level = level_of_theory.strip()
    if not level or level.lower() in ("unknown", "unstated"):
        text = "Labels: level of theory not stated. Do not compare these numbers with others before it is known."
        return LabelsStatement(text=text, mind=True)
    if not paper_system:
        return LabelsStatement(text=f"Labels: {level}.", mind=False)
    if level.upper().startswith(PAPER_LEVEL):
        return LabelsStatement(text=f"Labels: {level}, as in the reference paper.", mind=False)
    text = f"Labels: {level}, not {PAPER_LEVEL}: numbers are not comparable with the reference paper's."
    return LabelsStatement(text=text, mind=True)


def remarks(summary: Summary) -> tuple[str, ...]:
    """What a reader must know before believing the table: missing, failed, cut or drifting trajectories."""
    found = [said for said in (grid_sentence(summary.grid_points), left_out_sentence(summary.left_out)) if said]
    if summary.settled is not None:
        found.append(summary.settled.sentence())
    stopped = summary.stopping is not None and summary.stopping.reached
    if summary.planned is not None and summary.planned > summary.shots and not stopped:
        found.append(
            f"{summary.shots} of {summary.planned} planned trajectories are in this table. Explosions and departures "
            f"{'and shots that settle ' if summary.settled else ''}end early, so an unfinished campaign shows too many "
            "of them."
        )
    failed = sum(number for _, number in summary.of_kind(Kind.FAILED))
    if failed:
        causes = ", ".join(f"{number} {cause}" for cause, number in summary.causes.items()) or "no cause recorded"
        found.append(f"{_trajectories(failed)} failed: {causes}.")
    if summary.energy_flagged:
        found.append(f"{_trajectories(summary.energy_flagged)} moved in energy beyond the limits.")
    if summary.energy_unknown:
        found.append(f"Whether {_trajectories(summary.energy_unknown)} kept the energy was not checked.")
    found += noise_sentences(summary)
    if cut := summary.cut_sentence():
        found.append(cut)
    if summary.shots:
        found.append(f"{summary.shots} shots {'are of' if summary.in_chains else 'used'} {summary.pools()}.")
    return tuple(found)


def _trajectories(number: int) -> str:
    return f"{number} {'trajectory' if number == 1 else 'trajectories'}"


def settings_rows(document: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """A nested document as (dotted key, value) rows in its own order."""
    rows: list[tuple[str, str]] = []
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            rows += settings_rows(value, f"{name}.")
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            rows += settings_rows({str(index): item for index, item in enumerate(value)}, f"{name}.")
        else:
            rows.append((name, _plain(value)))
    return rows


def _plain(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value in ({}, "") else str(value)


def trajectory_rows(
    outcomes: Sequence[Outcome],
    shots: Sequence[tuple[str, Shot]],
    results: Sequence[TrajectoryResult],
    files: Mapping[str, str],
    distances: Mapping[str, str],
) -> list[tuple[str, ...]]:
    """One row per trajectory in the order of `outcomes`, in the columns of `TRAJECTORY_HEADER`; a dash where unknown.

    `shots` are (trajectory id, shot); `files` maps a trajectory id to where its LAMMPS files are, `distances` to how
    far it went from the training data.
    """
    shot_of, result_of = dict(shots), {result.trajectory_id: result for result in results}
    rows: list[tuple[str, ...]] = []
    for outcome in outcomes:
        shot, result = shot_of.get(outcome.trajectory_id), result_of.get(outcome.trajectory_id)
        drift = None if result is None else result.energy.drift_ev_per_atom_per_ps
        bonds = ", ".join(f"{atom}–{site} {length:.2f} Å" for atom, site, length in outcome.bonds)
        rows.append(
            (
                outcome.trajectory_id,
                outcome.mode.label,
                distances.get(outcome.trajectory_id, "–"),
                _number(outcome.first_contact_ps, ".2f"),
                _number(outcome.first_bond_ps, ".2f"),
                bonds or "–",
                outcome.reason or "–",
                _number(None if shot is None else shot.polar_deg, ".1f"),
                _number(None if shot is None else shot.kick_energy_ev, ".3f"),
                _number(drift, ".1e") + (" (flagged)" if result is not None and result.energy.flagged else ""),
                _stop(result),
                files.get(outcome.trajectory_id, "–"),
            )
        )
    return rows


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _stop(result: TrajectoryResult | None) -> str:
    if result is None:
        return "–"
    if result.cause is not None:
        return f"{result.cause.value}: {result.message}" if result.message else result.cause.value
    return result.stop.value if result.stop is not None else "–"
