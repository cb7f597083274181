"""Figures of chains of doses: uptake and sticking, outcomes against coverage, and who is beside whom."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from molgun_lmp.analysis.dosing.answers import Dosing
from molgun_lmp.analysis.dosing.uptake import sticking_law
from molgun_lmp.arrays import FloatArray
from molgun_lmp.dosing_records import Hold
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.palette import BLUE, DIM, FADED, INK, PAPER, RULE, SKY, ModeStyle
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, series_style, store

UPTAKE_NAME: Final = "uptake"
ORDER_NAME: Final = "dose-outcomes"
_FINE: Final = 200
_LAWS: Final = {"Langmuir": "--", "Kisliuk": ":"}
_ON_OTHERS: Final = {
    Hold.ADSORBATE.value: ModeStyle(colour=INK, marker="D", dash="--"),
    Hold.SECOND_LAYER.value: ModeStyle(colour=SKY, marker="v", dash=":"),
}
"""What stands on no slab, which no class of a scheme is."""
Row = tuple[object, ...]


def draw_uptake(found: Dosing, folder: Path, name: str = UPTAKE_NAME) -> FigureFiles:
    """The coverage after each dose, every chain behind its mean, and what sticks at each coverage, with the laws."""
    with house_style():
        figure = new_figure(PAGE_INCHES, 2.9)
        left, right = figure.subplots(1, 2)
        rows = [*_draw_uptake(left, found), *_draw_sticking(right, found)]
        return store(
            figure,
            folder,
            name,
            caption=(
                f"Left: molecules on the surface after each dose, the mean of {found.doses.chains} chains with its "
                "95 % interval; grey: the chains. Right: the share of molecules that were taken up, against how many "
                "were there, with 95 % intervals over chains. Lines: Langmuir's law (dashed) and Kisliuk's (dotted), "
                "fitted to the sticking. A monolayer is one molecule for each atom of the top layer."
            ),
            header=("panel", "series", "x", "y", "low", "high"),
            rows=rows,
        )


def _draw_uptake(axes: Axes, found: Dosing) -> list[Row]:
    doses, per_atom = found.doses, found.places.per_atom
    for chain in np.unique(doses.chain):
        mine = doses.chain == chain
        order = np.argsort(doses.dose[mine])
        x = np.append(0, doses.dose[mine][order] + 1)
        axes.plot(per_atom(1) * x, per_atom(1) * np.append(0, doses.after[mine][order]), color=RULE, linewidth=0.6)
    x = np.array([point.per_surface_atom for point in found.uptake])
    middle, low, high = (
        np.array([getattr(point, name) for point in found.uptake])
        for name in ("monolayers", "monolayers_low", "monolayers_high")
    )
    axes.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(x, middle, color=BLUE)
    rows: list[Row] = [
        ("uptake", "mean", *row) for row in zip(*map(np.ndarray.tolist, (x, middle, low, high)), strict=True)
    ]
    for law, values in _laws(found).items():
        grown = [0.0]
        for _ in range(len(x) - 1):  # each dose adds what sticks at the mean coverage
            grown.append(grown[-1] + float(sticking_law(values, np.array(grown[-1]))))
        axes.plot(x, per_atom(1) * np.array(grown), color=INK, linestyle=_LAWS[law], linewidth=0.9)
        rows += [("uptake", law, a, per_atom(b), None, None) for a, b in zip(x.tolist(), grown, strict=True)]
    axes.set(xlabel="doses per surface atom", ylabel="coverage / monolayers", xlim=(0, None), ylim=(0, None))
    axes.set_title("Uptake")
    return rows


def _draw_sticking(axes: Axes, found: Dosing) -> list[Row]:
    rows: list[Row] = []
    lines = found.sticking
    for one in lines:
        arms = [[max(0.0, one.fraction - one.cluster_low)], [max(0.0, one.cluster_high - one.fraction)]]
        axes.errorbar(
            *(one.monolayers, one.fraction, arms),
            color=BLUE,
            marker="o",
            markersize=4,
            capsize=2,
            elinewidth=0.8,
            linestyle="none",
        )
        rows.append(("sticking", "taken up", one.monolayers, one.fraction, one.cluster_low, one.cluster_high))
    highest = lines[-1].most if lines else 1
    fine = np.linspace(0, highest, _FINE)
    for law, values in _laws(found).items():
        curve = sticking_law(values, fine)
        axes.plot(found.places.per_atom(1) * fine, curve, color=INK, linestyle=_LAWS[law], linewidth=0.9, label=law)
        across = [found.places.per_atom(one) for one in fine.tolist()]
        rows += [("sticking", law, a, b, None, None) for a, b in zip(across, curve.tolist(), strict=True)]
    if _laws(found):
        axes.legend(loc="best")
    axes.set(xlabel="coverage met / monolayers", ylabel="taken up", ylim=(-0.03, 1.03))
    axes.set_title("Sticking")
    return rows


def _laws(found: Dosing) -> dict[str, FloatArray]:
    """Law -> S0, saturation, K, of those whose saturation the chains bound."""
    values: dict[str, dict[str, float]] = {}
    for fit in found.fits:
        values.setdefault(fit.law, {"K": 1.0})[fit.parameter] = fit.value
    undetermined = {fit.law for fit in found.fits if fit.parameter == "saturation_molecules" and fit.high is None}
    return {
        law: np.array([one["S0"], one["saturation_molecules"], one["K"]])
        for law, one in values.items()
        if law == "Langmuir" or law not in undetermined
    }


def draw_order(found: Dosing, scheme: OutcomeScheme, folder: Path, name: str = ORDER_NAME) -> FigureFiles:
    """The share of every outcome at each coverage, and how often molecules settled at a distance from others, over how
    often at random."""
    with house_style():
        figure = new_figure(PAGE_INCHES, 3.4)
        left, right = figure.subplots(1, 2)
        rows = [*_draw_outcomes(left, found, scheme), *_draw_neighbours(right, found)]
        return store(
            figure,
            folder,
            name,
            caption=(
                "Left: what became of molecules, against how many were there. Right: how many molecules were at a "
                "distance from where one settled, over how many at random from the same states (places as seen, none "
                "nearer than two were seen); bars: 95 % over chains, grey: 95 % of random adsorption. "
                + " ".join(one.sentence for one in found.tendencies if one.blocked == "closest")
            ).rstrip(),
            header=("panel", "series", "x", "y", "low", "high"),
            rows=rows,
        )


def _draw_outcomes(axes: Axes, found: Dosing, scheme: OutcomeScheme) -> list[Row]:
    styles = {mode.label: mode.row.style for mode in scheme.modes} | _ON_OTHERS
    lines = [one for one in found.coverage if one.what == "outcome"]
    rows: list[Row] = []
    base: dict[int, float] = {}
    for label in dict.fromkeys(one.line for one in lines):
        mine, style = [one for one in lines if one.line == label], styles[label]
        bottom = [base.get(one.fewest, 0.0) for one in mine]
        axes.bar(
            [(one.fewest + one.most) / 2 for one in mine],
            [one.fraction for one in mine],
            bottom=bottom,
            width=[0.86 * (one.most - one.fewest + 1) for one in mine],
            color=style.colour,
            hatch=style.hatch,
            label=label,
        )
        base |= {one.fewest: low + one.fraction for one, low in zip(mine, bottom, strict=True)}
        rows += [("outcomes", label, one.molecules, one.fraction, one.cluster_low, one.cluster_high) for one in mine]
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="molecules met", ylabel="share of molecules", ylim=(0, 1))
    axes.set_title("Outcomes")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=6.5)
    return rows


def _draw_neighbours(axes: Axes, found: Dosing) -> list[Row]:
    axes.set_title("Beside whom")
    shown = [one for one in found.neighbours if one.blocked == "closest"]
    rows: list[Row] = []
    axes.axhline(1.0, color=FADED, linewidth=0.8)
    for rank, relation in enumerate(("pairs", "nearest")):
        mine, style = [one for one in shown if one.relation == relation], series_style(rank)
        for one in mine:
            middle = (one.low_angstrom + one.high_angstrom) / 2 + (rank - 0.5) * 0.12 * (
                one.high_angstrom - one.low_angstrom
            )
            if relation == "pairs":
                axes.fill_between(
                    [one.low_angstrom, one.high_angstrom], one.random_low, one.random_high, color=RULE, linewidth=0
                )
            low, high = one.ratio_low, one.ratio_high
            if low is not None and high is not None:
                axes.plot([middle, middle], [low, high], color=style.colour, linewidth=0.8)
            axes.plot(
                *([middle], [one.ratio], style.marker),
                color=style.colour,
                markersize=4.5,
                markerfacecolor=style.colour if one.p_holm < 0.05 else PAPER,
            )
            rows.append((relation, f"p {one.p_holm:.3f}", middle, one.ratio, low, high))
        if mine:
            text = "all that were there" if relation == "pairs" else "the nearest one"
            axes.plot([], [], style.marker, color=style.colour, markersize=4.5, label=text)
    if shown:
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.2), title="full: differs from random", title_fontsize=6.5
        )
    else:
        axes.text(0.5, 0.5, "no two molecules yet", transform=axes.transAxes, ha="center", color=DIM)
    axes.set(xlabel="distance / Å", ylabel="observed / at random", ylim=(0, None), xlim=(0, None))
    return rows
