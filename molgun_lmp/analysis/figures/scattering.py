"""Figures of what came back: where it went, and how much of its energy it left behind."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from molgun_lmp.analysis.scattering.means import Mean, mean_of
from molgun_lmp.analysis.scattering.scattered import Scattered
from molgun_lmp.analysis.statistics.clustered_intervals import Clusters
from molgun_lmp.analysis.statistics.dependence import bin_edges
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.palette import DIM, INK
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, halo, house_style, new_figure, series_style, store

_NORMAL_DEG: Final = 1.0
"""A beam that is never farther from the normal has no forward direction that could be drawn."""
_VARIES_DEG: Final = 2.0
_VARIES: Final = 0.02
"""Of its mean: an incidence energy that spreads less is one energy."""
_ALIKE: Final = 0.01
"""Of the range: values that are nearer to the next are of one point of a grid."""
_POINTS: Final = 12
"""More than so many points are drawn in bins."""


def draw_exit_directions(rows: Sequence[Scattered], folder: Path, name: str = "exit-directions") -> FigureFiles:
    """Where the particles went that reached free flight, of which there are some: polar angle outwards, azimuth around.

    Beside it the polar angles of whole molecules, held against Knudsen's cosine law.
    """
    free = [one for one in rows if one.polar_deg is not None]
    slanted = any(one.incidence_polar_deg > _NORMAL_DEG for one in free)
    polar = np.array([one.polar_deg for one in free], dtype=np.float64)
    azimuth = np.array([one.azimuth_deg for one in free], dtype=np.float64)
    if slanted:
        azimuth = (azimuth - [one.incidence_azimuth_deg for one in free]) % 360.0
    kinds = _kinds(free)
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.3)
        round_plot = cast("PolarAxes", figure.add_subplot(1, 2, 1, projection="polar"))
        for rank, (kind, which) in enumerate(kinds.items()):
            style = series_style(rank)
            round_plot.scatter(
                np.radians(azimuth[which]), polar[which], s=16 if len(free) <= MANY else 4, marker=style.marker,
                color=style.colour, edgecolors=INK, linewidths=0.4, label=kind, zorder=3, rasterized=len(free) > MANY,
            )  # fmt: skip
        mirrors = np.array([one.incidence_polar_deg for one in free])
        if slanted and np.ptp(mirrors) <= _VARIES_DEG:
            round_plot.scatter(
                [0.0], [mirrors.mean()], marker="x", s=50, color=INK, linewidths=1.4, label="mirror", zorder=4
            )
        round_plot.set_ylim(0.0, 90.0)
        round_plot.set_yticks([30, 60, 90], ["30°", "60°", ""])
        round_plot.set_rlabel_position(157.5)
        round_plot.grid(visible=True)
        round_plot.set_title("Where they went")
        _draw_polar_angles(figure.add_subplot(1, 2, 2), polar[[one.intact for one in free]])
        figure.legend(loc="outside lower left", ncols=6)
        around = (
            "azimuth from where the beam goes (right: forwards, top: to its left)"
            if slanted
            else "azimuth from +x towards +y"
        )
        unfree = len(rows) - len(free)
        caption = (
            f"Directions of {len(free)} particles in free flight: polar angle from the surface normal outwards, "
            f"{around}. Right: polar angles of the molecules that left whole; line: as many by the cosine law."
            + (f" Not drawn: {unfree} that left and had not reached free flight." if unfree else "")
        )
        header = ("trajectory", "particle", "formula", "polar_deg", "azimuth_deg", "azimuth_drawn_deg")
        numbers = [
            (one.trajectory, one.particle, one.formula, one.polar_deg, one.azimuth_deg, drawn)
            for one, drawn in zip(free, azimuth.tolist(), strict=True)
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


def draw_energy_loss(
    rows: Sequence[Scattered], clusters: Clusters, folder: Path, name: str = "energy-loss"
) -> FigureFiles:
    """Translational energy that whole molecules left behind, and against energy and angle of incidence where they vary.

    Some of the rows have it; `clusters` has the snapshots of each row's shot.
    """
    keep = np.array([one.translation_lost_ev is not None for one in rows])
    known = [one for one, kept in zip(rows, keep, strict=True) if kept]
    ours = clusters.take(keep)
    lost = np.array([one.translation_lost_ev for one in known], dtype=np.float64)
    energy = np.array([one.incidence_ev for one in known])
    angle = np.array([one.incidence_polar_deg for one in known])
    against = []
    if np.ptp(energy) > _VARIES * energy.mean():
        against.append((energy, "energy at incidence / eV"))
    if np.ptp(angle) > _VARIES_DEG:
        against.append((angle, "angle of incidence / °"))
    with house_style():
        figure = new_figure(PAGE_INCHES, 2.9)
        first, *others = _panels(figure, 1 + len(against))
        _draw_losses(first, known, lost)
        for axes, (variable, label) in zip(others, against, strict=True):
            _draw_against(axes, variable, lost, ours)
            axes.set_xlabel(label)
            axes.set_ylabel("translational energy lost / eV")
        mean = mean_of("", "", lost, ours)
        caption = (
            f"Translational energy that {len(known)} molecules left behind: at incidence less in free flight after. "
            f"Mean {_with_interval(mean)} eV, of {energy.mean():.3g} eV at incidence."
            + (
                " Dots with bars: means, of points or of equal numbers of shots, with 95 % intervals over snapshots."
                if against
                else ""
            )
        )
        header = ("trajectory", "incidence_ev", "incidence_polar_deg", "translation_lost_ev", "to_surface_ev")
        numbers = [
            (one.trajectory, one.incidence_ev, one.incidence_polar_deg, one.translation_lost_ev, one.to_surface_ev)
            for one in known
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


def _panels(figure: Figure, number: int) -> list[Axes]:
    return [figure.add_subplot(1, number, place + 1) for place in range(number)]


def _kinds(rows: Sequence[Scattered]) -> dict[str, BoolArray]:
    """What the particles are -> which of them, whole molecules first."""
    names = [one.formula if one.intact else f"{one.formula}, not as fired" for one in rows]
    ranked = sorted(set(zip((not one.intact for one in rows), names, strict=True)))
    return {name: np.array([other == name for other in names]) for _, name in ranked}


def _draw_polar_angles(axes: Axes, polar: FloatArray) -> None:
    edges = np.linspace(0.0, 90.0, 10)
    style = series_style(0)
    axes.hist(polar, edges.tolist(), color=style.colour, rwidth=0.92)
    law = len(polar) * np.diff(np.sin(np.radians(edges)) ** 2)
    axes.stairs(law, edges, color=INK, linewidth=1.2, baseline=None)
    axes.set(xlim=(0.0, 90.0), xlabel="polar angle / °", ylabel="molecules")
    axes.set_xticks([0, 30, 60, 90])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Whole molecules")


def _draw_losses(axes: Axes, known: Sequence[Scattered], lost: FloatArray) -> None:
    given = np.array([one.to_surface_ev for one in known if one.to_surface_ev is not None and one.atoms > 1])
    every = np.concatenate((lost, given))
    low, high = float(every.min()), float(every.max())
    if high - low < 1e-9:
        low, high = low - 5e-10, high + 5e-10
    edges = np.linspace(low, high, max(6, min(25, round(np.sqrt(len(lost)) * 2))))
    first, second = series_style(0), series_style(1)
    axes.hist(lost, edges.tolist(), color=first.colour, rwidth=0.92, label="translation lost")
    if len(given):
        counts, _ = np.histogram(given, edges)
        axes.stairs(counts, edges, color=second.colour, linewidth=1.4, label="given to the surface")
        axes.legend()
    axes.set(xlabel="energy lost / eV", ylabel="molecules")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Energy left behind")


def _draw_against(axes: Axes, variable: FloatArray, lost: FloatArray, clusters: Clusters) -> None:
    style = series_style(0)
    axes.scatter(
        variable, lost, s=14 if len(lost) <= MANY else 4, marker=style.marker, color=style.colour, linewidths=0.0,
        alpha=0.6, rasterized=len(lost) > MANY,
    )  # fmt: skip
    for inside in _groups(variable):
        mean = mean_of("", "", lost[inside], clusters.take(inside))
        if mean.low is not None and mean.high is not None:
            arms = [[mean.mean - mean.low], [mean.high - mean.mean]]
            drawn = axes.errorbar(
                [float(variable[inside].mean())], [mean.mean], yerr=arms, color=INK, marker="o", markersize=4
            )
            drawn.lines[0].set_path_effects(halo())
    axes.axhline(0.0, color=DIM, linewidth=0.7)


def _groups(variable: FloatArray) -> list[BoolArray]:
    """Which of the values (N,) belong together: those of one point of a grid, else bins of equal numbers."""
    order = np.argsort(variable, kind="stable")
    steps = np.diff(variable[order]) > _ALIKE * np.ptp(variable)
    if steps.sum() < _POINTS:
        which = np.empty(len(variable), dtype=np.int64)
        which[order] = np.concatenate(([0], np.cumsum(steps)))
        return [which == number for number in range(int(which.max()) + 1)]
    edges = bin_edges(variable)
    found = [(variable >= low) & ((variable < high) | (high == edges[-1])) for low, high in itertools.pairwise(edges)]
    return [inside for inside in found if inside.any()]


def _with_interval(mean: Mean) -> str:
    between = "" if mean.low is None or mean.high is None else f" ({mean.low:.3g} to {mean.high:.3g})"
    return f"{mean.mean:.3g}{between}"
