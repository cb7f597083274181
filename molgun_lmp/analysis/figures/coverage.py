"""Figures of how densely the space above the surface was sampled: maps of nested sets, and coverage against shots."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from molgun_lmp.analysis.figures.impacts import draw_top_layer
from molgun_lmp.analysis.maps.coverage import Grid, Lowest, Visits, nested_sizes
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import BLUE, GREEN, INK, ORANGE, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, mode_legend, new_figure, plain_log, series_style, store

_HEIGHTS: Final = LinearSegmentedColormap.from_list("heights", (BLUE, GREEN, ORANGE))
"""Lightness rises with height, and neither end is lost on light or dark paper."""
_CORNERS: Final = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
_RANGE: Final = 8.0
"""The colours span this many Å from the lowest point up."""
_MOST_PANELS: Final = 4
_SMALLEST_POINT: Final = (1.1, 3.0)
"""Points; a bin of the paper's size is smaller than a pixel of a page. Few points are drawn larger than many."""
_FEW_POINTS: Final = 300
_PANEL_INCHES: Final = 2.0
"""Width of a panel about."""
_PANEL_HEIGHTS: Final = (1.4, 3.4)
"""Inches; a panel has the shape of the cell as far as these let it."""


def draw_sampling(
    visits: Visits,
    modes: Sequence[Mode],
    folder: Path,
    *,
    point: str,
    top_layer: FloatArray,
    dimers: IntArray,
    sizes: Sequence[int] = (),
    dump_every_ps: float | None = None,
    name: str = "sampling",
) -> FigureFiles:
    """Lowest z of `point` in each bin for nested sets of trajectories: by height, by mode at the end, from the side.

    `modes`: of each trajectory; `top_layer` (M, 3) Å and `dimers` (D, 2), its pairs, are drawn below; `sizes`: numbers
    of trajectories, the first ones; if not given 10, 100, 1000, ... and all.
    """
    chosen = (tuple(sizes) or nested_sizes(visits.trajectories))[-_MOST_PANELS:]
    sets = [(size, visits.lowest(size)) for size in chosen]
    grid = visits.grid
    lowest = float(visits.z.min()) if len(visits.z) else 0.0
    highest = min(float(visits.z.max()) if len(visits.z) else 1.0, lowest + _RANGE)
    with house_style():
        figure = new_figure(PAGE_INCHES, (_panel_height(grid) + 0.4) * len(sets) + 1.3)
        panels: Any = figure.subplots(len(sets), 3, squeeze=False)
        for (size, found), row in zip(sets, panels, strict=True):
            points = grid.middle_of(found.bin)
            for axes in row[:2]:
                _draw_cell(axes, visits, top_layer, dimers)
            marks = _by_height(row[0], points, found.z, grid.area, (lowest, highest))
            _by_mode(row[1], points, found, modes, grid.area)
            _from_side(row[2], points[:, 0], found, modes, (lowest, highest))
            row[0].set_title(f"{size} shot{'s' if size != 1 else ''}")
            row[0].set_xlabel(f"{_percent(len(found.bin) / grid.bins)} % of the bins")
            row[2].set_ylabel("z / Å")
        panels[0, 1].set_title("by mode at the end", fontweight="normal", fontsize=8)
        panels[0, 2].set_title("from the side", fontweight="normal", fontsize=8)
        panels[-1, 2].set_xlabel("x / Å")
        figure.colorbar(
            marks,
            ax=panels[:, 0].tolist(),
            label=f"lowest z of {point} / Å",
            extend="max",
            location="bottom",
            aspect=30,
        )
        there = {modes[rank] for rank in visits.trajectory.tolist()}
        figure.legend(handles=mode_legend(there), loc="outside lower center", ncols=5, title="mode at the end")
        stride = "" if dump_every_ps is None else f", of frames every {1000 * dump_every_ps:g} fs"
        folded = _folded(visits)
        caption = (
            f"Lowest point of the centre of {point} in each of {grid.bins} bins of {grid.area:.4f} Å² over the surface "
            f"cell{folded}, above the topmost atom of the clean slab{stride}, for the first {_listed(chosen)} shots: "
            "by height, by the mode in which that trajectory ended, and from the side. Points are drawn larger than "
            "bins that are too small to see; coverage depends on the bin's size and on how often frames were stored."
        )
        rows = [
            (size, x, y, z, rank, modes[rank].label)
            for size, found in sets
            for (x, y), z, rank in zip(
                grid.middle_of(found.bin).round(4).tolist(), found.z.tolist(), found.trajectory.tolist(), strict=True
            )
        ]
        header = ("shots", "x_angstrom", "y_angstrom", "lowest_z_angstrom", "shot", "mode")
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def draw_coverage(
    visits: Mapping[str, Visits], folder: Path, *, below: float | None = None, name: str = "coverage"
) -> FigureFiles:
    """Share of the bins that were visited against the number of trajectories, for each point of the molecule.

    `below`: only visits lower than this above the topmost atom count, Å.
    """
    limit = np.inf if below is None else below
    rows: list[Sequence[object]] = []
    with house_style():
        figure = new_figure(PAGE_INCHES * 0.66, 3.0)
        axes = figure.subplots()
        for rank, (point, one) in enumerate(visits.items()):
            style = series_style(rank)
            numbers = np.unique(np.rint(np.geomspace(1, max(1, one.trajectories), 40)).astype(int)).tolist()
            found = one.coverage(numbers, limit) if one.trajectories else ()
            x, share = [c.trajectories for c in found], [100 * c.share for c in found]
            low, high = [100 * c.lowest for c in found], [100 * c.highest for c in found]
            axes.fill_between(x, low, high, color=style.colour, alpha=0.25, linewidth=0)
            axes.plot(
                x, share, color=style.colour, linestyle=style.dash, marker=style.marker, markersize=3, label=point
            )
            rows += [(point, c.trajectories, c.share, c.mean, c.lowest, c.highest) for c in found]
        axes.set_xscale("log")
        plain_log(axes.xaxis)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("number of shots")
        axes.set_ylabel("visited bins / %")
        axes.set_title("How much of the surface was sampled")
        axes.grid(axis="both")
        axes.legend(title="centre of")
        area = next(iter(visits.values())).grid.area if visits else 0.0
        height = "" if below is None else f" below {below:g} Å"
        caption = (
            f"Share of the bins ({area:.4f} Å²) that the centre of a group visited{height}, against the number of "
            "shots in the order in which they were drawn; bands: the range over twenty random orders."
        )
        header = ("point", "shots", "share", "mean_share", "lowest_share", "highest_share")
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def _panel_height(grid: Grid) -> float:
    """Of a map in inches, in the shape of the cell."""
    low, high = _bounds(grid)
    return float(np.clip(_PANEL_INCHES * (high[1] - low[1]) / (high[0] - low[0]), *_PANEL_HEIGHTS))


def _bounds(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest x and y (2,) Å of the cell's corners."""
    corners = _CORNERS @ grid.covered
    return corners.min(axis=0), corners.max(axis=0)


def _percent(share: float) -> str:
    """In plain digits, two of them where it is below 10: 0.10, 3.2, 48, 100."""
    digits = 0 if share >= 0.0995 or share == 0.0 else 1 - math.floor(math.log10(100 * share) + 1e-9)
    return f"{100 * share:.{digits}f}"


def _draw_cell(axes: Axes, visits: Visits, top_layer: FloatArray, dimers: IntArray) -> None:
    grid = visits.grid
    moved = top_layer - np.append(grid.corner(), 0.0)
    draw_top_layer(axes, grid.plane, moved, dimers)
    axes.plot(*(_CORNERS @ grid.covered).T, color=INK, linewidth=0.7)
    low, high = _bounds(grid)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xticks=[], yticks=[])


def _by_height(axes: Axes, points: FloatArray, z: FloatArray, area: float, span: tuple[float, float]) -> Any:
    order = np.argsort(-z, kind="stable")  # the lowest are drawn last
    return axes.scatter(
        points[order, 0], points[order, 1], c=z[order], cmap=_HEIGHTS, vmin=span[0], vmax=max(span[1], span[0] + 1e-9),
        s=_size(axes, area, len(z)), marker="s", linewidths=0, zorder=3, rasterized=True,
    )  # fmt: skip


def _size(axes: Axes, area: float, number: int) -> float:
    """Area of each of a number of marks in square points: the bin's own, but one that can be seen."""
    across = axes.get_xlim()[1] - axes.get_xlim()[0]
    own = area**0.5 / across * axes.get_window_extent().width / _root(axes).dpi * 72
    return float(max(own, _smallest(number)) ** 2)


def _smallest(number: int) -> float:
    """Width in points that each of so many marks has at least."""
    return float(np.clip(_SMALLEST_POINT[1] * (_FEW_POINTS / max(number, 1)) ** 0.5, *_SMALLEST_POINT))


def _root(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)  # every panel of ours is in one
    return figure


def _by_mode(axes: Axes, points: FloatArray, found: Lowest, modes: Sequence[Mode], area: float) -> None:
    _scatter(axes, points, found, modes, _size(axes, area, len(points)))


def _from_side(axes: Axes, x: FloatArray, found: Lowest, modes: Sequence[Mode], span: tuple[float, float]) -> None:
    axes.axhline(0.0, color=RULE, linewidth=1.0, zorder=0)
    _scatter(axes, np.column_stack([x, found.z]), found, modes, _smallest(len(x)) ** 2)
    axes.set_ylim(min(span[0], 0.0) - 0.4, span[1] + 0.4)


def _scatter(axes: Axes, places: FloatArray, found: Lowest, modes: Sequence[Mode], size: float) -> None:
    """Each mode's points (K, 2) with the marker of the legend, so that greys are told apart by shape."""
    ended = [modes[rank] for rank in found.trajectory.tolist()]
    labels = np.array(ended, dtype=np.str_)
    for mode in in_order(ended):
        style, mine = mode.row.style, labels == mode.label
        across, up = places[mine].T
        axes.scatter(
            across,
            up,
            color=style.colour,
            s=1.4 * size,
            marker=style.marker,
            linewidths=0,
            zorder=3,
            rasterized=True,
        )


def _folded(visits: Visits) -> str:
    grid = visits.grid
    said = []
    if grid.fold != (1, 1):
        said.append(f"folded {grid.fold[0]} x {grid.fold[1]}")
    if any(grid.mirror):
        said.append("mirrored along " + " and ".join("xy"[axis] for axis in (0, 1) if grid.mirror[axis]))
    return f" ({', '.join(said)})" if said else ""


def _listed(sizes: Sequence[int]) -> str:
    return " and ".join(filter(None, [", ".join(map(str, sizes[:-1])), str(sizes[-1])]))
