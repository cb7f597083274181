"""What lies below the end of a trajectory: the minimum that it falls into, its class (found by
`structure_at_rest`), and its binding energy."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import ConfigDict

from molgun_lmp.outcome_classes import Mode
from molgun_lmp.outcome_scheme import DEFAULT_SCHEME, in_order
from molgun_lmp.records import JsonRecord

BINDING_HEADER: Final = ("minimum", "ends", "binding energy / eV", "spread", "strongest", "weakest")
"""Column titles of `Binding.cells`."""

_STRICT = ConfigDict(extra="forbid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Minimum(JsonRecord):
    """One structure after its quench."""

    __pydantic_config__ = _STRICT

    energy_ev: float
    """Of the whole cell, as the force model gives it."""
    steps: int
    largest_force_ev_per_angstrom: float
    """Largest component of the force on any atom that may move."""
    converged: bool
    start: str
    """SHA-256 of the data file that was quenched."""
    protocol: str
    """SHA-256 of the deck, the model and engine.in: a record with another one is made anew."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quenched(JsonRecord):
    """A trajectory's end, quenched: where it was, where it fell, and what it is worth."""

    __pydantic_config__ = _STRICT

    trajectory_id: str
    mode_at_end: Mode
    mode: Mode
    """Of the minimum: a class of bound or broken molecules, `physisorbed`, or `scattered` for one out of reach."""
    detail: str
    reason: str
    energy_ev: float
    slab_energy_ev: float
    """Of the slab snapshot that this trajectory began with, and what stood on it, quenched alone in the same cell."""
    molecule_energy_ev: float
    """Of its molecule snapshot, quenched alone in the same cell."""
    binding_energy_ev: float
    """`energy_ev` less the two others: negative where the molecule is bound."""
    steps: int
    converged: bool
    """Whether all three quenches reached the force tolerance."""
    dump: str
    """SHA-256 of the trajectory's dump: fired again, it has another end."""
    scheme: str = DEFAULT_SCHEME
    """Which classes these are: `OutcomeScheme.identity`. Records of earlier versions know one scheme alone."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Binding(JsonRecord):
    """Binding energies of all converged minima of one mode, in eV."""

    __pydantic_config__ = _STRICT

    mode: Mode
    minima: int
    mean_ev: float
    spread_ev: float | None
    """Standard deviation between minima; None for a single one."""
    strongest_ev: float
    weakest_ev: float

    def cells(self) -> tuple[str, ...]:
        """The line as text, in the order of `BINDING_HEADER`; a dash for unknown."""
        spread = "–" if self.spread_ev is None else f"{self.spread_ev:.2f}"
        energies = (f"{self.mean_ev:.2f}", spread, f"{self.strongest_ev:.2f}", f"{self.weakest_ev:.2f}")
        return (self.mode.label, str(self.minima), *energies)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Minima:
    """The minima below a campaign's ends, with what must be known to use their energies."""

    quenched: tuple[Quenched, ...]
    """In the order of their trajectories."""
    missing: int
    """Ends near or on the surface that were not minimised yet."""
    level_of_theory: str
    """Of the labels that the model learned from."""

    @property
    def binding(self) -> "tuple[Binding, ...]":
        """By mode of the minimum."""
        return binding_by_mode(self.quenched)

    def of(self, trajectory_id: str) -> Quenched | None:
        """The minimum below one trajectory's end."""
        return next((one for one in self.quenched if one.trajectory_id == trajectory_id), None)

    def reference(self) -> str:
        """What the energies are relative to, in words and numbers; empty where no energy is given."""
        known = [one for one in self.quenched if one.converged]
        if not known:
            return ""
        slabs = _levels("slab", [one.slab_energy_ev for one in known])
        molecules = _levels("molecule", [one.molecule_energy_ev for one in known])
        return (
            "Binding energy: that of the relaxed end, less those of its own slab, as the molecule met it, and its own "
            "molecule, each relaxed alone in the same cell with the same model; negative where the molecule is bound. "
            f"Reference: {slabs} and {molecules}. Labels of the model: {self.level_of_theory}."
        )

    def remarks(self) -> tuple[str, ...]:
        """Ends that fell to another class, and what is left out."""
        said = [
            f"{number} that ended as {end!s} fell to {minimum!s}."
            for (end, minimum), number in Counter((one.mode_at_end, one.mode) for one in self.quenched).items()
            if end != minimum
        ]
        unfinished = sum(not one.converged for one in self.quenched)
        if unfinished:
            said.append(
                f"{unfinished} have no binding energy: the end, its slab or its molecule did not reach the force "
                "tolerance."
            )
        if self.missing:
            said.append(f"{self.missing} more were not minimised yet: `molgun analyse --quench` goes on.")
        return tuple(said)


def _levels(what: str, energies: Sequence[float]) -> str:
    """Such as `3 molecules of -123.456 to -123.450 eV`; equal minima are one."""
    found = sorted(set(energies))
    if len(found) == 1:
        return f"one {what} of {found[0]:.3f} eV"
    return f"{len(found)} {what}s of {found[0]:.3f} to {found[-1]:.3f} eV"


def binding_by_mode(quenched: Sequence[Quenched]) -> tuple[Binding, ...]:
    """One record per mode of the minimum, in the order of their scheme."""
    found = []
    for mode in in_order(one.mode for one in quenched):
        energies = np.array([one.binding_energy_ev for one in quenched if one.mode == mode and one.converged])
        if len(energies):
            found.append(
                Binding(
                    mode=mode,
                    minima=len(energies),
                    mean_ev=float(energies.mean()),
                    spread_ev=float(energies.std(ddof=1)) if len(energies) > 1 else None,
                    strongest_ev=float(energies.min()),
                    weakest_ev=float(energies.max()),
                )
            )
    return tuple(found)
