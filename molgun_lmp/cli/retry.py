"""`molgun retry`."""

from typing import Annotated

import typer

from molgun_lmp.campaign.retry import causes_named, free_failed
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json


def retry_command(
    campaign: CampaignFolder,
    failed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CAUSE",
            help="Failed for this cause, such as lost-atoms; if not given, those that lie in the machine "
            "(worker-died, hung, out-of-memory, disk). Repeatable.",
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="ID", help="This trajectory only. Repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Free failed trajectories, so that the next `molgun run` fires them again."""
    causes = causes_named(failed or ())
    freed = free_failed(Store.open(campaign), only or (), causes)
    if as_json:
        print_json({"freed": {identifier: cause.value for identifier, cause in freed.items()}})
    elif freed:
        answers().print(f"{len(freed)} trajectories are free again: {', '.join(freed)}. Next: molgun run {campaign}")
    else:
        answers().print(f"No trajectory failed for {', '.join(sorted(cause.value for cause in causes))}.")
