"""What commands that look into a model open: mace's own file of it, and the frames that it was trained on."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.errors import ConfigError
from molgun_lmp.training.dataset.structures import Structure, structures_of, without_isolated_atoms
from molgun_lmp.training.descriptors.force_spread import CommitteeMember
from molgun_lmp.training.descriptors.report import TRAINING_SET
from molgun_lmp.training.evaluation.predictor import open_mace
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


def open_committee(
    paths: Sequence[Path], head: str | None, sha256: str | None, trusted: bool
) -> tuple[CommitteeMember, ...]:
    """The members of a committee; `head` and `sha256` are of the first. Raises `ModelError`."""
    members = []
    for number, path in enumerate(paths):
        mine = (head, sha256) if number == 0 else (None, None)
        source, loaded, its_head = open_mace(path, head=mine[0], sha256=mine[1], trust=trusted)
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
    read = list(structures_of(*chosen))
    kept = without_isolated_atoms(read, ", ".join(map(str, chosen)))
    return [dataclasses.replace(structure, set_name=TRAINING_SET) for structure in kept]
