"""`molgun members`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from molgun_lmp.analysis.statistics.sentences import grid_sentence
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import Scheme
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.results.members import load_members, write_members

if TYPE_CHECKING:
    from molgun_lmp.analysis.statistics.members import Members
    from molgun_lmp.results.members import CommitteeAnswer

_MOST_LISTED = 20


def members_command(
    campaigns: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAMPAIGN CAMPAIGN...", help="Two or more: one campaign file, planned once with each member."
        ),
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the tables, the figure and its numbers.")
    ] = None,
    scheme: Scheme = None,
    as_json: AsJson = False,
) -> None:
    """Say how far the fractions hang on the model: the same shots under each member of a committee.

    Plan one campaign file once with each member (`molgun plan FILE --set model.folder=MEMBER --output CAMPAIGN`) and
    run them all. Each line has the fraction under each member, their mean with its 95 % interval over shots, how far
    models of this kind lie apart, and the interval with that. Campaigns whose shots are not the same, or that differ
    in more than the model, are refused.
    """
    planned = sum(Store.open(path).manifest.trajectories for path in campaigns)
    with counting("reading trajectories", planned) as advance:
        answer = load_members(campaigns, scheme=scheme, advance=advance)
    if output is not None:
        write_members(answer, output)
    if as_json:
        print_json(answer.to_json())
        return
    _print_answer(answer)
    if output is not None:
        answers().print(f"Tables and figure: {output}", markup=False)


def _print_answer(answer: "CommitteeAnswer") -> None:
    out, members = answers(), answer.members
    out.print(members.sentence(), markup=False)
    table = Table("", *members.names, "mean", "95 % over shots", "between models", "95 % shots and models", box=None)
    for row in members.rows:
        table.add_row(*row.cells())
    out.print(table)
    _print_split(members)
    for one in answer.campaigns:
        out.print(one.sentence(), markup=False)
    if answer.grid_points > 1:
        out.print(grid_sentence(answer.grid_points), markup=False)
    if answer.warning:
        out.print(f"Warning: {answer.warning}", markup=False)
    out.print(
        "Between models: the standard deviation of what such models would give with any number of shots. The last "
        "interval is of the fraction that another one of them would give; what all of them get wrong, it does not "
        "know.",
        markup=False,
    )
    if len(members.names) == 2:
        out.print(
            "Of two members it is wide for want of members: the quantile of Student's t is 12.7, of three 4.3, of five "
            "2.8.",
            markup=False,
        )


def _print_split(members: "Members") -> None:
    """Which classes go over into which, and the shots that do, each by the members in their order."""
    if not members.split_shots:
        return
    out, table = answers(), Table("ends as one", "or the other", "shots", box=None)
    for pair in members.exchanges:
        table.add_row(pair.one.label, pair.other.label, str(pair.shots))
    out.print(table)
    for shot in members.split_shots[:_MOST_LISTED]:
        out.print(f"{shot.trajectory_id}: {' | '.join(mode.label for mode in shot.modes)}", markup=False)
    more = len(members.split_shots) - _MOST_LISTED
    if more > 0:
        out.print(f"... and {more} more (--output or --json)", markup=False)
