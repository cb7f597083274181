"""Mace's own `.model` files: pickles, so one is loaded only when somebody vouched for its very bytes."""

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.card import CARD_NAME, ModelCard, read_card
from molgun_lmp.models.file_format import format_of
from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.provenance import sha256_file


def trusted_sha256(path: Path, *, sha256: str | None = None, trust: bool = False) -> str:
    """The SHA-256 of a model file that may be loaded, or `ModelError`.

    Loading runs code that the file carries. A file is trusted when its hash equals `sha256`, or the one that the model
    card beside it records, or when `trust` is set. A card finds changed bytes; it cannot make a stranger's folder safe.
    """
    if not path.is_file():
        raise ModelError(f"no model file at {path}. Train one with `molgun train`, or name an existing one.")
    found = sha256_file(path)
    expected = sha256.lower() if sha256 is not None else _carded_sha256(path)
    if expected is None and not trust:
        raise ModelError(
            f"{path} is a pickle that would run its own code, and nothing vouches for it. If you know where it comes "
            f"from, give its SHA-256 ({found}) or say that you trust it."
        )
    if expected is not None and expected != found:
        raise ModelError(
            f"{path} is not the model that was recorded: its SHA-256 is {found}, expected {expected}. It was replaced "
            "or changed: fetch the original, or train and export again."
        )
    return found


def _carded_sha256(path: Path) -> str | None:
    card = _card_of(path)
    return None if card is None else next(entry.sha256 for entry in card.files if entry.name == path.name)


def _card_of(path: Path) -> ModelCard | None:
    """The card beside a file, where it lists the file."""
    card_file = path.parent / CARD_NAME
    if not card_file.is_file():
        return None
    card = read_card(card_file)
    return card if any(entry.name == path.name for entry in card.files) else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a MACE model is, read from the model itself."""

    elements: tuple[str, ...]
    """In the order of the model's one-hot encoding (ascending atomic number)."""
    r_max_angstrom: float
    num_interactions: int
    max_ell: int
    hidden_irreps: str
    heads: tuple[str, ...]
    e0s_ev: dict[str, dict[str, float]]
    """Isolated-atom energies: head -> element -> eV."""
    dtype: Dtype
    parameters: int
    correlations: tuple[int, ...]
    """Of each interaction's product."""
    gate: str
    """The function of the last readout, such as `silu`; `none` where it has none."""
    readouts: int
    equal_channels: bool
    """Whether every angular momentum has as many channels."""
    products_by_element: bool
    """Whether the products' weights depend on the element."""
    shifted: bool
    """Whether its interaction energy is scaled and shifted."""


def load_model(path: Path, *, sha256: str | None = None, trust: bool = False, dtype: Dtype | None = None) -> Any:
    """A `.model` file as a torch module on the CPU, in evaluation mode, in `dtype` (None: as stored).

    Raises `ModelError` for a file that is missing, not trusted (see `trusted_sha256`) or not a MACE model.
    """
    vouched = trusted_sha256(path, sha256=sha256, trust=trust)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != vouched:
        raise ModelError(f"{path} changed while it was read. Give the command again.")
    _refuse_translation(path, content)
    load_mace()  # before torch.load: registers what the pickle needs
    import torch  # noqa: PLC0415

    try:
        model = torch.load(io.BytesIO(content), map_location="cpu", weights_only=False)
    except Exception as error:  # torch and pickle raise anything for foreign bytes
        raise ModelError(
            f"{path} is not a model that mace {_mace_version()} can load: {type(error).__name__}: {error}"
        ) from error
    if not all(hasattr(model, name) for name in ("r_max", "atomic_numbers", "interactions", "atomic_energies_fn")):
        raise ModelError(f"{path} holds a {type(model).__name__}, not a MACE model with its interactions and elements.")
    model.heads = _heads(model)  # mace's own converters look for them
    _check_card(path, model_facts(model).elements)
    if dtype is not None:
        model = model.to(getattr(torch, dtype))
    return model.eval()


def _refuse_translation(path: Path, content: bytes) -> None:
    """Raise `ModelError` for what was made of a `.model` file: torch would load TorchScript as if it were one."""
    try:
        found = format_of(io.BytesIO(content))
    except zipfile.BadZipFile:  # torch says what is wrong with it
        return
    if found == "torchscript":
        raise ModelError(
            f"{path} is TorchScript (mace's `..._compiled.model`, or a file deployed for LAMMPS), which can be run but "
            "not translated. Name the .model file that mace wrote beside it, whose name lacks `_compiled`."
        )
    if found == "symmetrix":
        raise ModelError(
            f"{path} is JSON, such as symmetrix's file of a model, and no .model file. Name the .model file that it "
            "was made from."
        )


def _heads(model: Any) -> list[str]:
    """The names of a model's heads. Files from before mace had them (MACE-MP-0, MACE-OFF23) name none: one, Default."""
    named = [str(head) for head in getattr(model, "heads", None) or [] if head is not None]
    return named or ["Default"]


def _check_card(path: Path, elements: tuple[str, ...]) -> None:
    card = _card_of(path)
    if card is not None and card.elements != elements:
        raise ModelError(
            f"{path} knows {', '.join(elements)} in this order, its card says {', '.join(card.elements)}: one of them "
            "belongs to another model. Fetch the model folder again, or export the model anew."
        )


def model_facts(model: Any) -> ModelFacts:
    """Read elements, cutoff, layers, heads and isolated-atom energies from a loaded model."""
    elements = tuple(chemical_symbols[int(number)] for number in model.atomic_numbers)
    heads = tuple(_heads(model))
    energies = np.atleast_2d(model.atomic_energies_fn.atomic_energies.detach().double().numpy())
    return ModelFacts(
        elements=elements,
        r_max_angstrom=float(model.r_max),
        num_interactions=int(model.num_interactions),
        max_ell=int(model.spherical_harmonics.irreps_out.lmax),
        hidden_irreps=str(model.interactions[0].hidden_irreps),
        heads=heads,
        e0s_ev={
            head: {element: float(value) for element, value in zip(elements, row, strict=True)}
            for head, row in zip(heads, energies, strict=True)
        },
        dtype="float64" if next(model.parameters()).element_size() == 8 else "float32",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        correlations=tuple(
            max(
                (int(part.correlation) for part in getattr(product.symmetric_contractions, "contractions", ())),
                default=0,
            )
            for product in model.products
        ),
        gate=_gate(model),
        readouts=len(model.readouts),
        equal_channels=len({part.split("x")[0] for part in str(model.interactions[0].hidden_irreps).split("+")}) == 1,
        products_by_element=not any(getattr(product, "use_agnostic_product", False) for product in model.products),
        shifted=hasattr(model, "scale_shift"),
    )


def _gate(model: Any) -> str:
    """The name of the last readout's function; torch's and mace's own functions have one."""
    acts = list(getattr(getattr(model.readouts[-1], "non_linearity", None), "acts", None) or [None])
    function = getattr(acts[0], "f", acts[0])  # e3nn's wrapper, which sets the second moment to one
    return "none" if function is None else str(getattr(function, "__name__", type(function).__name__)).lower()


def choose_head(heads: tuple[str, ...], head: str | None) -> str:
    """The head asked for, or the only one. Raises `ModelError` where there is a choice and none was made."""
    if head is None:
        if len(heads) > 1:
            raise ModelError(f"the model has the heads {', '.join(heads)}: say which one (`head`).")
        return heads[0]
    if head not in heads:
        raise ModelError(f"the model has no head {head!r}; it has {', '.join(heads)}.")
    return head


@contextmanager
def default_dtype(dtype: Dtype) -> Iterator[None]:
    """Torch's default dtype within a block; mace sets it for the whole process, this puts it back."""
    import torch  # noqa: PLC0415

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _mace_version() -> str:
    import mace  # noqa: PLC0415

    return str(mace.__version__)
