"""The from-scratch twin of a fine-tuning: the same frames and the same shape of model, but random weights."""

import re
from collections.abc import Sequence
from typing import Any

from molgun_lmp.config.loading import apply_override, validated
from molgun_lmp.errors import ConfigError
from molgun_lmp.models.mace_file import load_model, model_facts
from molgun_lmp.training.settings import ModelShape, TrainingConfig
from molgun_lmp.training.trainer.preparation import Prepared


def scratch_twin(prepared: Prepared, overrides: Sequence[str] = ()) -> TrainingConfig:
    """The training file of a fine-tuning with everything of its foundation but the weights.

    The model has the foundation's shape. Where the file takes the foundation's reference energies it has those too;
    where the file shifts them to the labels' level, the model's are fitted to the labels. `overrides` are
    `dotted.key=value` texts (`optimisation.learning_rate=0.01`): what suits a fine-tuning is seldom right from scratch.
    Raises `ConfigError` for a foundation by name, whose file is not at hand.
    """
    config = prepared.config
    document = config.model_dump(mode="json")
    if config.foundation is not None:
        if prepared.foundation is None:
            raise ConfigError(
                "from-scratch models of a learning curve have the shape of the foundation, which is read from its "
                "file: give `foundation: {file: ..., sha256: ...}` instead of a name."
            )
        model = load_model(prepared.foundation.file, sha256=prepared.foundation.sha256)
        shape, radial = _shape(model)
        document |= {
            "preset": None,
            "foundation": None,
            "multihead": None,
            "lora": None,
            "reinitialise_readouts": False,
            "architecture": shape.model_dump(mode="json"),
            "licences": {key: text for key, text in document["licences"].items() if key != "foundation"},
            "mace_options": {"num_radial_basis": radial, **document["mace_options"]},
        }
        if document["reference_energies"] == "foundation":
            document["reference_energies"] = _energies(model, prepared.dataset.elements)
        elif document["reference_energies"] == "foundation_estimated":
            # The shift to the labels' level rests on what the foundation predicts; its own energies may be off by
            # tens of eV per atom, from which no training recovers.
            document["reference_energies"] = "least_squares"
    for override in overrides:
        apply_override(document, override)
    return validated(document, TrainingConfig, where="the training from scratch")


def _shape(model: Any) -> tuple[ModelShape, int]:
    """The architecture and the number of radial functions of a loaded model."""
    facts = model_facts(model)
    irreps = re.findall(r"(\d+)x(\d+)[eo]", facts.hidden_irreps)
    return ModelShape(
        num_channels=int(irreps[0][0]),
        max_L=max(int(order) for _, order in irreps),
        num_interactions=facts.num_interactions,
        max_ell=facts.max_ell,
        correlation=int(model.products[0].symmetric_contractions.contractions[0].correlation),
        r_max_angstrom=round(facts.r_max_angstrom, 6),
    ), int(model.radial_embedding.out_dim)


def _energies(model: Any, elements: Sequence[str]) -> dict[str, float]:
    heads = model_facts(model).e0s_ev
    energies = next(iter(heads.values()))
    missing = [element for element in elements if element not in energies]
    if missing or len(heads) > 1:
        why = f"lacks {', '.join(missing)}" if missing else f"has the heads {', '.join(heads)}"
        raise ConfigError(
            f"the foundation {why}, so it has no reference energies for models from scratch: set their "
            "`reference_energies`, such as isolated_atoms."
        )
    return {element: energies[element] for element in elements}
