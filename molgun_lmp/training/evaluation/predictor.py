"""Any file of a model as one function from frames to energies and forces, checked before its first byte is run."""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ase.data import chemical_symbols

from molgun_lmp.errors import ModelError, TrainingError
from molgun_lmp.model_formats import MODEL_FORMATS, Dtype, ModelFormat
from molgun_lmp.models.card import CARD_NAME, ModelCard, ModelFile, load_card, read_card
from molgun_lmp.models.file_format import format_of, is_deployed
from molgun_lmp.models.mace_file import choose_head, load_model, model_facts, trusted_sha256
from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.models.predict import Prediction, predict_deployed, predict_mace, predict_symmetrix
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.run_folder import RunFolder, read_record

Predict = Callable[[Sequence[LabelledFrame]], Iterator[Prediction]]

_PREFERRED: Final[tuple[ModelFormat, ...]] = tuple(
    name for _, name in sorted((row.evaluation_rank, row.name) for row in MODEL_FORMATS.values() if row.evaluation_rank)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A model file that may be used, and what stands beside it. `format` None: not said, to be found in the file."""

    file: Path
    name: str
    level_of_theory: str | None
    """None where no card and no training record tells it."""
    format: ModelFormat | None
    head: str | None
    sha256: str | None
    """What the file's must be, by card or record."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model ready to predict."""

    source: ModelSource
    format: ModelFormat
    dtype: Dtype
    sha256: str
    elements: tuple[str, ...]
    _predict: Predict

    def predict(self, frames: Sequence[LabelledFrame]) -> Iterator[Prediction]:
        """Predictions in the order of the frames. Raises `ModelError` for frames with an element it does not know."""
        unknown = sorted({symbol for frame in frames for symbol in frame.symbols} - set(self.elements))
        if unknown:
            raise ModelError(
                f"{self.source.file} was never trained on {', '.join(unknown)}; it knows {', '.join(self.elements)}. "
                "Leave these frames out, or use a model that knows them."
            )
        return self._predict(frames)


def find_model(path: Path) -> ModelSource:
    """The file that `path` means: a file, the best one of a model folder, or the model of a finished training.

    Of a model folder, mace's own file is taken where there is one, else the deployed TorchScript, else symmetrix's.
    Raises `ModelError` for a folder without any, and what `load_card` and `read_record` raise.
    """
    folder, file = (path, None) if path.is_dir() else (path.parent, path.name)
    if (folder / CARD_NAME).is_file():
        card = load_card(folder) if file is None else read_card(folder)
        entry = _entry(card, file)
        if entry is not None:
            return ModelSource(
                file=folder / entry.name,
                name=card.name,
                level_of_theory=card.level_of_theory,
                format=entry.format,
                head=card.head,
                sha256=entry.sha256,
            )
    run = RunFolder(path=folder)
    if run.record.is_file() and file in (None, run.model.name):
        try:
            record = read_record(folder)
        except TrainingError:  # of the model before this one: it says nothing of a file that was named itself
            if file is None:
                raise
        else:
            return ModelSource(
                file=run.model,
                name=record.name,
                level_of_theory=record.level_of_theory,
                format="mace",
                head=None,
                sha256=record.model_sha256,
            )
    if file is None:
        raise ModelError(
            f"{folder} holds no model that can be evaluated: neither a model folder of `molgun export` with a "
            "readable file, nor a finished training. Name the model file itself."
        )
    return ModelSource(file=path, name=path.stem, level_of_theory=None, format=None, head=None, sha256=None)


def open_mace(
    path: Path, *, head: str | None = None, sha256: str | None = None, trust: bool = False
) -> tuple[ModelSource, Any, str]:
    """Mace's own file of a model (see `find_model`) with its SHA-256, loaded, and the head that is asked.

    Raises `ModelError` for what has none, and for a file that nothing vouches for.
    """
    source = find_model(path)
    if source.format not in ("mace", None):
        raise ModelError(
            f"{source.file} is a deployed file ({source.format}), which keeps its descriptors to itself: name mace's "
            "own .model file, or a model folder that has one."
        )
    found = trusted_sha256(source.file, sha256=sha256 or source.sha256, trust=trust)
    loaded = load_model(source.file, sha256=found)
    asked = choose_head(model_facts(loaded).heads, head or source.head)
    return dataclasses.replace(source, sha256=found), loaded, asked


def open_predictor(
    path: Path,
    *,
    head: str | None = None,
    sha256: str | None = None,
    trust: bool = False,
    dtype: Dtype | None = None,
    batch_size: int = 8,
    device: str = "cpu",
) -> Predictor:
    """A model file or folder (see `find_model`), ready to predict.

    `dtype` None: the file's own, float64 for symmetrix; `head`, `batch_size` and `device` matter for mace's own files
    only. Raises `ModelError` for a file that is not trusted (see `trusted_sha256`; symmetrix's JSON carries no code),
    is no model, or has several heads of which none was chosen.
    """
    source = find_model(path)
    kind = source.format or _format_of(source.file)
    row = MODEL_FORMATS[kind]
    if row.evaluation_rank is None:
        raise ModelError(
            f"{source.file} is read by {row.read_by} alone. Name the .model file, which it was proven to agree "
            "with, or the model folder."
        )
    found = trusted_sha256(source.file, sha256=sha256 or source.sha256, trust=trust or not row.carries_code)
    if kind == "mace":
        model = load_model(source.file, sha256=found, dtype=dtype)
        facts = model_facts(model)
        chosen = choose_head(facts.heads, head or source.head)

        def predict(frames: Sequence[LabelledFrame]) -> Iterator[Prediction]:
            return predict_mace(model, frames, head=chosen, batch_size=batch_size, device=device)

        return Predictor(
            source=source, format=kind, dtype=facts.dtype, sha256=found, elements=facts.elements, _predict=predict
        )
    own_dtype, elements = _facts_of_deployed(source.file) if kind == "torchscript" else _facts_of_symmetrix(source.file)
    if kind == "torchscript" and dtype not in (None, own_dtype):
        raise ModelError(f"{source.file} computes in {own_dtype}; export the model in {dtype} to use that.")
    used = dtype or own_dtype

    def predict_file(frames: Sequence[LabelledFrame]) -> Iterator[Prediction]:
        one = predict_deployed if kind == "torchscript" else predict_symmetrix
        return one(source.file, frames, dtype=used)

    return Predictor(source=source, format=kind, dtype=used, sha256=found, elements=elements, _predict=predict_file)


def _entry(card: ModelCard, file: str | None) -> ModelFile | None:
    if file is not None:
        return next((entry for entry in card.files if entry.name == file), None)
    return next((entry for format in _PREFERRED for entry in card.files if entry.format == format), None)  # noqa: A001


def _format_of(file: Path) -> ModelFormat:
    """By the file's first bytes and its archive's contents; no part of it is run."""
    try:
        with file.open("rb") as handle:
            found = format_of(handle)
    except FileNotFoundError as error:
        raise ModelError(f"no model file or folder at {file}. Name a .model file or a deployed one.") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{file} cannot be read as a model: {error}. Name a .model file or a deployed one.") from error
    if found is None:
        raise ModelError(
            f"{file} is no model: neither an archive of torch (.model, deployed .pt) nor symmetrix's JSON. "
            "Name a .model file, a deployed file, or a model folder."
        )
    return found


def _facts_of_deployed(file: Path) -> tuple[Dtype, tuple[str, ...]]:
    load_mace()  # its operators
    import torch  # noqa: PLC0415

    try:
        module = torch.jit.load(str(file), map_location="cpu")
        elements = tuple(chemical_symbols[int(number)] for number in module.atomic_numbers)
        wide = next(module.parameters()).dtype == torch.float64
        if not is_deployed(module):
            raise ModelError(
                f"{file} is a compiled MACE, but not one that was deployed for LAMMPS. Name the .model file that mace "
                "wrote beside it, whose name lacks `_compiled`."
            )
    except (RuntimeError, AttributeError, StopIteration) as error:
        raise ModelError(
            f"{file} is TorchScript, but no deployed MACE: {error}. Export it again (`molgun export`)."
        ) from error
    return ("float64" if wide else "float32"), elements


def _facts_of_symmetrix(file: Path) -> tuple[Dtype, tuple[str, ...]]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return "float64", tuple(chemical_symbols[int(number)] for number in document["atomic_numbers"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(
            f"{file} is no symmetrix file: {error!r}. Export it again (`molgun export --format symmetrix`)."
        ) from error
