"""`molgun report`."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.analysis.statistics.sentences import sticking_sentence
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder, ElsewhereConfig, ElsewhereOverrides, Scheme
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.compare import Elsewhere, read_side, shots_of
from molgun_lmp.results.report import report


def report_command(
    campaign: CampaignFolder,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CAMPAIGN|FILES",
            help="Another campaign, or VASP runs or files made elsewhere, to draw beside this one. Repeatable.",
        ),
    ] = None,
    *,
    config: ElsewhereConfig = None,
    overrides: ElsewhereOverrides = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Show the figures of another command, such as descriptors. Repeatable."),
    ] = None,
    scheme: Scheme = None,
    as_json: AsJson = False,
) -> None:
    """Analyse, draw the figures, and write one self-contained HTML page with trajectories that can be turned."""
    store = Store.open(campaign).decided_by(scheme)
    with counting("reading trajectories", store.manifest.trajectories) as advance:
        analysis = analyse(store, advance)
    elsewhere, sides = Elsewhere(config=config, overrides=overrides or (), scheme=scheme), []
    for path in reference or ():
        with counting(f"reading {path}", shots_of(path)) as advance:
            sides.append(read_side(path, elsewhere, store, advance))
    page = report(store, analysis, sides, also or ())
    if as_json:
        print_json({"page": str(page), "summary": analysis.summary.to_json()})
    else:
        answers().print(sticking_sentence(analysis.summary), markup=False)
        answers().print(f"Report: {page}", markup=False)
