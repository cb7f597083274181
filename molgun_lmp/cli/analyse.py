"""`molgun analyse`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from molgun_lmp.analysis.outcomes.minima import Minima
from molgun_lmp.analysis.statistics.sentences import left_out_sentence, noise_sentences, sticking_sentence
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.manifest import is_campaign
from molgun_lmp.cli.analyse_tables import (
    minima_json,
    print_after_contact,
    print_convergence,
    print_correlation,
    print_dosing,
    print_grid,
    print_heat,
    print_minima,
    print_scattering,
    print_summary,
    print_variants,
)
from molgun_lmp.cli.arguments import Scheme
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, options_given, print_json
from molgun_lmp.config.schemes import named_from_here
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.outcome_scheme import DEFAULT_SCHEME
from molgun_lmp.results.analyse import Analysis, analyse

_TRAJECTORIES: Final = (".extxyz", ".xyz", ".dump", ".lammpstrj", ".traj")
"""Ends of files that are worth naming where a folder of them was given."""


def analyse_command(
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
    scheme: Scheme = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="For files: also write a table.")] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also print the classes that no shot ended in, all intervals, modes at times after contact, whether "
            "the halves of the shots agree, and how alike shots of one snapshot are.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decide what became of each molecule (stuck, how, scattered, ...) and print the table with 95 % intervals.

    Needs no dynamics: it reads the stored trajectories and can be repeated, also while a campaign runs. Files of
    others: LAMMPS dumps (text, binary; plain, .gz, .bz2, .xz, .zst), extended XYZ, and molecular dynamics of VASP
    (vasprun.xml, OUTCAR, XDATCAR; in folders and archives each run once).
    """
    if _are_files(paths):
        if quench:
            raise ConfigError("--quench needs a campaign's model: name a campaign folder, one at a time.")
        from molgun_lmp.cli.analyse_files import analyse_each_frame, analyse_files  # noqa: PLC0415 - slow to load

        given = [*(overrides or ()), *([] if scheme is None else [f"outcomes.scheme={named_from_here(scheme)}"])]
        if each_frame:
            analyse_each_frame(paths, config, given, like=like, table=csv, as_json=as_json)
        else:
            analyse_files(
                paths,
                config,
                given,
                like=like,
                one_trajectory=one_trajectory,
                processes=processes,
                table=csv,
                as_json=as_json,
            )
        return
    _only_for_files(config=config, set=overrides, like=like, csv=csv)
    _only_for_files(each_frame=each_frame, one_trajectory=one_trajectory)
    store = Store.open(paths[0]).decided_by(scheme)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = analyse(store, advance, processes=processes)
    minima = analysis.minima
    if quench:
        from molgun_lmp.cli.analyse_quench import quench_ends  # noqa: PLC0415 - slow to load, and seldom asked for

        minima = quench_ends(store, analysis, processes)
    if as_json:
        print_json(analysis.to_json() | minima_json(minima))
        return
    _print_campaign(store, analysis, minima, everything=everything)


def _are_files(paths: list[Path]) -> bool:
    """Whether these were made elsewhere: files, or folders of runs. Raises `InputFileError` where nothing is."""
    if len(paths) == 1 and is_campaign(paths[0]):
        return False
    from molgun_lmp.readers.vasp_trajectories import has_runs, require_there  # noqa: PLC0415 - slow to load

    require_there(paths)
    if len(paths) > 1 or paths[0].is_file() or has_runs(paths[0]):
        return True
    inside = next((one for end in _TRAJECTORIES for one in sorted(paths[0].glob(f"*{end}*")) if one.is_file()), None)
    if inside is not None:
        raise CampaignError(
            f"{paths[0]} is no campaign folder, but holds files such as {inside.name}: name files, such as `molgun "
            f"analyse {inside}`."
        )
    return False


def _print_campaign(store: Store, analysis: Analysis, minima: Minima | None, *, everything: bool) -> None:
    summary = analysis.summary
    out = answers()
    print_grid(analysis)
    out.print(sticking_sentence(summary), markup=False)
    print_summary(analysis, everything=everything)
    print_variants(analysis)
    print_dosing(analysis)
    print_scattering(analysis)
    if minima is not None:
        print_minima(minima)
    if everything:
        if summary.contact:
            print_after_contact(store, analysis)
        print_convergence(store, analysis)
        if analysis.grid is None:
            print_correlation(analysis)
    _print_what_to_mind(store, analysis)
    out.print(f"Every trajectory with the numbers that decided it: {store.analysis}", markup=False)


def _print_what_to_mind(store: Store, analysis: Analysis) -> None:
    summary, out = analysis.summary, answers()
    if summary.shots < store.manifest.trajectories and not (summary.stopping and summary.stopping.reached):
        out.print(f"{summary.shots} of {store.manifest.trajectories} planned trajectories have ended.")
    if summary.left_out:
        out.print(left_out_sentence(summary.left_out), markup=False)
    if summary.settled is not None:
        out.print(summary.settled.sentence(), markup=False)
    if summary.energy_flagged:
        out.print(f"Energy not conserved within the campaign's limits: {summary.energy_flagged} of {summary.shots}.")
    for said in (summary.cut_sentence(), analysis.gone.sentence()):
        if said:
            out.print(said, markup=False)
    if mixed := read_status(store).mixed():
        out.print(mixed, markup=False)
    for sentence in noise_sentences(summary):
        out.print(sentence, markup=False)
    print_heat(analysis)
    if analysis.gain is not None:
        out.print(analysis.gain.sentence(), markup=False)
    if store.scheme.identity != DEFAULT_SCHEME:
        out.print(f"Outcome scheme: {store.scheme.name}", markup=False)
    out.print(f"Model labels: {store.manifest.level_of_theory}", markup=False)


def _only_for_files(**options: object) -> None:
    if said := options_given(**options):
        raise ConfigError(
            f"{said} is for files made elsewhere; a campaign knows these of itself. Leave it out, or name files."
        )
