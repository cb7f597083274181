"""Commands that say what came of a campaign: analyse, report, compare, sensitivity."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molgun_lmp.cli.campaigns import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, counting, print_json

if TYPE_CHECKING:
    from molgun_lmp.analysis.quench import Quenched
    from molgun_lmp.campaign.analysing import Analysis
    from molgun_lmp.campaign.store import Store

_PANEL = "Results"


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (analyse, report, compare, sensitivity):
        app.command(rich_help_panel=_PANEL)(command)


def analyse(
    campaign: CampaignFolder,
    quench: Annotated[
        bool,
        typer.Option(
            "--quench",
            help="Also minimise the ends with the campaign's model: binding energies and the classes of the minima. "
            "What is done is kept; Ctrl-C stops, and the same command goes on.",
        ),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="With --quench: processes; if not given, one for each core.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide what became of each molecule (stuck, how, scattered, ...) and print the table with 95 % intervals.

    Needs no dynamics: it reads the stored trajectories and can be repeated, also while a campaign runs.
    """
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.summary import sticking_sentence  # noqa: PLC0415
    from molgun_lmp.campaign.analysing import analyse as run_analysis  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = run_analysis(store, advance)
    quenched = _quench(store, analysis, workers) if quench else ()
    if as_json:
        minima = {"quenched": [one.to_json() for one in quenched]} if quench else {}
        print_json(analysis.to_json() | minima)
        return
    summary = analysis.summary
    out = answers()
    if summary.shots:
        table = Table(*summary.header(), box=None)
        for row in summary.table():
            table.add_row(*row.cells(), style=None if row.estimate.count else "dim")
        out.print(table)
    out.print(f"Model labels: {store.manifest.level_of_theory}", markup=False)
    if summary.shots < store.manifest.trajectories and not (summary.stopping and summary.stopping.reached):
        out.print(f"{summary.shots} of {store.manifest.trajectories} planned trajectories have ended.")
    if summary.energy_flagged:
        out.print(f"Energy not conserved within the campaign's limits: {summary.energy_flagged} of {summary.shots}.")
    out.print(sticking_sentence(summary), markup=False)
    if summary.contact:
        _print_after_contact(store, analysis)
    _print_correlation(analysis)
    if quench:
        _print_minima(quenched)
    out.print(f"Every trajectory with the numbers that decided it: {store.analysis}", markup=False)


def _print_after_contact(store: "Store", analysis: "Analysis") -> None:
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


def _print_correlation(analysis: "Analysis") -> None:
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


def _quench(store: "Store", analysis: "Analysis", workers: int | None) -> "Sequence[Quenched]":
    from molgun_lmp.campaign.quenching import WORTH_QUENCHING, quench  # noqa: PLC0415
    from molgun_lmp.campaign.supervisor import default_workers  # noqa: PLC0415

    near = [one for one in analysis.ended if one.outcome.mode in WORTH_QUENCHING]
    alone = {one.shot.slab_snapshot for one in near}, {one.shot.molecule_snapshot for one in near}
    chosen = workers or default_workers(store.manifest.engine.threads)
    with counting("minimising", len(near) + sum(map(len, alone))) as advance:
        return quench(store, analysis, workers=chosen, advance=advance)


def _print_minima(quenched: "Sequence[Quenched]") -> None:
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


def report(
    campaign: CampaignFolder,
    reference: Annotated[
        list[Path] | None,
        typer.Option(metavar="CAMPAIGN", help="Another campaign to draw beside this one, such as AIMD. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Analyse, draw the figures, and write one self-contained HTML page with trajectories that can be turned."""
    from molgun_lmp.analysis.summary import sticking_sentence  # noqa: PLC0415
    from molgun_lmp.campaign.analysing import analyse as run_analysis  # noqa: PLC0415
    from molgun_lmp.campaign.reporting import compared  # noqa: PLC0415
    from molgun_lmp.campaign.reporting import report as write_page  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = run_analysis(store, advance)
    page = write_page(store, analysis, compared(reference or ()))
    if as_json:
        print_json({"page": str(page), "summary": analysis.summary.to_json()})
    else:
        answers().print(sticking_sentence(analysis.summary), markup=False)
        answers().print(f"Report: {page}", markup=False)


def compare(
    campaigns: Annotated[
        list[Path], typer.Argument(metavar="REFERENCE CAMPAIGN...", help="Two or more campaign folders.")
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Also write the unrounded numbers there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put campaigns side by side and say by how much each differs from the first, with 95 % intervals and a test."""
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.comparison import write_comparison  # noqa: PLC0415
    from molgun_lmp.campaign.comparing import compare_campaigns, difference_cells  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415
    from molgun_lmp.errors import InputFileError  # noqa: PLC0415

    stores = [Store.open(folder) for folder in campaigns]
    with counting("reading trajectories", sum(store.manifest.trajectories for store in stores)) as advance:
        comparison = compare_campaigns(stores, campaigns, advance)
    if csv is not None:
        try:
            write_comparison(comparison, csv)
        except OSError as error:
            raise InputFileError(f"cannot write {csv}: {error.strerror}. Name a file in an existing folder.") from error
    if as_json:
        print_json(comparison.to_json())
        return
    out = answers()
    table = Table("", *comparison.names, "difference", "95 %", "95 %, all lines", "p", "p (Holm)", box=None)
    for cells in difference_cells(comparison):
        table.add_row(*cells)
    out.print(table)
    for name, store in zip(comparison.names, stores, strict=True):
        out.print(f"{name}: model labels {store.manifest.level_of_theory}", markup=False)
    out.print(
        f"Differences are per cent of shots, less {comparison.names[0]}. A difference is beyond chance where its "
        "interval over all lines leaves out 0.",
        markup=False,
    )


def sensitivity(
    campaign: CampaignFolder,
    scale: Annotated[
        list[float] | None,
        typer.Option(help="A factor for all bond limits, 0.8 to 1.2; if not given, 0.9 to 1.1 in five. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how far the table depends on the bond limits: decide all trajectories again with scaled ones."""
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.sensitivity import SCALES, cells, changed, unscaled_of  # noqa: PLC0415
    from molgun_lmp.campaign.sensitivity import CHANGES_CSV, SENSITIVITY_CSV  # noqa: PLC0415
    from molgun_lmp.campaign.sensitivity import sensitivity as vary  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store, scales = Store.open(campaign), scale or SCALES
    with counting("deciding", store.manifest.trajectories * len({*scales, 1.0})) as advance:
        found = vary(store, scales, advance)
    files = [store.analysis / name for name in (SENSITIVITY_CSV, CHANGES_CSV)]
    if as_json:
        print_json(
            {
                "scales": [
                    {
                        "scale": one.scale,
                        "limits_angstrom": dict(one.limits),
                        "changed": changed(one, unscaled_of(found)),
                        "summary": one.summary.to_json(),
                    }
                    for one in found
                ],
                "files": [str(file) for file in files],
            }
        )
        return
    out = answers()
    table = Table("shots with bond limits times", *(f"{one.scale:g}" for one in found), box=None)
    for row in cells(found):
        table.add_row(*row)
    out.print(table)
    limits = ", ".join(f"{pair} {limit:.2f}" for pair, limit in unscaled_of(found).limits.items())
    out.print(f"Limits times 1, in Å: {limits}", markup=False)
    out.print(f"With intervals, and by trajectory: {files[0]}, {files[1]}", markup=False)
