"""Ways to train by name: each a set of values for the training file, with where they come from.

`paper` is H. Weiske et al., Digital Discovery 2026, 5, 1501 (doi 10.1039/d5dd00420a), section 2.3. What it leaves open
(EMA, precision, reference energies, whether 16 frames are a batch of one GPU or of all) keeps the defaults of the
training file.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

PresetName = Literal["paper-finetune", "paper-scratch", "multihead", "lora"]

_PAPER: Final[Mapping[str, Any]] = {
    "seed": 24,
    # 5 % of the frames validate, drawn at random: neighbouring frames fall on both sides, as in the paper.
    "split": {"by": "random", "validation": 0.05, "seed": 24},
    "optimisation": {"batch_size": 16, "learning_rate": 0.001, "energy_weight": 1.0, "forces_weight": 100.0},
}

PRESETS: Final[Mapping[PresetName, Mapping[str, Any]]] = {
    # Naive fine-tuning of MACE-MP-0 medium with new readouts, 100 epochs.
    "paper-finetune": {
        **_PAPER,
        "foundation": {"name": "medium"},
        "reinitialise_readouts": True,
        "optimisation": {**_PAPER["optimisation"], "epochs": 100},
    },
    # The same set-up from random weights, 1000 epochs, in the shape of MACE-MP-0 medium (128x0e + 128x1o, 6 Å; ten
    # radial functions, as that model's file has them; arXiv 2401.00096).
    "paper-scratch": {
        **_PAPER,
        "architecture": {
            "num_channels": 128,
            "max_L": 1,
            "num_interactions": 2,
            "max_ell": 3,
            "correlation": 3,
            "r_max_angstrom": 6.0,
        },
        "optimisation": {**_PAPER["optimisation"], "epochs": 1000},
        "mace_options": {"num_radial_basis": 10},
    },
    # Learning rate and average that mace would otherwise put in silently (mace 0.3.16, run_train).
    "multihead": {
        "foundation": {"name": "medium"},
        "multihead": {"replay": "mp", "samples": 10_000},
        "optimisation": {"learning_rate": 1e-4, "ema_decay": 0.99999},
    },
    # Mace's defaults of rank and alpha. The weights that learn start from zero: mace's usual rate, not a small one.
    "lora": {
        "foundation": {"name": "medium"},
        "lora": {"rank": 4, "alpha": 1.0},
        "optimisation": {"learning_rate": 0.01},
    },
}

_REPLACED_WHOLE: Final = frozenset(["foundation", "multihead", "lora"])
"""Sections that are one choice: keys of the file's and the preset's are never mixed in them."""


def with_preset(document: Mapping[str, Any]) -> dict[str, Any]:
    """A training file with the values of its `preset` under its own. An unknown preset is left to validation."""
    preset = next((values for name, values in PRESETS.items() if name == document.get("preset")), {})
    merged = dict(preset)
    for key, value in document.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, Mapping) and key not in _REPLACED_WHOLE:
            merged[key] = {**below, **value}
        else:
            merged[key] = value
    return merged
