"""What the frames of one trajectory are judged against."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

from molgun_lmp.analysis.outcomes.bonds import BondLimits, Bonds
from molgun_lmp.analysis.outcomes.classify import Classified, classify
from molgun_lmp.analysis.outcomes.facts import Facts
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.analysis.outcomes.slab_state import SlabState
from molgun_lmp.arrays import FloatArray
from molgun_lmp.condition_values import NAMED_NUMBERS
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.surface.clean_surface import Surface


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """What the frames of one trajectory are judged against: its clean surface and its intact molecule.

    `symbols`: all N atoms, the slab's `n_slab` first; `limits`: when two of them are bonded; `scheme`: the classes that
    are told apart, and `numbers` that their conditions may name; `slab_state`: which of its atoms the slab holds.
    """

    symbols: tuple[str, ...]
    n_slab: int
    surface: Surface
    molecule: MoleculeReference
    limits: BondLimits
    scheme: OutcomeScheme
    numbers: Mapping[str, float]
    slab_state: SlabState
    masses_u: FloatArray | None = None
    """(N,); standard atomic masses where None."""

    @classmethod
    def of(
        cls,
        *,
        symbols: Sequence[str],
        positions: FloatArray,
        surface: Surface,
        n_slab: int,
        groups: Mapping[str, tuple[int, int]],
        criteria: OutcomeCriteria,
        scheme: OutcomeScheme,
        masses_u: FloatArray | None = None,
    ) -> Self:
        """From the start of the trajectory, positions (N, 3) in Å, the molecule intact and clear of the surface.

        Raises `ConfigError` for groups or pair limits that do not fit the molecule.
        """
        molecule = MoleculeReference.find(symbols[n_slab:], positions[n_slab:], groups, surface.lattice, criteria)
        return cls(
            symbols=tuple(symbols),
            n_slab=n_slab,
            surface=surface.without_dimers() if criteria.sites == "atoms" else surface,
            molecule=molecule,
            limits=BondLimits.of(symbols[n_slab:], symbols[:n_slab], criteria),
            scheme=scheme,
            numbers={name: getattr(criteria, name) for name in NAMED_NUMBERS},
            slab_state=SlabState.of(surface, criteria),
            masses_u=masses_u,
        )

    def facts(self, bonds: Bonds) -> Facts:
        """What one structure's bonds say of the molecule."""
        return Facts(
            bonds=bonds,
            molecule=self.molecule,
            surface=self.surface,
            slab_symbols=self.symbols[: self.n_slab],
            numbers=self.numbers,
            slab_state=dataclasses.replace(self.slab_state, surface=self.surface),
        )

    def classify(self, bonds: Bonds) -> Classified:
        """The class of one structure by its bonds."""
        return classify(self.facts(bonds), self.scheme)
