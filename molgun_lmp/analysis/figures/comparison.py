"""Figure of how the shots of several campaigns ended, side by side: models against each other and a reference."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.patches import Patch

from molgun_lmp.analysis.statistics.summary import Summary
from molgun_lmp.models.level_of_theory import UNSTATED, level_warning, short_level
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import INK, PAPER
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, series_style, store


class Compared(NamedTuple):
    """One campaign, such as a model or the reference AIMD."""

    name: str
    summary: Summary
    level_of_theory: str
    """Of its forces: only campaigns of the same level are comparable."""


def draw_mode_comparison(campaigns: Sequence[Compared], folder: Path, name: str = "modes-compared") -> FigureFiles:
    """Share of each mode in each campaign with its cluster-robust interval; modes that no campaign saw are left out."""
    seen = in_order(row.mode for one in campaigns for row in one.summary.modes if row.estimate.seen)
    thick = 0.8 / max(1, len(campaigns))
    rows: list[Sequence[object]] = []
    handles: list[Patch] = []
    with house_style():
        figure = new_figure(PAGE_INCHES, 1.0 + 0.17 * len(campaigns) + 0.2 * max(1, len(seen)) * (len(campaigns) + 1))
        axes = figure.subplots()
        for rank, one in enumerate(campaigns):
            style = series_style(rank)
            for y, mode in enumerate(seen):
                estimate = one.summary.mode(mode)
                rows.append(
                    (
                        *(one.name, one.level_of_theory, mode.label, estimate.count, estimate.shots),
                        *(estimate.fraction, *estimate.cluster),
                    )
                )
                if estimate.fraction is None:
                    continue
                place, percent = y + (rank - (len(campaigns) - 1) / 2) * thick, 100 * estimate.fraction
                axes.barh(place, percent, height=0.9 * thick, color=style.colour, hatch=style.hatch)
                low, high = (100 * bound for bound in estimate.cluster)
                arms = [[max(0.0, percent - low)], [max(0.0, high - percent)]]
                for colour, width in ((PAPER, 2.4), (INK, 0.9)):
                    axes.errorbar(percent, place, xerr=arms, color=colour, elinewidth=width, capsize=2, capthick=width)
            label = f"{one.name} ({one.summary.shots} shots; {short_level(one.level_of_theory)})"
            handles.append(Patch(facecolor=style.colour, hatch=style.hatch, label=label))
        axes.set_yticks(range(len(seen)), [mode.label for mode in seen])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(0, 100), ylim=(len(seen) - 0.4, -0.6))
        axes.grid(axis="x")
        axes.set_xlabel("share of all shots / %")
        axes.set_title("How the shots ended, by campaign")
        for text in figure.legend(handles=handles, loc="outside lower left", ncols=1).get_texts():
            text.set_parse_math(False)
        labels = "; ".join(f"{one.name}: {one.level_of_theory or UNSTATED}" for one in campaigns)
        warning = level_warning([(one.name, one.level_of_theory) for one in campaigns])
        caption = (
            "Modes at the end in each campaign, with 95 % intervals, robust against effects of shared snapshots. "
            f"Level of theory of the forces: {labels}. {warning}"
        ).rstrip()
        header = ("campaign", "level_of_theory", "mode", "count", "shots", "fraction", "low", "high")
        return store(figure, folder, name, caption=caption, header=header, rows=rows)
