"""A symmetrix model as an ASE calculator."""

import contextlib
import dataclasses
import json
import os
import warnings
from pathlib import Path
from typing import Any, Final

from ase.data import chemical_symbols

from molgun_lmp.errors import EngineError, ModelError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.symmetrix_kernels import compiles_long, told
from molgun_lmp.provenance import sha256_file

_NO_BLAS_LOOKUP: Final = ("SYMMETRIX_HOST_WORKER_BLAS", "off")
"""Its default asks the dynamic linker which BLAS is loaded before each matrix product, which costs 50 ms a call where
torch and LAMMPS are loaded too: 3 times the rest for 154 atoms, 10 times for 26. Its own products need no BLAS."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SymmetrixHead:
    """What a symmetrix file says of its model."""

    elements: frozenset[str]
    cutoff_angstrom: float
    max_l: int
    """The largest angular momentum of its features."""


def symmetrix_calculator(path: Path, dtype: Dtype, head: SymmetrixHead, *, device: str | None = None) -> Any:
    """Symmetrix's own ASE calculator of a file; where its kernels take long to compile, that is told while it lasts.

    It computes on `device`, `cpu` or `cuda` (which GPU, where there are several, is decided by the process's
    environment: CUDA_VISIBLE_DEVICES); None: on the one that symmetrix takes here. Raises `EngineError` where symmetrix
    is absent, computes elsewhere in this process, or cannot build its kernels.
    """
    os.environ.setdefault(*_NO_BLAS_LOOKUP)
    try:
        import symmetrix  # noqa: PLC0415 - optional

        if device == "cpu" and any(backend["backend"] != "cpu" for backend in symmetrix.available_backends()):
            os.environ.setdefault("SYMMETRIX_BACKEND", "cpu")  # else it prefers a GPU that is here
        from symmetrix import Symmetrix  # noqa: PLC0415 - it loads a large library
    except Exception as error:  # ImportError, or its own error for a processor that lacks the instructions
        raise EngineError(
            f"symmetrix cannot be loaded here: {error}. pip install 'molgun_lmp[fast]', or use the engine `mace`."
        ) from error
    if device is not None and device.partition(":")[0] != (taken := symmetrix_device()):
        raise EngineError(
            f"symmetrix computes on {taken} in this process, and was asked for {device}. For a GPU install its backend "
            "(`symmetrix backend install`, such as symmetrix-xl-cuda12-sm90); SYMMETRIX_BACKEND chooses one of several."
        )
    from molgun_lmp.at_work import at_work  # noqa: PLC0415 - a worker needs no terminal for anything else

    try:
        # Without a skin the neighbour list is built anew at each call. Next to the model that costs nothing, and
        # with one the order of the sums would depend on when the list was last built.
        with (
            warnings.catch_warnings(),
            at_work(f"symmetrix prepares {path.name}; at its first use it compiles kernels"),
            told(path, sha256_file(path), dtype) if compiles_long(head.max_l) else contextlib.nullcontext(),
        ):
            # It recommends its own newer format, which LAMMPS's pair style does not read.
            warnings.filterwarnings("ignore", message=".*pair-spline format")
            return Symmetrix(str(path), dtype=dtype, neighbor_skin=0.0)
    except Exception as error:
        raise EngineError(
            f"symmetrix cannot prepare {path}: {error}. It needs a C++20 compiler: install g++ 10 or later (or "
            "point CXX to one), or use the engine `mace`."
        ) from error


def symmetrix_device() -> str:
    """Where symmetrix computes in this process, `cpu`, `cuda` or `hip`: it takes one of its installed backends when it
    is first asked, a GPU's where it was built for a GPU that is here, and keeps it. Loads it; raises its errors."""
    import symmetrix  # noqa: PLC0415

    symmetrix.load_backend()
    return str(symmetrix.selected_backend()["backend"])


def read_symmetrix_head(path: Path) -> SymmetrixHead:
    """Elements, cutoff and angular momenta from a symmetrix file. Raises `ModelError` for another file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return SymmetrixHead(
            elements=frozenset(chemical_symbols[z] for z in document["atomic_numbers"]),
            cutoff_angstrom=float(document["r_cut"]),
            max_l=int(document.get("L_max", 0)),
        )
    except OSError as error:
        raise ModelError(f"the model {path} cannot be read: {error}. Check the path.") from error
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ModelError(
            f"{path} is not a symmetrix model ({type(error).__name__}: {error}). Make one with `molgun export` or "
            "`symmetrix_extract_mace`."
        ) from error
