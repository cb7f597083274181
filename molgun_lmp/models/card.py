"""The model card: what a model folder holds, where it came from, how good it is, and the hash of every file.

A model folder is made by `molgun export`: `card.json` and the files that it lists. Every later command goes through
`load_card`, so a changed byte is found before a file is used.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from molgun_lmp.atomic_files import write_json
from molgun_lmp.config.section import Section
from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import EXPORTED_FILES, Dtype, ModelFormat
from molgun_lmp.models.error_reports import ContactParity, ErrorReport, ParityReport
from molgun_lmp.provenance import sha256_file


class Licences(Section):
    """Under which terms the parts may be passed on; free text for the model card."""

    model: str = "unstated"
    data: str = "unstated"
    foundation: str = "unstated"
    """Said by itself for a model from scratch."""


CARD_NAME: Final = "card.json"


class ModelFile(Section):
    """One file of the folder."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    format: ModelFormat
    dtype: Dtype | None
    """None where the reader chooses (symmetrix)."""
    sha256: str
    size_bytes: int
    needs: str = ""
    """What its reader must have, where that is not said by the format."""
    elements: tuple[str, ...] | None = None
    """Those that it holds; None: all of the model's."""


class Architecture(Section):
    """The model's shape."""

    hidden_irreps: str
    max_ell: int
    num_interactions: int
    r_max_angstrom: float
    parameters: int


class TrainingData(Section):
    """The frames that a model was trained on."""

    files: dict[str, str]
    """File name -> SHA-256."""
    labels: str
    """The keys of energy and forces in these files."""
    frames: dict[str, int]
    """Set (`train`, `validation`, `test`) -> number of frames."""
    trajectories: dict[str, tuple[str, ...]]
    split: str
    most_atoms: dict[str, int] = {}  # noqa: RUF012  # frozen
    """Element -> the largest number of its atoms in one frame that was trained on; empty where nobody counted."""


class Training(Section):
    """How the model was made."""

    config: dict[str, Any]
    """The resolved training file."""
    seed: int
    epochs: int
    best_epoch: int
    foundation: str
    data: TrainingData


class ModelCard(Section):
    """Everything that must be known of a model before it is used."""

    card_format: Literal[1] = 1
    name: str
    elements: tuple[str, ...]
    """In the model's own order."""
    head: str
    level_of_theory: str
    """Of the labels; results of models with different ones are not comparable."""
    labels_hold_dispersion: bool | None = None
    """None where nobody said."""
    architecture: Architecture
    e0s_ev: dict[str, float]
    """Reference energy of each element."""
    e0s_kind: str
    training: Training | None
    """None for a model that was made elsewhere."""
    errors: tuple[ErrorReport, ...]
    parity: tuple[ParityReport, ...]
    contacts: tuple[ContactParity, ...] = ()
    """Parity on close atoms; none for a model that was exported before it was asked for."""
    not_exported: dict[str, str]
    """Name of `molgun export --format`, or format -> why this model has no such file."""
    not_run_in_lammps: dict[str, str] = {}  # noqa: RUF012  # frozen
    """Format -> why parity was not shown in a run of LAMMPS where it was exported."""
    licences: Licences
    distilled_from: str | None = None
    """SHA-256 of mace's own file of the model on whose forces this one was trained; None where labels were."""
    longest_outer_step_fs: float | None = None
    """Of an inner model: up to here the molecule alone keeps its energy; None where nobody looked, or at none."""
    files: tuple[ModelFile, ...]
    potentials: dict[str, str] = {}  # noqa: RUF012  # frozen
    """Of the engine `stock`: potential file -> SHA-256."""
    versions: dict[str, str]
    created: str

    def find(self, format: ModelFormat, dtype: str | None = None) -> ModelFile:  # noqa: A002  # the field's name
        """The file of a format and dtype. Raises `ModelError` that says why there is none."""
        for entry in self.files:
            if entry.format == format and (entry.dtype is None or dtype in (None, entry.dtype)):
                return entry
        why = "; ".join(
            dict.fromkeys(
                reason
                for name, reason in self.not_exported.items()
                if name == format
                or (
                    (kind := EXPORTED_FILES.get(name))
                    and kind.format == format
                    and kind.dtype in {None, dtype or kind.dtype}
                )
            )
        )
        why = why or "it was not asked for when the model was exported"
        there = ", ".join(f"{entry.format} {entry.dtype or 'any dtype'}" for entry in self.files)
        names = [_export_name(entry.format, entry.dtype) for entry in self.files]
        wanted = " ".join(f"--format {name}" for name in dict.fromkeys([*names, _export_name(format, dtype)]))
        raise ModelError(
            f"model {self.name!r} has no {format} file{f' in {dtype}' if dtype else ''}: {why}. It has: {there}. "
            f"Export again with what is needed: `molgun export MODEL --output FOLDER {wanted}`, where MODEL is the "
            "training's folder, or its .model file (then with --frames and --level-of-theory)."
        )


def _export_name(format: ModelFormat, dtype: str | None) -> str:  # noqa: A002  # the field's name
    """What `molgun export --format` calls a file; one of any dtype by its first name."""
    named = {file.dtype: name for name, file in EXPORTED_FILES.items() if file.format == format}
    return next((name for own, name in named.items() if own == dtype), next(iter(named.values())))


def read_card(path: Path) -> ModelCard:
    """A card as it stands, no file checked. `path` is the card or its folder. Raises `ModelError`."""
    file = path / CARD_NAME if path.is_dir() else path
    try:
        return ModelCard.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"no readable model card at {file}: {error}. A model folder comes from `molgun export`."
        ) from error
    except (UnicodeDecodeError, ValidationError) as error:
        if isinstance(error, UnicodeDecodeError) or error.errors()[0]["type"] == "json_invalid":
            raise ModelError(
                f"{file} is no model card: name a model folder, as `molgun export` makes it, or the {CARD_NAME} in one."
            ) from error
        raise ModelError(f"{file} is not a model card of this version: {error}") from error


def load_card(path: Path) -> ModelCard:
    """The card of a model folder after every file was compared with its hash. `path` is the folder or the card.

    Raises `ModelError` that names the missing or changed file.
    """
    card = read_card(path)
    folder = path if path.is_dir() else path.parent
    for entry in card.files:
        file = folder / entry.name
        if not file.is_file():
            raise ModelError(f"{file} is missing, but {folder / CARD_NAME} lists it: fetch the model folder again.")
        found = sha256_file(file)
        if found != entry.sha256:
            raise ModelError(
                f"{file} was changed after it was exported: SHA-256 {found}, the card says {entry.sha256}. "
                "Fetch the model folder again, or export the model anew."
            )
    return card


def write_card(card: ModelCard, folder: Path) -> Path:
    """Write a card beside its files, in one step."""
    target = folder / CARD_NAME
    write_json(card.model_dump(mode="json"), target)
    return target


def check_elements(card: ModelCard, elements: Iterable[str]) -> None:
    """Raise `ModelError` where the model does not know one of the system's elements."""
    missing = sorted(set(elements) - set(card.elements))
    if missing:
        raise ModelError(
            f"model {card.name!r} was never trained on {', '.join(missing)}; it knows {', '.join(card.elements)}. "
            "Use a model for all elements of the system, or train one on frames that hold them."
        )


def model_file(folder: Path, card: ModelCard, format: ModelFormat, dtype: str | None = None) -> Path:  # noqa: A002
    """The path of a model's file in a format and dtype. Raises `ModelError` where there is none."""
    return folder / card.find(format, dtype).name


def mace_sha256(card: ModelCard) -> str | None:
    """The SHA-256 of mace's own file: what tells models apart whose translations were made by other versions.

    None where the folder has no such file.
    """
    return next((entry.sha256 for entry in card.files if entry.format == "mace"), None)
