"""`molgun init`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from molgun_lmp.campaign.plan.examples import copy_example, examples
from molgun_lmp.campaign.plan.new_system import NewSystem, write_new_system
from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import ConfigError

_DEFAULT: Final = "ecco-si001"


def init_command(  # noqa: PLR0917  # a command
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder to make; it must not exist.", show_default=False)
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            help=f"Which example; --list shows them. If not given, the one that DIR is named as, or else {_DEFAULT}."
        ),
    ] = None,
    slab: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|SURFACE",
            help="A new system: its clean slab, from a file or as a surface, such as fcc111:Cu:4x4x5 "
            "(fcc100, fcc110, fcc111, bcc100, bcc110, bcc111, hcp0001, diamond100, diamond111, graphene, si001).",
        ),
    ] = None,
    molecule: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="With --slab: a file, a name (Ar, H2, CO, CH4), or smiles:C=C."),
    ] = None,
    potential: Annotated[
        str | None,
        typer.Option(
            metavar="STYLE:FILE",
            help="With --slab: an interatomic potential, such as eam/alloy:NiAlH_jea.eam.alloy; without it a MACE "
            "model is expected in model/.",
        ),
    ] = None,
    frozen: Annotated[
        int | None,
        typer.Option(min=0, help="With --slab: layers that never move; if not given, two of a slab of four or more."),
    ] = None,
    temperature: Annotated[float, typer.Option(min=1.0, help="With --slab: of slab and molecule, in K.")] = 300.0,
    list_them: Annotated[bool, typer.Option("--list", help="List the examples and make nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy an example (campaign file, model, snapshot pools) into a new folder, or write the campaign file of a system
    of your own (--slab, --molecule)."""
    if list_them:
        there = examples()
        if as_json:
            print_json({one.name: one.summary for one in there})
        else:
            for one in there:
                answers().print(f"[bold]{one.name}[/]  {one.summary}")
        return
    if folder is None:
        raise ConfigError(
            "name the folder to make, such as `molgun init first`; `molgun init --list` shows the examples"
        )
    if slab is not None or molecule is not None:
        if slab is None or molecule is None:
            raise ConfigError("a new system takes both --slab and --molecule.")
        system = NewSystem(
            slab=slab, molecule=molecule, potential=potential, frozen_layers=frozen, temperature_k=temperature
        )
        made = write_new_system(system, folder)
        if as_json:
            print_json({"folder": str(folder), "example": None, "files": [str(file) for file in made]})
        else:
            first = "" if potential else f"Put a model into {folder / 'model'} (`molgun export`). "
            answers().print(f"Made {folder}. {first}Next: molgun equilibrate {folder / 'campaign.yaml'}")
        return
    if example is None:
        example = folder.name if folder.name in {one.name for one in examples()} else _DEFAULT
    copied = copy_example(example, folder)
    if as_json:
        print_json({"folder": str(folder), "example": example, "files": [str(file) for file in copied]})
    else:
        file = folder / "campaign.yaml"
        loaded = load_campaign(file)
        pools = (loaded.config.system.slab.pool, loaded.config.system.molecule.pool)
        ready = all(loaded.path(pool).is_file() for pool in pools)
        answers().print(
            f"Made {folder} from the example {example}. Next: molgun {'plan' if ready else 'equilibrate'} {file}"
        )
