"""Where a campaign stands, read from its folder alone."""

import dataclasses
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from pydantic import ConfigDict

from molgun_lmp.campaign.chain_status import ChainStatus, chain_status
from molgun_lmp.campaign.stop_rule_status import RuleStatus, rule_status
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.claims import Claim, Held, look
from molgun_lmp.campaign.store.index import ended_and_open
from molgun_lmp.campaign.store.stop_rule import read_stopping
from molgun_lmp.gun.names import LOG_NAME
from molgun_lmp.records import JsonRecord, Stop

_TAIL_BYTES: Final = 4096


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running(JsonRecord):
    """A trajectory at work: who has it, and its last step in the log."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    trajectory_id: str
    host: str
    pid: int
    step: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Status(JsonRecord):
    """A campaign's counts. `stops` and `causes`: how finished and why failed trajectories ended."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    campaign: str
    folder: str
    engine: str
    planned: int
    pending: int
    running: int
    finished: int
    failed: int
    steps_per_trajectory: int
    stops: dict[str, int]
    causes: dict[str, int]
    lammps: dict[str, int]
    """Which LAMMPS ran those that have ended, where their results say so -> how many."""
    energy_flagged: int
    steps_not_run: int
    """By shots that had settled and were ended (`stop.settled`)."""
    at_work: tuple[Running, ...]
    wall_s: float
    """Sum over ended trajectories."""
    free_bytes: int
    """On the disk of the campaign."""
    rule: RuleStatus | None = None
    """None for a campaign that fires all its shots."""
    chains: ChainStatus | None = None
    """None for a campaign whose shots are each by themselves."""

    @property
    def per_hour(self) -> float | None:
        """Trajectories that those at work end in an hour, if they take as long as those that have ended."""
        if not self.running or not self.done or not self.wall_s:
            return None
        return 3600.0 * self.running * self.done / self.wall_s

    @property
    def left_s(self) -> float | None:
        """Seconds until all have ended at this rate."""
        rate = self.per_hour
        return None if rate is None else 3600.0 * self.open / rate

    @property
    def pace(self) -> str:
        """Rate, time left and disk in words."""
        disk = f"{self.free_bytes / 1e9:.1f} GB free on the disk"
        if self.per_hour is None or self.left_s is None:
            return disk
        most = "" if self.rule is None else "at most "
        return f"about {self.per_hour:.3g} an hour, {most}{_duration(self.left_s)} left; {disk}"

    @property
    def done(self) -> int:
        """Trajectories that have ended."""
        return self.finished + self.failed

    @property
    def open(self) -> int:
        """Trajectories that have not."""
        return self.pending + self.running

    @property
    def stopped(self) -> bool:
        """Whether its rule stopped the campaign before all were fired: what was not run is not missing."""
        return self.rule is not None and self.rule.stopped and self.open > 0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to run."""
        return not self.open or self.stopped

    def mixed(self) -> str:
        """That more than one LAMMPS ran it, as a sentence; empty where one did."""
        if len(self.lammps) < 2:
            return ""
        parts = ", ".join(f"{name} ({number})" for name, number in self.lammps.items())
        return f"Its trajectories were run by {len(self.lammps)} different LAMMPS: {parts}."

    def sentence(self) -> str:
        """The campaign in one sentence, with what to do next; another one where several LAMMPS ran it."""
        chains = "" if self.chains is None else self.chains.sentence()
        return " ".join(filter(None, (self._where_it_stands(), chains, self.mixed())))

    def _where_it_stands(self) -> str:
        if self.planned == 0:
            return f"Campaign {self.campaign} has no trajectories: nothing to run. Plan it with `--set trajectories=N`."
        if self.rule is not None and self.stopped:
            return self._stopped(self.rule)
        if self.open:
            doing = f"{self.running} at work, {self.pending} waiting"
            rule = "" if self.rule is None else f" {self.rule.what_next()}".rstrip()
            by = "" if self.rule is None else f" {self.rule.options}"
            advice = "" if self.running else f" `molgun run {self.folder}{by}` goes on."
            ended = f"{self.done} of {self.planned} trajectories have ended"
            return f"Campaign {self.campaign}: {ended}, {doing}.{rule}{advice}"
        if self.failed == self.planned:
            return (
                f"Campaign {self.campaign}: all {self.planned} trajectories failed ({_listed(self.causes)}). See the "
                "message in a result.json and its run's log.lammps."
            )
        failed = f", {self.failed} failed ({_listed(self.causes)})" if self.failed else ""
        return (
            f"Campaign {self.campaign} is complete: {self.finished} of {self.planned} trajectories finished{failed}. "
            f"`molgun report {self.folder}` makes the page."
        )

    def _stopped(self, rule: RuleStatus) -> str:
        at_work = f" {self.running} beyond it are still at work." if self.running else ""
        return (
            f"Campaign {self.campaign} was stopped by its rule ({rule.named}) at look {rule.looks_taken} of "
            f"{rule.looks_planned}, after {rule.shots} of {self.planned} trajectories: {rule.found()}. {rule.not_run} "
            f"were not run, and none is missing.{at_work} `molgun report {self.folder}` makes the page."
        )


def read_status(store: Store) -> Status:
    """Look at every trajectory of a campaign. Raises `CampaignError` for a damaged result or stop rule."""
    stopping = read_stopping(store)
    ended, still_open = ended_and_open(store)
    at_work: list[Running] = []
    for folder in still_open:
        held = look(folder)
        if held is not None and held.alive:
            at_work.append(_running(folder, held))
    finished, steps = sum(row.state == "finished" for row in ended), store.config().dynamics.steps
    dose, working = store.config().dose, {one.trajectory_id for one in at_work}
    return Status(
        campaign=store.manifest.name,
        folder=str(store.root),
        engine=str(store.manifest.engine),
        planned=store.manifest.trajectories,
        pending=store.manifest.trajectories - len(ended) - len(at_work),
        running=len(at_work),
        finished=finished,
        failed=len(ended) - finished,
        steps_per_trajectory=steps,
        stops=dict(sorted(Counter(row.stop for row in ended if row.stop is not None).items())),
        causes=dict(sorted(Counter(row.cause for row in ended if row.cause is not None).items())),
        lammps=dict(sorted(Counter(row.lammps for row in ended if row.lammps).items())),
        energy_flagged=sum(row.flagged for row in ended),
        steps_not_run=sum(max(0, steps - row.steps) for row in ended if row.stop == Stop.SETTLED.value),
        at_work=tuple(at_work),
        wall_s=sum(row.wall_s for row in ended),
        free_bytes=shutil.disk_usage(store.root).free,
        rule=None if stopping is None else rule_status(stopping, still_open, working),
        chains=None if dose is None else chain_status(dose, ended, working),
    )


def last_step(folder: TrajectoryFolder, number: int) -> int:
    """The last step that run `number` has written to its log, 0 before the first."""
    return _last_step(folder.run_folder(number) / LOG_NAME)


def _running(folder: TrajectoryFolder, held: Held) -> Running:
    claim: Claim | None = held.claim
    return Running(
        trajectory_id=folder.id,
        host=claim.owner.host if claim is not None else "unknown",
        pid=claim.owner.pid if claim is not None else 0,
        step=last_step(folder, held.number),
    )


def _last_step(log: Path) -> int:
    """The first number of the last thermo line: LAMMPS writes `step time temp pe ke etotal`."""
    try:
        with log.open("rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - _TAIL_BYTES))
            lines = handle.read().split(b"\n")[1:-1]
    except OSError:
        return 0
    for line in reversed(lines):
        words = line.split()
        if len(words) >= 6 and words[0].isdigit():
            return int(words[0])
    return 0


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())
