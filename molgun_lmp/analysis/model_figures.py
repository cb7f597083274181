"""Figures of a model that lie in its folder with their numbers: a campaign takes them along for its page."""

import shutil
from pathlib import Path
from typing import Final

CAPTIONS: Final = {
    "learning-curve": "Learning curve: the model's error on held-out frames against the number of training frames.",
    "principal-components": "First two principal components of the model's descriptors: the training set and others.",
    "distances": "Share of each set's points that are farther from the centre of the training set than a distance.",
}


def with_numbers(folder: Path) -> list[Path]:
    """Every SVG of a folder that has its numbers beside it (NAME.svg and NAME.csv), by name."""
    return [file for file in sorted(folder.glob("*.svg")) if file.with_suffix(".csv").is_file()]


def model_figures(model: Path) -> list[Path]:
    """The SVGs of learning curve and components that a model's folder has, beside its files or one folder below."""
    folders = [model, *(one for one in sorted(model.iterdir()) if one.is_dir())] if model.is_dir() else []
    return [file for folder in folders for file in with_numbers(folder) if file.stem in CAPTIONS]


def carry_figures(model: Path, target: Path) -> None:
    """Copy a model's figures with their numbers into another folder. Raises `OSError`."""
    for file in model_figures(model):
        place = target / file.parent.relative_to(model)
        place.mkdir(parents=True, exist_ok=True)
        for one in (file, file.with_suffix(".csv"), file.with_suffix(".png")):
            if one.is_file():
                shutil.copyfile(one, place / one.name)
