"""Training, validation and test sets, by whole trajectories or at random."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from molgun_lmp.errors import ConfigError
from molgun_lmp.training.frames import LabelledFrame
from molgun_lmp.training.settings import Split


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitFrames:
    """The three sets, each in the order in which the frames were read."""

    train: tuple[LabelledFrame, ...]
    validation: tuple[LabelledFrame, ...]
    test: tuple[LabelledFrame, ...]

    def sets(self) -> dict[str, tuple[LabelledFrame, ...]]:
        """The sets by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def trajectories(self) -> dict[str, tuple[str, ...]]:
        """The trajectories of each set, in order of appearance."""
        return {name: tuple(dict.fromkeys(f.trajectory for f in frames)) for name, frames in self.sets().items()}


def split_frames(frames: Sequence[LabelledFrame], split: Split) -> SplitFrames:
    """Divide frames as the settings say; the same seed and frames give the same sets.

    By trajectory, a fraction is filled with whole trajectories in random order until it is reached. Raises
    `ConfigError` for a trajectory that does not exist or is named twice, and for sets that leave nothing to train on.
    """
    rng = np.random.default_rng(split.seed)
    choose = _by_trajectory if split.by == "trajectory" else _at_random
    test, rest = choose(frames, split.test, len(frames), rng)
    validation, train = choose(rest, split.validation, len(frames), rng)
    if not train or not validation:
        trajectories = sorted({frame.trajectory for frame in frames})
        raise ConfigError(
            f"this split leaves {len(train)} frames to train on and {len(validation)} to validate with, of "
            f"{len(frames)} frames in {len(trajectories)} trajectories ({', '.join(trajectories[:20])}). Hold out "
            "fewer, or add trajectories."
        )
    return SplitFrames(train=tuple(train), validation=tuple(validation), test=tuple(test))


_Held = tuple[list[LabelledFrame], list[LabelledFrame]]


def _by_trajectory(
    frames: Sequence[LabelledFrame], wanted: float | tuple[str, ...] | None, total: int, rng: np.random.Generator
) -> _Held:
    counts: dict[str, int] = {}
    for frame in frames:
        counts[frame.trajectory] = counts.get(frame.trajectory, 0) + 1
    held: set[str] = set()
    if isinstance(wanted, tuple):
        missing = [name for name in wanted if name not in counts]
        if missing:
            raise ConfigError(
                f"no trajectory {missing[0]!r} left to hold out. There are: {', '.join(sorted(counts))} (a trajectory "
                "cannot be in two sets)."
            )
        held = set(wanted)
    elif wanted is not None:
        # All but one at most: something must be left to train on.
        for name in rng.permutation(sorted(counts))[: max(len(counts) - 1, 0)]:
            if sum(counts[other] for other in held) >= wanted * total:
                break
            held.add(str(name))
    return _divide(frames, [frame.trajectory in held for frame in frames])


def _at_random(
    frames: Sequence[LabelledFrame], wanted: float | tuple[str, ...] | None, total: int, rng: np.random.Generator
) -> _Held:
    if not isinstance(wanted, float):
        return [], list(frames)
    held = np.zeros(len(frames), dtype=bool)
    held[rng.permutation(len(frames))[: max(1, round(wanted * total))]] = True
    return _divide(frames, held.tolist())


def _divide(frames: Sequence[LabelledFrame], held: Sequence[bool]) -> _Held:
    taken = [frame for frame, is_held in zip(frames, held, strict=True) if is_held]
    rest = [frame for frame, is_held in zip(frames, held, strict=True) if not is_held]
    return taken, rest
