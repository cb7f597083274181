"""Commands that make and fire a campaign: init, plan, run, status, retry."""

import dataclasses
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from molgun_lmp.cli.knowing import fire_until, say_sizes
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json, progress_console
from molgun_lmp.errors import ConfigError, InterruptedRunError, MolgunError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from molgun_lmp.campaign.planning import Plan
    from molgun_lmp.campaign.projection import Cost
    from molgun_lmp.campaign.status import Status
    from molgun_lmp.campaign.store import Store
    from molgun_lmp.campaign.work import Work

CampaignFolder = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="A campaign folder, as `molgun plan` makes it.")
]
CampaignFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The campaign file.")]

_PANEL = "A campaign"
_WATCH_S = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to `molgun`."""
    for command in (init, plan, run, status, retry):
        app.command(rich_help_panel=_PANEL)(command)


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder to make; it must not exist.", show_default=False)
    ] = None,
    example: Annotated[str, typer.Option(help="Which example; --list shows them.")] = "ecco-si001",
    list_them: Annotated[bool, typer.Option("--list", help="List the examples and make nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy an example (campaign file, model, snapshot pools) into a new folder, to be fired or changed."""
    from molgun_lmp.campaign.examples import copy_example, examples  # noqa: PLC0415

    if list_them:
        there = examples()
        if as_json:
            print_json({one.name: one.summary for one in there})
        else:
            for one in there:
                answers().print(f"[bold]{one.name}[/]  {one.summary}")
        return
    if folder is None:
        raise ConfigError(
            "name the folder to make, such as `molgun init first`; `molgun init --list` shows the examples"
        )
    copied = copy_example(example, folder)
    if as_json:
        print_json({"folder": str(folder), "example": example, "files": [str(file) for file in copied]})
    else:
        answers().print(f"Made {folder} from the example {example}. Next: molgun plan {folder / 'campaign.yaml'}")


def plan(  # noqa: PLR0917  # a command
    file: CampaignFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The campaign folder to make; if not given, its name, beside FILE."),
    ] = None,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="LINE:HALF-WIDTH",
            help="Only say how many shots and snapshots it takes to know a fraction so well, such as OT-CY:0.02. "
            "Repeatable.",
        ),
    ] = None,
    assume: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="With --for: the fraction to expect; if not given, the worst case.")
    ] = 0.5,
    correlation: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.5,
            help="With --for: how much shots that share a slab, or a molecule, snapshot are alike (intra-cluster "
            "correlation of each kind).",
        ),
    ] = 0.02,
    huge: Annotated[
        bool, typer.Option("--huge", help="Plan more than 100,000 trajectories, whose cost is said without it.")
    ] = False,
    target: Annotated[
        str | None, typer.Option(help="Check that this target of `molgun cluster` can run it: its name or its file.")
    ] = None,
    calibration: Annotated[
        bool | None,
        typer.Option(
            "--calibration/--no-calibration",
            help="Fire for ten seconds, to say what the campaign will cost on this machine; if not given, where it has "
            "10,000 steps or more.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw every shot and write one LAMMPS deck for each, after everything was checked."""
    from molgun_lmp.campaign import planning, projection  # noqa: PLC0415
    from molgun_lmp.config import dump_yaml, load_campaign  # noqa: PLC0415
    from molgun_lmp.engine.targets import load_target  # noqa: PLC0415

    loaded = load_campaign(file, overrides or ())
    if targets:
        say_sizes(loaded, targets, assume, correlation, as_json)
        return
    meant_for = None if target is None else load_target(target)
    folder = output if output is not None else planning.default_folder(loaded)
    planning.require_new(folder)
    projection.require_meant(loaded, folder, huge=huge)
    with counting("drawing shots", loaded.config.trajectories) as advance:
        checked = planning.check(loaded, advance)
    if meant_for is not None:
        planning.require_target(checked, meant_for)
    if not as_json:
        answers().print(dump_yaml(checked.resolved), markup=False)
        _describe(checked)
    cost = _cost(checked, calibration)
    if cost is not None and not as_json:
        answers().print(f"cost     {cost.sentence()}", markup=False)
    if not dry_run:
        with counting("writing decks", loaded.config.trajectories) as advance:
            planning.write(checked, folder, advance)
    if as_json:
        print_json(
            {
                "folder": None if dry_run else str(folder),
                "trajectories": loaded.config.trajectories,
                "engine": checked.engine.kind,
                "notes": list(checked.notes),
                "cost": None if cost is None else dataclasses.asdict(cost),
                "config": checked.resolved.model_dump(mode="json"),
            }
        )
    elif dry_run:
        answers().print(f"All {loaded.config.trajectories} shots can be fired. Nothing was written (--dry-run).")
    else:
        answers().print(f"Wrote {loaded.config.trajectories} decks to {folder}. Next: molgun run {folder}")


def _cost(checked: "Plan", asked: bool | None) -> "Cost | None":
    """What the campaign costs here, or None where it is not worth ten seconds, or nobody wants to know, or it fails."""
    from molgun_lmp.campaign.calibration import CALIBRATION_S, WORTH_STEPS, calibrate  # noqa: PLC0415
    from molgun_lmp.campaign.projection import campaign_cost  # noqa: PLC0415

    config, engine = checked.loaded.config, checked.engine
    worth = config.trajectories * config.dynamics.steps >= WORTH_STEPS
    if not config.trajectories or not (worth if asked is None else asked):
        return None
    console = progress_console()
    console.print(f"calibrating for {CALIBRATION_S:.0f} s; --no-calibration leaves it out", markup=False)
    try:
        found = calibrate(checked)
    except MolgunError as error:
        console.print(f"no cost can be said: {error}", markup=False, style="yellow")
        return None
    return campaign_cost(
        found,
        config.dynamics,
        trajectories=config.trajectories,
        threads=engine.threads,
        together=engine.together,
    )


def _describe(checked: "Plan") -> None:
    setup = checked.setup
    a, b, c = setup.cell
    out = answers()
    out.print(f"engine   {checked.engine}, {checked.engine.threads} thread(s) a worker", markup=False)
    out.print(f"model    {checked.card.name}, cutoff {setup.cutoff_angstrom:g} Å", markup=False)
    out.print(
        f"cell     {a[0]:.2f} x {b[1]:.2f} x {c[2]:.2f} Å, {len(setup.slab.symbols)} slab atoms "
        f"({int(setup.slab.frozen.sum())} frozen) and {len(setup.molecule.symbols)} of the molecule"
    )
    for note in checked.notes:
        out.print(f"note     {note}", markup=False)


def run(  # noqa: PLR0917  # a command
    campaign: CampaignFolder,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Local worker processes; if not given, one for each core."),
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be fired, and fire nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fire the planned shots. Ctrl-C stops; the same command goes on. `mpirun -n N molgun run CAMPAIGN` works too.

    Several terminals or machines may work on one campaign at a time: each trajectory is fired once.
    """
    from molgun_lmp.campaign.opening import campaign_work  # noqa: PLC0415
    from molgun_lmp.campaign.status import read_status  # noqa: PLC0415
    from molgun_lmp.campaign.store import Store  # noqa: PLC0415

    store = Store.open(campaign)
    if until and not dry_run:
        fire_until(store, until, only or (), lambda work: _fire(work, workers), as_json)
        return
    work = campaign_work(store, only or ())
    open_ids = [folder.id for folder in work.folders if not folder.result_file.exists()]
    if dry_run:
        _list_open(open_ids, as_json)
        return
    try:
        if open_ids and not _fire(work, workers):
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


def _fire(work: "Work", workers: int | None) -> bool:
    """Fire with local workers, or as one rank of an MPI job; True where this process speaks for all."""
    from molgun_lmp.campaign.integrity import verify_open, verify_shared  # noqa: PLC0415
    from molgun_lmp.campaign.ranks import under_launcher, work_as_rank  # noqa: PLC0415
    from molgun_lmp.campaign.supervisor import supervise  # noqa: PLC0415
    from molgun_lmp.threads import default_workers  # noqa: PLC0415

    verify_shared(work)
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
