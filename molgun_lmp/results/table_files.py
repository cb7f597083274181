"""Every table that commands write: its columns, and its rows from what the analysis found."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from molgun_lmp.analysis.kinetics.event_times import Moments
from molgun_lmp.analysis.kinetics.landmark import AfterContact
from molgun_lmp.analysis.kinetics.survival import Shares, Step
from molgun_lmp.analysis.kinetics.transition_rates import Rate
from molgun_lmp.analysis.outcomes.minima import Binding, Quenched
from molgun_lmp.analysis.report.costs import Cost
from molgun_lmp.analysis.statistics.comparison import Comparison
from molgun_lmp.analysis.statistics.convergence import RunningPoint, ShotSet
from molgun_lmp.analysis.statistics.dependence import Bin
from molgun_lmp.analysis.statistics.sensitivity import Scaled, changed, unscaled_of
from molgun_lmp.analysis.statistics.sentences import shots_text
from molgun_lmp.analysis.statistics.summary import Summary
from molgun_lmp.analysis.statistics.trust import TrajectoryTrust, Trust
from molgun_lmp.analysis.statistics.variants import Variant
from molgun_lmp.atomic_files import replace_file
from molgun_lmp.csv_files import write_csv
from molgun_lmp.errors import InputFileError
from molgun_lmp.heat_records import Heat
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.records import Outcome

TRUST_JSON: Final = "trust.json"
TRUST_CSV: Final = "trust.csv"
COSTS_NAME: Final = "costs.csv"
WORST_FILE: Final = "worst.extxyz"


SUMMARY_COLUMNS: Final = (
    *("mode", "count", "shots", "fraction", "cluster_low", "cluster_high", "wilson_low", "wilson_high"),
    *("simultaneous_low", "simultaneous_high", "design_effect", "effective_shots", "note"),
)


SURVIVAL_COLUMNS: Final = ("after_contact_ps", "at_risk", "waiting", "waiting_low", "waiting_high", "bound", "left")


COST_COLUMNS: Final = (
    *("what", "shots", "steps", "core_hours", "core_hours_per_step", "seconds_per_step"),
    "core_hours_per_shot",
)


COMPARISON_COLUMNS: Final = (
    *("row", "reference", "campaign", "reference_count", "reference_shots", "count", "shots", "difference"),
    *("low", "high", "simultaneous_low", "simultaneous_high", "p", "p_holm", "paired_shots"),
)


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Every difference with unrounded numbers, one per line; an empty field where unknown."""
    counts = {
        (name, row.label): row.estimate
        for name, summary in zip(comparison.names, comparison.summaries, strict=True)
        for row in summary.table()
    }
    rows = []
    for one in comparison.differences:
        reference, other = counts[one.reference, one.row], counts[one.campaign, one.row]
        rows.append(
            [
                *(one.row, one.reference, one.campaign),
                *(reference.count, reference.shots, other.count, other.shots),
                *(one.difference, *one.interval, *one.simultaneous, one.p, one.p_holm, one.pairs),
            ]
        )
    return write_csv(path, COMPARISON_COLUMNS, rows)


def write_running(points: Sequence[RunningPoint], path: Path) -> Path:
    """One line per line of the table and number of shots, numbers unrounded."""
    header = ("line", "shots", "count", "fraction", "cluster_low", "cluster_high", "bootstrap_low", "bootstrap_high")
    return write_csv(path, header, ((p.line, p.shots, p.count, p.fraction, p.low, p.high, *p.band) for p in points))


def write_sets(sets: Iterator[ShotSet], path: Path) -> Path:
    """One line per set and line of the table."""
    header = ("set", "first", "last", "line", "count", "shots", "fraction")
    rows = ((s.number, s.first, s.last, s.line, s.count, s.shots, (s.count + s.corrected) / s.shots) for s in sets)
    return write_csv(path, header, rows)


def write_costs(costs: Sequence[Cost], file: Path) -> Path:
    """The table with unrounded numbers, an empty field where unknown. Raises `InputFileError`."""
    try:
        return write_csv(file, COST_COLUMNS, map(dataclasses.astuple, costs))
    except OSError as error:
        raise InputFileError(f"cannot write {file}: {error}. Make room, or choose another folder.") from error


def write_dependence(bins: Sequence[Bin], path: Path) -> Path:
    """One line per variable, line of the table and bin, numbers unrounded."""
    header = (
        *("variable", "low", "high", "line", "count", "shots", "fraction", "cluster_low", "cluster_high"),
        *("p", "p_holm", "detectable_difference", "note"),
    )
    rows = (
        [
            *(b.variable, b.low, b.high, b.line, b.estimate.count, b.estimate.shots, b.estimate.fraction),
            *(*b.estimate.cluster, b.p, b.p_holm, b.detectable, b.estimate.note),
        ]
        for b in bins
    )
    return write_csv(path, header, rows)


def write_moments(scheme: OutcomeScheme, found: Sequence[Moments], path: Path) -> Path:
    """One line per trajectory, an empty field for what never happened; columns as the fields of `Moments`."""
    names = [field.name for field in dataclasses.fields(Moments)]
    at = names.index("began_ps")
    names[at : at + 1] = scheme.moment_columns
    rows = (
        [
            *(one.began_ps[name] if name in scheme.moment_columns else getattr(one, name) for name in names),
            one.transferred_ev,
        ]
        for one in found
    )
    return write_csv(path, [*names, "transferred_ev"], rows)


def write_heat(outcomes: Sequence[Outcome], path: Path) -> Path:
    """One line per trajectory whose velocities were stored: the fields of `Heat`, and by how much the slab warmed."""
    names = [field.name for field in dataclasses.fields(Heat)]
    rows = (
        [one.trajectory_id, one.mode.label, one.stuck, *(getattr(one.heat, name) for name in names), one.heat.warmed_k]
        for one in outcomes
        if one.heat is not None
    )
    return write_csv(path, ["trajectory_id", "mode", "stuck", *names, "slab_warmed_k"], rows)


def write_after_contact(tables: Sequence[AfterContact], path: Path) -> Path:
    """One line per time and mode; `simultaneous` holds for all modes at all of these times at once (Bonferroni)."""
    header = (
        *("after_contact_ps", "mode", "count", "watched", "censored", "contact", "fraction"),
        *("cluster_low", "cluster_high", "simultaneous_low", "simultaneous_high", "note"),
    )
    rows = (
        [
            *(table.time_ps, line, e.count, table.watched, table.censored, table.contact, e.fraction),
            *(*e.cluster, *e.simultaneous, e.note),
        ]
        for table in tables
        for line, e in table.lines
    )
    return write_csv(path, header, rows)


def write_shares(curves: Mapping[str, Sequence[Shares]], path: Path) -> Path:
    """One line per state (such as `PC`), time and fate (`lasting` or what ended it), numbers unrounded."""
    rows = (
        (state, step.time_ps, step.at_risk, fate, *numbers)
        for state, steps in curves.items()
        for step in steps
        for fate, numbers in step.shares.items()
    )
    return write_csv(path, ("state", "time_ps", "at_risk", "fate", "share", "low", "high"), rows)


def write_survival(steps: Sequence[Step], path: Path) -> Path:
    """The curves with unrounded numbers, one line per step."""
    rows = ((s.time_ps, s.at_risk, s.waiting, *s.interval, s.bound, s.left) for s in steps)
    return write_csv(path, SURVIVAL_COLUMNS, rows)


def write_quenched(quenched: Sequence[Quenched], path: Path) -> Path:
    """One line per trajectory, numbers unrounded."""
    names = [field.name for field in dataclasses.fields(Quenched)]
    return write_csv(path, names, ([getattr(one, name) for name in names] for one in quenched))


def write_binding(found: Sequence[Binding], path: Path) -> Path:
    """One line per mode."""
    names = [field.name for field in dataclasses.fields(Binding)]
    return write_csv(path, names, ([getattr(one, name) for name in names] for one in found))


def write_rates(found: Sequence[Rate], path: Path) -> Path:
    """One line per pair of modes that was seen, numbers unrounded."""
    return write_csv(
        path,
        ("from", "to", "count", "visits", "censored", "time_in_from_ps", "rate_per_ps", "rate_low", "rate_high"),
        (
            (r.before.label, r.after.label, r.count, r.visits, r.censored, r.time_ps, r.per_ps, *r.interval)
            for r in found
        ),
    )


def write_sensitivity(found: Sequence[Scaled], path: Path) -> Path:
    """One line per scale and line of the table, with its difference from the unscaled count and its interval."""
    unscaled = unscaled_of(found).lines()
    header = ("scale", "line", "count", "difference", "shots", "fraction", "cluster_low", "cluster_high", "changed")
    rows = (
        [
            *(one.scale, label, e.count, e.count - unscaled[label].count, e.shots, e.fraction, *e.cluster),
            changed(one, unscaled_of(found)),
        ]
        for one in found
        for label, e in one.lines().items()
    )
    return write_csv(path, header, rows)


def write_changes(found: Sequence[Scaled], path: Path) -> Path:
    """The trajectories whose mode is not the same at all scales: one line each, its mode at every scale."""
    rows = (
        [same[0].trajectory_id, *(outcome.mode.label for outcome in same)]
        for same in zip(*(one.outcomes for one in found), strict=True)
        if len({outcome.mode for outcome in same}) > 1
    )
    return write_csv(path, ["trajectory", *(f"mode_at_{one.scale:g}" for one in found)], rows)


def write_summary(summary: Summary, path: Path) -> Path:
    """The table with unrounded numbers, its lines in the order of `Summary.table`; an empty field where unknown.

    The note of each line says how many shots could not be collected, where there are any, and that it is a mean over a
    grid's points.
    """
    rows = []
    over = f"mean over {summary.grid_points} points of the grid" if summary.grid_points > 1 else ""
    without = f"without {shots_text(len(summary.left_out))} that could not be collected" if summary.left_out else ""
    for row in summary.table():
        e = row.estimate
        rows.append(
            [
                *(row.label, e.count, e.shots, e.fraction, *e.cluster, *e.wilson, *e.simultaneous),
                *(e.design_effect, e.effective_shots, "; ".join(filter(None, (e.note, without, over)))),
            ]
        )
    return write_csv(path, SUMMARY_COLUMNS, rows)


def write_left_out(left_out: Mapping[str, str], path: Path) -> Path:
    """One line per shot that could not be collected; the header alone where there is none."""
    return write_csv(path, ("trajectory", "why"), left_out.items())


def write_trust(trust: Trust, folder: Path) -> None:
    """Write `trust.json` and `trust.csv`. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in dataclasses.fields(TrajectoryTrust)]
    write_csv(folder / TRUST_CSV, names, map(dataclasses.astuple, trust.trajectories))
    document = json.dumps(trust.to_json(), indent=2, ensure_ascii=False)
    replace_file(folder / TRUST_JSON, f"{document}\n".encode())


def read_trust(folder: Path) -> Trust | None:
    """What `molgun trust` wrote; None where it was not asked. Raises `InputFileError` for a damaged file."""
    file = folder / TRUST_JSON
    try:
        return Trust.from_json(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        raise InputFileError(f"{file} is damaged ({error}). Remove it, or give `molgun trust` again.") from error


def write_variants(found: Sequence[Variant], path: Path) -> Path:
    """One line per variant, numbers unrounded; the header alone where there is none."""
    header = (
        *("mode", "detail", "count", "shots", "fraction", "cluster_low", "cluster_high"),
        *("simultaneous_low", "simultaneous_high", "note"),
    )
    rows = []
    for one in found:
        e = one.estimate
        rows.append([one.mode.label, one.detail, e.count, e.shots, e.fraction, *e.cluster, *e.simultaneous, e.note])
    return write_csv(path, header, rows)
