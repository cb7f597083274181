"""Figure of a loop: the error on new frames before they are trained on, and on test frames after, round by round."""

from pathlib import Path
from typing import Final

from matplotlib.ticker import MaxNLocator

from molgun_lmp.learning.records import LoopReport, RoundSummary
from molgun_lmp.palette import ALARM
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, footnote, house_style, new_figure, series_style, store

_MEV: Final = 1000.0


def draw_rounds(report: LoopReport, folder: Path, *, wanted: float) -> FigureFiles:
    """`rounds.svg`, `.png` and `.csv` with every number of the rounds. Raises `InputFileError`."""
    before = [(one.round, _MEV * one.error_before.mae) for one in report.rounds if one.error_before is not None]
    after = [(one.round, _MEV * one.test.mae) for one in report.rounds if one.test is not None]
    with house_style():
        figure = new_figure(0.6 * PAGE_INCHES, 2.7)
        axes = figure.subplots()
        for style, (points, label) in enumerate(
            ((before, "new frames, before training"), (after, "test frames, after"))
        ):
            chosen = series_style(style)
            axes.plot(
                [x for x, _ in points],
                [y for _, y in points],
                color=chosen.colour,
                marker=chosen.marker,
                linestyle=chosen.dash,
                label=label,
            )
        axes.axhline(_MEV * wanted, color=ALARM, linewidth=0.9, linestyle="--", label="wanted")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("round")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("force MAE / (meV/Å)")
        figure.legend(loc="outside upper center", ncols=2)
        footnote(figure, f"{report.name}; labels: {report.level_of_theory}")
        return store(
            figure,
            folder,
            "rounds",
            caption=(
                "Mean absolute error of force components on the frames that each round chose, before they were trained "
                "on, and on the frames that are held out, after the round's training."
            ),
            header=tuple(RoundSummary.model_fields),
            rows=[_row(one) for one in report.rounds],
        )


def _row(one: RoundSummary) -> list[object]:
    """Errors by their MAE, ends in words."""
    values = {name: getattr(one, name) for name in RoundSummary.model_fields} | {"ends": one.ended()}
    return [value.mae if hasattr(value, "mae") else value for value in values.values()]
