"""The energy of each element that a model adds its network's energy to, and what it tells about wrong labels."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np

from molgun_lmp.errors import TrainingError
from molgun_lmp.training.frames import LabelledFrame

_STRONGEST_BINDING_EV_PER_ATOM: Final = 12.0
"""Tungsten, the most strongly bound element, has 8.9; spin-restricted atoms add a little."""

Kind = Literal["isolated_atoms", "least_squares", "foundation", "foundation_estimated"]


def reference_energies(
    kind: Kind | Mapping[str, float], frames: Sequence[LabelledFrame], isolated_ev: Mapping[str, float]
) -> dict[str, float] | None:
    """Reference energies in eV by element; None where mace takes them from the foundation model.

    Raises `TrainingError` where an element has none.
    """
    if kind in ("foundation", "foundation_estimated"):
        return None
    elements = sorted({symbol for frame in frames for symbol in frame.symbols})
    if kind == "least_squares":
        return least_squares_energies(frames, {element: isolated_ev.get(element, 0.0) for element in elements})
    given = isolated_ev if isinstance(kind, str) else kind
    missing = [element for element in elements if element not in given]
    if missing:
        raise TrainingError(
            f"no reference energy for {', '.join(missing)}: "
            + (
                "the frames hold no isolated atom (config_type=IsolatedAtom) of it. Add one, or set "
                "`reference_energies: least_squares`."
                if isinstance(kind, str)
                else "`reference_energies` does not name it."
            )
        )
    return {element: float(given[element]) for element in elements}


def least_squares_energies(frames: Sequence[LabelledFrame], start_ev: Mapping[str, float]) -> dict[str, float]:
    """Energies that fit the frames' total energies per atom best, and of all that do the closest to `start_ev`.

    With fewer compositions than elements the fit alone leaves directions open; the smallest correction (the
    minimum-norm solution) settles them.
    """
    elements = sorted(start_ev)
    counts = np.array([[frame.symbols.count(element) for element in elements] for frame in frames], dtype=float)
    atoms = counts.sum(axis=1)
    start = np.array([start_ev[element] for element in elements])
    residual = np.array([frame.energy_ev for frame in frames]) - counts @ start
    correction, *_ = np.linalg.lstsq(counts / atoms[:, None], residual / atoms, rcond=1e-10)
    return {element: float(value) for element, value in zip(elements, start + correction, strict=True)}


def check_energies(
    frames: Sequence[LabelledFrame], isolated_ev: Mapping[str, float], *, limit_ev_per_atom: float
) -> None:
    """Raise `TrainingError` where energies cannot be of one level of theory in eV.

    A frame must lie within the limit of what its composition suggests, and, where the isolated atoms are known, must be
    bound by less than 12 eV per atom and not be unbound by more than the limit.
    """
    elements = sorted({symbol for frame in frames for symbol in frame.symbols})
    fitted = least_squares_energies(frames, {element: isolated_ev.get(element, 0.0) for element in elements})
    for frame in frames:
        deviation = (frame.energy_ev - sum(fitted[symbol] for symbol in frame.symbols)) / len(frame)
        if abs(deviation) > limit_ev_per_atom:
            raise TrainingError(
                f"{frame.source} ({frame.formula}): its energy of {frame.energy_ev:.3f} eV is {deviation:+.1f} eV per "
                f"atom away from what the other frames' compositions suggest (limit {limit_ev_per_atom:g}). Energies "
                "of different units or levels of theory are mixed: check this file."
            )
        if all(symbol in isolated_ev for symbol in frame.symbols):
            binding = (frame.energy_ev - sum(isolated_ev[symbol] for symbol in frame.symbols)) / len(frame)
            if not -_STRONGEST_BINDING_EV_PER_ATOM < binding < limit_ev_per_atom:
                raise TrainingError(
                    f"{frame.source} ({frame.formula}): {binding:+.1f} eV per atom against its isolated atoms is no "
                    "binding energy. Frames and isolated atoms must be of one level of theory, in eV."
                )
