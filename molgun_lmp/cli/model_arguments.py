"""What commands that look into a model open: mace's own file of it, and the frames that it was trained on."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.errors import ConfigError
from molgun_lmp.models.card import CARD_NAME, read_card
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


def training_files(model: Path, named: list[Path] | None, *, instead: str = "") -> list[Path]:
    """These files, or the frames that the training in the model's folder used.

    Raises `ConfigError` where neither is there, with what the model's card says of its training and what could be done
    `instead`; no model is loaded.
    """
    if named:
        return named
    folder = model if model.is_dir() else model.parent
    own = RunFolder(path=folder).frames("train")
    if own.is_file():
        return [own]
    card = read_card(folder) if (folder / CARD_NAME).is_file() else None
    files = [] if card is None or card.training is None else sorted(card.training.data.files)
    listed = f" (its card names {', '.join(files)})" if files else ""
    raise ConfigError(
        f"which frames was {model} trained on? Name them with --training FILE{listed}, or name the folder of its "
        f"training, which has them, in place of {model}: that of `molgun train`, or train/member-0 of a round of "
        f"`molgun learn`.{instead}"
    )


def training_set(files: Sequence[Path]) -> list[Structure]:
    """The structures of these files as a training set."""
    read = list(structures_of(*files))
    kept = without_isolated_atoms(read, ", ".join(map(str, files)))
    return [dataclasses.replace(structure, set_name=TRAINING_SET) for structure in kept]
