"""Figure of how warm slab and molecule were along the trajectories."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from molgun_lmp.analysis.kinetics.heat import Temperatures
from molgun_lmp.arrays import FloatArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.palette import INK, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY, PAGE_INCHES, halo, house_style, mode_legend, new_figure, store

BIN_PS: Final = 0.1
"""Frames are averaged over so long: temperatures of so few atoms fluctuate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatTrace:
    """Of one trajectory, `stuck` where it is bound at the end: `after_contact_ps` (T,) and its temperatures then."""

    trajectory_id: str
    mode: Mode
    stuck: bool
    after_contact_ps: FloatArray
    temperatures: Temperatures

    def binned(self) -> "HeatTrace":
        """Its means over bins of `BIN_PS`, the same for all trajectories; those without a frame are left out."""
        bins = np.floor(self.after_contact_ps / BIN_PS + 1e-6).astype(np.int64)
        places, which, counts = np.unique(bins, return_inverse=True, return_counts=True)
        slab, molecule, translation = (
            np.bincount(which, weights=values) / counts
            for values in (self.temperatures.slab_k, self.temperatures.molecule_k, self.temperatures.translation_ev)
        )
        return dataclasses.replace(
            self,
            after_contact_ps=np.asarray((places + 0.5) * BIN_PS, dtype=np.float64),
            temperatures=Temperatures(slab_k=slab, molecule_k=molecule, translation_ev=translation),
        )


def draw_temperatures(
    traces: Sequence[HeatTrace], folder: Path, *, sentence: str, name: str = "temperatures"
) -> FigureFiles:
    """Temperatures of the slab's mobile atoms and of the molecule against time after contact, and their means.

    `sentence` says in words how far they warmed. An atom has no temperature of its own: its kinetic energy is drawn.
    """
    binned = [trace.binned() for trace in traces if len(trace.after_contact_ps)]
    with house_style():
        figure = new_figure(PAGE_INCHES, 4.6)
        slab, molecule = figure.subplots(2, 1, sharex=True)
        is_atom = bool(binned) and not any(trace.temperatures.molecule_k.any() for trace in binned)
        whose = ("translation_ev", "energy of the atom / eV") if is_atom else ("molecule_k", "molecule / K")
        for axes, quantity, label in ((slab, "slab_k", "slab / K"), (molecule, *whose)):
            axes.axvline(0.0, color=RULE, linewidth=1.0)
            _draw(axes, binned, quantity)
            axes.set_ylabel(label)
        molecule.set_xlabel("time after first contact / ps")
        slab.set_title("How the slab warmed and the atom slowed" if is_atom else "How slab and molecule warmed")
        figure.legend(
            handles=mode_legend((trace.mode for trace in binned), lines=True),
            loc="outside right upper",
            title="at the end",
        )
        drawn = (
            "Temperature of the slab's mobile atoms and kinetic energy of the atom"
            if is_atom
            else "Temperatures of the slab's mobile atoms and of the molecule about its centre of mass"
        )
        caption = (
            f"{drawn}, averaged over "
            f"{BIN_PS:g} ps, of the {len(binned)} trajectories that came into contact, by mode at the end. Black: "
            "means of those that are bound at the end, and dashed of the others, as far as half of them were followed. "
            f"{sentence}"
        ).rstrip()
        header = ("trajectory", "mode", "after_contact_ps", "slab_k", "molecule_k", "translation_ev")
        rows = [
            (trace.trajectory_id, trace.mode.label, *numbers)
            for trace in binned
            for numbers in zip(
                trace.after_contact_ps.tolist(),
                trace.temperatures.slab_k.tolist(),
                trace.temperatures.molecule_k.tolist(),
                trace.temperatures.translation_ev.tolist(),
                strict=True,
            )
        ]
        return store(figure, folder, name, caption=caption, header=header, rows=rows)


def _draw(axes: Axes, binned: Sequence[HeatTrace], quantity: str) -> None:
    for mode in in_order(trace.mode for trace in binned):
        paths = [
            np.column_stack([trace.after_contact_ps, getattr(trace.temperatures, quantity)])
            for trace in binned
            if trace.mode == mode
        ]
        if paths:
            style = mode.row.style
            axes.add_collection(
                LineCollection(
                    paths,
                    colors=style.colour,
                    linestyles=style.dash,
                    linewidths=0.7,
                    alpha=0.6 if len(binned) <= 50 else 0.25,
                    rasterized=len(binned) > MANY,
                )
            )
    for stuck, dash in ((True, "-"), (False, "--")):
        some = [trace for trace in binned if trace.stuck is stuck]
        if some:
            times, means = _mean(some, quantity)
            (line,) = axes.plot(times, means, color=INK, linewidth=1.6, linestyle=dash)
            line.set_path_effects(halo())
    axes.autoscale_view()


def _mean(binned: Sequence[HeatTrace], quantity: str) -> tuple[FloatArray, FloatArray]:
    """Times and means of the bins that at least half of the trajectories have."""
    times = np.concatenate([trace.after_contact_ps for trace in binned])
    values = np.concatenate([getattr(trace.temperatures, quantity) for trace in binned])
    places, which, counts = np.unique(np.rint(times / BIN_PS - 0.5), return_inverse=True, return_counts=True)
    kept = counts >= len(binned) / 2
    return (places[kept] + 0.5) * BIN_PS, (np.bincount(which, weights=values) / counts)[kept]
