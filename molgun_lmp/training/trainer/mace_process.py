"""Mace's trainer in a process of its own, on a leash: it ends when its standard input does.

The caller holds the other end of that pipe and never writes to it. The system closes it when the caller ends, also
by SIGKILL, so no trainer goes on unseen; with torchrun every process that it starts inherits the pipe.
"""

import os
import threading
from typing import Any


def main() -> None:
    """Run `mace_run_train` with the arguments of this process."""
    threading.Thread(target=_leash, daemon=True).start()
    from mace.cli.run_train import main as train  # noqa: PLC0415  # seconds, in which the leash holds already

    _keep_reference_energies()
    train()


def _keep_reference_energies() -> None:
    """Let a model that starts from a foundation have the reference energies of its own training.

    Mace builds the model with them, and then copies all arrays of equal shape from the foundation, the reference
    energies among them where both know the same elements: the training's own were lost without a word, and its first
    loss was the difference of two levels of theory, tens of eV an atom.
    """
    from mace.tools import model_script_utils as building  # noqa: PLC0415

    load = building.load_foundations_elements

    def with_its_own(model: Any, *arguments: Any, **options: Any) -> Any:
        own = model.atomic_energies_fn.atomic_energies.clone()
        model = load(model, *arguments, **options)
        model.atomic_energies_fn.atomic_energies.copy_(own)
        return model

    building.load_foundations_elements = with_its_own


def _leash() -> None:
    # Not sys.stdin: its lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
