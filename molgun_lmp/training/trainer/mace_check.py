"""Does the installed mace know what it is about to be told? Asked of its own parser, before anything is written."""

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from molgun_lmp.errors import ConfigError
from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.training.settings import FoundationName, TrainingConfig
from molgun_lmp.training.trainer.foundations import known_foundations
from molgun_lmp.training.trainer.mace_options import as_config_file

_OPTIONAL_ABILITIES: Final = {"lora": "lora", "pt_train_file": "multihead", "foundation_filter_elements": "readouts"}
"""Options that older versions lack -> what of the training file needs them."""


def check_with_mace(config: TrainingConfig, options: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for an option, a value or a foundation model's name that the installed mace does not know."""
    load_mace()
    import mace  # noqa: PLC0415
    from mace.tools import build_default_arg_parser  # noqa: PLC0415

    if isinstance(config.foundation, FoundationName):
        names = known_foundations()
        if config.foundation.name not in names:
            near = difflib.get_close_matches(config.foundation.name, names, n=1)
            raise ConfigError(
                f"foundation.name: mace {mace.__version__} knows no foundation model {config.foundation.name!r}; "
                + (f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(names)}.")
                + " Your own file is given as `foundation: {file: ..., sha256: ...}`."
            )
    parser = build_default_arg_parser()

    def refuse(message: str) -> NoReturn:
        raise ConfigError(f"mace {mace.__version__} refuses an option: {message}. Correct `mace_options`.")

    parser.error = refuse  # instead of ending this process
    _, unknown = parser.parse_known_args([], config_file_contents=json.dumps(as_config_file(options)))
    for key in (argument[2:].partition("=")[0] for argument in unknown if argument.startswith("--")):
        need = _OPTIONAL_ABILITIES.get(key)
        if need is not None:
            raise ConfigError(
                f"mace {mace.__version__} has no option `{key}`, which `{need}` of the training file needs. "
                "Install a newer one (pip install -U mace-torch), or train without it."
            )
        raise ConfigError(
            f"mace_options.{key}: mace {mace.__version__} has no such option. `mace_run_train --help` lists them."
        )
