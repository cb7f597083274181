"""."""

from molgun_lmp.cli.output import print_json


def schema() -> None:
    """Print the JSON schema of the campaign file: every key with its meaning; editors check and complete with it."""
    from molgun_lmp.config import Campaign  # noqa: PLC0415

    print_json(Campaign.model_json_schema())
