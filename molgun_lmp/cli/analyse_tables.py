"""What `molgun analyse` says: the table, variants, fixed times, how alike shots are, minima below the ends."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from molgun_lmp.analysis.kinetics.heat import heat_sentence
from molgun_lmp.analysis.kinetics.landmark import after_contact, cells
from molgun_lmp.analysis.outcomes.minima import BINDING_HEADER
from molgun_lmp.analysis.scattering.means import MEANS_HEADER, OF_POINTS
from molgun_lmp.analysis.statistics.clustered_intervals import FEW_CLUSTERS
from molgun_lmp.analysis.statistics.estimates import clusters_of
from molgun_lmp.analysis.statistics.grid import GRID_HEADER
from molgun_lmp.analysis.statistics.halves import halves, halves_sentence
from molgun_lmp.analysis.statistics.sample_size import correlation_of
from molgun_lmp.analysis.statistics.sentences import grid_sentence, unseen_sentence
from molgun_lmp.analysis.statistics.summary import TO_QUOTE
from molgun_lmp.analysis.statistics.variants import VARIANTS_HEADER
from molgun_lmp.cli.output import answers
from molgun_lmp.results.tables import complete_prefix

if TYPE_CHECKING:
    from molgun_lmp.analysis.outcomes.minima import Minima
    from molgun_lmp.campaign.store.campaign_folder import Store
    from molgun_lmp.results.analyse import Analysis


def print_summary(analysis: "Analysis", *, everything: bool) -> None:
    """The table: lines with a shot in them and the interval to quote, or every line with all intervals."""
    summary, rows = analysis.summary, analysis.summary.table()
    if not summary.shots:
        return
    columns = slice(None) if everything else slice(TO_QUOTE)
    table = Table(*summary.header()[columns], box=None)
    for row in rows:
        if everything or row.estimate.seen:
            table.add_row(*row.cells()[columns], style=None if row.estimate.seen else "dim")
    answers().print(table)
    unseen = unseen_sentence(summary)
    if unseen and not everything:
        answers().print(f"{unseen}; --all prints every line and more.", markup=False)


def print_variants(analysis: "Analysis") -> None:
    """How the bound molecules sit there and what the broken ones became, where their classes have variants."""
    if analysis.variants:
        _print_table(VARIANTS_HEADER, [one.cells() for one in analysis.variants])


def print_grid(analysis: "Analysis") -> None:
    """Sticking at each point of a grid and the curves, before the table over all points."""
    if analysis.grid is None:
        return
    _print_table(GRID_HEADER, [point.cells() for point in analysis.grid.points])
    for sentence in (*(fit.sentence() for fit in analysis.grid.fits), analysis.grid.no_fit()):
        if sentence:
            answers().print(sentence, markup=False)
    answers().print(grid_sentence(analysis.summary.grid_points), markup=False)


def print_dosing(analysis: "Analysis") -> None:
    """What chains of doses say, after the table over all their shots."""
    for sentence in analysis.dosing.sentences() if analysis.dosing is not None else ():
        answers().print(sentence, markup=False)


def print_after_contact(store: "Store", analysis: "Analysis") -> None:
    """The modes at fixed times after first contact."""
    config = store.config()
    times = config.outcomes.after_contact_ps
    if not times:
        return
    outcomes, stops = [one.outcome for one in analysis.ended], [one.result.stop for one in analysis.ended]
    tables = after_contact(store.scheme, outcomes, stops, times, planned_ps=config.dynamics.duration_ps)
    _print_table(("after first contact", *(f"{time:g} ps" for time in times)), cells(store.scheme, tables))


def print_scattering(analysis: "Analysis") -> None:
    """What came back from the surface, where something did, and how a diatomic's vibration was told."""
    found = analysis.came_back
    if not found.rows:
        return
    if found.means:
        shown = [one for one in found.means if not one.point or one.quantity in OF_POINTS]
        _print_table(MEANS_HEADER, [one.cells() for one in shown])
    unfree = sum(one.frames == 0 for one in found.rows)
    if unfree:
        answers().print(
            f"{unfree} of {len(found.rows)} particles that left had not reached free flight: scattered.csv."
        )
    for curve in found.curves:
        answers().print(curve.sentence(), markup=False)


def print_convergence(store: "Store", analysis: "Analysis") -> None:
    """Whether the two halves of the shots say the same."""
    sentence = halves_sentence(halves(store.scheme, complete_prefix([one.outcome for one in analysis.ended])))
    if sentence:
        answers().print(sentence, markup=False)


def print_heat(analysis: "Analysis") -> None:
    """How far slab and molecule warmed."""
    sentence = heat_sentence([one.outcome for one in analysis.ended])
    if sentence:
        answers().print(sentence, markup=False)


def print_correlation(analysis: "Analysis") -> None:
    """How alike shots of one snapshot are, where there are enough snapshots to tell."""
    effect, clusters = analysis.summary.pooled_design_effect, clusters_of([one.outcome for one in analysis.ended])
    if effect is None or clusters.fewest < FEW_CLUSTERS:
        return
    alike = correlation_of(effect, clusters)
    if alike is not None:
        answers().print(
            f"Shots that share a snapshot are alike by {alike:.3f} (intra-cluster correlation of each kind, for "
            "`molgun plan --for LINE:HALF-WIDTH --correlation`).",
            markup=False,
        )


def print_minima(minima: "Minima") -> None:
    """Binding energies by the class of the minimum, what they are relative to, and what fell into another class."""
    out, binding = answers(), minima.binding
    if binding:
        _print_table(BINDING_HEADER, [one.cells() for one in binding])
        out.print(minima.reference(), markup=False)
    else:
        out.print("No end has a binding energy.")
    for remark in minima.remarks():
        out.print(remark, markup=False)


def _print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*titles, box=None)
    for row in rows:
        table.add_row(*row)
    answers().print(table)


def minima_json(minima: "Minima | None") -> dict[str, object]:
    """Minima and binding energies for a JSON answer; empty where no end was minimised."""
    if minima is None:
        return {}
    return {
        "quenched": [one.to_json() for one in minima.quenched],
        "binding": [one.to_json() for one in minima.binding],
        "binding_reference": minima.reference(),
        "not_minimised": minima.missing,
    }
