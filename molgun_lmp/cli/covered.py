"""`molgun covered`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.covered_pool import write_covered_pool
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json


def covered_command(
    campaign: CampaignFolder,
    after: Annotated[int, typer.Option(min=1, metavar="N", help="The surfaces that N doses have left.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The pool to write (.extxyz, .extxyz.xz).")],
    as_json: AsJson = False,
) -> None:
    """Make a slab pool of the covered surfaces of a dosing campaign, for a campaign that fires at these."""
    pool = write_covered_pool(Store.open(campaign), after, output)
    if as_json:
        print_json(dataclasses.asdict(pool))
        return
    out = answers()
    out.print(
        f"Wrote {len(pool.chains)} surfaces to {output}; {pool.others} chains had something else on theirs, and "
        f"{pool.missing} had not come so far. In the campaign file:",
        markup=False,
    )
    out.print(f"  slab: {{pool: {output}, adsorbates: {[list(one) for one in pool.adsorbates]}}}", markup=False)
