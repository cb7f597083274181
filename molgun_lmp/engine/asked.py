"""What stands in for a force model and passes its questions on, such as to time them or to join them with others."""

from collections.abc import Sequence

from molgun_lmp.engine.force_models import Evaluation, ForceModel, Structure


class AskedForModel:
    """A force model that knows what `model` knows; a subclass says in `evaluate` how it is asked."""

    def __init__(self, model: ForceModel) -> None:
        self._model = model

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that the model knows."""
        return self._model.elements

    @property
    def cutoff_angstrom(self) -> float:
        """Largest distance of neighbours."""
        return self._model.cutoff_angstrom

    def evaluate(self, structure: Structure) -> Evaluation:
        """Energy and forces of one structure."""
        return self._model.evaluate(structure)

    def evaluate_many(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """One after the other."""
        return [self.evaluate(structure) for structure in structures]
