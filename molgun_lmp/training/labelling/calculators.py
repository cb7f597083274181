"""ASE calculators by name, and what one of them says of a structure."""

import importlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, get_calculator_class

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError, MolgunError

_CLASS: Final = re.compile(r"^([A-Za-z_][\w.]*):([A-Za-z_]\w*)$")


@dataclass(frozen=True, kw_only=True)
class RepeatDifference:
    """How far the labels from another start are from the first: its energy less theirs, the largest of a component."""

    energy_ev: float
    force_ev_per_angstrom: float


@dataclass(frozen=True, kw_only=True)
class ComputedLabels:
    """What a calculator found for one structure: `energy_ev` of all atoms, `forces` (N, 3) eV/Å."""

    energy_ev: float
    forces: FloatArray
    seconds: float
    repeat: RepeatDifference | None = None
    """None where it was computed once."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a structure has no labels."""

    reason: str
    fatal: bool = False
    """No structure can be labelled: the calculator itself could not be made."""


def make_calculator(name: str, options: Mapping[str, Any]) -> BaseCalculator:
    """The calculator that ASE knows by `name` (`vasp`, `cp2k`, `gpaw`, ...) or that stands at `module:Class`.

    Only a class of an installed package that is an ASE calculator is called. Raises `ConfigError` where there is none,
    or where it does not take the options.
    """
    match = _CLASS.match(name)
    try:
        found = getattr(importlib.import_module(match[1]), match[2]) if match else get_calculator_class(name)
    except (ImportError, AttributeError, KeyError, ValueError) as error:
        raise ConfigError(
            f"calculator: {name!r} cannot be loaded ({type(error).__name__}: {error}). Name one that ASE knows (vasp, "
            "cp2k, gpaw, ...) or module:Class of an installed package, such as tblite.ase:TBLite."
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseCalculator)):
        raise ConfigError(f"calculator: {name!r} is not an ASE calculator class.")
    try:
        return found(**options)
    except MolgunError:
        raise
    except Exception as error:  # a foreign constructor raises anything
        raise ConfigError(f"calculator {name!r} refuses its options: {type(error).__name__}: {error}") from error


def compute_labels(calculator: BaseCalculator, atoms: Atoms) -> ComputedLabels | Failure:
    """Energy and forces of one structure, constraints left aside.

    The energy is the one that the forces derive from (the free energy, where the electrons have a temperature).
    """
    start = time.monotonic()
    free = atoms.copy()
    free.set_constraint()
    free.calc = calculator
    try:
        forces = np.array(free.get_forces(), dtype=float)
        results = calculator.results
        # By its key: tblite gives the free energy without saying that it does.
        energy = float(results["free_energy"] if "free_energy" in results else free.get_potential_energy())
    except MolgunError as error:
        return Failure(reason=" ".join(str(error).split()))
    except Exception as error:  # so does a calculation
        return Failure(reason=f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")
    if getattr(calculator, "converged", True) is False:
        return Failure(reason="the self-consistent field did not converge")
    if not (np.isfinite(energy) and np.isfinite(forces).all()):
        return Failure(reason="the calculator gives numbers that are not finite")
    return ComputedLabels(energy_ev=energy, forces=forces, seconds=time.monotonic() - start)


def another_start(calculator: BaseCalculator, name: str, options: Mapping[str, Any]) -> BaseCalculator:
    """The same method without what this one remembers: `from_another_start()` of those that have it, or made anew."""
    own = getattr(calculator, "from_another_start", None)
    return make_calculator(name, options) if own is None else own()


def with_repeat(labels: ComputedLabels, again: ComputedLabels | Failure) -> ComputedLabels | Failure:
    """Labels with their difference from those of another start, and the time of both."""
    if isinstance(again, Failure):
        return Failure(reason=f"from another start: {again.reason}")
    difference = RepeatDifference(
        energy_ev=again.energy_ev - labels.energy_ev,
        force_ev_per_angstrom=float(np.abs(again.forces - labels.forces).max()),
    )
    return replace(labels, repeat=difference, seconds=labels.seconds + again.seconds)
