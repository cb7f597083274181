"""Commands that look closer at a campaign: map, trust, replay."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.cli.campaigns import CampaignFolder
from molgun_lmp.cli.models import BatchSize, Device, Head, Sha256, TrainedOn, Trust
from molgun_lmp.cli.opening import open_model, training_set
from molgun_lmp.cli.output import AsJson, answers, counting, print_json, progress_console
from molgun_lmp.errors import ConfigError
from molgun_lmp.model_formats import Dtype, ModelEngineKind

_PANEL = "Results"


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    app.command("map", rich_help_panel=_PANEL)(map_sampling)
    for command in (trust, replay):
        app.command(rich_help_panel=_PANEL)(command)


def map_sampling(
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
    from molgun_lmp.campaign.analysing import analyse  # noqa: PLC0415
    from molgun_lmp.campaign.mapping import MapRequest, map_campaign  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

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


def trust(
    campaign: CampaignFolder,
    *,
    model: Annotated[
        Path, typer.Option(help="The campaign's model with mace's own file: its folder, or that of its training.")
    ],
    training: TrainedOn = None,
    committee: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Another model, whose forces are compared. Repeatable."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th stored frame.")] = 10,
    worst: Annotated[int, typer.Option(min=0, help="How many of the farthest frames to write out for labelling.")] = 20,
    batch_size: BatchSize = 8,
    device: Device = "cpu",
    head: Head = None,
    sha256: Sha256 = None,
    trust_model: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Say how far each trajectory went from what its model was trained on, and write out the farthest frames.

    `molgun report` shows it beside the outcomes from then on.
    """
    from molgun_lmp.campaign.analysing import analyse  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415
    from molgun_lmp.campaign.trusting import (  # noqa: PLC0415
        Judge,
        judge_campaign,
        require_campaigns_model,
        training_part,
    )
    from molgun_lmp.training.atom_distances import MOST_FRAMES, AtomSpaces  # noqa: PLC0415
    from molgun_lmp.training.card import read_card  # noqa: PLC0415

    store = Store.open(campaign)
    source, loaded, chosen = open_model(model, head, sha256, trust_model)
    require_campaigns_model(store, source)
    members = [open_model(path, None, None, trust_model) for path in committee or ()]
    others = tuple((one.name, member, its_head) for one, member, its_head in members)
    card = read_card(store.model)
    structures = training_part(card, training_set(model, training))
    with counting("describing the training set", min(len(structures), MOST_FRAMES)) as advance:
        spaces = AtomSpaces.fit(loaded, structures, head=chosen, batch_size=batch_size, device=device, advance=advance)
    analysis = analyse(store)
    judge = Judge(
        model=loaded,
        head=chosen,
        name=source.name,
        sha256=source.sha256 or "",
        spaces=spaces,
        training_files=tuple(map(str, training or [model])),
        committee=others,
        batch_size=batch_size,
        device=device,
    )
    with counting("judging trajectories", len(analysis.ended)) as advance:
        found = judge_campaign(store, analysis, judge, every=every, worst=worst, advance=advance)
    if as_json:
        print_json(found.to_json())
        return
    from rich.table import Table  # noqa: PLC0415

    table = Table("trajectory", "mode", "farthest", "at / ps", "atom", "beyond / %", box=None)
    modes = {one.folder.id: one.outcome.mode.value for one in analysis.ended}
    for one in sorted(found.trajectories, key=lambda one: -one.farthest)[:20]:
        numbers = (f"{one.farthest:.2f}", f"{one.time_ps:.2f}", f"{one.element} {one.atom}", f"{100 * one.beyond:.0f}")
        table.add_row(one.trajectory_id, modes[one.trajectory_id], *numbers)
    out = answers()
    out.print(table)
    out.print(found.sentence(), markup=False)
    unnamed = (
        []
        if training is None or card.training is None
        else sorted(card.training.data.files.keys() - {file.name for file in training})
    )
    if unnamed:
        out.print(
            f"The model was trained on {', '.join(unnamed)}, too: from all of it, distances are smaller.", markup=False
        )
    out.print(f"Numbers, and the farthest frames for labelling: {store.analysis}", markup=False)


def replay(
    campaign: CampaignFolder,
    trajectory: Annotated[str, typer.Argument(metavar="ID", help="A trajectory that has ended, such as 3.")],
    *,
    dtype: Annotated[Dtype | None, typer.Option(help="Another precision.")] = None,
    timestep: Annotated[float | None, typer.Option(metavar="FS", help="Another timestep, in fs.")] = None,
    model: Annotated[Path | None, typer.Option(help="Another model's folder, or this model's, with all files.")] = None,
    engine: Annotated[ModelEngineKind | None, typer.Option(help="Another engine.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one trajectory again from the same first frame, and say whether its outcome depends on what was changed.

    The replay is a campaign folder of its own in `replays/`; the same command goes on after an interruption.
    """
    from molgun_lmp.campaign.integrity import verify_open, verify_shared  # noqa: PLC0415
    from molgun_lmp.campaign.opening import campaign_work  # noqa: PLC0415
    from molgun_lmp.campaign.replay_verdict import judge  # noqa: PLC0415
    from molgun_lmp.campaign.replaying import Changes, plan_replay  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415
    from molgun_lmp.campaign.supervisor import supervise  # noqa: PLC0415

    store = Store.open(campaign)
    if store.select([trajectory])[0].result() is None:
        raise ConfigError(
            f"trajectory {trajectory} has not ended, so there is nothing to compare with: "
            f"`molgun run {campaign} --only {trajectory}` fires it."
        )
    changes = Changes(
        dtype=dtype, timestep_fs=timestep, model=None if model is None else str(model.resolve()), engine=engine
    )
    again = plan_replay(store, trajectory, changes)
    work = campaign_work(again)
    if not work.folders[0].result_file.exists():
        verify_shared(work)
        verify_open(work)
        supervise(work, workers=1, console=progress_console())
    verdict = judge(store, again)
    if as_json:
        print_json({**verdict.to_json(), "same": verdict.same, "folder": str(again.root)})
    else:
        answers().print(verdict.sentence(), markup=False)
        answers().print(f"The replay: {again.root}", markup=False)
