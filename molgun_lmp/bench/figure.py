"""The figure of a measurement: cost against atoms and against trajectories at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from molgun_lmp.analysis.plotting import FigureFiles, house_style, new_figure, series_style, store
from molgun_lmp.bench.measuring import Row


def bench_figure(
    rows: Sequence[Row], together: Mapping[str, Sequence[Mapping[str, float]]], folder: Path
) -> FigureFiles:
    """Write `bench`.svg, .png and .csv; ms a step against atoms for each way, ms per trajectory against K."""
    with house_style():
        figure: Any = new_figure(6.9, 3.2)
        sizes, many = figure.subplots(1, 2)
        for number, (model, way) in enumerate(dict.fromkeys((row.model, row.way) for row in rows)):
            style = series_style(number)
            chosen = sorted((row.atoms, row.median_ms) for row in rows if (row.model, row.way) == (model, way))
            sizes.plot(
                *zip(*chosen, strict=True),
                color=style.colour,
                marker=style.marker,
                ls=style.dash,
                label=f"{model}: {way}",
                ms=3,
                lw=1,
            )
        sizes.set(xscale="log", yscale="log", xlabel="Atoms", ylabel="Step / ms", title="Cost of a step")
        sizes.legend(fontsize=4)
        for number, (model, curve) in enumerate(together.items()):
            style = series_style(number)
            many.plot(
                [point["together"] for point in curve],
                [point["ms"] for point in curve],
                color=style.colour,
                marker=style.marker,
                ls=style.dash,
                label=model,
                ms=3,
                lw=1,
            )
        many.set(
            xscale="log",
            yscale="log",
            xlabel="Trajectories at once",
            ylabel="Step of one trajectory / ms",
            title="TorchScript, many at once",
        )
        many.legend(fontsize=6)
        return store(
            figure,
            folder,
            name="bench",
            caption="Cost of a step, medians.",
            header=("model", "atoms", "way", "median_ms", "lowest_ms", "highest_ms"),
            rows=[(r.model, r.atoms, r.way, r.median_ms, r.lowest_ms, r.highest_ms) for r in rows],
        )
