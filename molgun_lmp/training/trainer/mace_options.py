"""The training file in mace's own words: a pure translation into the options of `mace_run_train`."""

import json
from collections.abc import Mapping
from typing import Any, Final

from molgun_lmp.errors import ConfigError
from molgun_lmp.training.dataset.label_keys import ENERGY_KEY, FORCES_KEY
from molgun_lmp.training.settings import ExponentialSchedule, ModelShape, Multihead, TrainingConfig

REPLAY_FILE: Final = "data/replay.extxyz"

VALID_BATCH_SIZE: Final = 8

_DEFAULTS: Final[Mapping[str, Any]] = {
    "model": "MACE",
    "loss": "weighted",
    "optimizer": "adam",
    "amsgrad": True,
    "scaling": "rms_forces_scaling",
    "error_table": "PerAtomMAE",
    "valid_batch_size": VALID_BATCH_SIZE,
    "eval_interval": 1,
    "num_workers": 0,
    "plot": False,
    "config_type_weights": {"Default": 1.0},
    "foundation_model_elements": False,
    # Its error tables repeat what `evaluate` gives, at the price of an epoch.
    "skip_evaluate_heads": "Default,pt_head",
}
"""Said aloud although most are mace's defaults: a new version of mace must not change a training silently."""

_SETTING_OF: Final[Mapping[str, str]] = {
    "name": "name",
    "seed": "seed",
    "device": "device",
    "default_dtype": "dtype",
    "train_file": "frames",
    "valid_file": "split.validation",
    "valid_fraction": "split.validation",
    "test_file": "split.test",
    "energy_key": "labels.energy",
    "forces_key": "labels.forces",
    "E0s": "reference_energies",
    "foundation_model": "foundation",
    "foundation_filter_elements": "reinitialise_readouts",
    "foundation_model_readout": "reinitialise_readouts",
    "multiheads_finetuning": "multihead",
    "pt_train_file": "multihead.replay",
    "num_samples_pt": "multihead.samples",
    "weight_pt_head": "multihead.weight",
    "lora": "lora",
    "lora_rank": "lora.rank",
    "lora_alpha": "lora.alpha",
    "distributed": "gpus",
    "launcher": "gpus",
    "num_channels": "architecture.num_channels",
    "hidden_irreps": "architecture.num_channels and max_L",
    "max_L": "architecture.max_L",
    "num_interactions": "architecture.num_interactions",
    "max_ell": "architecture.max_ell",
    "correlation": "architecture.correlation",
    "r_max": "architecture.r_max_angstrom",
    "max_num_epochs": "optimisation.epochs",
    "batch_size": "optimisation.batch_size",
    "lr": "optimisation.learning_rate",
    "scheduler": "optimisation.schedule",
    "lr_scheduler_gamma": "optimisation.schedule.gamma",
    "lr_factor": "optimisation.schedule.factor",
    "scheduler_patience": "optimisation.schedule.patience",
    "ema": "optimisation.ema_decay",
    "ema_decay": "optimisation.ema_decay",
    "energy_weight": "optimisation.energy_weight",
    "forces_weight": "optimisation.forces_weight",
    "weight_decay": "optimisation.weight_decay",
    "clip_grad": "optimisation.clip_gradient",
    "patience": "optimisation.patience",
}
_OURS: Final = frozenset(
    [
        "work_dir",
        "log_dir",
        "model_dir",
        "checkpoints_dir",
        "results_dir",
        "config",
        "restart_latest",
        "keep_checkpoints",
        "save_all_checkpoints",
        "save_cpu",
    ]
)


def mace_options(
    config: TrainingConfig, *, e0s_ev: Mapping[int, float] | None, foundation: str | None, restart: bool
) -> dict[str, Any]:
    """Every option that mace is given, for a trainer that runs in the run folder.

    `e0s_ev` by atomic number, None where the foundation model's are used; `foundation` a name or path. Raises
    `ConfigError` for a `mace_options` entry that one of our own settings decides.
    """
    for key in config.mace_options:
        if key in _SETTING_OF:
            raise ConfigError(f"mace_options.{key}: this is decided by `{_SETTING_OF[key]}` of the training file.")
        if key in _OURS:
            raise ConfigError(f"mace_options.{key}: the run folder's layout and restarts need it as it is; remove it.")
    return {
        **_DEFAULTS,
        "pin_memory": config.device == "cuda",
        **config.mace_options,
        **_run(config, restart),
        **_start(config, e0s_ev, foundation),
        **_fine_tuning(config),
        **_optimisation(config),
    }


def writing_options(options: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """The options of a run that trains nothing: it reads the checkpoint of `epoch` and writes its model."""
    return {
        **options,
        "restart_latest": True,
        "max_num_epochs": epoch,
        "checkpoints_dir": "mace/best",
        "results_dir": "mace/writing",
        "distributed": False,
        "launcher": "none",
    }


def as_config_file(options: Mapping[str, Any]) -> dict[str, str]:
    """Options as the texts that mace's YAML config file takes; None leaves an option out."""
    return {key: _text(value) for key, value in options.items() if value is not None}


def _run(config: TrainingConfig, restart: bool) -> dict[str, Any]:
    return {
        "name": config.name,
        "seed": config.seed,
        "device": config.device,
        "default_dtype": config.dtype,
        "work_dir": "mace",
        "train_file": "data/train.extxyz",
        "valid_file": "data/validation.extxyz",
        "energy_key": ENERGY_KEY,
        "forces_key": FORCES_KEY,
        "save_cpu": True,
        "restart_latest": restart,
        # Mace deletes the old checkpoint before it has written the new one; the trainer prunes instead.
        "keep_checkpoints": True,
        # Without this a restart would begin at the best epoch so far, and lose all that came after it.
        "save_all_checkpoints": True,
        "distributed": config.gpus > 1,
        "launcher": "torchrun" if config.gpus > 1 else "none",
    }


def _start(config: TrainingConfig, e0s_ev: Mapping[int, float] | None, foundation: str | None) -> dict[str, Any]:
    if e0s_ev is not None:
        energies = "{" + ", ".join(f"{number}: {energy!r}" for number, energy in sorted(e0s_ev.items())) + "}"
    else:
        energies = "estimated" if config.reference_energies == "foundation_estimated" else "foundation"
    shape = config.architecture or ModelShape()
    return {
        "E0s": energies,
        **(
            {"foundation_model": foundation}
            if foundation is not None
            else {
                "num_channels": shape.num_channels,
                "max_L": shape.max_L,
                "num_interactions": shape.num_interactions,
                "max_ell": shape.max_ell,
                "correlation": shape.correlation,
                "r_max": shape.r_max_angstrom,
            }
        ),
    }


def _fine_tuning(config: TrainingConfig) -> dict[str, Any]:
    options: dict[str, Any] = {
        "multiheads_finetuning": config.multihead is not None,
        # Without this, mace replaces the learning rate and the average of a multihead training by its own.
        "force_mh_ft_lr": True,
        # Mace 0.3.16 keeps or drops the readouts by the first, other versions by the second.
        "foundation_filter_elements": not config.reinitialise_readouts,
        "foundation_model_readout": not config.reinitialise_readouts,
    }
    if isinstance(config.multihead, Multihead):
        replay = config.multihead.replay
        options |= {
            "pt_train_file": "mp" if replay == "mp" else REPLAY_FILE,
            "num_samples_pt": config.multihead.samples,
            "weight_pt_head": config.multihead.weight,
        }
    if config.lora is not None:
        options |= {"lora": True, "lora_rank": config.lora.rank, "lora_alpha": config.lora.alpha}
    return options


def _optimisation(config: TrainingConfig) -> dict[str, Any]:
    how = config.optimisation
    schedule: dict[str, Any] = (
        {"scheduler": "ExponentialLR", "lr_scheduler_gamma": how.schedule.gamma}
        if isinstance(how.schedule, ExponentialSchedule)
        else {
            "scheduler": "ReduceLROnPlateau",
            "lr_factor": how.schedule.factor,
            "scheduler_patience": how.schedule.patience,
        }
    )
    # Mace would take the start from the number of epochs, which a restart may raise.
    has_start = bool({"start_swa", "start_stage_two"} & config.mace_options.keys())
    return {
        **({"start_swa": max(1, how.epochs // 4 * 3)} if config.has_second_stage and not has_start else {}),
        "max_num_epochs": how.epochs,
        "batch_size": how.batch_size,
        "lr": how.learning_rate,
        **schedule,
        "ema": how.ema_decay is not None,
        "ema_decay": how.ema_decay,
        "energy_weight": how.energy_weight,
        "forces_weight": how.forces_weight,
        "weight_decay": how.weight_decay,
        "clip_grad": how.clip_gradient if how.clip_gradient is not None else "None",
        # Mace 0.3.16 says that it stops early and goes on, unless it is distributed: the trainer ends it instead.
        "patience": how.epochs + 1,
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
