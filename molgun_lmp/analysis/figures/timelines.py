"""Figure of what became of each molecule in time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import INK
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, halo, house_style, mode_legend, new_figure, store
from molgun_lmp.records import Outcome

_NAMED_ROWS = 40
"""More trajectories than this are not named beside their bars."""
_HALF = 0.37
"""Half the height of a bar, in rows."""

Span = tuple[int, float, float, Mode]
"""Row, start and end in ps, mode."""


def draw_timelines(outcomes: Sequence[Outcome], folder: Path, name: str = "timelines") -> FigureFiles:
    """The sequence of modes along each trajectory, sorted by the final mode and the time of first contact.

    The final mode is marked at the end of the bar where it is not the last of the sequence (undecided, failed), or is
    so only since the run stopped (scattered).
    """
    ordered = sorted(outcomes, key=_rank)
    spans = [(row, *span) for row, outcome in enumerate(ordered) for span in _spans(outcome)]
    with house_style():
        figure = new_figure(PAGE_INCHES, min(9.0, 1.3 + 0.2 * max(3, len(ordered))))
        axes = figure.subplots()
        handles = _draw_bars(axes, spans, pixels=len(ordered) > MANY)
        handles += _draw_moments(axes, ordered)
        handles += _draw_ends(axes, ordered)
        _name_rows(axes, [outcome.trajectory_id for outcome in ordered])
        axes.set_xlim(0, max((outcome.time_ps for outcome in ordered), default=0.0) or 1.0)
        axes.set_xlabel("time / ps")
        axes.set_title("What became of each molecule")
        figure.legend(handles=handles, loc="outside lower center", ncols=5)
        caption = "Sequence of modes along each trajectory, sorted by the mode at the end."
        header = ("trajectory", "start_ps", "end_ps", "mode", "mode_at_end", "first_contact_ps", "first_bond_ps")
        rows = [
            (o.trajectory_id, start, end, mode.label, o.mode.label, o.first_contact_ps, o.first_bond_ps)
            for row, start, end, mode in spans
            for o in (ordered[row],)
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def _rank(outcome: Outcome) -> tuple[int, float, str]:
    contact = float("inf") if outcome.first_contact_ps is None else outcome.first_contact_ps
    return outcome.mode.rank, contact, outcome.trajectory_id


def _spans(outcome: Outcome) -> list[tuple[float, float, Mode]]:
    events = outcome.events or ((0.0, outcome.mode),)
    ends = [*(time for time, _ in events[1:]), outcome.time_ps]
    return [(start, end, mode) for (start, mode), end in zip(events, ends, strict=True)]


def _draw_bars(axes: Axes, spans: Sequence[Span], *, pixels: bool) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = []
    for mode in in_order(span[3] for span in spans):
        style = mode.row.style
        corners = [
            [(start, row - _HALF), (end, row - _HALF), (end, row + _HALF), (start, row + _HALF)]
            for row, start, end, kind in spans
            if kind == mode
        ]
        bars = PolyCollection(corners, facecolors=style.colour, linewidths=0, rasterized=pixels)
        if style.hatch is not None:
            bars.set_hatch(style.hatch)
        axes.add_collection(bars)
        handles.append(Patch(facecolor=style.colour, hatch=style.hatch, label=mode.label))
    return handles


def _draw_moments(axes: Axes, ordered: Sequence[Outcome]) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = []
    for label, marker, size, times in (
        ("first contact", "|", 6.5, [outcome.first_contact_ps for outcome in ordered]),
        ("first bond", "o", 3.0, [outcome.first_bond_ps for outcome in ordered]),
    ):
        known = [(time, row) for row, time in enumerate(times) if time is not None]
        if known:
            x, y = zip(*known, strict=True)
            pixels = len(ordered) > MANY
            (line,) = axes.plot(x, y, marker=marker, markersize=size, color=INK, linestyle="none", rasterized=pixels)
            line.set_path_effects(halo())
            handles.append(Line2D([], [], color=INK, marker=marker, markersize=size, linestyle="none", label=label))
    return handles


def _has_a_bar(outcome: Outcome) -> bool:
    """Whether the mode at the end is the last of the sequence, and not only as the run stopped."""
    began, last = outcome.events[-1]
    return last is outcome.mode and (began < outcome.time_ps or len(outcome.events) == 1)


def _draw_ends(axes: Axes, ordered: Sequence[Outcome]) -> list[Line2D]:
    otherwise = [(row, o) for row, o in enumerate(ordered) if o.events and not _has_a_bar(o)]
    for row, outcome in otherwise:
        style = outcome.mode.row.style
        axes.plot(
            outcome.time_ps,
            row,
            marker=style.marker,
            color=style.colour,
            markeredgecolor=INK,
            markeredgewidth=0.6,
            markersize=5.5,
            clip_on=False,
            zorder=4,
        )
    handles = mode_legend(outcome.mode for _, outcome in otherwise)
    for handle in handles:
        handle.set_label(f"{handle.get_label()} at the end")
    return handles


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    if len(names) <= _NAMED_ROWS:
        axes.set_yticks(range(len(names)), names, parse_math=False)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(names)} trajectories")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
