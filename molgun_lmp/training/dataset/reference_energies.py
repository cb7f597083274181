"""The energy of each element that a model adds its network's energy to, and what it tells about wrong labels."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Self

import numpy as np
from ase.formula import Formula

from molgun_lmp.errors import TrainingError
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame

_STRONGEST_BINDING_EV_PER_ATOM: Final = 12.0
"""Tungsten, the most strongly bound element, has 8.9; spin-restricted atoms add a little."""

Kind = Literal["auto", "isolated_atoms", "least_squares", "foundation", "foundation_estimated"]


def settled_kind(
    kind: Kind | Mapping[str, float],
    frames: Iterable[LabelledFrame],
    isolated_ev: Mapping[str, float],
    *,
    has_foundation: bool,
) -> Kind | Mapping[str, float]:
    """What `auto` comes to: isolated atoms where each element has one, otherwise an estimate.

    The estimate is the foundation model's energies shifted to the labels' level, or a fit where there is no foundation;
    never an average over elements, which is no energy of any of them.
    """
    if kind != "auto":
        return kind
    if {symbol for frame in frames for symbol in frame.symbols} <= isolated_ev.keys():
        return "isolated_atoms"
    return "foundation_estimated" if has_foundation else "least_squares"


def reference_energies(
    kind: Kind | Mapping[str, float], frames: Sequence[LabelledFrame], isolated_ev: Mapping[str, float]
) -> dict[str, float] | None:
    """Reference energies in eV by element; None where mace takes them from the foundation model.

    `kind` is a settled one. Raises `TrainingError` where an element has none.
    """
    if kind in ("foundation", "foundation_estimated"):
        return None
    elements = sorted({symbol for frame in frames for symbol in frame.symbols})
    if kind == "least_squares":
        return CompositionEnergies.of(frames).least_squares(isolated_ev)
    given = isolated_ev if isinstance(kind, str) else kind
    missing = [element for element in elements if element not in given]
    if missing:
        raise TrainingError(
            f"no reference energy for {', '.join(missing)}: "
            + (
                "the frames hold no isolated atom (config_type=IsolatedAtom) of it. Add one, or set "
                "`reference_energies: auto`, which estimates (least_squares, or foundation_estimated)."
                if isinstance(kind, str)
                else "`reference_energies` does not name it."
            )
        )
    return {element: float(given[element]) for element in elements}


@dataclasses.dataclass(kw_only=True)
class _Composition:
    """The frames of one composition: how many, the sum of their energies, and the lowest and the highest one."""

    atoms: Mapping[str, int]
    frames: int = 0
    sum_ev: float = 0.0
    lowest: tuple[float, str] = (np.inf, "")
    highest: tuple[float, str] = (-np.inf, "")
    """Energy in eV and source."""

    def add(self, energy_ev: float, source: str) -> None:
        self.frames += 1
        self.sum_ev += energy_ev
        self.lowest = min(self.lowest, (energy_ev, source))
        self.highest = max(self.highest, (energy_ev, source))


class CompositionEnergies:
    """Energies of frames by composition, all that fitting and checking them needs; memory does not grow with frames."""

    def __init__(self) -> None:
        self._of: dict[tuple[tuple[str, int], ...], _Composition] = {}

    @classmethod
    def of(cls, frames: Iterable[LabelledFrame]) -> Self:
        """From frames at hand."""
        energies = cls()
        for frame in frames:
            energies.add(frame)
        return energies

    def add(self, frame: LabelledFrame) -> None:
        """Take in one more frame."""
        atoms = Counter(frame.symbols)
        key = tuple(sorted(atoms.items()))
        self._of.setdefault(key, _Composition(atoms=atoms)).add(frame.energy_ev, frame.source)

    def least_squares(self, isolated_ev: Mapping[str, float]) -> dict[str, float]:
        """Energies that fit the frames' total energies per atom best, and of all that do the closest to the atoms'.

        With fewer compositions than elements the fit alone leaves directions open; the smallest correction (the
        minimum-norm solution) settles them. An element that has no isolated atom starts from 0 eV.
        """
        groups = list(self._of.values())
        elements = sorted({element for group in groups for element in group.atoms})
        counts = np.array([[group.atoms.get(element, 0) for element in elements] for group in groups], dtype=float)
        # A group of n equal rows weighs as one row, of its mean, times the root of n.
        weights = np.sqrt([group.frames for group in groups]) / counts.sum(axis=1)
        start = np.array([isolated_ev.get(element, 0.0) for element in elements])
        residual = np.array([group.sum_ev / group.frames for group in groups]) - counts @ start
        correction, *_ = np.linalg.lstsq(counts * weights[:, None], residual * weights, rcond=1e-10)
        return {element: float(value) for element, value in zip(elements, start + correction, strict=True)}

    def check(self, isolated_ev: Mapping[str, float], *, limit_ev_per_atom: float) -> None:
        """Raise `TrainingError` where energies cannot be of one level of theory in eV.

        A frame must lie within the limit of what its composition suggests, and, where the isolated atoms are known,
        must be bound by less than 12 eV per atom and not be unbound by more than the limit.
        """
        fitted = self.least_squares(isolated_ev)
        for group in self._of.values():
            for energy_ev, source in (group.lowest, group.highest):
                name = f"{source} ({_formula(group.atoms)})"
                atoms = sum(group.atoms.values())
                deviation = (energy_ev - sum(fitted[element] * n for element, n in group.atoms.items())) / atoms
                if abs(deviation) > limit_ev_per_atom:
                    raise TrainingError(
                        f"{name}: its energy of {energy_ev:.3f} eV is {deviation:+.1f} eV per atom away from what the "
                        f"other frames' compositions suggest (limit {limit_ev_per_atom:g}). Energies of different "
                        "units or levels of theory are mixed: check this file."
                    )
                if group.atoms.keys() <= isolated_ev.keys():
                    binding = (energy_ev - sum(isolated_ev[element] * n for element, n in group.atoms.items())) / atoms
                    if not -_STRONGEST_BINDING_EV_PER_ATOM < binding < limit_ev_per_atom:
                        raise TrainingError(
                            f"{name}: {binding:+.1f} eV per atom against its isolated atoms is no binding energy. "
                            "Frames and isolated atoms must be of one level of theory, in eV."
                        )


def check_energies(
    frames: Iterable[LabelledFrame], isolated_ev: Mapping[str, float], *, limit_ev_per_atom: float
) -> None:
    """`CompositionEnergies.check` of frames at hand."""
    CompositionEnergies.of(frames).check(isolated_ev, limit_ev_per_atom=limit_ev_per_atom)


def _formula(atoms: Mapping[str, int]) -> str:
    return str(Formula.from_dict(dict(atoms)).format("hill"))
