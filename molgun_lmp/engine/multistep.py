"""Multi-time-step dynamics: a cheap inner force at each step, the full model as impulses at each `every`-th.

Impulse r-RESPA, also called Verlet-I (Grubmüller, Heller, Windemuth and Schulten, Mol. Simul. 6, 121 (1991);
Tuckerman, Berne and Martyna, J. Chem. Phys. 97, 1990 (1992), eq. 2.21):

    exp(n h L) ~ exp(n h/2 (F - f) d/dp) [velocity Verlet of h under f]^n exp(n h/2 (F - f) d/dp)

with the full force F, the inner one f, the timestep h and n = `every`. LAMMPS ends a step and begins the next one with
half a kick each of one and the same force: f + n (F - f) at the multiples of n, and f between them, is that product,
kick by kick. So plain velocity Verlet makes a trajectory that is symplectic and time-reversible, and of second order in
n h, while each force is a function of positions and step number alone.
"""

from collections.abc import Sequence
from typing import Final

from molgun_lmp.engine.force_models import Evaluation, ForceModel, ForceModelInput

NOT_SENT: Final = (
    "engine.multistep is done by molgun's own workers, in the callback of `fix external`, and a LAMMPS that runs the "
    "decks without them has no such callback: use `molgun run`, or plan the campaign without engine.multistep."
)
"""Why no cluster target takes it."""


class MultistepModel:
    """Two force models as one, which answers by the number of the step.

    At multiples of `every` the energy is the full model's, and the forces are those of a step that begins and ends
    there; between them both are the inner model's, and the energy is none that is conserved.
    """

    def __init__(self, full: ForceModel, inner: ForceModel, *, every: int) -> None:
        self._full, self._inner, self._every = full, inner, every

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that both models know."""
        return self._full.elements & self._inner.elements

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours in either model."""
        return max(self._full.cutoff_angstrom, self._inner.cutoff_angstrom)

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        """Energy and forces of one structure at its step."""
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        """Each at its own step: all in one evaluation of the inner model, those at an outer step in one of the full.

        Raises what the models raise.
        """
        inner = self._inner.evaluate_many(structures)
        outer = [structure for structure in structures if self._is_outer(structure)]
        full = iter(self._full.evaluate_many(outer) if outer else ())
        return [
            self._impulse(next(full), between) if self._is_outer(structure) else between
            for structure, between in zip(structures, inner, strict=True)
        ]

    def _is_outer(self, structure: ForceModelInput) -> bool:
        return structure.step % self._every == 0

    def _impulse(self, full: Evaluation, inner: Evaluation) -> Evaluation:
        forces = inner.forces + self._every * (full.forces - inner.forces)
        return Evaluation(energy_ev=full.energy_ev, forces=forces)
