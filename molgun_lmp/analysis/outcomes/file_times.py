"""When the frames of a file made elsewhere are, by what the file says and by what was said of it."""

import dataclasses
import itertools
from collections.abc import Iterator

from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.common.frame import Frame
from molgun_lmp.units import FS_PER_PS

SAME_TIME = 1e-3  # of itself: times are written with few digits


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileTimes:
    """`timestep_fs` of one step as the frames number theirs, None where they say their times; `sentence`: what counts,
    for the user to check."""

    timestep_fs: float | None
    sentence: str


def timed(
    name: str, frames: Iterator[Frame], settings: ForeignFiles, own_timestep_fs: float | None = None
) -> tuple[Iterator[Frame], FileTimes]:
    """All frames of a trajectory again, and its times; two frames are read for them.

    `own_timestep_fs` is what the file says itself. The interval between frames counts for the steps between the first
    two of a file that counts steps, and for one frame of a file that counts none. Raises `ConfigError` where a time is
    missing, could mean two things, or contradicts another.
    """
    start = list(itertools.islice(frames, 2))
    again = itertools.chain(start, frames)
    if start and start[0].time_ps is not None:
        return again, FileTimes(timestep_fs=settings.timestep_fs, sentence="times as the file says them")
    if own_timestep_fs is not None:
        return again, FileTimes(
            timestep_fs=own_timestep_fs, sentence=f"{own_timestep_fs:g} fs a step, as the file says"
        )
    between = start[1].step - start[0].step if len(start) == 2 else 1
    counts_steps = all(frame.counts_steps for frame in start)
    return again, _of(name, settings, between if between > 0 else 1, counts_steps=counts_steps)


def _of(name: str, settings: ForeignFiles, between: int, *, counts_steps: bool) -> FileTimes:
    """`between`: steps from the first frame to the second."""
    step, interval = settings.timestep_fs, settings.frame_interval_fs
    where = "in the file after --config or with --set"
    if not counts_steps:
        if interval is None:
            meant = "" if step is None else f", so timestep_fs = {step:g} may mean a step or a frame"
            raise ConfigError(
                f"{name} counts no steps{meant}: say the time from one frame to the next, which is the timestep times "
                f"the steps between two frames, as `frame_interval_fs`, {where} frame_interval_fs=10; --each-frame "
                "needs none."
            )
        return FileTimes(timestep_fs=interval, sentence=f"{interval:g} fs from frame to frame (frame_interval_fs)")
    if step is None and interval is None:
        raise ConfigError(
            f"{name}: a trajectory's times need `timestep_fs`, the time of one step, or `frame_interval_fs`, from one "
            f"frame to the next: say one {where} timestep_fs=0.5; --each-frame needs none."
        )
    if step is None:
        step = (interval or 0.0) / between
    elif interval is not None and abs(step * between - interval) > SAME_TIME * interval:
        raise ConfigError(
            f"{name}: its first two frames are {between} steps apart, which are {step * between:g} fs by timestep_fs = "
            f"{step:g}, and frame_interval_fs says {interval:g}. Leave out the one that is wrong."
        )
    key = "frame_interval_fs" if settings.timestep_fs is None else "timestep_fs"
    steps = "step" if between == 1 else f"{between} steps"
    return FileTimes(
        timestep_fs=step, sentence=f"{step:g} fs a step, {steps} and {step * between:g} fs from frame to frame ({key})"
    )


class OwnTimes:
    """Whether the times that frames say are those that were given for them."""

    def __init__(self, settings: ForeignFiles) -> None:
        self._settings = settings
        self._differs_at: Frame | None = None
        self._first: Frame | None = None
        self._place = -1
        self._key = ""

    def heard(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The same frames, listened to."""
        for frame in frames:
            self._first = self._first or frame
            self._place += 1
            if self._differs_at is None and self._differs(frame, self._first):
                self._differs_at = frame
            yield frame

    def _differs(self, frame: Frame, first: Frame) -> bool:
        if frame.time_ps is None or first.time_ps is None:
            return False
        passed = {"timestep_fs": frame.step - first.step, "frame_interval_fs": self._place}
        for key, number in passed.items():
            given_fs: float | None = getattr(self._settings, key)
            if given_fs is None:
                continue
            given_ps = number * given_fs / FS_PER_PS
            if abs(frame.time_ps - first.time_ps - given_ps) > SAME_TIME * given_ps:
                self._key = f"{key} = {given_fs:g}"
                return True
        return False

    def notes(self) -> Iterator[str]:
        """A sentence where they are not."""
        if self._differs_at is not None:
            yield (
                f"the times in the file (ITEM: TIME of a dump) count, not {self._key}, from which they differ at step "
                f"{self._differs_at.step}."
            )
