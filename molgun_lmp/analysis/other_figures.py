"""Figures that other commands drew (learning curve, descriptors, errors, benchmarks), to be shown on the page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from molgun_lmp.analysis.plotting import FigureFiles
from molgun_lmp.errors import InputFileError

_CAPTIONS: Final = {
    "learning-curve": "Learning curve: the model's error on held-out frames against the number of training frames.",
    "principal-components": "First two principal components of the model's descriptors: the training set and others.",
    "distances": "Share of each set's points that are farther from the centre of the training set than a distance.",
}


def other_figures(folders: Iterable[Path]) -> list[FigureFiles]:
    """Every SVG of these folders that has its numbers beside it, by name.

    Raises `InputFileError` for a folder without one.
    """
    found = []
    for folder in folders:
        files = [file for file in sorted(folder.glob("*.svg")) if file.with_suffix(".csv").is_file()]
        if not files:
            raise InputFileError(
                f"{folder} has no figure with its numbers (NAME.svg and NAME.csv). Name the output folder of `molgun "
                "descriptors`, `learning-curve`, `evaluate` or `bench`."
            )
        found += [
            FigureFiles(
                name=f"{folder.resolve().name}-{file.stem}",
                caption=f"{_CAPTIONS.get(file.stem, file.stem.replace('-', ' ').capitalize() + '.')} From {folder}.",
                svg=file,
                png=file.with_suffix(".png"),
                csv=file.with_suffix(".csv"),
            )
            for file in files
        ]
    return found
