"""A molecule alone under a campaign's model, asked from Python: forces, and the minimum nearest to a structure."""

import dataclasses
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from ase.optimize import BFGS

from molgun_lmp.arrays import FloatArray
from molgun_lmp.engine.ase_calculator import ForceModelCalculator
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.errors import ConfigError, GeometryError
from molgun_lmp.model_formats import Dtype, EngineKind

FORCE_LIMIT: Final = 1e-3
"""eV/Å, at a minimum: float32 leaves less."""
_STEPS: Final = 1000
_ROOM_ANGSTROM: Final = 4.0


def python_model(kind: EngineKind, dtype: Dtype, file: Path) -> ForceModel:
    """The model in an engine's file for questions from Python, where the engine's own way is through LAMMPS too.

    Raises `ConfigError` for an engine without a model, and what loading raises.
    """
    of_format = [row for row in ENGINES.values() if row.format is not None and row.format == ENGINES[kind].format]
    for row in of_format:
        model = row.load(file, dtype, None) if row.runs_as == "fix_external" else None
        if model is not None:
            return model
    raise ConfigError(
        f"system.molecule.states asks a model for its Hessian, and the engine `{kind}` has none that Python can ask: "
        "leave states out, and `molgun equilibrate` makes a thermal pool."
    )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RelaxedMolecule:
    """A molecule alone at its minimum, `positions` (n, 3) Å, and what the model says of it elsewhere."""

    positions: FloatArray
    asked: Atoms

    def forces(self, positions: FloatArray) -> FloatArray:
        """(n, 3) eV/Å at positions (n, 3) Å."""
        self.asked.positions = positions
        found: FloatArray = self.asked.get_forces()
        return found

    def energy_ev(self, positions: FloatArray) -> float:
        """Of the whole at positions (n, 3) Å."""
        self.asked.positions = positions
        return float(self.asked.get_potential_energy())


def relaxed_molecule(model: ForceModel, start: Atoms) -> RelaxedMolecule:
    """The molecule at the minimum nearest to `start`. Raises `GeometryError` where none is found."""
    side = float(np.ptp(start.positions, axis=0).max()) + 2 * (model.cutoff_angstrom + _ROOM_ANGSTROM)
    atoms = Atoms(start.numbers, positions=start.positions, cell=[side] * 3, pbc=False)
    atoms.calc = ForceModelCalculator(model)
    # BFGS goes by forces alone: the energy in float32 is too coarse to go by.
    BFGS(atoms, logfile=None).run(fmax=FORCE_LIMIT, steps=_STEPS)
    largest = float(np.abs(atoms.get_forces()).max())
    if largest > FORCE_LIMIT:
        raise GeometryError(
            f"no minimum of the molecule was found under the model: {largest:.2g} eV/Å are left. Start from a "
            "structure that is nearer to one (system.molecule.start), or use a model file in float64."
        )
    return RelaxedMolecule(positions=atoms.positions.copy(), asked=atoms)
