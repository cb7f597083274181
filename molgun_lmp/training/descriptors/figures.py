"""Figures of descriptors: principal components of the training set with other sets in them, distances from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from molgun_lmp.arrays import BoolArray, FloatArray, TextArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import FADED, INK, RULE, ModeStyle
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import (
    MANY,
    PAGE_INCHES,
    footnote,
    house_style,
    mode_legend,
    new_figure,
    plain_log,
    series_style,
    store,
)
from molgun_lmp.training.descriptors.describe import Described, Kind
from molgun_lmp.training.descriptors.report import TRAINING_SET, Placed, relative_energies, sets_of

Colour = Literal["set", "energy", "mode"]

_MEV: Final = 1000.0
_ENERGIES: Final = "cividis"


def draw_components(
    described: Described,
    placed: dict[Kind, Placed],
    folder: Path,
    *,
    colour: Colour,
    footer: str,
    name: str = "principal-components",
) -> FigureFiles:
    """The first two principal components of the training set, one panel for each kind of descriptor.

    `colour`: by set, by the model's energy, or by the mode in which a campaign's trajectory ended (others are grey).
    The CSV has every point, with its distances.
    """
    sets = sets_of(described)
    energies = _MEV * relative_energies(described)[described.structure]
    modes = np.array([structure.mode or "" for structure in described.structures])[described.structure]
    known = in_order(structure.mode for structure in described.structures if structure.mode is not None)
    with house_style():
        figure = new_figure(PAGE_INCHES * (0.66 if len(placed) == 1 else 1.0), 3.4)
        panels: Any = figure.subplots(1, len(placed), squeeze=False)[0]
        for axes, (kind, here) in zip(panels, placed.items(), strict=True):
            if colour == "energy":
                marks = _by_energy(axes, here.scores, energies, sets == TRAINING_SET)
            else:
                labels = sets if colour == "set" else modes
                grey = (sets == TRAINING_SET) | (labels == "")
                _by_label(axes, here.scores, labels, grey, _styles(labels, known if colour == "mode" else ()))
            axes.set_xlabel(f"component 1 ({100 * here.space.explained[0]:.0f} %)")
            axes.set_ylabel(f"component 2 ({100 * here.space.explained[1]:.0f} %)")
            axes.set_title(f"{kind.capitalize()} descriptors")
        if colour == "energy":
            figure.colorbar(marks, ax=list(panels), label="model's energy − mean / (meV atom⁻¹)", shrink=0.85)
        elif colour == "mode":
            figure.legend(handles=mode_legend(known), loc="outside right upper", title="at the end")
        else:
            _legend(figure, panels[0])
        footnote(figure, footer)
        header = ("kind", "set", "source", "trajectory", "mode", "energy_relative_mev_per_atom", *_COLUMNS)
        rows = [row for kind, here in placed.items() for row in _rows(described, kind, here, energies)]
        caption = (
            f"First two principal components of the training set's descriptors ({footer}); "
            + {
                "set": "colour: the set.",
                "energy": "colour: the model's energy per atom less the mean of all; squares: training set.",
                "mode": "colour: the mode in which the trajectory ended; grey: training set and trajectories without.",
            }[colour]
        )
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


_COLUMNS: Final = ("component_1", "component_2", "component_3", "distance", "nearest")


def draw_distances(
    described: Described, placed: dict[Kind, Placed], folder: Path, *, footer: str, name: str = "distances"
) -> FigureFiles:
    """Share of each set's points that are farther from the training set than a distance, on logarithmic scales."""
    sets = sets_of(described)
    names = list(dict.fromkeys(sets.tolist()))
    rows: list[tuple[str, str, float, float]] = []
    with house_style():
        figure = new_figure(PAGE_INCHES * (0.66 if len(placed) == 1 else 1.0), 3.0)
        panels: Any = figure.subplots(1, len(placed), squeeze=False, sharey=True)[0]
        for axes, (kind, here) in zip(panels, placed.items(), strict=True):
            for rank, one in enumerate(names):
                distance = np.sort(here.distance[sets == one])
                share = 1.0 - np.arange(len(distance)) / len(distance)
                style = series_style(rank)
                axes.step(distance, share, color=style.colour, linestyle=style.dash, where="pre", label=one)
                rows += [(kind, one, d, s) for d, s in zip(distance.tolist(), share.tolist(), strict=True)]
            axes.axvline(1.0, color=RULE, linewidth=1.0, zorder=0)
            axes.set_xscale("log")
            axes.set_yscale("log")
            plain_log(axes.xaxis)
            plain_log(axes.yaxis)
            axes.set_xlabel("distance / spread of the training set")
            axes.set_title(f"{kind.capitalize()} descriptors")
            axes.grid(axis="both")
        panels[0].set_ylabel("share of points farther out")
        _legend(figure, panels[0])
        footnote(figure, footer)
        caption = (
            f"Share of the points of each set that are farther from the centre of the training set than a distance, in "
            f"units of the training set's own spread ({footer}). A set that follows the training set's curve holds "
            "nothing new to the model."
        )
        return store(figure, folder, name, caption=caption, header=("kind", "set", "distance", "share"), rows=rows)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    for label in figure.legend(handles, labels, loc="outside upper center", ncols=4).get_texts():
        label.set_parse_math(False)


def _by_label(
    axes: Axes, scores: FloatArray, labels: TextArray, grey: BoolArray, styles: Mapping[str, ModeStyle]
) -> None:
    _scatter(axes, scores[grey], label=TRAINING_SET, s=10, color=FADED, alpha=0.5)
    for name, style in styles.items():
        of = (labels == name) & ~grey
        if of.any():
            _scatter(
                axes, scores[of], label=name, s=14, marker=style.marker, color=style.colour, edgecolors=INK, lw=0.3
            )


def _styles(labels: TextArray, modes: Sequence[Mode]) -> dict[str, ModeStyle]:
    styles = {mode.label: mode.row.style for mode in modes}
    names = [name for name in dict.fromkeys(labels.tolist()) if name not in ("", TRAINING_SET)]
    return {name: styles.get(name) or series_style(rank) for rank, name in enumerate(names)}


def _by_energy(axes: Axes, scores: FloatArray, energies: FloatArray, training: BoolArray) -> Any:
    low, high = np.quantile(energies, [0.01, 0.99])
    look = {"cmap": _ENERGIES, "vmin": low, "vmax": max(high, low + 1e-9)}
    marks = _scatter(axes, scores[training], c=energies[training], marker="s", s=10, **look)
    if not training.all():
        _scatter(axes, scores[~training], c=energies[~training], s=14, edgecolors=INK, lw=0.3, **look)
    return marks


def _scatter(axes: Axes, scores: FloatArray, **look: Any) -> Any:
    return axes.scatter(scores[:, 0], scores[:, 1], rasterized=len(scores) > MANY, **look)


def _rows(described: Described, kind: Kind, here: Placed, energies: FloatArray) -> list[Sequence[object]]:
    third = here.scores[:, 2] if here.scores.shape[1] > 2 else np.full(len(here.scores), np.nan)
    table = np.column_stack([here.scores[:, 0], here.scores[:, 1], third, here.distance, here.nearest])
    owners = [described.structures[index] for index in described.structure.tolist()]
    return [
        (kind, owner.set_name, owner.source, owner.trajectory, owner.mode or "", energy, *numbers)
        for owner, energy, numbers in zip(owners, energies.tolist(), table.tolist(), strict=True)
    ]
