"""`molgun map`."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, counting, print_json
from molgun_lmp.errors import ConfigError
from molgun_lmp.results.analyse import analyse
from molgun_lmp.results.map import MapRequest, map_campaign


def map_command(
    campaign: CampaignFolder,
    *,
    group: Annotated[
        str | None,
        typer.Option(
            help="A group of the campaign, or atoms of the molecule such as 7,8; if not given, the first group."
        ),
    ] = None,
    bin_area: Annotated[float, typer.Option(help="Of a bin, in Å²; the paper's is 0.0015.")] = 0.0015,
    fold: Annotated[
        str, typer.Option(metavar="NxM", help="Lay equal parts of the cell on each other, such as 4x2.")
    ] = "1x1",
    mirror: Annotated[
        str, typer.Option(metavar="AXES", help="Mirror at the first dimer's middle too: x, y or xy.")
    ] = "",
    size: Annotated[
        list[int] | None,
        typer.Option(help="So many shots, the first ones; if not given 10, 100, 1000, ... and all. Repeatable."),
    ] = None,
    below: Annotated[
        float | None, typer.Option(help="Coverage counts only what is lower than this above the topmost atom, in Å.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder; if not given, analysis/maps of the campaign.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Map where a group went: its lowest point in each bin of the surface cell, and how much was visited."""
    store = Store.open(campaign)
    request = MapRequest(
        point=group, bin_area=bin_area, fold=_fold(fold), mirror=_mirror(mirror), sizes=tuple(size or ()), below=below
    )
    analysis = analyse(store)
    with counting("reading trajectories", len(analysis.ended)) as advance:
        mapped = map_campaign(store, analysis, request, output or store.analysis / "maps", advance)
    if as_json:
        print_json(
            {
                "point": mapped.point,
                "bins": mapped.grid.bins,
                "bin_area_angstrom2": mapped.grid.area,
                "coverage": [{"shots": one.trajectories, "share": one.share} for one in mapped.coverage],
                "files": [str(file) for one in mapped.figures for file in (one.svg, one.png, one.csv)],
            }
        )
        return
    out = answers()
    out.print(f"{mapped.grid.bins} bins of {mapped.grid.area:.4f} Å² for the centre of {mapped.point}", markup=False)
    for one in mapped.coverage:
        out.print(f"{one.trajectories} shots visited {100 * one.share:.2f} % of them", markup=False)
    out.print(f"Figures and numbers: {mapped.figures[0].svg.parent}", markup=False)


def _fold(text: str) -> tuple[int, int]:
    along, separator, across = text.partition("x")
    if not separator or not along.isdecimal() or not across.isdecimal() or min(int(along), int(across)) < 1:
        raise ConfigError(f"--fold {text}: write two whole numbers such as 4x2.")
    return int(along), int(across)


def _mirror(text: str) -> tuple[bool, bool]:
    if set(text) - set("xy"):
        raise ConfigError(f"--mirror {text}: write x, y or xy.")
    return "x" in text, "y" in text
