"""Figure of sticking against energy, or angle, with the fitted curves."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from molgun_lmp.analysis.statistics.grid import GridSticking, PointSticking
from molgun_lmp.palette import PAPER, ModeStyle
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, series_style, store

STICKING_NAME: Final = "sticking"
_FINE: Final = 200
_BESIDE: Final = 0.008
"""Of the width of the figure, by which series stand beside each other: their intervals would lie on one line."""
_DASHES: Final = {"logistic": "-", "error function": "--"}


def draw_sticking(found: GridSticking, folder: Path, name: str = STICKING_NAME) -> FigureFiles:
    """S against energy, one series for each angle; against the angle where there is one energy.

    Full markers: bound of those in contact; hollow ones: not gone, where that is more. The sticking coefficient lies
    between the two. Curves: those of what is bound.
    """
    by_energy = len({point.energy_ev for point in found.points}) > 1
    series = sorted({_other(point, by_energy=by_energy) for point in found.points})
    bound = [fit for fit in found.fits if fit.line == found.fits[0].line]
    rows: list[tuple[object, ...]] = []
    with house_style():
        figure = new_figure(0.75 * PAGE_INCHES, 3.2)
        axes = figure.subplots()
        for rank, other in enumerate(series):
            mine = [point for point in found.points if _other(point, by_energy=by_energy) == other]
            style = series_style(rank)
            unit = "°" if by_energy else " eV"
            beside = (rank - (len(series) - 1) / 2) * _BESIDE * _span(found, by_energy=by_energy)
            _draw_points(axes, [(_across(one, by_energy=by_energy) + beside, one) for one in mine], style)
            axes.plot([], [], style.marker, color=style.colour, markersize=4.5, label=f"{other:g}{unit}")
            energies = np.array([point.energy_ev or 0.0 for point in mine])
            for fit in bound if by_energy else []:
                x = np.linspace(energies.min(), energies.max(), _FINE)
                y = fit.at(x, np.full(_FINE, other))
                axes.plot(x, 100 * y, color=style.colour, linestyle=_DASHES[fit.law], linewidth=1.0)
                rows += [(fit.law, e, other, s, None, None) for e, s in zip(x.tolist(), y.tolist(), strict=True)]
            rows += [
                (kind, point.energy_ev, point.polar_deg, one.fraction, *one.cluster)
                for point in mine
                for kind, one in (("bound", point.stuck_of_contact), ("not left", point.trapped_of_contact))
            ]
        axes.set(ylim=(-3, 103), ylabel="sticking / %", xlabel="energy / eV" if by_energy else "polar angle / °")
        axes.set_title("Sticking of those in contact")
        title = "polar angle" if by_energy else "energy"
        axes.legend(title=title, title_fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        curves = " Lines: fitted to what is bound, logistic (full) and error function (dashed)." if bound else ""
        caption = (
            "Sticking at each point of the grid, with 95 % intervals over snapshots. Full markers: bound at the end, "
            "of those in contact; hollow: not gone, where that is more. The sticking coefficient lies between them."
            f"{curves} {' '.join(fit.sentence() for fit in bound)}"
        ).rstrip()
        header = ("what", "energy_ev", "polar_deg", "sticking", "cluster_low", "cluster_high")
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def _other(point: PointSticking, *, by_energy: bool) -> float:
    """What tells the series apart."""
    return (point.polar_deg if by_energy else point.energy_ev) or 0.0


def _across(point: PointSticking, *, by_energy: bool) -> float:
    """Its place on the axis."""
    return (point.energy_ev if by_energy else point.polar_deg) or 0.0


def _span(found: GridSticking, *, by_energy: bool) -> float:
    return float(np.ptp([_across(point, by_energy=by_energy) for point in found.points]))


def _draw_points(axes: Axes, mine: list[tuple[float, PointSticking]], style: ModeStyle) -> None:
    for x, point in mine:
        low, high = point.stuck_of_contact, point.trapped_of_contact
        for one, face in ((high, PAPER), (low, style.colour)):
            if one.fraction is None or (one is high and low.fraction == high.fraction):
                continue
            percent = 100 * one.fraction
            arms = [[max(0.0, percent - 100 * one.cluster[0])], [max(0.0, 100 * one.cluster[1] - percent)]]
            axes.errorbar(
                *(x, percent, arms),
                color=style.colour,
                marker=style.marker,
                markersize=4.5,
                markerfacecolor=face,
                capsize=2,
                elinewidth=0.8,
                linestyle="none",
            )
