"""Pictures of structures: balls and sticks from the side and from above, nearer atoms on top."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from molgun_lmp.arrays import BoolArray, FloatArray
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.palette import ALARM, INK, PAPER
from molgun_lmp.plotting.element_colours import element_colours
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import PAGE_INCHES, house_style, new_figure, store

_BALL: Final = (0.2, 0.37)
"""Radius of a ball: so many Å, and so much of the covalent radius, which alone leaves hydrogen too small to see."""
_STICK: Final = 0.2
"""Width of a bond in Å."""
_BOND_SLACK: Final = 0.3
"""A bond is drawn below the sum of the covalent radii plus this, Å; which bonds count is not decided here."""
_BELOW: Final = 5.6
_ABOVE: Final = 11.0
"""The side view shows the surface plane minus and plus these, Å."""
_ABOVE_OTHERS: Final = 30.0
"""The most that it shows in place of the latter where others stand on the surface."""
_MARGIN: Final = 0.7
"""Room for a ball at the upper edge of the side view, Å."""
_LEAST_GAP: Final = 3.5
"""Between the surface plane and a molecule that is drawn lower than it is, Å."""
_SLICE: Final = 0.4
"""Depth over which balls hide sticks as a whole, Å."""
_PALER: Final = 0.5
"""How far the colours of what stood there already go towards the paper."""
_TOP_LAYERS: Final = 3.2
"""The top view shows the slab down to this depth below the surface plane, Å."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A structure to draw: slab atoms first, then what stands on it already, the molecule last.

    `positions` (N, 3) Å, wrapped or not; `cell` (3, 3) Å, rows are vectors; `bonds` are (molecule atom, slab atom).
    """

    title: str
    mode: Mode
    symbols: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray
    n_slab: int
    surface_z_angstrom: float
    bonds: tuple[tuple[int, int], ...]
    n_adsorbed: int = 0

    @property
    def first(self) -> int:
        """Of the molecule's atoms."""
        return self.n_slab + self.n_adsorbed

    @property
    def is_slab(self) -> BoolArray:
        """(N,)."""
        return np.arange(len(self.symbols)) < self.n_slab

    @property
    def is_molecule(self) -> BoolArray:
        """(N,)."""
        return np.arange(len(self.symbols)) >= self.first


def draw_structures(snapshots: Sequence[Snapshot], folder: Path, name: str = "structures") -> FigureFiles:
    """Side view (along y) and top view of each structure, the molecule in the middle of its cell, nearer atoms on top.

    At most twelve are drawn, the first ones; the caption says so.
    """
    shown = snapshots[:12]
    columns = min(max(1, len(shown)), 3 if len(shown) <= 6 else 4)
    lines = max(1, -(-len(shown) // columns))
    above = _window(shown)
    width = PAGE_INCHES * min(1.0, columns / 3)
    elements = sorted({symbol for snapshot in shown for symbol in snapshot.symbols}, key=chemical_symbols.index)
    colours = element_colours(elements)
    with house_style():
        figure = new_figure(width, lines * (width / columns) * 1.98 + 0.1)
        grid = figure.subplots(2 * lines, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for place, snapshot in enumerate(shown):
            line, column = divmod(place, columns)
            side, top = grid[2 * line, column], grid[2 * line + 1, column]
            _draw_views(snapshot, side, top, colours, above)
            side.set_title(f"{snapshot.mode.label}  ", fontsize=8, pad=11)
            subtitle = _subtitle(snapshot, above)
            side.text(0.0, 1.015, subtitle, transform=side.transAxes, fontsize=6.5, va="bottom", parse_math=False)
        left_out = f" The first {len(shown)} of {len(snapshots)}." if len(snapshots) > len(shown) else ""
        others = " What stood on the surface before it is paler." if any(one.n_adsorbed for one in shown) else ""
        keys = [_element_key(element, colours[element]) for element in elements]
        figure.legend(handles=keys + _BOND_KEY, loc="outside lower center", ncols=6)
        caption = (
            "Structures at the end: side view along y above, top view (two uppermost layers) below; the molecule is "
            "moved to the middle of the periodic cell. Vermilion: bonds between molecule and surface. A molecule high "
            "up is drawn lower in the side view, beyond a dashed line; its title says how high its lowest atom is."
            f"{others}{left_out}"
        )
        numbers = [
            (snapshot.title, snapshot.mode.label, index, symbol, *position)
            for snapshot in shown
            for index, (symbol, position) in enumerate(zip(snapshot.symbols, snapshot.positions.tolist(), strict=True))
        ]
        header = ("structure", "mode", "atom", "symbol", "x_angstrom", "y_angstrom", "z_angstrom")
        return store(figure, folder, name, caption=caption, header=header, rows=numbers)


_BOND_KEY: Final = [Line2D([], [], color=ALARM, linewidth=2.5, label="molecule-surface bond")]


def _element_key(symbol: str, colour: str) -> Line2D:
    return Line2D(
        [], [], color=colour, marker="o", linestyle="none", markersize=6, markeredgecolor=INK, markeredgewidth=0.4,
        label=symbol,
    )  # fmt: skip


def centred(snapshot: Snapshot) -> FloatArray:
    """Positions (N, 3) with the molecule whole around x = y = 0, slab atoms in the cell around it, z from the surface
    plane."""
    plane = snapshot.cell[:2, :2]
    scaled = np.linalg.solve(plane.T, snapshot.positions[:, :2].T).T
    molecule = scaled[snapshot.first :] if snapshot.first < len(scaled) else scaled
    # The mean on a circle is a centre that does not depend on where the molecule is cut by the boundary.
    centre = np.angle(np.exp(2j * np.pi * molecule).mean(axis=0)) / (2 * np.pi)
    moved = scaled - centre
    moved -= np.rint(moved)
    heights = snapshot.positions[:, 2:] - snapshot.surface_z_angstrom
    return np.hstack([moved @ plane, heights])


def lowering(snapshot: Snapshot, above: float = _ABOVE) -> float:
    """By how many Å a side view of `above` Å draws a free molecule lower than it is, to show the whole of it."""
    heights = snapshot.positions[snapshot.n_slab :, 2] - snapshot.surface_z_angstrom
    others, own = np.split(heights, [snapshot.n_adsorbed])
    if len(own) == 0 or snapshot.bonds:
        return 0.0
    highest = others.max(initial=0.0)
    return float(max(0.0, min(own.max() - (above - _MARGIN), own.min() - highest - _LEAST_GAP)))


def _window(snapshots: Sequence[Snapshot]) -> float:
    """How far above the surface plane all side views of a figure reach, Å."""
    if not any(one.n_adsorbed for one in snapshots):
        return _ABOVE
    highest = max(float(one.positions[:, 2].max()) - one.surface_z_angstrom for one in snapshots)
    return max(_ABOVE, min(highest + 2 * _MARGIN, _ABOVE_OTHERS))


def _subtitle(snapshot: Snapshot, above: float) -> str:
    if lowering(snapshot, above) == 0.0:
        return snapshot.title
    lowest = float((snapshot.positions[snapshot.first :, 2] - snapshot.surface_z_angstrom).min())
    return f"{snapshot.title}: {lowest:.1f} Å up, drawn lower"


def _draw_views(snapshot: Snapshot, side: Axes, top: Axes, colours: Mapping[str, str], above: float) -> None:
    positions = centred(snapshot)
    molecule = snapshot.is_molecule
    half = np.abs(snapshot.cell[:2, :2]).sum(axis=0) / 2 + 1.0
    near_surface = ~snapshot.is_slab | (positions[:, 2] > -_TOP_LAYERS)
    lower = lowering(snapshot, above)
    drawn = positions - np.outer(molecule, [0.0, 0.0, lower])
    views = (
        (side, drawn, (0, 2), -positions[:, 1], np.ones(len(positions), dtype=np.bool_), (-_BELOW, above)),
        (top, positions, (0, 1), positions[:, 2], near_surface, (-half[1], half[1])),
    )
    for axes, placed, plane, towards_eye, shown, window in views:
        axes.set(xlim=(-half[0], half[0]), ylim=window, aspect="equal")
        inside = shown & (placed[:, plane[1]] > window[0]) & (placed[:, plane[1]] < window[1])
        _draw_balls_and_sticks(axes, snapshot, placed, colours, plane=plane, towards_eye=towards_eye, shown=inside)
    if lower:  # where height was left out
        middle = (drawn[molecule, 2].min() + drawn[~molecule, 2].max(initial=0.0)) / 2
        for height in (middle - 0.15, middle + 0.15):
            side.plot([-half[0] + 1, half[0] - 1], [height] * 2, color=INK, linewidth=0.5, linestyle=(0, (4, 4)))
    side.plot([half[0] - 6, half[0] - 1], [-_BELOW - 0.3] * 2, color=INK, linewidth=1.2, clip_on=False)
    side.text(half[0] - 3.5, -_BELOW - 0.5, "5 Å", ha="center", va="top", fontsize=6.5)


def _draw_balls_and_sticks(
    axes: Axes,
    snapshot: Snapshot,
    positions: FloatArray,
    colours: Mapping[str, str],
    *,
    plane: tuple[int, int],
    towards_eye: FloatArray,
    shown: BoolArray,
) -> None:
    numbers = np.array([atomic_numbers[symbol] for symbol in snapshot.symbols])
    flat = positions[:, list(plane)]
    sticks = _sticks(snapshot, positions, covalent_radii[numbers], shown)
    visible = np.flatnonzero(shown)
    if len(visible) == 0:
        return
    fade = _fade(towards_eye, shown & snapshot.is_slab)
    fade[snapshot.n_slab : snapshot.first] = _PALER
    slices = np.floor(towards_eye / _SLICE)
    # Each half of a stick lies just below the ball that it starts from.
    stick_slices = np.array([slices[first] - 0.5 for first, _, _ in sticks])
    for order, level in enumerate(np.unique(np.concatenate([slices[visible], stick_slices]))):
        _add_sticks(axes, flat, [sticks[i] for i in np.flatnonzero(stick_slices == level)], fade, order)
        atoms = visible[slices[visible] == level]
        atoms = atoms[np.argsort(towards_eye[atoms], kind="stable")]
        diameters = 2 * (_BALL[0] + _BALL[1] * covalent_radii[numbers[atoms]])
        strong = 1.0 - fade[atoms]
        faces = [to_rgba(colours[snapshot.symbols[a]], s) for a, s in zip(atoms, strong, strict=True)]
        rims = [to_rgba(INK, s) for s in strong]
        for face, rim, width in ((PAPER, PAPER, 0.35), (faces, rims, 0.45)):
            balls = EllipseCollection(
                diameters, diameters, np.zeros(len(atoms)),
                units="xy", offsets=flat[atoms], offset_transform=axes.transData, linewidths=width, zorder=order,
                facecolors=face, edgecolors=rim,
            )  # fmt: skip
            axes.add_collection(balls)


def _fade(towards_eye: FloatArray, slab: BoolArray) -> FloatArray:
    """How far each atom's colour goes towards the paper: the slab's by depth, the molecule's not at all. What is drawn
    so lets shine through a piece of paper of its own shape, which hides what lies below and is dark on a dark page."""
    fade = np.zeros(len(towards_eye))
    if slab.any():
        depth = towards_eye[slab].max() - towards_eye[slab]
        fade[slab] = 0.6 * depth / max(float(depth.max()), 1e-9)
    return fade


def _sticks(
    snapshot: Snapshot, positions: FloatArray, radii: FloatArray, shown: BoolArray
) -> list[tuple[int, int, str]]:
    """(atom, towards atom, colour) of the two halves of every bond with both ends in the picture and no boundary
    between them."""
    distances = np.linalg.norm(positions[:, None] - positions[None, :], axis=2)
    close = (distances < radii[:, None] + radii[None, :] + _BOND_SLACK) & shown[:, None] & shown[None, :]
    decided = np.outer(snapshot.is_slab, snapshot.is_molecule)  # by `bonds`; the slab's atoms are first
    drawn = [(int(a), int(b), "#7d848f") for a, b in np.argwhere(np.triu(close & ~decided, k=1))]
    drawn += [(m, s, ALARM) for m, s in snapshot.bonds if shown[m] and shown[s] and distances[m, s] < 4.0]
    return drawn + [(b, a, colour) for a, b, colour in drawn]


def _add_sticks(
    axes: Axes, flat: FloatArray, sticks: Sequence[tuple[int, int, str]], fade: FloatArray, order: int
) -> None:
    outlines, colours = [], []
    for first, second, colour in sticks:
        along = (flat[second] - flat[first]) / 2
        length = float(np.linalg.norm(along))
        if length < 1e-6:  # seen end on
            continue
        bold = 1.6 if colour == ALARM else 1.0
        across = bold * _STICK / 2 * np.array([-along[1], along[0]]) / length
        start, middle = flat[first], flat[first] + along
        outlines.append([start + across, middle + across, middle - across, start - across])
        colours.append(to_rgba(colour, 1.0 if colour == ALARM else 1.0 - fade[first]))
    for faces in (PAPER, colours):
        axes.add_collection(PolyCollection(outlines, facecolors=faces, edgecolors="none", zorder=order))
