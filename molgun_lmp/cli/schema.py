"""`molgun schema`."""

from typing import Annotated, Literal

import typer

from molgun_lmp.cli.output import print_json
from molgun_lmp.config import Campaign, Section


def schema_command(
    of: Annotated[Literal["campaign", "training", "label", "loop"], typer.Argument(help="Of which file.")] = "campaign",
) -> None:
    """Print the JSON schema of the campaign file, or of another one: every key with its meaning; editors check and
    complete with it."""
    print_json(_file(of).model_json_schema())


def _file(of: str) -> type[Section]:
    if of == "training":
        from molgun_lmp.training.settings import TrainingConfig  # noqa: PLC0415  # others do not wait for it

        return TrainingConfig
    if of == "label":
        from molgun_lmp.training.labelling.settings import LabellingConfig  # noqa: PLC0415

        return LabellingConfig
    if of == "loop":
        from molgun_lmp.learning.settings import LoopConfig  # noqa: PLC0415

        return LoopConfig
    return Campaign
