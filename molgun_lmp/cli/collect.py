"""`molgun collect`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.cluster.collect import collect, read_record
from molgun_lmp.campaign.cluster.next_tasks import advise
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.results.analyse import outcomes_of


def collect_command(
    campaign: CampaignFolder,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that came back from the cluster.")],
    as_json: AsJson = False,
) -> None:
    """Take the results of a cluster folder into the campaign, checked, and say what is missing.

    Where the campaign has a stop rule, also take its looks, and say which tasks the next one needs.
    """
    store = Store.open(campaign)
    found = collect(store, folder)
    record = read_record(store, folder)
    advice = advise(store, record, outcomes_of)
    if as_json:
        print_json(dataclasses.asdict(found) | {"until": None if advice is None else advice.to_json()})
        return
    out = answers()
    out.print(f"{len(found.taken)} taken, {len(found.before)} were there before, {len(found.missing)} have not ended.")
    for name in found.missing if advice is None else ():
        out.print(f"  {name} has not ended: submit {record.batch.script} again", markup=False)
    for name, why in found.damaged.items():
        out.print(f"  {name} is damaged: {why}", markup=False)
    for sentence in () if advice is None else advice.sentences():
        out.print(sentence, markup=False)
