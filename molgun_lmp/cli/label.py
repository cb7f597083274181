"""`molgun label`."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json
from molgun_lmp.config.loading import load_section
from molgun_lmp.training.labelling.label import label, read_structures
from molgun_lmp.training.labelling.settings import LabellingConfig


def label_command(
    file: Annotated[Path, typer.Argument(metavar="LABEL.yaml", help="Which ASE calculator, with which options.")],
    frames: Annotated[
        list[Path],
        typer.Argument(metavar="FRAMES...", help="Structures: files that ASE reads, dumps, folders, archives."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The labels' folder; what is there is kept.")],
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Compute reference energies and forces with any ASE calculator. Ctrl-C stops; the same command goes on."""
    config = load_section(file, LabellingConfig, overrides or (), what="a labelling file")
    structures = read_structures(frames)
    with counting("labelling", len(structures)) as show:
        report = label(config, structures, output, show)
    if as_json:
        print_json(
            {
                "labelled": report.labelled,
                "failed": report.failed,
                "repeated": report.repeated,
                "checked_again": report.checked_again,
                "largest_net_force_ev_per_angstrom": report.largest_net_force_ev_per_angstrom,
                "file": str(report.file),
            }
        )
        return
    out = answers()
    out.print(f"{report.labelled} structures labelled ({config.level_of_theory}): {report.file}", markup=False)
    net = 1000.0 * report.largest_net_force_ev_per_angstrom
    out.print(
        f"Forces add up to {net:.2g} meV/Å for each atom at most; from another start too: {report.checked_again}.",
        markup=False,
    )
    if report.repeated:
        out.print(f"{report.repeated} structures were given twice.", markup=False)
    for source, reason in report.failed.items():
        out.print(f"  no labels for {source}: {reason}", markup=False)
    if report.failed:
        out.print("The same command tries these again.", markup=False)
