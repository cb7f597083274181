"""`molgun collect`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.cluster.collect import Collected, collect, read_record
from molgun_lmp.campaign.cluster.next_tasks import Advice, advise
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.errors import LeftOutError
from molgun_lmp.results.analyse import outcomes_of


def collect_command(
    campaign: CampaignFolder,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that came back from the cluster.")],
    as_json: AsJson = False,
) -> None:
    """Take the results of a cluster folder into the campaign, checked, and say what is missing.

    What ended there and cannot be taken is named, remembered for the campaign's tables, and makes the exit status 18.
    Where the campaign has a stop rule, also take its looks, and say which tasks the next one needs.
    """
    store = Store.open(campaign)
    found = collect(store, folder)
    record = read_record(store, folder)
    advice = advise(store, record, outcomes_of)
    if as_json:
        print_json(dataclasses.asdict(found) | {"until": None if advice is None else advice.to_json()})
    else:
        _print_collected(found, record.batch.script, advice)
    if found.damaged:
        raise LeftOutError(
            f"{len(found.damaged)} of {len(record.trajectories)} shots of {folder} ended there and could not be taken; "
            f"the first is {min(found.damaged)}: {found.damaged[min(found.damaged)]} The others were taken, and tables "
            "of this campaign will say how many are left out: give the same command again after the remedy."
        )


def _print_collected(found: Collected, script: str, advice: Advice | None) -> None:
    out = answers()
    out.print(f"{len(found.taken)} taken, {len(found.before)} were there before, {len(found.missing)} have not ended.")
    for name in found.missing if advice is None else ():
        out.print(f"  {name} has not ended: submit {script} again", markup=False)
    for name, why in found.damaged.items():
        out.print(f"  {name} is damaged: {why}", markup=False)
    for sentence in () if advice is None else advice.sentences():
        out.print(sentence, markup=False)
