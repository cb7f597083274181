"""What a campaign of a given size costs, said before it is made: nobody plans a million trajectories by a slip."""

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Final

from molgun_lmp.analysis.statistics.clustered_intervals import wilson
from molgun_lmp.analysis.statistics.sample_size import shots_needed
from molgun_lmp.config import Campaign, Dose, Dynamics, LoadedCampaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pools, read_pools
from molgun_lmp.units import FS_PER_PS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a campaign's decks cost with `workers` of them side by side.

    `step_s` seconds of one worker for one step of one trajectory, and `core_s` those that it had a core, fewer where
    the machine is busy with other work; `start_s` from a worker's start to its first step;
    `planned_bytes` of one trajectory's deck; `frame_bytes` of a dump's first frame; `line_bytes` of a log's line.
    """

    workers: int
    step_s: float
    core_s: float
    start_s: float
    planned_bytes: int
    frame_bytes: int
    line_bytes: int


MANY: Final = 100_000
"""More trajectories than this are planned only when asked for twice."""

_FILES_PLANNED: Final = 4
"""A folder, deck, data file and shot."""
_FILES_FIRED: Final = 5
"""A folder, dump, log, last structure and result."""
_DECK_BYTES: Final = 5_000
_DATA_BYTES_PER_ATOM: Final = 120
_DUMP_BYTES_PER_ATOM: Final = 100
_LOG_BYTES_PER_LINE: Final = 80
_OTHER_LINES: Final = 50
"""Of a log: those that are no thermo output."""
_PLAN_S: Final = 0.005
_BUSY: Final = 1.2
"""A machine that takes this many times longer than it would alone is called busy."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Projection:
    """Files and bytes of all trajectories, planned and fired, and seconds of planning; good to a factor of two."""

    planned_bytes: int
    fired_bytes: int
    files: int
    planning_s: float

    def sentence(self, trajectories: int) -> str:
        """The projection in words."""
        return (
            f"{trajectories:,} trajectories: about {self.planning_s / 60:.0f} minutes to plan, "
            f"{self.planned_bytes / 1e9:.1f} GB of decks, {self.fired_bytes / 1e9:.1f} GB more when all are fired, "
            f"{self.files:,} files in folders of 1,000 trajectories."
        )


def project(trajectories: int, n_atoms: int, dynamics: Dynamics) -> Projection:
    """The cost of a campaign whose trajectories run to their last step."""
    frames = dynamics.steps // dynamics.dump_every_steps + 1
    lines = dynamics.steps // dynamics.thermo_every_steps + _OTHER_LINES
    fired = frames * n_atoms * _DUMP_BYTES_PER_ATOM + lines * _LOG_BYTES_PER_LINE + n_atoms * _DATA_BYTES_PER_ATOM
    return Projection(
        planned_bytes=trajectories * (_DECK_BYTES + n_atoms * _DATA_BYTES_PER_ATOM),
        fired_bytes=trajectories * fired,
        files=trajectories * (_FILES_PLANNED + _FILES_FIRED),
        planning_s=trajectories * _PLAN_S,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectedCost:
    """What firing a whole campaign costs on this machine, reckoned from a calibration; `steps` of one trajectory.

    Every trajectory counts as if it ran to its last step, so that this is an upper bound where many leave the surface.
    `core_hours` that a calm machine needs, and `wall_s` with `workers` workers on it; `busy` how many times longer it
    would take at the moment; `disk_bytes` when all are fired.
    """

    trajectories: int
    steps: int
    step_ms: float
    core_hours: float
    workers: int
    wall_s: float
    busy: float
    disk_bytes: int

    def sentence(self) -> str:
        """The cost in words."""
        return (
            f"{self.trajectories * self.steps:,} steps of {self.step_ms:.3g} ms: {self.core_hours:.3g} core hours, "
            f"{duration(self.wall_s)} with {self.workers} worker(s) on this machine{self._busy()}, "
            f"{self.disk_bytes / 1e6:,.0f} MB of disk; less where trajectories end early"
        )

    def _busy(self) -> str:
        return "" if self.busy < _BUSY else f" ({duration(self.busy * self.wall_s)} while it is as busy as now)"


def campaign_cost(
    calibration: Calibration,
    dynamics: Dynamics,
    *,
    trajectories: int,
    threads: int,
    together: int,
    dose: Dose | None = None,
) -> ProjectedCost:
    """The cost of `trajectories` that one kind of worker fires, with as many workers as were calibrated.

    The shots of a chain of a `dose` come one after the other, with the thermalisation between them; what stands on the
    surface by then costs more than the clean one, which is not counted.
    """
    runs, steps = trajectories, dynamics.steps
    if dose is not None:
        between = round(dose.between_ps * FS_PER_PS / dynamics.timestep_fs)
        runs, steps = dose.chains, dose.molecules * dynamics.steps + (dose.molecules - 1) * between
    workers = calibration.workers
    # With one thread a worker's core time is its wall time on a calm machine; with more only the clock can tell.
    step_s = calibration.core_s if threads == 1 else calibration.step_s
    of_one_s = steps * step_s
    # Workers end unevenly: the last of the rounds is a whole one.
    rounds = math.ceil(runs / (workers * together))
    frames = dynamics.steps // dynamics.dump_every_steps + 1
    lines = dynamics.steps // dynamics.thermo_every_steps + _OTHER_LINES
    fired = frames * calibration.frame_bytes + lines * calibration.line_bytes
    return ProjectedCost(
        trajectories=trajectories,
        steps=runs * steps // trajectories,
        step_ms=1e3 * step_s,
        core_hours=(runs * of_one_s + workers * calibration.start_s) * threads / 3600.0,
        workers=workers,
        busy=max(1.0, calibration.step_s / step_s),
        wall_s=calibration.start_s + rounds * together * of_one_s,
        # Beside its dump and log a trajectory keeps its last structure and its data file, twice.
        disk_bytes=trajectories * (3 * calibration.planned_bytes + fired),
    )


def duration(seconds: float) -> str:
    """Seconds in the unit that people would say: 40 s, 12 min, 5.2 h, 3.4 days."""
    for unit, length in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s"


def require_meant(loaded: LoadedCampaign, folder: Path, *, huge: bool) -> Pools | None:
    """Raise `CampaignError` with a projection for very many trajectories, unless `huge`, and where the disk of `folder`
    is too small for their decks. Nothing is drawn yet: a million draws take a quarter of an hour.

    The pools, where they had to be read to know that.
    """
    config = loaded.config
    if config.trajectories <= MANY:
        return None
    pools = read_pools(loaded)
    projection = project(config.trajectories, len(pools.slab.symbols) + len(pools.molecule.symbols), config.dynamics)
    if not huge:
        raise CampaignError(
            f"{projection.sentence(config.trajectories)} If that is meant, say --huge; several campaigns with seeds of "
            "their own are easier to move and to repeat."
        )
    free = shutil.disk_usage(next(there for there in folder.absolute().parents if there.exists())).free
    if projection.planned_bytes > free:
        raise CampaignError(
            f"{projection.sentence(config.trajectories)} The disk of {folder} has {free / 1e9:.1f} GB: make room, name "
            "another place with --output, or plan fewer."
        )
    return pools


def precision_notes(config: Campaign) -> list[str]:
    """How well the planned shots tell a fraction, in a sentence; nothing for no shots."""
    shots = config.trajectories if config.dose is None else config.dose.chains
    if not shots:
        return []
    each = max(1, shots // len(config.gun.points))
    low, high = wilson(each / 2, each)
    at = " at each point" if config.gun.grid is not None else "" if config.dose is None else " of one dose"
    return [
        f"A fraction near one half will be known{at} to ±{50 * (high - low):.0f} % (95 %) at best; ±5 % takes "
        f"{shots_needed(0.05, 0.5)} independent shots, ±1 % {shots_needed(0.01, 0.5)}."
    ]
