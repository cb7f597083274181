"""What a campaign cost: steps, hours, and core time per step."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from molgun_lmp.records import TrajectoryResult

HEADER: Final = ("what", "shots", "steps", "core hours", "core hours a step", "seconds a step", "core hours a shot")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """One line of the cost table; None where not known. A core hour is an hour of one core or, where named, one GPU."""

    what: str
    shots: int | None = None
    steps: int | None = None
    core_hours: float | None = None
    core_hours_per_step: float | None
    seconds_per_step: float | None = None
    """Of wall time."""
    core_hours_per_shot: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The line as text, in the order of `HEADER`."""
        numbers = (self.core_hours, self.core_hours_per_step, self.seconds_per_step, self.core_hours_per_shot)
        whole = ("–" if value is None else str(value) for value in (self.shots, self.steps))
        return (self.what, *whole, *("–" if value is None else f"{value:.2g}" for value in numbers))


def costs_of(results: Sequence[TrajectoryResult], cores: float) -> list[Cost]:
    """The costs of each engine and machine in these results, and of all; `cores` at work on one trajectory.

    Wall time of a trajectory that went on from a checkpoint is that of its last run, and so are the steps counted.
    """
    kinds = sorted({(result.engine, result.host) for result in results})
    lines = [
        _cost(f"{engine}, {host}", [r for r in results if (r.engine, r.host) == (engine, host)], cores)
        for engine, host in kinds
    ]
    return lines if len(lines) == 1 else [*lines, _cost("all", results, cores)]


def _cost(what: str, results: Sequence[TrajectoryResult], cores: float) -> Cost:
    steps = sum(result.steps - (result.resumed_at[-1] if result.resumed_at else 0) for result in results)
    seconds = sum(result.wall_s for result in results)
    hours = cores * seconds / 3600
    return Cost(
        what=what,
        shots=len(results),
        steps=steps,
        core_hours=hours,
        core_hours_per_step=hours / steps if steps else None,
        seconds_per_step=seconds / steps if steps else None,
        core_hours_per_shot=hours / len(results) if results else None,
    )
