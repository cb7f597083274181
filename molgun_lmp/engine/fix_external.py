"""A Python force model as the callback of LAMMPS' `fix external`."""

from typing import Any, Final

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.engine.failure_causes import is_out_of_memory
from molgun_lmp.engine.force_models import Evaluation, ForceModel, ForceModelInput
from molgun_lmp.engine.lammps_lock import Turn
from molgun_lmp.engine.neighbour_lists import NeighbourLists
from molgun_lmp.errors import EngineError
from molgun_lmp.records import Cause

FIX_ID: Final = "molgun_force"
ELEMENTS_VARIABLE: Final = "molgun_elements"
"""A LAMMPS string variable of the engine include: the chemical symbol of each atom type, in their order."""


class ExternalForces:
    """Answers one LAMMPS instance's `fix external` with a force model.

    An exception inside a ctypes callback is lost and the run would go on: it is kept in `failure` (cause, words),
    the forces are zero from there on, and the run is told to end at its next step. While the model is at work other
    instances may have their `turn` within LAMMPS.
    """

    def __init__(self, lmp: Any, model: ForceModel, turn: Turn) -> None:
        self.failure: tuple[Cause, str] | None = None
        self._lmp = lmp
        self._model = model
        self._turn = turn
        self._number_of_type: IntArray = np.zeros(0, dtype=np.int64)
        self._atoms = 0
        self._lists = NeighbourLists()

    def attach(self) -> None:
        """Set the callback; the deck's engine include must have been read. Raises `EngineError` without it."""
        symbols = self._lmp.extract_variable(ELEMENTS_VARIABLE)
        if not symbols or not self._lmp.has_id("fix", FIX_ID):
            raise EngineError(
                f"the deck has no `variable {ELEMENTS_VARIABLE} string ...` or no `fix {FIX_ID}` before its first run, "
                "so the force model cannot be attached: its engine.in was written for another engine. Plan again."
            )
        missing = [symbol for symbol in symbols.split() if symbol not in self._model.elements]
        if missing:
            raise EngineError(
                f"the force model was not trained on {', '.join(missing)}; it knows "
                f"{', '.join(sorted(self._model.elements))}. Use a model of these elements."
            )
        numbers = [0, *(atomic_numbers[symbol] for symbol in symbols.split())]  # LAMMPS types count from 1
        self._number_of_type = np.array(numbers, dtype=np.int64)
        self._atoms = int(self._lmp.get_natoms())
        self._lmp.set_fix_external_callback(FIX_ID, self._answer, None)

    def _answer(self, _caller: Any, step: int, nlocal: int, tag: IntArray, x: FloatArray, f: FloatArray) -> None:
        f[:] = 0.0
        if self.failure is None:
            try:
                self._fill(step, nlocal, tag, x, f)
            except BaseException as error:  # see the class: nobody else would ever hear of it
                f[:] = 0.0
                self.failure = self.failure or (
                    Cause.OUT_OF_MEMORY if is_out_of_memory(error) else Cause.FORCE_MODEL_ERROR,
                    f"the force model failed at step {step}: {type(error).__name__}: {error}",
                )
        if self.failure is not None:
            self._lmp.force_timeout()

    def _fill(self, step: int, nlocal: int, tag: IntArray, x: FloatArray, f: FloatArray) -> None:
        if nlocal != self._atoms:  # LAMMPS itself looks at its next thermo output only
            self.failure = (
                Cause.LOST_ATOMS,
                f"lost atoms: {self._atoms - nlocal} of {self._atoms} had left the box at step {step}. The run blew "
                "up, or the box is not periodic where it should be.",
            )
            return
        order = np.argsort(tag, kind="stable")  # the model sees one order, however LAMMPS sorts
        structure = self._structure(step, nlocal, x, order)
        with self._turn.outside():
            evaluation = self._model.evaluate(structure)
        self._refuse_non_finite(evaluation, step, tag[order])
        if self.failure is None:
            f[order] = evaluation.forces
            self._lmp.fix_external_set_energy_global(FIX_ID, evaluation.energy_ev)

    def _structure(self, step: int, nlocal: int, x: FloatArray, order: IntArray) -> ForceModelInput:
        low, high, xy, yz, xz, periodic, _ = self._lmp.extract_box()
        lx, ly, lz = np.subtract(high, low)
        types = self._lmp.numpy.extract_atom("type", nelem=nlocal)
        return ForceModelInput(
            numbers=self._number_of_type[types[order]],
            positions=np.array(x[order], dtype=np.float64),
            cell=np.array([[lx, 0.0, 0.0], [xy, ly, 0.0], [xz, yz, lz]]),
            pbc=(bool(periodic[0]), bool(periodic[1]), bool(periodic[2])),
            step=step,
            lists=self._lists,
        )

    def _refuse_non_finite(self, evaluation: Evaluation, step: int, tags: IntArray) -> None:
        bad = ~np.isfinite(evaluation.forces).all(axis=1)
        if not bad.any() and np.isfinite(evaluation.energy_ev):
            return
        atoms = ", ".join(str(tag) for tag in tags[bad][:5]) or "none, but the energy is"
        self.failure = (
            Cause.NAN_FORCE,
            f"non-finite force at step {step} (atoms: {atoms}). The structure is far outside of what the model was "
            "trained on, or the timestep is too long.",
        )
