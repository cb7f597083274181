"""`molgun schema`."""

from typing import Annotated

import typer

from molgun_lmp.cli.output import print_json
from molgun_lmp.config.file_kinds import FileKind, section_of


def schema_command(
    of: Annotated[
        FileKind, typer.Argument(metavar="KIND", help="Of which file; cp2k: of `options` in a label file.")
    ] = "campaign",
) -> None:
    """Print the JSON schema of the campaign file, or of another one: every key with its meaning; editors check and
    complete with it."""
    print_json(section_of(of).model_json_schema())
