"""What a calibration found."""

import dataclasses


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
