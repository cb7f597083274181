"""Figures of a model that lie in its folder with their numbers: a campaign takes them along for its page."""

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from molgun_lmp.errors import InputFileError


@dataclasses.dataclass(frozen=True, kw_only=True)
class FigureFiles:
    """A stored figure: vector, raster (200 dpi) and the numbers drawn."""

    name: str
    caption: str
    svg: Path
    png: Path
    csv: Path


CAPTIONS: Final = {
    "learning-curve": "Learning curve: the model's error on held-out frames against the number of training frames.",
    "principal-components": "First two principal components of the model's descriptors: the training set and others.",
    "members": "The same shots under each member of a committee: fractions with 95 % intervals over snapshots, and "
    "their mean, over shots (thick) and with what another member would give (thin).",
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


def other_figures(folders: Iterable[Path]) -> list[FigureFiles]:
    """Every SVG of these folders that has its numbers beside it, by name.

    Raises `InputFileError` for a folder without one.
    """
    found = []
    for folder in folders:
        files = with_numbers(folder)
        if not files:
            raise InputFileError(
                f"{folder} has no figure with its numbers (NAME.svg and NAME.csv). Name the output folder of `molgun "
                "descriptors`, `learning-curve`, `evaluate` or `bench`."
            )
        found += [_figure(file, f"From {folder}.") for file in files]
    return found


def figures_of(model: Path) -> list[FigureFiles]:
    """The learning curve and the components that a model's folder has, beside its files or one folder below."""
    return [_figure(file, "From the model's folder.") for file in model_figures(model)]


def _figure(file: Path, origin: str) -> FigureFiles:
    return FigureFiles(
        name=f"{file.parent.resolve().name}-{file.stem}",
        caption=f"{CAPTIONS.get(file.stem, file.stem.replace('-', ' ').capitalize() + '.')} {origin}",
        svg=file,
        png=file.with_suffix(".png"),
        csv=file.with_suffix(".csv"),
    )
