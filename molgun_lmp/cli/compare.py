"""`molgun compare`."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from molgun_lmp.analysis.report.costs import HEADER
from molgun_lmp.analysis.report.paper import PAPER_COSTS
from molgun_lmp.analysis.statistics.sentences import grid_sentence, left_out_sentence
from molgun_lmp.cli.arguments import ElsewhereConfig, ElsewhereOverrides, Scheme
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.errors import InputFileError
from molgun_lmp.models.level_of_theory import UNSTATED
from molgun_lmp.results import compare as comparing
from molgun_lmp.results.campaign_differences import differences, require_one_system
from molgun_lmp.results.compare import (
    at_equal_coverage,
    chains_note,
    cost_lines,
    difference_cells,
    sides_warning,
)
from molgun_lmp.results.table_files import write_comparison

if TYPE_CHECKING:
    from molgun_lmp.analysis.statistics.comparison import Comparison
    from molgun_lmp.results.compare import Side


def compare_command(
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
    scheme: Scheme = None,
    different_systems: Annotated[
        bool,
        typer.Option("--different-systems", help="Also compare campaigns of different molecules or surfaces."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put campaigns side by side and say by how much each differs from the first, with 95 % intervals and a test.

    What else differs between them (model, engine, gun, dynamics, criteria, ...) is said, a line each. Other molecules
    or surfaces than the first campaign's are refused unless asked for. Campaigns of one seed, with the same pools and
    gun, are compared shot by shot, those of chains of doses chain by chain. Trajectories made elsewhere, such as a
    reference AIMD, are decided by the criteria and with the groups of the first campaign, whatever their order of
    atoms.
    """
    elsewhere = comparing.Elsewhere(config=config, overrides=overrides or (), scheme=scheme)
    facts = comparing.campaign_facts(campaigns, elsewhere)
    if not different_systems:
        require_one_system(facts)
    differs = differences(facts)
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
        print_sides(sides, comparison, differs)
        print_equal_coverage(sides)
        print_costs(sides, paper=bool(facts) and all(one.paper_system for _, one in facts))
        if output is not None:
            answers().print(f"Figure and numbers: {output}", markup=False)
        return
    met = at_equal_coverage(sides)
    print_json(
        comparison.to_json()
        | {
            "differs": differs,
            "levels_of_theory": {side.name: side.level_of_theory for side in sides},
            "grid_points": {side.name: side.grid_points for side in sides if side.grid_points > 1},
            "left_out": {side.name: dict(side.left_out) for side in sides if side.left_out},
            "warning": comparing.sides_warning(sides),
            "costs": [dataclasses.asdict(cost) for cost in comparing.cost_lines(sides)],
        }
        | ({"at_equal_coverage": [dataclasses.asdict(one) for one in met]} if met else {})
        | ({"chains": note} if (note := chains_note(sides)) else {})
    )


def print_sides(sides: "Sequence[Side]", comparison: "Comparison", differs: Mapping[str, Mapping[str, str]]) -> None:
    """The table, what differs between the campaigns, and each side's level of theory with a warning where they are not
    one."""
    out = answers()
    table = Table(
        "", *comparison.names, "difference", "95 %", "95 %, all lines", "p", "p (Holm)", "paired shots", box=None
    )
    for cells in difference_cells(comparison):
        table.add_row(*cells)
    out.print(table)
    for pairing in comparison.pairings:
        out.print(pairing.sentence(), markup=False)
    note = chains_note(sides)
    if note:
        out.print(note, markup=False)
    for what, values in differs.items():
        shown = "; ".join(f"{name}: {value}" for name, value in values.items())
        out.print(f"Differs, {what}: {shown}", markup=False)
    for side in sides:
        out.print(f"{side.name}: forces of {side.level_of_theory or UNSTATED}", markup=False)
        if side.grid_points > 1:
            out.print(f"{side.name}: {grid_sentence(side.grid_points)}", markup=False)
        if side.left_out:
            out.print(f"{side.name}: {left_out_sentence(side.left_out)}", markup=False)
    warning = sides_warning(sides)
    if warning:
        out.print(f"Warning: {warning}", markup=False)
    out.print(
        f"Differences are per cent of shots, less {comparison.names[0]}. A difference is beyond chance where its "
        "interval over all lines leaves out 0.",
        markup=False,
    )


def print_equal_coverage(sides: "Sequence[Side]") -> None:
    """What sticks at equal coverage, of campaigns of chains."""
    found = [one for one in at_equal_coverage(sides) if one.what == "sticking"]
    if not found:
        return
    table = Table("taken up, by coverage met", "reference", "campaign", "difference", "95 %", "p (Holm)", box=None)
    for one in found:
        name = f" ({one.campaign})" if len(sides) > 2 else ""
        table.add_row(
            f"{one.monolayers_low:.3f} to {one.monolayers_high:.3f} ML{name}",
            f"{one.reference_count} of {one.reference_shots}",
            f"{one.count} of {one.shots}",
            f"{100 * one.difference:+.1f}",
            f"{100 * one.low:+.1f} to {100 * one.high:+.1f}",
            "–" if one.p_holm is None else f"{one.p_holm:.2g}",
        )
    answers().print(table)


def print_costs(sides: "Sequence[Side]", *, paper: bool) -> None:
    """What each side cost; beside the reference paper's where `paper` says that all are of its system."""
    table = Table(*HEADER, box=None)
    for cost in (*cost_lines(sides), *(PAPER_COSTS if paper else ())):
        table.add_row(*cost.cells())
    answers().print(table)
