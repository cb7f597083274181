"""Commands that say what came of a campaign: analyse, report, compare."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.cli.campaigns import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, counting, print_json

_PANEL = "Results"


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (analyse, report, compare):
        app.command(rich_help_panel=_PANEL)(command)


def analyse(campaign: CampaignFolder, as_json: AsJson = False) -> None:
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
    if as_json:
        print_json(analysis.to_json())
        return
    summary = analysis.summary
    out = answers()
    if summary.shots:
        table = Table(*summary.header(), box=None)
        for row in summary.table():
            table.add_row(*row.cells(), style=None if row.estimate.count else "dim")
        out.print(table)
    out.print(f"Model labels: {store.manifest.level_of_theory}", markup=False)
    if summary.shots < store.manifest.trajectories:
        out.print(f"{summary.shots} of {store.manifest.trajectories} planned trajectories have ended.")
    if summary.energy_flagged:
        out.print(f"Energy not conserved within the campaign's limits: {summary.energy_flagged} of {summary.shots}.")
    out.print(sticking_sentence(summary), markup=False)
    out.print(f"Every trajectory with the numbers that decided it: {store.analysis}", markup=False)


def report(
    campaign: CampaignFolder,
    reference: Annotated[
        list[Path] | None,
        typer.Option(metavar="CAMPAIGN", help="Another campaign to draw beside this one, such as AIMD. Repeatable."),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Show the figures of another command, such as descriptors. Repeatable."),
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
    page = write_page(store, analysis, compared(reference or ()), also or ())
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
