"""What `molgun analyse` says besides the table: fixed times, how alike shots are, and the minima below the ends."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from molgun_lmp.cli.output import answers, counting

if TYPE_CHECKING:
    from molgun_lmp.analysis.quench import Quenched
    from molgun_lmp.campaign.analysing import Analysis
    from molgun_lmp.campaign.store import Store


def print_after_contact(store: "Store", analysis: "Analysis") -> None:
    """The modes at fixed times after first contact."""
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.fixed_times import after_contact, cells  # noqa: PLC0415

    times = store.config().outcomes.after_contact_ps
    if not times:
        return
    outcomes = [one.outcome for one in analysis.ended]
    table = Table("after first contact", *(f"{time:g} ps" for time in times), box=None)
    for row in cells(after_contact(outcomes, [one.result.stop for one in analysis.ended], times)):
        table.add_row(*row)
    answers().print(table)


def print_correlation(analysis: "Analysis") -> None:
    """How alike shots of one snapshot are, where there are enough snapshots to tell."""
    from molgun_lmp.analysis.estimates import clusters_of  # noqa: PLC0415
    from molgun_lmp.analysis.sizing import correlation_of  # noqa: PLC0415
    from molgun_lmp.analysis.statistics import FEW_CLUSTERS  # noqa: PLC0415

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


def quench_ends(store: "Store", analysis: "Analysis", processes: int | None) -> "Sequence[Quenched]":
    """Minimise the ends with so many processes, None for one on each core."""
    from molgun_lmp.campaign.quenching import WORTH_QUENCHING, quench  # noqa: PLC0415
    from molgun_lmp.campaign.supervisor import default_workers  # noqa: PLC0415

    near = [one for one in analysis.ended if one.outcome.mode in WORTH_QUENCHING]
    alone = {one.shot.slab_snapshot for one in near}, {one.shot.molecule_snapshot for one in near}
    chosen = processes or default_workers(store.manifest.engine.threads)
    with counting("minimising", len(near) + sum(map(len, alone))) as advance:
        return quench(store, analysis, workers=chosen, advance=advance)


def print_minima(quenched: "Sequence[Quenched]") -> None:
    """Binding energies by the class of the minimum, and what fell into another class."""
    from collections import Counter  # noqa: PLC0415

    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.quench import binding_by_mode  # noqa: PLC0415

    out = answers()
    table = Table("minimum", "ends", "binding energy / eV", "spread", "strongest", "weakest", box=None)
    for one in binding_by_mode(quenched):
        spread = "–" if one.spread_ev is None else f"{one.spread_ev:.2f}"
        energies = (f"{one.mean_ev:.2f}", spread, f"{one.strongest_ev:.2f}", f"{one.weakest_ev:.2f}")
        table.add_row(one.mode.value, str(one.minima), *energies)
    out.print(table)
    for (end, minimum), number in Counter((one.mode_at_end.value, one.mode.value) for one in quenched).items():
        if end != minimum:
            out.print(f"{number} that ended as {end} fell to {minimum}.", markup=False)
    unfinished = sum(not one.converged for one in quenched)
    if unfinished:
        out.print(f"{unfinished} did not reach the force tolerance and are not among the binding energies.")
