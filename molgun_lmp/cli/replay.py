"""`molgun replay`."""

from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.campaign.launch.local import supervise
from molgun_lmp.campaign.plan.replay import Changes, plan_replay
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.integrity import verify_open, verify_shared
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console
from molgun_lmp.errors import ConfigError
from molgun_lmp.model_formats import Dtype, ModelEngineKind
from molgun_lmp.results.replay_verdict import judge


def replay_command(
    campaign: CampaignFolder,
    trajectory: Annotated[str, typer.Argument(metavar="ID", help="A trajectory that has ended, such as 3.")],
    *,
    dtype: Annotated[Dtype | None, typer.Option(help="Another precision.")] = None,
    timestep: Annotated[float | None, typer.Option(metavar="FS", help="Another timestep, in fs.")] = None,
    model: Annotated[Path | None, typer.Option(help="Another model's folder, or this model's, with all files.")] = None,
    engine: Annotated[ModelEngineKind | None, typer.Option(help="Another engine.")] = None,
    every: Annotated[
        int | None, typer.Option(min=1, help="Another engine.multistep.every; 1: the model itself at each step.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run one trajectory again from the same first frame, and say whether its outcome depends on what was changed.

    The replay is a campaign folder of its own in `replays/`; the same command goes on after an interruption.
    """
    store = Store.open(campaign)
    if store.select([trajectory])[0].result() is None:
        raise ConfigError(
            f"trajectory {trajectory} has not ended, so there is nothing to compare with: "
            f"`molgun run {campaign} --only {trajectory}` fires it."
        )
    changes = Changes(
        dtype=dtype,
        timestep_fs=timestep,
        model=None if model is None else str(model.resolve()),
        engine=engine,
        every=every,
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
