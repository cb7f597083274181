"""How warm slab and molecule were, as it is kept with a trajectory's outcome."""

import dataclasses

from pydantic import ConfigDict


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heat:
    """Mean temperatures of one trajectory, K, before first contact and at its end; None where no frame is of then.

    Of the slab the atoms that move; of the molecule the motion about its centre of mass, and the kinetic energy of that
    by itself, eV.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    slab_before_k: float | None
    slab_end_k: float | None
    molecule_before_k: float | None
    molecule_end_k: float | None
    translation_before_ev: float | None
    translation_end_ev: float | None

    @property
    def warmed_k(self) -> float | None:
        """By how much the slab is warmer at the end."""
        if self.slab_before_k is None or self.slab_end_k is None:
            return None
        return self.slab_end_k - self.slab_before_k
