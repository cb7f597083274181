"""`molgun schema`."""

from molgun_lmp.cli.output import print_json
from molgun_lmp.config import Campaign


def schema_command() -> None:
    """Print the JSON schema of the campaign file: every key with its meaning; editors check and complete with it."""
    print_json(Campaign.model_json_schema())
