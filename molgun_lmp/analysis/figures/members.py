"""Figure of the fractions under each member of a committee, and of their mean with and without the models' share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.lines import Line2D

from molgun_lmp.analysis.statistics.members import Members
from molgun_lmp.palette import DIM, INK, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, series_style, store

MEMBERS_NAME: Final = "members"


def draw_members(members: Members, folder: Path, name: str = MEMBERS_NAME) -> FigureFiles:
    """Every line of the table: each member's fraction with its interval over shots, and below them the mean, its
    interval over shots (thick) and with the models (thin)."""
    shown = [row for row in members.rows if row.fraction is not None]
    each = len(members.names) + 1
    thick = 0.8 / each
    rows: list[Sequence[object]] = []
    with house_style():
        figure = new_figure(PAGE_INCHES, 1.0 + 0.17 * each + 0.14 * max(1, len(shown)) * (each + 1))
        axes = figure.subplots()
        for y, row in enumerate(shown):
            assert row.fraction is not None
            for rank, (member, one) in enumerate(zip(members.names, row.members, strict=True)):
                rows.append((row.row, member, one.fraction, *one.cluster, None, None))
                if one.fraction is None:
                    continue
                style, (low, high) = series_style(rank), (100 * bound for bound in one.cluster)
                place, percent = y + (rank - (each - 1) / 2) * thick, 100 * one.fraction
                axes.plot([low, high], [place] * 2, color=style.colour, linewidth=0.9, solid_capstyle="butt")
                axes.plot(percent, place, style.marker, color=style.colour, markersize=3.5)
            place = y + (each - 1) / 2 * thick
            axes.plot([100 * bound for bound in row.total], [place] * 2, color=INK, linewidth=0.9)
            axes.plot(
                [100 * bound for bound in row.sampling], [place] * 2, color=INK, linewidth=3.0, solid_capstyle="butt"
            )
            axes.plot(100 * row.fraction, place, "|", color=DIM, markersize=7, markeredgewidth=1.6)
            rows.append((row.row, "mean", row.fraction, *row.sampling, *row.total))
            if y:
                axes.axhline(y - 0.5, color=RULE, linewidth=0.5)
        axes.set_yticks(range(len(shown)), [row.row for row in shown])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(-1, 101), ylim=(len(shown) - 0.4, -0.6), xlabel="share of shots / %")
        axes.grid(axis="x")
        axes.set_title("The same shots under each model")
        handles = [
            Line2D([], [], color=style.colour, marker=style.marker, markersize=3.5, linewidth=0.9, label=member)
            for member, style in zip(members.names, map(series_style, range(each)), strict=False)
        ]
        handles += [
            Line2D([], [], color=INK, linewidth=3.0, label="mean, over shots"),
            Line2D([], [], color=INK, linewidth=0.9, label="mean, over shots and models"),
        ]
        for text in figure.legend(handles=handles, loc="outside lower left", ncols=2).get_texts():
            text.set_parse_math(False)
        caption = (
            f"Fractions under {len(members.names)} models that fired the same {members.shots} shots, with "
            f"{100 * members.confidence:g} % intervals over snapshots; below them their mean, thick over shots, thin "
            f"for what another model of this kind would give. {members.sentence()}"
        )
        header = ("row", "member", "fraction", "low", "high", "total_low", "total_high")
        return store(figure, folder, name, caption=caption, header=header, rows=rows)
