"""Which kind of model a file holds, by its bytes alone: no part of it is run."""

import zipfile
from typing import IO, Any

from molgun_lmp.model_formats import ModelFormat


def format_of(handle: IO[bytes]) -> ModelFormat | None:
    """The format of an open model file, None for what is none: torch's archive with or without code, or JSON.

    Raises `OSError` and `zipfile.BadZipFile` for what cannot be read.
    """
    handle.seek(0)
    if handle.read(64).lstrip().startswith(b"{"):
        return "symmetrix"
    if not zipfile.is_zipfile(handle):
        return None
    with zipfile.ZipFile(handle) as archive:
        return "torchscript" if any("/code/" in name for name in archive.namelist()) else "mace"


def is_deployed(module: Any) -> bool:
    """Whether loaded TorchScript is a model deployed for LAMMPS, and not the model itself compiled.

    Mace's trainer leaves such a `..._compiled.model` beside each `.model`; deployed, the model is a part of what is
    called.
    """
    return hasattr(module, "model") and not hasattr(module, "interactions")
