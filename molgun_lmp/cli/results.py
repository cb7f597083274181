"""Commands that say what came of a campaign: analyse, report, compare, sensitivity."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.cli.campaigns import CampaignFolder
from molgun_lmp.cli.comparing import print_sides
from molgun_lmp.cli.ends import (
    minima_json,
    print_after_contact,
    print_correlation,
    print_minima,
    print_variants,
    quench_ends,
)
from molgun_lmp.cli.foreign import analyse_each_frame, analyse_files
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json
from molgun_lmp.errors import ConfigError

_PANEL = "Results"

ElsewhereConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.yaml",
        help="For what was made elsewhere: timestep, groups, level of theory, ...",
    ),
]
ElsewhereOverrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="The same, one value, such as timestep_fs=0.5. Repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (analyse, report, compare, sensitivity):
        app.command(rich_help_panel=_PANEL)(command)


def analyse(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAMPAIGN|FILE...", help="A campaign folder; or files made elsewhere, or folders of VASP runs."
        ),
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
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="CAMPAIGN", help="For files: take groups and criteria of this campaign where --config has none."
        ),
    ] = None,
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
    others: LAMMPS dumps (text, binary; plain, .gz, .bz2, .xz, .zst), extended XYZ, and molecular dynamics of VASP
    (vasprun.xml, OUTCAR, XDATCAR; in folders and archives each run once).
    """
    from molgun_lmp.campaign.structures import is_campaign  # noqa: PLC0415
    from molgun_lmp.campaign.vasp_runs import has_runs  # noqa: PLC0415

    if len(paths) > 1 or paths[0].is_file() or (not is_campaign(paths[0]) and has_runs(paths[0])):
        if quench:
            raise ConfigError("--quench needs a campaign's model: name a campaign folder, one at a time.")
        if each_frame:
            analyse_each_frame(paths, config, overrides or (), like=like, table=csv, as_json=as_json)
        else:
            analyse_files(
                paths,
                config,
                overrides or (),
                like=like,
                one_trajectory=one_trajectory,
                processes=processes,
                table=csv,
                as_json=as_json,
            )
        return
    _only_for_files(config=config, set=overrides, like=like, csv=csv)
    _only_for_files(each_frame=each_frame, one_trajectory=one_trajectory)
    campaign = paths[0]
    from rich.table import Table  # noqa: PLC0415

    from molgun_lmp.analysis.summary import sticking_sentence  # noqa: PLC0415
    from molgun_lmp.campaign.analysing import analyse as run_analysis  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = run_analysis(store, advance, processes=processes)
    minima = quench_ends(store, analysis, processes) if quench else analysis.minima
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
    print_variants(analysis)
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
        typer.Option(
            metavar="CAMPAIGN|FILES",
            help="Another campaign, or VASP runs or files made elsewhere, to draw beside this one. Repeatable.",
        ),
    ] = None,
    *,
    config: ElsewhereConfig = None,
    overrides: ElsewhereOverrides = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Show the figures of another command, such as descriptors. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Analyse, draw the figures, and write one self-contained HTML page with trajectories that can be turned."""
    from molgun_lmp.analysis.summary import sticking_sentence  # noqa: PLC0415
    from molgun_lmp.campaign.analysing import analyse as run_analysis  # noqa: PLC0415
    from molgun_lmp.campaign.comparing import Elsewhere, read_side, shots_of  # noqa: PLC0415
    from molgun_lmp.campaign.reporting import report as write_page  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = run_analysis(store, advance)
    elsewhere, sides = Elsewhere(config=config, overrides=overrides or ()), []
    for path in reference or ():
        with counting(f"reading {path}", shots_of(path)) as advance:
            sides.append(read_side(path, elsewhere, store, advance))
    page = write_page(store, analysis, sides, also or ())
    if as_json:
        print_json({"page": str(page), "summary": analysis.summary.to_json()})
    else:
        answers().print(sticking_sentence(analysis.summary), markup=False)
        answers().print(f"Report: {page}", markup=False)


def compare(
    campaigns: Annotated[
        list[Path],
        typer.Argument(
            metavar="REFERENCE CAMPAIGN...", help="Two or more: campaign folders, folders of VASP runs, or files."
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A folder for the figure, its numbers, the differences and the costs."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Also write the unrounded differences there.")
    ] = None,
    config: ElsewhereConfig = None,
    overrides: ElsewhereOverrides = None,
    as_json: AsJson = False,
) -> None:
    """Put campaigns side by side and say by how much each differs from the first, with 95 % intervals and a test.

    Trajectories made elsewhere, such as a reference AIMD, are decided by the criteria and with the groups of the first
    campaign, whatever their order of atoms.
    """
    from molgun_lmp.analysis.comparison import write_comparison  # noqa: PLC0415
    from molgun_lmp.campaign import comparing  # noqa: PLC0415
    from molgun_lmp.errors import InputFileError  # noqa: PLC0415

    elsewhere = comparing.Elsewhere(config=config, overrides=overrides or ())
    with counting("reading trajectories", sum(map(comparing.shots_of, campaigns))) as advance:
        sides = comparing.read_sides(campaigns, elsewhere, advance)
    comparison = comparing.compare_sides(sides)
    if csv is not None:
        try:
            write_comparison(comparison, csv)
        except OSError as error:
            raise InputFileError(f"cannot write {csv}: {error.strerror}. Name a file in an existing folder.") from error
    if output is not None:
        comparing.write_sides(sides, comparison, output)
    if not as_json:
        print_sides(sides, comparison)
        if output is not None:
            answers().print(f"Figure and numbers: {output}", markup=False)
        return
    print_json(
        comparison.to_json()
        | {
            "levels_of_theory": {side.name: side.level_of_theory for side in sides},
            "warning": comparing.sides_warning(sides),
            "costs": [dataclasses.asdict(cost) for cost in comparing.cost_lines(sides)],
        }
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
