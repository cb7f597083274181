"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

if TYPE_CHECKING:
    pass


if TYPE_CHECKING:
    pass

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    pass


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


CampaignFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The campaign file.")]


Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A .model file, a deployed file, a model folder, or a finished training's folder."
    ),
]


CampaignFolder = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="A campaign folder, as `molgun plan` makes it.")
]
