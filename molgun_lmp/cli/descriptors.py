"""`molgun descriptors`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from molgun_lmp.campaign.store.manifest import is_campaign
from molgun_lmp.cli.arguments import Model
from molgun_lmp.cli.model_arguments import (
    BatchSize,
    Device,
    Head,
    Sha256,
    TrainedOn,
    Trust,
    training_files,
    training_set,
)
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.models.level_of_theory import UNSTATED
from molgun_lmp.results.structures import campaign_structures
from molgun_lmp.training.dataset.structures import structures_of, without_isolated_atoms
from molgun_lmp.training.descriptors.describe import describe
from molgun_lmp.training.descriptors.figures import draw_components, draw_distances
from molgun_lmp.training.descriptors.report import of_one_composition, place, report_of, write_report
from molgun_lmp.training.evaluation.predictor import open_mace

if TYPE_CHECKING:
    from molgun_lmp.training.dataset.structures import Structure
    from molgun_lmp.training.descriptors.report import DescriptorReport


def descriptors_command(
    model: Model,
    sets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SETS...", help="Files of frames, LAMMPS dumps or campaign folders.", show_default=False
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for figures, their numbers and a report.")],
    training: TrainedOn = None,
    colour: Annotated[
        Literal["set", "energy", "mode"],
        typer.Option("--colour", "--color", help="By set, by the model's energy, or by how a trajectory ended."),
    ] = "set",
    element: Annotated[
        str | None, typer.Option(help="Atoms of this element one by one, instead of means over structures.")
    ] = None,
    formula: Annotated[
        str | None,
        typer.Option(help="Of the structures to compare, such as C12H46Si96; if not given, what most of SETS are."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th frame of SETS.")] = 1,
    batch_size: BatchSize = 8,
    device: Device = "cpu",
    head: Head = None,
    sha256: Sha256 = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Principal components of a model's descriptors: how far are frames, or a campaign, from its training set?"""
    files = training_files(model, training)  # before a model is loaded, which takes seconds
    source, loaded, chosen = open_mace(model, head=head, sha256=sha256, trust=trust)
    structures = [*training_set(files), *_others(sets or (), every)]
    points, left_out = f"{element} atoms", dict[str, int]()
    if element is None:
        points, structures, left_out = of_one_composition(structures, formula)
    with counting("describing structures", len(structures)) as advance:
        described = describe(
            loaded,
            structures,
            head=chosen,
            element=element,
            batch_size=batch_size,
            device=device,
            advance=advance,
        )
    placed = place(described)
    level = source.level_of_theory or UNSTATED
    report = report_of(
        described,
        placed,
        model=source.name,
        sha256=source.sha256 or "",
        level_of_theory=level,
        points=points,
        left_out=left_out,
    )
    footer = f"{points}; model {source.name}, trained on labels: {level}"
    draw_components(described, placed, output, colour=colour, footer=footer)
    draw_distances(described, placed, output, footer=footer)
    write_report(report, output)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)
        answers().print(f"Figures and numbers: {output}", markup=False)


def _others(sets: list[Path] | tuple[()], every: int) -> "list[Structure]":
    found: list[Structure] = []
    for path in sets:
        structures = campaign_structures if is_campaign(path) else structures_of
        found += without_isolated_atoms(list(structures(path, every=every)), str(path))
    return found


def _print_report(report: "DescriptorReport") -> None:
    table = Table("descriptors", "set", "points", "median", "95 %", "largest", "outside / %", "nearest", box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for kind, of in report.kinds.items():
        for name, one in of.sets.items():
            numbers = (one.median, one.percentile_95, one.largest, 100 * one.outside, one.median_nearest)
            table.add_row(kind, name, str(one.points), *(f"{number:.2f}" for number in numbers))
    out = answers()
    out.print(f"{report.points}, model {report.model}", markup=False)
    out.print(table)
    for formula, count in report.left_out.items():
        out.print(f"Not compared: {count} structures {formula}, of another composition", markup=False)
    out.print(
        "Distances in units of the training set's own spread; outside: farther out than 99 % of the training set; "
        "nearest: to the nearest training point, in units of those between training points.",
        markup=False,
    )
