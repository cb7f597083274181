"""The figure of a measurement: ratios, cost against atoms for each model, and cost against trajectories at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, plain_log, series_style, store

_COMPARED: Final = 154
"""Atoms of the system whose ratios are drawn."""


def bench_figure(document: Mapping[str, Any], folder: Path) -> FigureFiles:
    """Write `bench`.svg, .png and .csv of a measurement's document."""
    rows = document["steps"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    styles = {way: series_style(n) for n, way in enumerate(dict.fromkeys(row["way"] for row in rows))}
    with house_style():
        figure: Any = new_figure(PAGE_INCHES, 2.7 + 2.5 * ((len(models) + 1) // 2))
        panels = figure.subplots(1 + (len(models) + 1) // 2, 2).ravel()
        _ratios(panels[0], rows, models)
        _at_once(panels[1], document["together"], models)
        for panel, model in zip(panels[2:], models, strict=False):
            _sizes(panel, [row for row in rows if row["model"] == model], styles, model)
        for panel in panels[2 + len(models) :]:
            panel.set_axis_off()
        handles = [
            panels[2].plot([], [], color=s.colour, marker=s.marker, ls=s.dash, ms=3.5, label=way)[0]
            for way, s in styles.items()
        ]
        here = document["machine"]
        title = f"{here['processor']}, {here['threads']} thread(s); medians of interleaved repeats"
        figure.legend(handles=handles, loc="outside lower center", ncols=2, title=title, title_fontsize=6.5)
        return store(
            figure,
            folder,
            name="bench",
            caption="Cost of a step, medians of interleaved repeats.",
            header=("model", "way", "atoms", "together", "median_ms", "lowest_ms", "highest_ms"),
            rows=[
                *((r["model"], r["way"], r["atoms"], 1, r["median_ms"], r["lowest_ms"], r["highest_ms"]) for r in rows),
                *((p["model"], p["way"], p["atoms"], p["together"], p["ms"], "", "") for p in document["together"]),
            ],
        )


def _ratios(panel: Any, rows: list[dict[str, Any]], models: list[str]) -> None:
    """Bars: how many times faster than the paper's driver each way is, for the system of the campaigns."""
    atoms = _COMPARED if any(row["atoms"] == _COMPARED for row in rows) else rows[0]["atoms"]
    chosen = [row for row in rows if row["atoms"] == atoms and row["speedup"] is not None]
    ways = list(dict.fromkeys(row["way"] for row in chosen))
    height = 0.8 / max(1, len(models))
    for number, model in enumerate(models):
        style = series_style(number)
        ratio = {row["way"]: row["speedup"] for row in chosen if row["model"] == model}
        places = [n + number * height for n, way in enumerate(ways) if way in ratio]
        values = [ratio[way] for way in ways if way in ratio]
        panel.barh(places, values, height=height, color=style.colour, hatch=style.hatch, label=model)
        for place, value in zip(places, values, strict=True):
            panel.text(value * 1.06, place, f"{value:.1f}", va="center", fontsize=6)
    names = [way.replace(" + ", " +\n", 1) for way in ways]
    panel.set_yticks([n + 0.4 - height / 2 for n in range(len(ways))], names, fontsize=6)
    panel.invert_yaxis()
    panel.set(xscale="log", xlabel="Times faster than ASE in float64", title=f"A step of {atoms} atoms")
    panel.set_xlim(0.8, 2.5 * max((row["speedup"] for row in chosen), default=1.0))
    plain_log(panel.xaxis)
    panel.legend(fontsize=6, loc="upper right")


def _sizes(panel: Any, rows: list[dict[str, Any]], styles: Mapping[str, Any], model: str) -> None:
    for way, style in styles.items():
        chosen = sorted((row["atoms"], row["median_ms"]) for row in rows if row["way"] == way)
        if chosen:
            atoms, times = zip(*chosen, strict=True)
            panel.plot(atoms, times, color=style.colour, marker=style.marker, ls=style.dash, ms=3.5)
    panel.set(xscale="log", yscale="log", xlabel="Atoms", ylabel="Step / ms", title=model)
    plain_log(panel.xaxis)
    plain_log(panel.yaxis)


def _at_once(panel: Any, points: list[dict[str, Any]], models: list[str]) -> None:
    for number, (model, way) in enumerate(dict.fromkeys((p["model"], p["way"]) for p in points)):
        style = series_style(number)
        chosen = [(p["together"], p["ms"]) for p in points if (p["model"], p["way"]) == (model, way)]
        together, times = zip(*chosen, strict=True)
        label = f"{way} ({'demo' if model == models[0] else 'medium'})"
        panel.plot(together, times, color=style.colour, marker=style.marker, ls=style.dash, ms=3.5, label=label)
    panel.set(
        xscale="log", yscale="log", xlabel="Trajectories at once", ylabel="Step of one / ms", title="Many at once"
    )
    plain_log(panel.xaxis)
    plain_log(panel.yaxis)
    if points:
        low, high = panel.get_ylim()
        panel.set_ylim(low, high * (high / low) ** 0.45)  # room for the legend above the lines
        panel.legend(fontsize=5.5, loc="upper left")
