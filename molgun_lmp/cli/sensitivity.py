"""`molgun sensitivity`."""

from typing import Annotated

import typer
from rich.table import Table

from molgun_lmp.analysis.statistics.sensitivity import SCALES, cells, changed, unscaled_of
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.results.sensitivity import CHANGES_CSV, SENSITIVITY_CSV
from molgun_lmp.results.sensitivity import sensitivity as vary


def sensitivity_command(
    campaign: CampaignFolder,
    scale: Annotated[
        list[float] | None,
        typer.Option(help="A factor for all bond limits, 0.8 to 1.2; if not given, 0.9 to 1.1 in five. Repeatable."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Read so many at a time; if not given, as many as there are cores.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how far the table depends on the bond limits: decide all trajectories again with scaled ones."""
    store, scales = Store.open(campaign), scale or SCALES
    with counting("deciding", store.manifest.trajectories) as advance:
        found = vary(store, scales, processes=processes, advance=advance)
    files = [store.analysis / name for name in (SENSITIVITY_CSV, CHANGES_CSV)]
    if as_json:
        print_json(
            {
                "scales": [
                    {
                        "scale": one.scale,
                        "limits_angstrom": dict(one.limits),
                        "changed": changed(one, unscaled_of(found)),
                        "summary": one.summary.to_json(),
                    }
                    for one in found
                ],
                "files": [str(file) for file in files],
            }
        )
        return
    out = answers()
    table = Table("shots with bond limits times", *(f"{one.scale:g}" for one in found), box=None)
    for row in cells(found):
        table.add_row(*row)
    out.print(table)
    limits = ", ".join(f"{pair} {limit:.2f}" for pair, limit in unscaled_of(found).limits.items())
    out.print(f"Limits times 1, in Å: {limits}", markup=False)
    out.print(f"With intervals, and by trajectory: {files[0]}, {files[1]}", markup=False)
