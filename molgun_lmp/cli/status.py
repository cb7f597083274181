"""`molgun status`."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from molgun_lmp.analysis.statistics.settled_shots import saved_text
from molgun_lmp.campaign.status import read_status
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.arguments import CampaignFolder
from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console
from molgun_lmp.records import Stop

if TYPE_CHECKING:
    from rich.console import RenderableType

    from molgun_lmp.campaign.status import Status

_WATCH_S = 2.0


def status_command(
    campaign: CampaignFolder,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until all have ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how many trajectories have ended, are at work, and wait; and how they ended."""
    store = Store.open(campaign)
    now = read_status(store)
    if watch:
        now = _watch(store, now)
    if as_json:
        print_json({**now.to_json(), "complete": now.complete, "per_hour": now.per_hour, "left_s": now.left_s})
    else:
        answers().print(_status_page(now))


def _watch(store: Store, now: "Status") -> "Status":
    """Show the status on standard error until nothing is open or Ctrl-C; the last one."""
    with Live(_status_page(now), console=progress_console(), transient=True) as live, suppress(KeyboardInterrupt):
        while now.running or not now.complete:
            started = time.monotonic()
            now = read_status(store)
            live.update(_status_page(now))
            # A slow disk is looked at less often.
            time.sleep(max(_WATCH_S, 5.0 * (time.monotonic() - started)))
    return now


def _with_saving(stop: str, count: int, now: "Status") -> str:
    saved = saved_text(now.steps_not_run, now.steps_per_trajectory * now.done) if stop == Stop.SETTLED else ""
    return f"{count}{saved}"


def _chains(now: "Status") -> list[tuple[str, int]]:
    if now.chains is None:
        return []
    return [
        ("chains with all doses", now.chains.complete),
        ("chains at work", len(now.chains.at_work)),
        ("chains ended early", len(now.chains.ended_early)),
    ]


def _status_page(now: "Status") -> "RenderableType":
    table = Table("state", "trajectories", box=None)
    for label, number in (
        ("finished", now.finished),
        *((f"  {stop}", _with_saving(stop, count, now)) for stop, count in now.stops.items()),
        ("failed", now.failed),
        *((f"  {cause}", count) for cause, count in now.causes.items()),
        ("at work", now.running),
        ("not run, by the stop rule" if now.stopped else "waiting", now.pending),
        ("energy not conserved", now.energy_flagged),
        *_chains(now),
    ):
        table.add_row(label, str(number))
    at_work = (
        Text(f"{one.trajectory_id}  step {one.step} of {now.steps_per_trajectory}  {one.host} process {one.pid}")
        for one in now.at_work
    )
    return Group(table, *at_work, Text(now.pace), Text(now.sentence()))
