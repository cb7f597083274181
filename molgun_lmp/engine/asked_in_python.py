"""The model of a folder as a force model that Python asks, outside LAMMPS."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.registry import AUTO_ORDER, ForceEngine
from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import ModelCard, model_file

EXACT_FIRST: Final[tuple[Dtype, ...]] = ("float64", "float32")


class AskedInPython(NamedTuple):
    """A force model, and the engine and precision that compute it."""

    model: ForceModel
    engine: ForceEngine
    dtype: Dtype


def asked_in_python(folder: Path, card: ModelCard, dtypes: Sequence[Dtype] = EXACT_FIRST) -> AskedInPython:
    """The fastest engine that this machine and the folder's files allow, in the first of `dtypes` that it has.

    `card` is the folder's, checked (`load_card`). Raises `EngineError` where there is none.
    """
    reasons = []
    for row in AUTO_ORDER:
        if row.runs_as != "fix_external":
            continue
        for dtype in dtypes:
            try:
                file = model_file(folder, card, row.format, dtype) if row.format is not None else None
            except ModelError as error:
                reasons.append(str(error))
                continue
            here = row.available()
            here = row.ready(card, dtype) if here.available else here
            model = row.load(file, dtype, None) if file is not None and here.available else None
            if model is not None:
                return AskedInPython(model, row, dtype)
            reasons.append(f"{row.kind}: {here.reason}")
    raise EngineError(f"the model {card.name!r} in {folder} cannot be asked from Python here. {' '.join(reasons)}")
