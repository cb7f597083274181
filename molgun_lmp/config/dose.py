"""Section `dose`: molecule after molecule onto one surface."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import PositiveFloat, PositiveInt

from molgun_lmp.config.section import Section


class Dose(Section):
    """Chains of shots: each molecule meets what the ones before it have left on the surface.

    Between two of them the surface is thermalised, as it is between two molecules of a real beam, and the heat of
    adsorption is gone. Trajectory `chain * molecules + dose` is the shot of one dose of one chain, both counted from 0.
    """

    chains: PositiveInt
    """Independent ones, each from a clean surface of the slab's pool."""
    molecules: PositiveInt
    """Doses of a chain."""
    between_ps: PositiveFloat = 5.0
    """For so long Langevin dynamics at `system.equilibration.temperature_k` act on all mobile atoms of the surface and
    what stands on it before the next molecule comes."""
    keep: Literal["bound", "bound_and_physisorbed"] = "bound"
    """What stays on the surface for the next dose, atom by atom: pieces that bonds hold to the surface, directly or
    through one another; or those as well that are in contact with it by no bond (`outcomes.contact_angstrom`). The
    rest is taken away."""

    @property
    def shots(self) -> int:
        """Of all chains."""
        return self.chains * self.molecules

    def place(self, index: int) -> tuple[int, int]:
        """The chain of trajectory `index`, and which dose of that it is; both from 0."""
        return divmod(index, self.molecules)

    def chain(self, index: int) -> range:
        """The trajectories of the chain that trajectory `index` belongs to, dose by dose."""
        first = index - index % self.molecules
        return range(first, first + self.molecules)


def with_number_of_shots(campaign: Mapping[str, Any]) -> Mapping[str, Any]:
    """A campaign file with the number of trajectories that its section `dose` asks for, where it gives none."""
    dose = campaign.get("dose")
    if campaign.get("trajectories") is None and isinstance(dose, Mapping):
        chains, molecules = dose.get("chains"), dose.get("molecules")
        if not (isinstance(chains, int) and isinstance(molecules, int)):
            chains = molecules = 0
        # Of a wrong dose it is the dose that is complained of, and not a number that it does not give.
        return {**campaign, "trajectories": max(0, chains * molecules)}
    return campaign
