"""Does a run folder hold this very training? Only then it is gone on with."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from molgun_lmp.config.loading import load_yaml
from molgun_lmp.errors import ConfigError, TrainingError
from molgun_lmp.training.run_folder import RunFolder
from molgun_lmp.training.settings import TrainingConfig
from molgun_lmp.training.trainer.preparation import Prepared

_FREE = frozenset(["preset", "threads", "optimisation.epochs", "optimisation.patience"])
"""May differ: they decide when a training ends and how fast it is. A preset counts by its values."""


def is_same_training(run: RunFolder, prepared: Prepared) -> bool:
    """Whether the folder holds this training already. Raises `TrainingError` where it holds another."""
    if not run.path.exists() or not any(run.path.iterdir()):
        return False
    advice = "Name a new folder, or remove this one."
    if not run.config.is_file() or not run.dataset.is_file():
        raise TrainingError(f"{run.path} is not empty and holds no training. {advice}")
    try:
        earlier = TrainingConfig.model_validate(load_yaml(run.config))
        files = json.loads(run.dataset.read_text(encoding="utf-8"))["files"]
    except (ConfigError, ValidationError, KeyError, json.JSONDecodeError) as error:
        raise TrainingError(f"{run.path} holds a training of another version ({error}). {advice}") from error
    different = _differences(earlier, prepared.config)
    if different:
        raise TrainingError(f"{run.path} holds a training with another {', '.join(different)}. {advice}")
    if files != prepared.files():
        raise TrainingError(f"{run.path} holds a training on frame files with other contents. {advice}")
    return True


def _differences(earlier: TrainingConfig, now: TrainingConfig) -> list[str]:
    before, after = dict(_flat(earlier)), dict(_flat(now))
    keys = (before.keys() | after.keys()) - _FREE
    changed = sorted(key for key in keys if before.get(key) != after.get(key))
    if now.optimisation.epochs < earlier.optimisation.epochs:
        changed.append("optimisation.epochs (fewer than before)")
    return changed


def _flat(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
