"""The look of all figures, and how a figure is stored with its numbers."""

import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import LogFormatter

from molgun_lmp.csv_files import write_csv
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import BLUE, DIM, FADED, GREEN, INK, ORANGE, PAPER, PURPLE, RULE, SKY, VERMILION, ModeStyle
from molgun_lmp.plotting.figure_files import FigureFiles

PAGE_INCHES: Final = 6.9
"""Width of a figure over the whole text of a journal page."""

MANY: Final = 200
"""Beyond this many trajectories lines and bars are stored as pixels inside the SVG: vectors would take megabytes."""


SERIES: Final = (
    ModeStyle(colour=BLUE, marker="o"),
    ModeStyle(colour=VERMILION, marker="s", dash="--"),
    ModeStyle(colour=GREEN, marker="^", dash=":"),
    ModeStyle(colour=PURPLE, marker="D", dash="-."),
    ModeStyle(colour=ORANGE, marker="v"),
    ModeStyle(colour=SKY, marker="P", dash="--"),
    ModeStyle(colour=DIM, marker="X", dash=":"),
)
"""Styles of curves and sets that are no modes, in the order in which they are taken."""


def house_style() -> AbstractContextManager[Any]:
    """Matplotlib's settings for a figure, undone on leaving."""
    settings: dict[str, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 8,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": RULE,
        "grid.linewidth": 0.5,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        # Minor ticks are 1.5 points shorter: so the numbers of a logarithmic axis stand in one row.
        "xtick.minor.pad": mpl.rcParamsDefault["xtick.major.pad"] + 1.5,
        "ytick.minor.pad": mpl.rcParamsDefault["ytick.major.pad"] + 1.5,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "lines.linewidth": 1.1,
        "patch.linewidth": 0.0,
        "hatch.linewidth": 0.5,
        "hatch.color": PAPER,
        "svg.fonttype": "path",
        "svg.hashsalt": "molgun",
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "savefig.facecolor": PAPER,
    }
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    context: AbstractContextManager[Any] = mpl.rc_context(settings | dict.fromkeys(inked, INK))
    return context


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches that no global state knows of."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def series_style(index: int) -> ModeStyle:
    """The style of series `index`; beyond the last one they repeat."""
    return SERIES[index % len(SERIES)]


def footnote(figure: Figure, text: str) -> None:
    """Small print below everything, such as the level of theory of the labels, in at most three lines."""
    lines = textwrap.wrap(text, int(figure.get_figwidth() * 19), max_lines=3, placeholder=" …")
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6.5, color=FADED, parse_math=False)


class _PlainLog(LogFormatter):
    """Matplotlib's choice of which ticks to label, its numbers written as they are said."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def plain_log(axis: Axis) -> None:
    """A logarithmic axis with plain numbers: 60, not 6 x 10^1."""
    axis.set_major_formatter(_PlainLog())
    axis.set_minor_formatter(_PlainLog())


def halo() -> list[AbstractPathEffect]:
    """A rim of paper around a marker in ink, so that it shows on bars of any colour in both themes."""
    return [withStroke(linewidth=2.4, foreground=PAPER)]


def mode_legend(modes: Iterable[Mode], *, lines: bool = False) -> list[Line2D]:
    """Legend entries of the modes that occur, in the order of their scheme."""
    return [
        Line2D(
            [],
            [],
            color=mode.row.style.colour,
            marker=mode.row.style.marker,
            markeredgecolor=INK,
            markeredgewidth=0.6,
            markersize=5.5,
            linestyle=mode.row.style.dash if lines else "none",
            label=mode.label,
        )
        for mode in in_order(modes)
    ]


def store(
    figure: Figure,
    folder: Path,
    name: str,
    *,
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> FigureFiles:
    """Write `name`.svg, .png and .csv into `folder`, made where it is missing. Equal input gives equal bytes.

    Raises `InputFileError` where the folder cannot be written.
    """
    files = FigureFiles(
        name=name,
        caption=caption,
        svg=folder / f"{name}.svg",
        png=folder / f"{name}.png",
        csv=folder / f"{name}.csv",
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(files.svg, metadata={"Date": None, "Creator": None})
        # The layout is made, and a second time it would cost as much as the drawing. With "none" in place of None
        # matplotlib keeps an engine that does nothing, for which it draws everything once more.
        figure.set_layout_engine(None)
        figure.savefig(files.png, dpi=200, metadata={"Software": None})
        write_csv(files.csv, header, rows)
    except OSError as error:
        raise InputFileError(
            f"figure {name!r} cannot be written into {folder}: {error}. Choose another folder."
        ) from error
    return files
