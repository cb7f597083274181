"""Which frames an inner model is trained, and which it is judged on."""

import collections
from collections.abc import Sequence
from typing import Final

from molgun_lmp.errors import TrainingError
from molgun_lmp.training.dataset.split import assign_sets
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.settings import Split

POOL: Final = "pool"
"""`config_type` of the snapshots of a pool: the slab alone, the molecule alone."""


def held_out(structures: Sequence[Structure], split: Split) -> Split:
    """The split with the names of its trajectories; those of pools are trained on.

    Without them no frame would show the slab or the molecule alone. Raises `ConfigError` as `assign_sets` does.
    """
    if split.by != "trajectory":
        return split
    fired = [structure.trajectory for structure in structures if structure.config_type != POOL]
    members = assign_sets(fired, [None] * len(fired), split)
    names = {
        name: tuple(dict.fromkeys(one for one, inside in zip(fired, members[name], strict=True) if inside))
        for name in ("validation", "test")
    }
    return split.model_copy(update={"validation": names["validation"], "test": names["test"] or None})


def require_enough(structures: Sequence[Structure], batch_size: int) -> None:
    """Raise `TrainingError` for so few frames that nothing could be trained."""
    if len(structures) < 2 * batch_size:
        compositions = collections.Counter(structure.formula for structure in structures)
        raise TrainingError(
            f"{len(structures)} frames ({', '.join(compositions) or 'none'}) are too few to train an inner model on: "
            "give more --frames, or fire more (fired.shots)."
        )
