"""What the trainings of a learning curve are: nested subsets of the frames, and one training file for each.

All of it is pure: the same training file, seeds and sizes give the same trainings in every session.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from molgun_lmp.errors import ConfigError
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.settings import ExponentialSchedule, Optimisation, TrainingConfig

Kind = Literal["fine-tuned", "from scratch"]
SubsetsBy = Literal["random", "trajectory"]
MaceOptions = dict[str, bool | int | float | str | list[float] | dict[str, float]]

_IN_EPOCHS: Final = frozenset(["start_swa", "start_stage_two"])
"""Options of mace that count epochs, besides those that our own settings decide."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveTraining:
    """One training of the curve. Its training file is relative to the curve's folder."""

    kind: Kind
    size: int
    repeat: int

    @property
    def name(self) -> str:
        """Such as `fine-tuned-n00050-r0`, also the name of its folder."""
        return f"{self.kind.replace(' ', '-')}-n{self.size:05d}-r{self.repeat}"

    @property
    def frames(self) -> str:
        """The file of its training frames; both kinds train on the same ones."""
        return f"sets/train-n{self.size:05d}-r{self.repeat}.extxyz"


def nested_order(
    frames: Sequence[LabelledFrame], *, by: SubsetsBy, seed: int, repeat: int, elements: Sequence[str]
) -> list[int]:
    """Indices of all frames in an order whose first N are the subset of N frames, for every N.

    By trajectory, whole trajectories follow each other in random order, each from its first frame: a subset is what
    so many runs would have given. `elements` come first: the earliest frame that holds a missing one is moved ahead,
    since a model cannot be trained without an element of its test set.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(repeat,)))
    if by == "random":
        order = rng.permutation(len(frames)).tolist()
    else:
        names = sorted({frame.trajectory for frame in frames})
        rank = {names[index]: place for place, index in enumerate(rng.permutation(len(names)).tolist())}
        order = sorted(range(len(frames)), key=lambda index: rank[frames[index].trajectory])
    ahead: list[int] = []
    missing = set(elements)
    while missing:
        found = next((index for index in order if missing & set(frames[index].symbols)), None)
        if found is None:
            break
        ahead.append(found)
        missing -= set(frames[found].symbols)
    return ahead + [index for index in order if index not in ahead]


def steps_of(how: Optimisation, frames: int, gpus: int = 1) -> int:
    """Optimiser steps that a training takes on so many frames; mace drops a last batch that is not full."""
    return how.epochs * max(1, frames // (how.batch_size * gpus))


def training_file(
    config: TrainingConfig, training: CurveTraining, held_out: Sequence[str], *, steps: int | None
) -> TrainingConfig:
    """The training file of one point of the curve.

    `steps`: how many optimiser steps it may take; None holds the epochs of `config`. `held_out`: files of all frames
    that are not trained on. Raises `ConfigError` for fewer frames than GPUs.
    """
    if training.size < config.gpus:
        raise ConfigError(f"{training.size} frames cannot be trained on with {config.gpus} GPUs: leave this size out.")
    how = config.optimisation
    how = how.model_copy(update={"batch_size": min(how.batch_size, training.size // config.gpus)})
    options = dict(config.mace_options)
    if steps is not None:
        batches = training.size // (how.batch_size * config.gpus)
        how, options = _for_steps(how, options, max(1, math.ceil(steps / batches)))
    document = config.model_dump(mode="json")
    # The frames were judged when the whole set was read; a subset has another first frame to compare bonds with.
    limits = {**document["limits"], "intact_bonds": {}, "energies_follow_forces": False}
    return TrainingConfig.model_validate(
        {
            **document,
            "preset": None,
            "name": f"{config.name[:40]}-{training.name}",
            "frames": [training.frames, *held_out],
            "labels": {"energy": ENERGY_KEY, "forces": FORCES_KEY},
            "limits": limits,
            "split": {"by": "given"},
            "optimisation": how.model_dump(mode="json"),
            "seed": config.seed + training.repeat,
            "mace_options": options,
        }
    )


def _for_steps(how: Optimisation, options: MaceOptions, needed: int) -> tuple[Optimisation, MaceOptions]:
    """The same training stretched to `needed` epochs or a few more.

    Whatever is counted in epochs keeps its place in the training: it is validated as often as before, and the learning
    rate falls by as much from the first step to the last.
    """
    own = options.get("eval_interval", 1)
    interval = max(1, round(needed / how.epochs)) * (own if isinstance(own, int) else 1)
    epochs = interval * math.ceil((needed - 1) / interval) + 1  # mace validates epochs 0, interval, 2 interval, ...
    stretch = epochs / how.epochs
    schedule = (
        how.schedule.model_copy(update={"gamma": how.schedule.gamma ** (1 / stretch)})
        if isinstance(how.schedule, ExponentialSchedule)
        else how.schedule.model_copy(update={"patience": max(1, round(how.schedule.patience * stretch))})
    )
    patience = None if how.patience is None else max(1, round(how.patience * stretch))
    counted = {key: value for key, value in options.items() if key in _IN_EPOCHS and isinstance(value, int)}
    stretched = {key: max(1, round(value * stretch)) for key, value in counted.items()}
    longer = how.model_copy(update={"epochs": epochs, "schedule": schedule, "patience": patience})
    return longer, {**options, **stretched, "eval_interval": interval}
