"""What commands that look into a model open: mace's own file of it, and the frames that it was trained on."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.models.mace_file import choose_head, load_model, model_facts, trusted_sha256
from molgun_lmp.training.dataset.structures import Structure, structures_of, without_isolated_atoms
from molgun_lmp.training.descriptors.force_spread import CommitteeMember
from molgun_lmp.training.descriptors.report import TRAINING_SET
from molgun_lmp.training.evaluation.predictor import ModelSource, find_model
from molgun_lmp.training.run_folder import RunFolder

Trust = Annotated[
    bool, typer.Option("--trust-model", help="Load a model file that nothing vouches for: it can run code of its own.")
]
Sha256 = Annotated[str | None, typer.Option("--sha256", help="The SHA-256 that the model file must have.")]
Head = Annotated[str | None, typer.Option(help="Which head of a model with several.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Structures at a time.")]
Device = Annotated[str, typer.Option(help="Where a .model file computes: cpu, cuda, ...")]
TrainedOn = Annotated[
    list[Path] | None,
    typer.Option(
        "--training", help="What MODEL was trained on; if not given, that of MODEL's training folder. Repeatable."
    ),
]


def open_model(path: Path, head: str | None, sha256: str | None, trusted: bool) -> tuple[ModelSource, Any, str]:
    """A model with its SHA-256, loaded, and the head that is asked. Raises `ModelError`."""
    source = find_model(path)
    if source.format not in ("mace", None):
        raise ModelError(
            f"{source.file} is a deployed file ({source.format}), which keeps its descriptors to itself: name mace's "
            "own .model file, or a model folder that has one."
        )
    found = trusted_sha256(source.file, sha256=sha256 or source.sha256, trust=trusted)
    loaded = load_model(source.file, sha256=found)
    return (
        dataclasses.replace(source, sha256=found),
        loaded,
        choose_head(model_facts(loaded).heads, head or source.head),
    )


def open_committee(
    paths: Sequence[Path], head: str | None, sha256: str | None, trusted: bool
) -> tuple[CommitteeMember, ...]:
    """The members of a committee; `head` and `sha256` are of the first. Raises `ModelError`."""
    members = []
    for number, path in enumerate(paths):
        mine = (head, sha256) if number == 0 else (None, None)
        source, loaded, its_head = open_model(path, *mine, trusted)
        members.append(CommitteeMember(name=source.name, model=loaded, head=its_head, sha256=source.sha256 or ""))
    return tuple(members)


def training_set(model: Path, files: list[Path] | None) -> list[Structure]:
    """The frames of these files, or those that the training in the model's folder used. Raises `ConfigError`."""
    own = RunFolder(path=model if model.is_dir() else model.parent).frames("train")
    chosen = files or ([own] if own.is_file() else [])
    if not chosen:
        raise ConfigError(
            f"which frames was {model} trained on? Name them with --training FILE; a folder of `molgun train` has them."
        )
    read = [structure for file in chosen for structure in structures_of(file)]
    kept = without_isolated_atoms(read, ", ".join(map(str, chosen)))
    return [dataclasses.replace(structure, set_name=TRAINING_SET) for structure in kept]
