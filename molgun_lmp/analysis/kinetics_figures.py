"""Figures of what molecules do one after the other: the flow between modes, and how long they wait for a bond."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from molgun_lmp.analysis.kinetics import Step, Wait, transitions
from molgun_lmp.analysis.plotting import (
    FADED,
    INK,
    MODE_STYLES,
    PAGE_INCHES,
    FigureFiles,
    halo,
    house_style,
    new_figure,
    series_style,
    store,
)
from molgun_lmp.records import Mode, Outcome

_COLUMNS: Final = (
    (Mode.IN_FLIGHT,),
    (Mode.PHYSISORBED,),
    (Mode.OTHER, Mode.PC, Mode.SCATTERED),
    (Mode.OT_CY, Mode.BR_CY, Mode.OT_ET, Mode.BR_ET),
    (Mode.EXPLOSION, Mode.CC_BROKEN, Mode.H_ABSTRACTION, Mode.SL_DB, Mode.SL, Mode.DB),
)
"""From the left to the right, each from top to bottom, as adsorption goes on."""
_THINNEST: Final = 0.8
_THICKEST: Final = 9.0
"""Points, for one transition and for the most frequent one."""
_BEND: Final = 0.22

Point = tuple[float, float]


class _Arrow(NamedTuple):
    towards: Mode
    number: int
    width: float


def draw_flow(outcomes: Sequence[Outcome], folder: Path, name: str = "flow") -> FigureFiles:
    """How often one lasting mode followed another, as arrows, and how many trajectories were last seen in each."""
    counts = transitions(outcomes)
    last = Counter(outcome.events[-1][1] for outcome in outcomes if outcome.events)
    first = Counter(outcome.events[0][1] for outcome in outcomes if outcome.events)
    places = _places({mode for pair in counts for mode in pair} | set(last))
    with house_style():
        rows = max([sum(1 for mode in places if mode in column) for column in _COLUMNS], default=1)
        figure = new_figure(PAGE_INCHES, 1.0 + 0.95 * max(2, rows))
        axes = figure.subplots()
        axes.set_axis_off()
        most = max(counts.values(), default=1)
        for pair, count in counts.items():
            width = _THINNEST + (_THICKEST - _THINNEST) * (count - 1) / max(1, most - 1)
            _draw_arrow(axes, places[pair[0]], places[pair[1]], _Arrow(towards=pair[1], number=count, width=width))
        for mode, place in places.items():
            _draw_node(axes, place, mode, last[mode])
        xs, ys = zip(*(places or {Mode.IN_FLIGHT: (0.0, 0.0)}).values(), strict=True)
        axes.set(xlim=(min(xs) - 0.55, max(xs) + 0.55), ylim=(min(ys) - 0.65, max(ys) + 0.65))
        axes.set_title("Which mode followed which")
        begun = ", ".join(f"{count} in {mode.value}" for mode, count in first.items())
        caption = (
            f"Transitions between lasting modes over {len(outcomes)} trajectories, which began {begun or 'nowhere'}. "
            "An arrow is as wide as its transition is frequent; the number is the count. Below each mode: trajectories "
            "last seen in it. Trajectories end before all is decided: these are counts of what was seen, not rates."
        )
        numbers: list[Sequence[object]] = [(a.value, b.value, count) for (a, b), count in counts.items()]
        numbers += [(mode.value, "", count) for mode, count in last.items()]
        return store(figure, folder, name, caption=caption, header=("from", "to", "count"), rows=numbers)


def _places(modes: set[Mode]) -> dict[Mode, Point]:
    """Where each mode stands: only columns that have one, each centred about y = 0."""
    filled = [there for column in _COLUMNS if (there := [mode for mode in column if mode in modes])]
    places: dict[Mode, Point] = {}
    for x, column in enumerate(filled):
        places |= {mode: (1.6 * x, (len(column) - 1) / 2 - rank) for rank, mode in enumerate(column)}
    return places


def _draw_node(axes: Axes, place: Point, mode: Mode, ended: int) -> None:
    style = MODE_STYLES[mode]
    axes.plot(*place, marker=style.marker, color=style.colour, markeredgecolor=INK, markersize=15, zorder=3)
    above, below = (place[0], place[1] + 0.2), (place[0], place[1] - 0.2)
    axes.text(*above, mode.value, ha="center", va="bottom", fontweight="bold", path_effects=halo(), zorder=5)
    axes.text(*below, f"{ended} at the end", ha="center", va="top", color=INK, path_effects=halo(), zorder=5)


def _draw_arrow(axes: Axes, start: Point, end: Point, look: _Arrow) -> None:
    head = f"-|>,head_length={4 + look.width / 2},head_width={2 + look.width / 2}"
    arrow = FancyArrowPatch(
        start, end, connectionstyle=f"arc3,rad={_BEND}", arrowstyle=head, mutation_scale=1.0, linewidth=look.width,
        color=MODE_STYLES[look.towards].colour, shrinkA=13, shrinkB=13, zorder=2,
    )  # fmt: skip
    axes.add_patch(arrow)
    # A place on the arc before its middle, where fewer arrows cross: it is a quadratic Bezier curve.
    a, b, t = np.array(start), np.array(end), 0.38
    control = (a + b) / 2 + _BEND * np.array([b[1] - a[1], a[0] - b[0]])
    x, y = (1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * b
    axes.text(float(x), float(y), str(look.number), ha="center", va="center", path_effects=halo(), zorder=6)


def draw_waiting(waits: Sequence[Wait], steps: Sequence[Step], folder: Path, name: str = "waiting") -> FigureFiles:
    """Shares of the molecules in contact that still wait for their first bond, have bound, or have left, against time.

    `steps` are those of `molgun_lmp.analysis.kinetics.survival` for these waits.
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
            "first bond, left again (Aalen-Johansen, competing risks). Molecules whose trajectory ended count as "
            "watched until then. Shots are taken as independent here."
        )
        header = ("after_contact_ps", "at_risk", "waiting", "waiting_low", "waiting_high", "bound", "left")
        rows = [(s.time_ps, s.at_risk, s.waiting, *s.interval, s.bound, s.left) for s in steps]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)
