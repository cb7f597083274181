"""Commands that say what came of a campaign: analyse, report, compare, sensitivity."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.cli.campaigns import CampaignFolder
from molgun_lmp.cli.ends import minima_json, print_after_contact, print_correlation, print_minima, quench_ends
from molgun_lmp.cli.foreign import analyse_each_frame, analyse_files
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json
from molgun_lmp.errors import ConfigError

_PANEL = "Results"


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (analyse, report, compare, sensitivity):
        app.command(rich_help_panel=_PANEL)(command)


def analyse(
    paths: Annotated[
        list[Path], typer.Argument(metavar="CAMPAIGN|FILE...", help="A campaign folder, or files made elsewhere.")
    ],
    *,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Read (or minimise) so many at a time; if not given, as many as there are cores."),
    ] = None,
    quench: Annotated[
        bool,
        typer.Option(
            "--quench",
            help="Also minimise the ends with the campaign's model: binding energies and the classes of the minima. "
            "What is done is kept; Ctrl-C stops, and the same command goes on.",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="For files: elements of types, timestep, molecule, groups, criteria."),
    ] = None,
    overrides: Overrides = None,
    each_frame: Annotated[
        bool, typer.Option("--each-frame", help="For files: classify every frame as a structure of its own.")
    ] = False,
    one_trajectory: Annotated[
        bool, typer.Option("--one-trajectory", help="For files: all are parts of one trajectory, in this order.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="For files: also write a table.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide what became of each molecule (stuck, how, scattered, ...) and print the table with 95 % intervals.

    Needs no dynamics: it reads the stored trajectories and can be repeated, also while a campaign runs. Files of
    others: LAMMPS dumps (text, binary; plain, .gz, .zst, .xz) and extended XYZ.
    """
    if len(paths) > 1 or paths[0].is_file():
        if quench:
            raise ConfigError("--quench needs a campaign's model: name a campaign folder, one at a time.")
        if each_frame:
            analyse_each_frame(paths, config, overrides or (), table=csv, as_json=as_json)
        else:
            analyse_files(
                paths,
                config,
                overrides or (),
                one_trajectory=one_trajectory,
                processes=processes,
                table=csv,
                as_json=as_json,
            )
        return
    _only_for_files(config=config, set=overrides, each_frame=each_frame, one_trajectory=one_trajectory, csv=csv)
    campaign = paths[0]
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.summary import sticking_sentence  # noqa: PLC0415
    from molgun_lmp.campaign.analysing import analyse as run_analysis  # noqa: PLC0415
    from molgun_lmp.campaign.minima import kept_minima  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = run_analysis(store, advance, processes=processes)
    minima = quench_ends(store, analysis, processes) if quench else kept_minima(store, analysis.ended)
    if as_json:
        print_json(analysis.to_json() | minima_json(minima))
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
        print_after_contact(store, analysis)
    print_correlation(analysis)
    if minima is not None:
        print_minima(minima)
    out.print(f"Every trajectory with the numbers that decided it: {store.analysis}", markup=False)


def _only_for_files(**options: object) -> None:
    given = [name.replace("_", "-") for name, value in options.items() if value]
    if given:
        raise ConfigError(
            f"--{', --'.join(given)} is for files made elsewhere; a campaign knows these of itself. Leave it out, or "
            "name files."
        )


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


def sensitivity(
    campaign: CampaignFolder,
    scale: Annotated[
        list[float] | None,
        typer.Option(help="A factor for all bond limits, 0.8 to 1.2; if not given, 0.9 to 1.1 in five. Repeatable."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Read so many at a time; if not given, as many as there are cores.")
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
    with counting("deciding", store.manifest.trajectories) as advance:
        found = vary(store, scales, processes=processes, advance=advance)
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
