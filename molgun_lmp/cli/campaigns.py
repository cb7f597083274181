"""Commands that fire a campaign and look after it: run, status, retry; with init and plan they are a panel."""

import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molgun_lmp.cli.knowing import fire_until
from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console
from molgun_lmp.cli.planning import init, plan
from molgun_lmp.errors import ConfigError, InterruptedRunError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from molgun_lmp.campaign.status import Status
    from molgun_lmp.campaign.store import Store
    from molgun_lmp.campaign.work import Work

CampaignFolder = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="A campaign folder, as `molgun plan` makes it.")
]

_PANEL = "A campaign"
_WATCH_S = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (init, plan, run, status, retry):
        app.command(rich_help_panel=_PANEL)(command)


def run(  # noqa: PLR0917  # a command
    campaign: CampaignFolder,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Local worker processes; if not given, one for each core. With --parsl: the most workers."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Fire this trajectory only, such as 3. Repeatable.")
    ] = None,
    until: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE:HALF-WIDTH",
            help="Stop when a fraction is known so well, such as OT-CY:0.02 or stuck:0.05, at one of a few numbers of "
            "shots that are fixed beforehand. Repeatable: all are to be reached.",
        ),
    ] = None,
    parsl: Annotated[
        str | None,
        typer.Option(
            metavar="SITE.py",
            help="Let Parsl start the workers, in blocks as this Python file of yours configures them (`config`); "
            "`local` and `slurm` are examples.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be fired, and fire nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fire the planned shots. Ctrl-C stops; the same command goes on. `mpirun -n N molgun run CAMPAIGN` works too.

    Several terminals or machines may work on one campaign at a time: each trajectory is fired once.
    """
    from molgun_lmp.campaign.opening import campaign_work  # noqa: PLC0415
    from molgun_lmp.campaign.ranks import under_launcher  # noqa: PLC0415
    from molgun_lmp.campaign.status import read_status  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    if parsl is not None and under_launcher():
        raise ConfigError("--parsl starts its workers by itself: give it without mpirun and srun.")
    if until and not dry_run:
        fire_until(
            store, until, only or (), lambda work: _fire(work, workers, parsl), ranks=parsl is None, as_json=as_json
        )
        return
    work = campaign_work(store, only or ())
    open_ids = [folder.id for folder in work.folders if not folder.result_file.exists()]
    if dry_run:
        _list_open(open_ids, as_json)
        return
    try:
        if open_ids and not _fire(work, workers, parsl):
            return
    except InterruptedRunError:
        if not work.ended:  # the request came too late to stop anything
            raise
    now = read_status(store)
    if as_json:
        print_json(now.to_json())
    else:
        answers().print(now.sentence(), markup=False)


def _list_open(ids: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"open": ids})
    else:
        answers().print("\n".join(ids) if ids else "Every trajectory has ended: nothing to fire.")


def _fire(work: "Work", workers: int | None, parsl: str | None) -> bool:
    """Fire with local workers, in Parsl's blocks, or as an MPI rank; True where this process speaks for all."""
    from molgun_lmp.campaign.integrity import verify_open, verify_shared  # noqa: PLC0415
    from molgun_lmp.campaign.ranks import under_launcher, work_as_rank  # noqa: PLC0415
    from molgun_lmp.campaign.supervisor import supervise  # noqa: PLC0415
    from molgun_lmp.processes import default_workers  # noqa: PLC0415

    verify_shared(work)
    if parsl is not None:
        from molgun_lmp.campaign.parsl_crew import BlockCrew  # noqa: PLC0415
        from molgun_lmp.campaign.parsl_site import load_site  # noqa: PLC0415

        crew = partial(BlockCrew, load_site(parsl))
        verify_open(work)
        supervise(work, workers=workers or len(work.folders), console=progress_console(), crew_of=crew)
        return True
    if under_launcher():
        return work_as_rank(work, progress_console())
    verify_open(work)
    supervise(work, workers=workers or default_workers(work.engine.threads), console=progress_console())
    return True


def status(
    campaign: CampaignFolder,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until all have ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how many trajectories have ended, are at work, and wait; and how they ended."""
    from molgun_lmp.campaign.status import read_status  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    now = read_status(store)
    if watch:
        now = _watch(store, now)
    if as_json:
        print_json({**now.to_json(), "complete": now.complete, "per_hour": now.per_hour, "left_s": now.left_s})
    else:
        answers().print(_status_page(now))


def _watch(store: "Store", now: "Status") -> "Status":
    """Show the status on standard error until nothing is open or Ctrl-C; the last one."""
    from rich.live import Live  # noqa: PLC0415

    from molgun_lmp.campaign.status import read_status  # noqa: PLC0415

    with Live(_status_page(now), console=progress_console(), transient=True) as live, suppress(KeyboardInterrupt):
        while now.running or not now.complete:
            started = time.monotonic()
            now = read_status(store)
            live.update(_status_page(now))
            # A slow disk is looked at less often.
            time.sleep(max(_WATCH_S, 5.0 * (time.monotonic() - started)))
    return now


def _status_page(now: "Status") -> "RenderableType":
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("state", "trajectories", box=None)
    for label, number in (
        ("finished", now.finished),
        *((f"  {stop}", count) for stop, count in now.stops.items()),
        ("failed", now.failed),
        *((f"  {cause}", count) for cause, count in now.causes.items()),
        ("at work", now.running),
        ("not run, by the stop rule" if now.stopped else "waiting", now.pending),
        ("energy not conserved", now.energy_flagged),
    ):
        table.add_row(label, str(number))
    at_work = (
        Text(f"{one.trajectory_id}  step {one.step} of {now.steps_per_trajectory}  {one.host} process {one.pid}")
        for one in now.at_work
    )
    return Group(table, *at_work, Text(now.pace), Text(now.sentence()))


def retry(
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
    from molgun_lmp.campaign.retrying import causes_named, free_failed  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    causes = causes_named(failed or ())
    freed = free_failed(Store.open(campaign), only or (), causes)
    if as_json:
        print_json({"freed": {identifier: cause.value for identifier, cause in freed.items()}})
    elif freed:
        answers().print(f"{len(freed)} trajectories are free again: {', '.join(freed)}. Next: molgun run {campaign}")
    else:
        answers().print(f"No trajectory failed for {', '.join(sorted(cause.value for cause in causes))}.")
