"""The figure of a distillation: how molecules alone keep their energy, by the time between two evaluations."""

from pathlib import Path

from molgun_lmp.palette import FADED
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, plain_log, series_style, store
from molgun_lmp.training.distillation.free_flights import Flights, KeptEnergy


def draw_flights(flights: Flights, folder: Path, name: str = "flights") -> FigureFiles:
    """The median and the largest excursion of the total energy against the outer step, in log scale.

    Outer steps at which a molecule came apart have no point. Raises `InputFileError` where the folder cannot be
    written.
    """
    with house_style():
        figure = new_figure(0.7 * PAGE_INCHES, 2.6)
        axes = figure.subplots()
        for rank, (label, values) in enumerate(
            {
                "the worst": [step.largest_mev for step in flights.outer_steps],
                "half of them": [step.median_mev for step in flights.outer_steps],
            }.items()
        ):
            style = series_style(rank)
            points = [
                (step.outer_step_fs, value)
                for step, value in zip(flights.outer_steps, values, strict=True)
                if value is not None
            ]
            x, y = [point[0] for point in points], [point[1] for point in points]
            axes.plot(x, y, color=style.colour, marker=style.marker, linestyle=style.dash, markersize=4, label=label)
        if flights.alone.largest_mev is not None:
            level, label = flights.alone.largest_mev, "the worst, full model alone"
            axes.axhline(level, label=label, color=FADED, linewidth=0.8, linestyle="--")
        axes.set_yscale("log")
        plain_log(axes.yaxis)
        axes.grid(axis="y")
        axes.set_xlabel("time between two evaluations of the full model / fs")
        axes.set_ylabel("excursion of the energy / meV")
        figure.legend(loc="outside upper center", ncols=3)
        caption = (
            f"How far the total energy of {flights.molecules} molecules alone goes from its start within "
            f"{flights.duration_ps:g} ps of NVE, by the time between two evaluations of the full model."
        )
        rows = [tuple(step.model_dump().values()) for step in (flights.alone, *flights.outer_steps)]
        return store(figure, folder, name, caption=caption, header=tuple(KeptEnergy.model_fields), rows=rows)
