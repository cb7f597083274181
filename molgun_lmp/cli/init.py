"""`molgun init`."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.plan.examples import copy_example, examples
from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.errors import ConfigError


def init_command(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder to make; it must not exist.", show_default=False)
    ] = None,
    example: Annotated[str, typer.Option(help="Which example; --list shows them.")] = "ecco-si001",
    list_them: Annotated[bool, typer.Option("--list", help="List the examples and make nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy an example (campaign file, model, snapshot pools) into a new folder, to be fired or changed."""
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
    copied = copy_example(example, folder)
    if as_json:
        print_json({"folder": str(folder), "example": example, "files": [str(file) for file in copied]})
    else:
        answers().print(f"Made {folder} from the example {example}. Next: molgun plan {folder / 'campaign.yaml'}")
