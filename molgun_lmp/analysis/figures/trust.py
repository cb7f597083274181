"""Figure of how far each trajectory went from what its model was trained on."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import ALARM
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, house_style, mode_legend, new_figure, store


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistanceTrace:
    """Distance of the farthest atom along one trajectory: `time_ps` (T,), `distance` (T,)."""

    trajectory_id: str
    mode: Mode
    time_ps: FloatArray
    distance: FloatArray


def draw_trust(
    traces: Sequence[DistanceTrace], folder: Path, *, model: str, border: str, name: str = "trust"
) -> FigureFiles:
    """Distance from the training set along each trajectory, by mode at the end, with the border at 1, which is the one
    that `border` says."""
    crowd = len(traces) > MANY
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.2)
        axes = figure.subplots()
        axes.axhline(1.0, color=ALARM, linewidth=0.9, linestyle="--")
        axes.text(1.0, 1.0, "border", color=ALARM, ha="right", va="bottom", transform=axes.get_yaxis_transform())
        for mode in in_order(trace.mode for trace in traces):
            style = mode.row.style
            paths = [np.column_stack([one.time_ps, one.distance]) for one in traces if one.mode == mode]
            lines = LineCollection(
                paths, colors=style.colour, linestyles=style.dash, linewidths=1.1, alpha=0.4 if crowd else 0.9,
                rasterized=crowd,
            )  # fmt: skip
            axes.add_collection(lines)
        axes.autoscale_view()
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("time / ps")
        axes.set_ylabel("distance of the farthest atom / border")
        axes.set_title("How far from the training data")
        if traces:
            entries = mode_legend((trace.mode for trace in traces), lines=True)
            figure.legend(handles=entries, loc="outside right upper", title="at the end")
        caption = (
            f"Distance of the farthest atom from those of its element in the training set of the model {model}, along "
            "each trajectory, in the space of the model's invariant descriptors. The border is that "
            f"{border.removeprefix('that ')}. Beyond it forces should be checked."
        )
        header = ("trajectory", "mode", "time_ps", "distance")
        rows = [
            (trace.trajectory_id, trace.mode.label, time, distance)
            for trace in traces
            for time, distance in zip(trace.time_ps.tolist(), trace.distance.tolist(), strict=True)
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def read_traces(folder: Path, modes: Mapping[str, Mode], name: str = "trust") -> list[DistanceTrace]:
    """What the figure's numbers hold of the trajectories that have one of `modes` at the end, which may be of another
    scheme than when it was drawn; nothing where it was not drawn. Raises `InputFileError` for a damaged file."""
    file = folder / f"{name}.csv"
    lines: dict[str, list[tuple[float, float]]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                points = lines.setdefault(row["trajectory"], [])
                points.append((float(row["time_ps"]), float(row["distance"])))
        return [
            DistanceTrace(
                trajectory_id=trajectory,
                mode=modes[trajectory],
                time_ps=np.array(points)[:, 0],
                distance=np.array(points)[:, 1],
            )
            for trajectory, points in lines.items()
            if trajectory in modes
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputFileError(f"{file} is damaged ({error!r}). Remove it, or give `molgun trust` again.") from error
