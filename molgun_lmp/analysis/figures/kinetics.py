"""Figures of what molecules do one after the other: the flow between modes, and how long they wait for a bond."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path as Path2D

from molgun_lmp.analysis.kinetics.survival import Step, Wait, transitions
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import flow_columns
from molgun_lmp.palette import FADED, INK
from molgun_lmp.plotting.arrow_routes import Point, Rectangle, Route, routes
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, halo, house_style, new_figure, series_style, store
from molgun_lmp.records import Outcome

_THINNEST: Final = 0.8
_THICKEST: Final = 9.0
"""Points, for one transition and for the most frequent one."""
_WIDTH: Final = PAGE_INCHES - 0.1
_ROW: Final = 0.95
_WIDEST_COLUMN: Final = 2.2
_SIDE: Final = 0.65
"""Inches: the drawing, from row to row, from column to column at most, and from the outermost columns to the edge."""
_CHARACTER: Final = (0.08, 0.07)
"""Inches: the width of a letter of a name, and of what stands below."""


def draw_flow(outcomes: Sequence[Outcome], folder: Path, name: str = "flow") -> FigureFiles:
    """How often one lasting mode followed another, as arrows, and in which of them how many trajectories ended."""
    counts = transitions(outcomes)
    last = Counter(outcome.lasting[-1][1] for outcome in outcomes if outcome.lasting)
    first = Counter(outcome.events[0][1] for outcome in outcomes if outcome.events)
    places = _places({mode for pair in counts for mode in pair} | set(last))
    names = {mode: _name_boxes(place, mode, last[mode]) for mode, place in places.items()}
    with house_style():
        low, high = (end([place[1] for place in places.values()], default=0.0) for end in (min, max))
        figure = new_figure(PAGE_INCHES, high - low + 1.5)
        axes = figure.subplots()
        axes.set_axis_off()
        page = Rectangle(middle=(_WIDTH / 2, (low + high) / 2), half=(_WIDTH / 2, (high - low) / 2 + 0.55))
        axes.set(xlim=(0, _WIDTH), ylim=(low - 0.6, high + 0.6), aspect="equal")
        most = max(counts.values(), default=1)
        frequent_first = sorted(counts, key=lambda pair: -counts[pair])
        found = routes(frequent_first, places, [box for boxes in names.values() for box in boxes], page)
        for pair, route in found.items():
            width = _THINNEST + (_THICKEST - _THINNEST) * (counts[pair] - 1) / max(1, most - 1)
            _draw_arrow(axes, route, pair[1].row.style.colour, width)
        for pair, route in found.items():
            axes.text(*route.number_at, str(counts[pair]), ha="center", va="center", path_effects=halo(), zorder=6)
        for mode, place in places.items():
            _draw_node(axes, place, mode, names[mode], last[mode])
        axes.set_title("Which mode followed which")
        begun = ", ".join(f"{mode!s} ({count})" for mode, count in first.items()) or "nothing"
        caption = (
            f"Transitions between lasting modes over {len(outcomes)} trajectories, which began as {begun}. "
            "An arrow is as wide as its transition is frequent; the number is the count. Below each mode: trajectories "
            "of which it is the last that lasted. Trajectories end before all is decided: these are counts of what was "
            "seen, not rates."
        )
        numbers: list[Sequence[object]] = [(a.label, b.label, count) for (a, b), count in counts.items()]
        numbers += [(mode.label, "", count) for mode, count in last.items()]
        return store(figure, folder, name, caption=caption, header=("from", "to", "count"), rows=numbers)


def _places(modes: set[Mode]) -> dict[Mode, Point]:
    """Where each mode stands, in inches: only columns that have one, each centred about y = 0."""
    filled = flow_columns(modes)
    inner = _WIDTH - 2 * _SIDE
    apart = min(_WIDEST_COLUMN, inner / max(1, len(filled) - 1))
    left = _SIDE + (inner - apart * (len(filled) - 1)) / 2
    places: dict[Mode, Point] = {}
    for x, column in enumerate(filled):
        places |= {mode: (left + apart * x, _ROW * ((len(column) - 1) / 2 - rank)) for rank, mode in enumerate(column)}
    return places


def _name_boxes(place: Point, mode: Mode, ended: int) -> tuple[Rectangle, Rectangle]:
    """The name above a mode's mark, and how many ended there below it."""
    (x, y), (bold, plain) = place, _CHARACTER
    lengths = (bold * len(mode), plain * len(_end_text(ended)))
    above, below = (Rectangle(middle=(x, y + side * 0.235), half=(length / 2 + 0.03, 0.075)) for side, length in zip(
        (1, -1), lengths, strict=True))  # fmt: skip
    return above, below


def _end_text(ended: int) -> str:
    return f"end: {ended}"


def _draw_node(axes: Axes, place: Point, mode: Mode, names: tuple[Rectangle, Rectangle], ended: int) -> None:
    style = mode.row.style
    axes.plot(*place, marker=style.marker, color=style.colour, markeredgecolor=INK, markersize=15, zorder=3)
    for box, text, weight in zip(names, (mode.label, _end_text(ended)), ("bold", "normal"), strict=True):
        axes.text(
            *box.middle, text, ha="center", va="center", fontweight=weight, color=INK, path_effects=halo(), zorder=5
        )


def _draw_arrow(axes: Axes, route: Route, colour: str, width: float) -> None:
    head = f"-|>,head_length={4 + width / 2},head_width={2 + width / 2}"
    path = Path2D(route.controls, [Path2D.MOVETO, Path2D.CURVE4, Path2D.CURVE4, Path2D.CURVE4])
    axes.add_patch(
        FancyArrowPatch(path=path, arrowstyle=head, mutation_scale=1.0, linewidth=width, color=colour, zorder=2)
    )


def draw_waiting(waits: Sequence[Wait], steps: Sequence[Step], folder: Path, name: str = "waiting") -> FigureFiles:
    """Shares of the molecules in contact that still wait for their first bond, have bound, or have left, against time.

    `steps` are those of `molgun_lmp.analysis.kinetics.survival.survival` for these waits.
    """
    longest = max((wait.time_ps for wait in waits), default=1.0) or 1.0
    times = np.array([*(step.time_ps for step in steps), longest])
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.0)
        axes = figure.subplots()
        low, high = ([100 * step.interval[end] for step in [*steps, steps[-1]]] for end in (0, 1))
        known = [step.interval != (0.0, 1.0) for step in [*steps, steps[-1]]]
        for rank, label in enumerate(("waiting", "bound", "left")):
            style = series_style(rank)
            share = [100 * float(getattr(step, label)) for step in [*steps, steps[-1]]]
            axes.step(times, share, where="post", color=style.colour, linestyle=style.dash, label=label)
            if label == "waiting":
                axes.fill_between(
                    times, low, high, where=known, step="post", color=style.colour, alpha=0.2, linewidth=0
                )
        censored = [wait.time_ps for wait in waits if wait.fate.value == "censored"]
        height = [100 * next(s.waiting for s in reversed(steps) if s.time_ps <= time) for time in censored]
        axes.plot(censored, height, "|", color=INK, markersize=6, label="end of a trajectory")
        axes.set(xlim=(0, longest), ylim=(0, 103))
        axes.set_xlabel("time after first contact / ps")
        axes.set_ylabel("share of molecules in contact / %")
        axes.set_title("Waiting for the first bond")
        axes.grid(axis="y", color=FADED, alpha=0.3)
        figure.legend(loc="outside right upper")
        caption = (
            f"What became of {len(waits)} molecules after first contact: still waiting (Kaplan-Meier, band: 95 %), "
            "first bound mode that lasted, left without one (Aalen-Johansen, competing risks). Molecules whose "
            "trajectory ended count as watched until then. Shots are taken as independent here."
        )
        header = ("after_contact_ps", "at_risk", "waiting", "waiting_low", "waiting_high", "bound", "left")
        rows = [(s.time_ps, s.at_risk, s.waiting, *s.interval, s.bound, s.left) for s in steps]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)
