"""A model folder as an ASE calculator, for `molgun label` and whoever asks ASE."""

from pathlib import Path

from molgun_lmp.engine.ase_calculator import ForceModelCalculator
from molgun_lmp.engine.asked_in_python import asked_in_python
from molgun_lmp.errors import ModelError
from molgun_lmp.models.card import load_card, mace_sha256


class FolderModel(ForceModelCalculator):
    """The model of a folder of `molgun export`, by the fastest engine that Python can ask here, in float64 if it can.

    `sha256`: of mace's own file there, if labels must be of this very model. Raises `ModelError` for another one or a
    changed file, `EngineError` where no engine runs here.
    """

    def __init__(self, folder: str, sha256: str | None = None) -> None:
        card = load_card(Path(folder))
        if sha256 is not None and mace_sha256(card) != sha256:
            raise ModelError(f"{folder} is not the model that was meant: its .model file has another SHA-256.")
        super().__init__(asked_in_python(Path(folder), card).model)
