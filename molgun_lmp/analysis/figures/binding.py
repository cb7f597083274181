"""Figure of the binding energies of all minima, by their class."""

from pathlib import Path

from molgun_lmp.analysis.outcomes.minima import Minima
from molgun_lmp.palette import INK
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, store


def draw_binding(minima: Minima, folder: Path, name: str = "binding") -> FigureFiles:
    """One marker for each converged minimum, of which there are some, a row for each class, a line at the mean."""
    binding = minima.binding
    rows = [(one, [q for q in minima.quenched if q.mode is one.mode and q.converged]) for one in binding]
    with house_style():
        figure = new_figure(PAGE_INCHES, 1.0 + 0.34 * len(rows))
        axes = figure.subplots()
        axes.axvline(0.0, color=INK, linewidth=0.7)
        for y, (one, found) in enumerate(rows):
            style = one.mode.row.style
            axes.scatter(
                [q.binding_energy_ev for q in found],
                [y] * len(found),
                marker=style.marker,
                s=30,
                color=style.colour,
                edgecolors=INK,
                linewidths=0.6,
                zorder=3,
            )
            axes.plot([one.mean_ev] * 2, [y - 0.3, y + 0.3], color=INK, linewidth=1.4, zorder=2)
            axes.text(1.015, y, str(one.minima), transform=axes.get_yaxis_transform(), va="center", ha="left")
        axes.set_yticks(range(len(rows)), [one.mode.label for one, _ in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="x")
        axes.set_xlabel("binding energy / eV")
        axes.set_title("Minima below the ends")
        axes.text(1.015, 1.02, "ends", transform=axes.transAxes, ha="left", va="bottom")
        header = ("trajectory", "mode", "binding_energy_ev")
        numbers = [(q.trajectory_id, q.mode.label, q.binding_energy_ev) for _, found in rows for q in found]
        caption = f"Each minimum by its class; black lines: means. {minima.reference()}"
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)
