"""`molgun export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import EXPORTED_FILES, MODEL_FORMATS, SPLINE_POINTS
from molgun_lmp.models.card import Licences
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.export.export import DEFAULT_FORMATS, Provenance, export_run
from molgun_lmp.training.export.export import export as export_file
from molgun_lmp.training.settings import AS_THEY_ARE

if TYPE_CHECKING:
    from molgun_lmp.models.card import ModelCard
from molgun_lmp.cli.model_arguments import Head, Sha256, Trust

_WRITTEN = [name for name, file in EXPORTED_FILES.items() if MODEL_FORMATS[file.format].by_default]
_ON_REQUEST = [name for name in EXPORTED_FILES if name not in _WRITTEN]


def export_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder of `molgun train`, or a .model file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to make.")],
    *,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help=f"{', '.join([*_WRITTEN, *_ON_REQUEST][:-1])} or {_ON_REQUEST[-1]}; if not given, all but "
            f"{' and '.join(_ON_REQUEST)}. Repeatable.",
        ),
    ] = None,
    frames: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled frames on which the files must agree with mace (for a .model file). Repeatable."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name on its card (for a .model file).")] = None,
    level_of_theory: Annotated[
        str | None, typer.Option(help="Of the labels that a .model file was trained on, such as 'PBE-D3(BJ), VASP'.")
    ] = None,
    spline_points: Annotated[
        int,
        typer.Option(min=50, help="Of the radial functions in a symmetrix-splines file: more are larger and finer."),
    ] = SPLINE_POINTS,
    head: Head = None,
    sha256: Sha256 = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Turn a trained model into the files that LAMMPS runs, each proven against mace, with a model card."""
    chosen: Sequence[str] = formats or DEFAULT_FORMATS
    if not model.exists():
        raise ModelError(f"no model file or folder at {model}. Name a .model file, or a folder of `molgun train`.")
    if model.is_dir():
        card = export_run(model, output, formats=chosen, spline_points=spline_points)
    elif not frames or level_of_theory is None:
        raise ModelError(
            f"{model} is a single file: give --frames FILE (labelled frames to prove the exported files on) and "
            "--level-of-theory, which nothing else tells. A folder of `molgun train` needs neither."
        )
    else:
        card = export_file(
            model,
            output,
            frames=read_dataset(frames, limits=AS_THEY_ARE).frames[:12],
            provenance=Provenance(
                name=name or model.stem,
                level_of_theory=level_of_theory,
                e0s_kind="of the given model",
                training=None,
                errors=(),
                licences=Licences(),
            ),
            formats=chosen,
            head=head,
            sha256=sha256,
            trust=trust,
            spline_points=spline_points,
        )
    if as_json:
        print_json(card.model_dump(mode="json"))
    else:
        _print_card(card, output)


def _print_card(card: "ModelCard", folder: Path) -> None:
    out = answers()
    out.print(f"{folder}: model {card.name}, {', '.join(card.elements)}, labels {card.level_of_theory}", markup=False)
    for parity in card.parity:
        virial = "" if parity.virial_ev_per_atom is None else f", virial {parity.virial_ev_per_atom:.1e} eV/atom"
        out.print(
            f"  {parity.format} {parity.dtype}{' in LAMMPS' if parity.run_by == 'lammps' else ''}: largest difference "
            f"from mace on {parity.frames} frames {parity.energy_ev_per_atom:.1e} eV/atom, "
            f"{parity.force_ev_per_angstrom:.1e} eV/Å{virial}",
            markup=False,
        )
    for contact in card.contacts:
        out.print(
            f"  {contact.format} {contact.dtype}: {contact.dimers} dimers of {', '.join(contact.elements)} from "
            f"{contact.from_angstrom:.1f} Å up agree; worst {'-'.join(contact.worst_pair)} at "
            f"{contact.worst_angstrom:.1f} Å, {contact.force_ev_per_angstrom:.1e} of "
            f"{contact.force_there_ev_per_angstrom:.1e} eV/Å",
            markup=False,
        )
    for name, why in card.not_exported.items():
        out.print(f"  no {name}: {why}", markup=False)
    for name, why in card.not_run_in_lammps.items():
        out.print(f"  {name} was not run in LAMMPS here: {why}", markup=False)
