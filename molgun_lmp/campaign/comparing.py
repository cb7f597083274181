"""`molgun compare`: campaigns analysed one after the other, then put side by side."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from molgun_lmp.analysis.comparison import Comparison, Difference, compare
from molgun_lmp.campaign.analysing import analyse
from molgun_lmp.campaign.store import Store


def compare_campaigns(
    stores: Sequence[Store], names: Sequence[Path], advance: Callable[[int], None] | None = None
) -> Comparison:
    """Analyse each campaign and compare all with the first; `names` are the folders as the user wrote them.

    `advance` is called with the number of trajectories read so far, over all campaigns. Raises as
    `molgun_lmp.campaign.analysing.analyse`, and `InputFileError` where there are not two different ones.
    """
    done, analyses = 0, []
    for store in stores:
        analyses.append(analyse(store, _counted(advance, done)))
        done += len(analyses[-1].ended)
    return compare(
        [(str(name), [one.outcome for one in analysis.ended]) for name, analysis in zip(names, analyses, strict=True)],
        planned=[store.manifest.trajectories for store in stores],
    )


def _counted(advance: Callable[[int], None] | None, before: int) -> Callable[[int], None]:
    return lambda number: None if advance is None else advance(before + number)


def difference_cells(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Lines of the printed table: label, each campaign's count, difference, two intervals, two p values.

    With more than two campaigns a line is printed once for each that differs from the reference, its name added.
    """
    counts = [{row.label: row.estimate for row in summary.table()} for summary in comparison.summaries]
    many = len(comparison.names) > 2
    for one in comparison.differences:
        shown = [f"{table[one.row].count} of {table[one.row].shots}" for table in counts]
        label = f"{one.row} ({one.campaign})" if many else one.row
        yield (label, *shown, *_numbers(one))


def _numbers(one: Difference) -> tuple[str, ...]:
    if one.difference is None:
        return ("–",) * 5
    return (
        f"{100 * one.difference:+.1f}",
        *(f"{100 * low:+.1f} to {100 * high:+.1f}" for low, high in (one.interval, one.simultaneous)),
        *("–" if p is None else f"{p:.2g}" for p in (one.p, one.p_holm)),
    )
