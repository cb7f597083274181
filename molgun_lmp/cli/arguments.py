"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

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
ZeroedForces = Annotated[
    bool, typer.Option("--zeroed-forces", help="Go on where a constraint has set forces to zero in every frame.")
]
LostPeriodicity = Annotated[
    bool,
    typer.Option("--lost-periodicity", help="Go on where atoms are bonded across a boundary that is said to be none."),
]
Scheme = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.yaml",
        help="Decide by this outcome scheme in place of the campaign's own; `molgun schemes` explains those there are.",
    ),
]
