"""Where the shots met the surface: impact points in the surface cell over the clean top layer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import FADED, INK, PAPER, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, house_style, mode_legend, new_figure, store


def draw_impacts(
    impacts: FloatArray,
    modes: Sequence[Mode],
    folder: Path,
    *,
    cell: FloatArray,
    top_layer: FloatArray,
    dimers: IntArray,
    name: str = "impacts",
) -> FigureFiles:
    """Where each centre of mass aimed at in the surface cell, by mode at the end, over the clean top layer.

    `impacts` (K, 2) Å with K `modes`; `cell` (3, 3) Å; `top_layer` (M, 3) Å, lower atoms fading; `dimers`
    (D, 2), indices into `top_layer`.
    """
    plane = cell[:2, :2]
    wrapped = (np.linalg.solve(plane.T, impacts.T).T % 1.0) @ plane if len(impacts) else impacts.reshape(0, 2)
    with house_style():
        figure = new_figure(PAGE_INCHES * 0.8, PAGE_INCHES * 0.6)
        axes = figure.subplots()
        draw_top_layer(axes, plane, top_layer, dimers)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) @ plane
        axes.plot(*corners.T, color=INK, linewidth=0.9)
        kinds = np.array(modes, dtype=np.str_)
        for mode in in_order(modes):
            style = mode.row.style
            size = 26 if len(modes) <= MANY else 6
            points = wrapped[kinds == mode.label]
            axes.scatter(
                points[:, 0],
                points[:, 1],
                marker=style.marker,
                color=style.colour,
                edgecolors=INK,
                linewidths=0.6,
                s=size,
                zorder=4,
            )
        low, high = corners.min(axis=0) - 1.2, corners.max(axis=0) + 1.2
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xlabel="x / Å", ylabel="y / Å")
        axes.set_title("Where the molecules aimed")
        entries = mode_legend(modes)
        if len(top_layer):
            line, said = (3.0, "surface dimer") if len(dimers) else (0.0, "surface atom")
            entries.append(
                Line2D(
                    [], [], color=RULE, marker="o", linewidth=line, markersize=7, label=said,
                    markeredgecolor=FADED, markeredgewidth=0.6,
                )
            )  # fmt: skip
        figure.legend(handles=entries, loc="outside right upper", title="at the end" if len(modes) else None)
        caption = (
            f"Impact points of {len(modes)} shots (straight line of the centre of mass at the start, continued to the "
            "surface plane) in the surface cell, over the top layer of the clean slab; lower atoms fade."
        )
        rows = [(*point, mode.label) for point, mode in zip(wrapped.tolist(), modes, strict=True)]
        header = ("x_angstrom", "y_angstrom", "mode")
        figure.draw_without_rendering()  # the ticks are known only after the first layout, which cuts a label off
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def draw_top_layer(axes: Axes, plane: FloatArray, top_layer: FloatArray, dimers: IntArray) -> None:
    """The clean top layer (M, 3) Å and its neighbouring cells: dimers (D, 2) as bars, lower atoms fading.

    `plane` (2, 2) Å, rows are the cell's vectors.
    """
    sticks, balls, heights = [], [], []
    for image in np.ndindex(3, 3):
        shift = (np.array(image) - 1) @ plane
        balls.append(top_layer[:, :2] + shift)
        heights.append(top_layer[:, 2])
        for first, second in dimers:
            step = top_layer[second, :2] - top_layer[first, :2]
            step -= np.rint(np.linalg.solve(plane.T, step)) @ plane
            start = top_layer[first, :2] + shift
            sticks.append([start, start + step])
    axes.add_collection(LineCollection(sticks, colors=RULE, linewidths=3.0, zorder=1))
    z = np.concatenate(heights)
    span = float(np.ptp(z)) if len(z) else 0.0
    depth = (z.max() - z) / span if span > 0.2 else np.zeros(len(z))
    centres = np.concatenate(balls)
    # Pale, so that no grey of a mode is lost on them; paper below hides the bars.
    rims = [to_rgba(FADED, 1.0 - 0.65 * d) for d in depth]
    for faces, edges in ((PAPER, "none"), ([to_rgba(RULE, 0.75 * (1.0 - d)) for d in depth], rims)):
        circles = EllipseCollection(
            *(np.full((3, len(centres)), [[1.5], [1.5], [0.0]])),
            units="xy", offsets=centres, offset_transform=axes.transData, facecolors=faces, edgecolors=edges,
            linewidths=0.6, zorder=2,
        )  # fmt: skip
        axes.add_collection(circles)
