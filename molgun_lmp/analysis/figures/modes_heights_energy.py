"""Figures of a campaign's numbers: modes, heights, energy drift.

Each function takes records or plain arrays, writes one figure as SVG, PNG and CSV, and returns their paths.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from molgun_lmp.analysis.statistics.sentences import unseen_sentence
from molgun_lmp.analysis.statistics.summary import Summary
from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import ALARM, BLUE, INK, PAPER, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, house_style, mode_legend, new_figure, store
from molgun_lmp.records import TrajectoryResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeightTrace:
    """Height of the molecule's lowest atom above the surface plane along one trajectory.

    `time_ps` (T,) and `height_angstrom` (T,), both floats; thin out long ones, every point goes into the CSV.
    """

    trajectory_id: str
    mode: Mode
    time_ps: FloatArray
    height_angstrom: FloatArray


def draw_modes(summary: Summary, folder: Path, name: str = "modes") -> FigureFiles:
    """Share of every mode that was seen, with its cluster-robust interval; the caption names the others, and the
    numbers have all."""
    rows = [(row.mode, row.estimate, row.estimate.fraction) for row in summary.modes if row.estimate.seen]
    with house_style():
        figure = new_figure(PAGE_INCHES, 0.85 + 0.24 * max(2, len(rows)))
        axes = figure.subplots()
        for y, (mode, estimate, fraction) in enumerate(rows):
            low, high = (100 * bound for bound in estimate.cluster)
            percent = 100 * (fraction or 0.0)
            axes.barh(y, percent, height=0.72, color=mode.row.style.colour, hatch=mode.row.style.hatch)
            arms = [[max(0.0, percent - low)], [max(0.0, high - percent)]]
            # A rim of paper keeps the interval readable on bars of any colour, in both themes.
            for colour, width in ((PAPER, 2.4), (INK, 0.9)):
                axes.errorbar(percent, y, xerr=arms, color=colour, elinewidth=width, capsize=2.5, capthick=width)
            axes.text(1.015, y, estimate.count_text(), transform=axes.get_yaxis_transform(), va="center", ha="left")
        axes.set_yticks(range(len(rows)), [mode.label for mode, *_ in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(max(2, len(rows)) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.grid(axis="x")
        axes.set_xlabel("share of all shots / %")
        axes.set_title(f"How {summary.shots} shots ended")
        axes.text(1.015, 1.02, "shots", transform=axes.transAxes, ha="left", va="bottom")
        unseen = unseen_sentence(summary)
        caption = (
            f"Modes at the end of {summary.shots} trajectories. Lines: {100 * summary.confidence:g} % intervals, "
            f"robust against effects of the {summary.pools()}.{f' {unseen}.' if unseen else ''}"
        )
        header = ("mode", "count", "shots", "fraction", "low", "high")
        every = [(row.mode.label, row.estimate) for row in summary.modes]
        numbers = [(label, e.count, e.shots, e.fraction, *e.cluster) for label, e in every]
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


def draw_heights(traces: Sequence[HeightTrace], folder: Path, name: str = "heights") -> FigureFiles:
    """Height of the lowest atom against time for all trajectories, coloured by the final mode."""
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.4)
        axes = figure.subplots()
        axes.axhline(0.0, color=RULE, linewidth=1.0)
        for mode in in_order(trace.mode for trace in traces):
            _draw_traces(axes, mode, [trace for trace in traces if trace.mode == mode], crowd=len(traces))
        axes.set_xlim(0, max((float(trace.time_ps[-1]) for trace in traces if len(trace.time_ps)), default=1.0))
        axes.set_xlabel("time / ps")
        axes.set_ylabel("height of the lowest atom / Å")
        axes.set_title("Approach and after")
        if traces:
            entries = mode_legend((trace.mode for trace in traces), lines=True)
            figure.legend(handles=entries, loc="outside right upper", title="at the end")
        caption = "Height of the molecule's lowest atom above the surface plane (grey line), by mode at the end."
        header = ("trajectory", "mode", "time_ps", "height_angstrom")
        numbers = [
            (trace.trajectory_id, trace.mode.label, time, height)
            for trace in traces
            for time, height in zip(trace.time_ps.tolist(), trace.height_angstrom.tolist(), strict=True)
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


def _draw_traces(axes: Axes, mode: Mode, traces: Sequence[HeightTrace], crowd: int) -> None:
    style = mode.row.style
    paths = [np.column_stack([trace.time_ps, trace.height_angstrom]) for trace in traces]
    lines = LineCollection(
        paths,
        colors=style.colour,
        linestyles=style.dash,
        linewidths=1.1,
        alpha=1.0 if crowd <= 50 else 0.4,
        rasterized=crowd > MANY,
    )
    axes.add_collection(lines)
    ends = np.array([path[-1] for path in paths if len(path)]).reshape(-1, 2)
    axes.scatter(
        ends[:, 0],
        ends[:, 1],
        marker=style.marker,
        s=30,
        color=style.colour,
        edgecolors=INK,
        linewidths=0.6,
        clip_on=False,
        zorder=3,
        rasterized=crowd > MANY,
    )
    axes.autoscale_view()


def draw_energy_drift(
    results: Sequence[TrajectoryResult],
    folder: Path,
    *,
    drift_limit: float | None = None,
    excursion_limit: float | None = None,
    name: str = "energy",
) -> FigureFiles:
    """Fitted drift and largest excursion of the conserved energy of each trajectory, on logarithmic scales.

    Of the whole cell, with the lowest of the trajectories' own limits, where these are such; else per atom, where
    `drift_limit` in eV/atom/ps and `excursion_limit` in eV/atom are the campaign's, and None draws no line.
    """
    limits = [r.energy.limit_ev for r in results if r.energy.limit_ev is not None]
    panels = (
        ("|drift| / (eV atom⁻¹ ps⁻¹)", drift_limit, [r.energy.drift_ev_per_atom_per_ps for r in results]),
        ("excursion / (eV atom⁻¹)", excursion_limit, [r.energy.excursion_ev_per_atom for r in results]),
    )
    if limits:
        panels = (
            ("|drift| over the run / eV", min(limits), [r.energy.drift_ev for r in results]),
            ("excursion / eV", min(limits), [r.energy.excursion_ev for r in results]),
        )
    flagged = np.array([r.energy.flagged for r in results], dtype=np.bool_)
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.0)
        for axes, (label, limit, values) in zip(figure.subplots(1, 2), panels, strict=True):
            _draw_magnitudes(axes, values, flagged, markers="^v" if "drift" in label else "oo")
            if limit is not None:
                axes.axhline(limit, color=ALARM, linewidth=0.9, linestyle="--")
                axes.text(
                    1.0, limit, "limit", color=ALARM, ha="right", va="bottom", transform=axes.get_yaxis_transform()
                )
            axes.set_yscale("log")
            axes.grid(axis="y")
            axes.set_ylabel(label)
            axes.set_xlabel("trajectory, in order")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.suptitle("Conservation of the energy", x=0.01, ha="left", fontsize=9, fontweight="bold")
        unknown = sum(value is None for value in panels[0][2])
        caption = (
            "Drift (straight line fitted to the total energy, with a thermostat less what it has put in) and largest "
            "distance from the first value, per trajectory. ▲ gains, ▼ loses energy; filled: flagged "
            f"({int(flagged.sum())}); not known and not drawn: {unknown}."
        )
        header = (
            *("trajectory", "drift_ev_per_atom_per_ps", "excursion_ev_per_atom", "flagged"),
            *("drift_ev", "excursion_ev", "limit_ev"),
        )
        numbers = [
            (
                *(r.trajectory_id, r.energy.drift_ev_per_atom_per_ps, r.energy.excursion_ev_per_atom, r.energy.flagged),
                *(r.energy.drift_ev, r.energy.excursion_ev, r.energy.limit_ev),
            )
            for r in results
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


def _draw_magnitudes(axes: Axes, values: Sequence[float | None], flagged: BoolArray, markers: str) -> None:
    known = [(rank, value) for rank, value in enumerate(values) if value]
    for rising, marker in zip((True, False), markers, strict=True):
        for alarmed in (False, True):
            mine = [(i, abs(v)) for i, v in known if (v > 0) is rising and bool(flagged[i]) is alarmed]
            if mine:
                ranks, sizes = zip(*mine, strict=True)
                colour = ALARM if alarmed else BLUE
                face = colour if alarmed else "none"
                axes.scatter(ranks, sizes, marker=marker, s=22, facecolors=face, edgecolors=colour, linewidths=0.9)
    if len(values):
        axes.set_xlim(-1, len(values))
