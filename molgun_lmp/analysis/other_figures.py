"""Figures that other commands drew (learning curve, descriptors, errors, benchmarks), to be shown on the page."""

from collections.abc import Iterable
from pathlib import Path

from molgun_lmp.analysis.model_figures import CAPTIONS, model_figures, with_numbers
from molgun_lmp.analysis.plotting import FigureFiles
from molgun_lmp.errors import InputFileError


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
