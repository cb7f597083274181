"""Figure of how the fractions settle as shots are added, from the file that the analysis wrote."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes

from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.palette import FADED, ModeStyle
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, plain_log, series_style, store

_MOST_PANELS: Final = 9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settled:
    """One line of the table after the first `shots` shots: its fraction, and the middle 95 % of bootstrap campaigns."""

    line: Mode | str
    shots: int
    fraction: float
    low: float
    high: float


def read_settling(file: Path, scheme: OutcomeScheme) -> list[Settled]:
    """The lines of `running.csv` with the classes that they are; none where it is not there.

    Raises `InputFileError` for a damaged file.
    """
    known = {mode.label: mode for mode in scheme.modes}
    try:
        with file.open(newline="", encoding="utf-8") as handle:
            return [
                Settled(
                    line=known.get(row["line"], row["line"]),
                    shots=int(row["shots"]),
                    fraction=float(row["fraction"]),
                    low=float(row["bootstrap_low"]),
                    high=float(row["bootstrap_high"]),
                )
                for row in csv.DictReader(handle)
            ]
    except FileNotFoundError:
        return []
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputFileError(f"{file} is damaged ({error!r}). Analyse the campaign again.") from error


def draw_settling(
    points: Sequence[Settled], folder: Path, name: str = "settling", *, sentence: str = ""
) -> FigureFiles:
    """Fraction of each mode against the number of shots, with its band; the nine most frequent, one panel each.

    `sentence` says in words what the test of the two halves found.
    """
    frequent = sorted(dict.fromkeys(point.line for point in points), key=lambda line: -_last(points, line).fraction)
    lines = frequent[:_MOST_PANELS]
    columns = min(3, max(1, len(lines)))
    rows = max(1, -(-len(lines) // columns))
    with house_style():
        figure = new_figure(PAGE_INCHES * columns / 3, 1.75 * rows + 0.3)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(lines) :]:
            axes.set_axis_off()
        for rank, (line, axes) in enumerate(zip(lines, grid.flat, strict=False)):
            _draw_line(axes, [point for point in points if point.line == line], _style(line, rank))
            axes.set_title(line, fontsize=8)
        for axes in grid[:, 0]:
            axes.set_ylabel("share / %")
        figure.supxlabel("number of shots", fontsize=8)
        left_out = f" The {_MOST_PANELS} most frequent of {len(frequent)}." if len(frequent) > len(lines) else ""
        caption = (
            "Share of each line of the table after so many shots, in the order in which they were drawn. Bands: the "
            "middle 95 % of bootstrap campaigns of that size, snapshots and shots drawn anew; dotted: the share over "
            f"all.{left_out} {sentence}"
        ).rstrip()
        header = ("line", "shots", "fraction", "low", "high")
        numbers = [(p.line, p.shots, p.fraction, p.low, p.high) for p in points]
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


def _draw_line(axes: Axes, mine: Sequence[Settled], style: ModeStyle) -> None:
    x = [point.shots for point in mine]
    low, high = [100 * point.low for point in mine], [100 * point.high for point in mine]
    if len(mine) == 1:
        arms = [[max(0.0, 100 * mine[0].fraction - low[0])], [max(0.0, high[0] - 100 * mine[0].fraction)]]
        axes.errorbar(x, [100 * mine[0].fraction], yerr=arms, color=style.colour, capsize=3)
    axes.fill_between(x, low, high, color=style.colour, alpha=0.3, linewidth=0)
    axes.axhline(100 * mine[-1].fraction, color=FADED, linewidth=0.8, linestyle=":")
    share = [100 * point.fraction for point in mine]
    axes.plot(x, share, color=style.colour, marker=style.marker, markersize=3.5, linestyle=style.dash)
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_ylim(bottom=0)


def _last(points: Sequence[Settled], line: Mode | str) -> Settled:
    return max((point for point in points if point.line == line), key=lambda point: point.shots)


def _style(line: Mode | str, rank: int) -> ModeStyle:
    return line.row.style if isinstance(line, Mode) else series_style(rank)
