"""Section `outcomes`: the criteria by which a trajectory's end is classified."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from molgun_lmp.config.section import Section
from molgun_lmp.outcome_scheme import DEFAULT_SCHEME


class OutcomeCriteria(Section):
    """Classes, bond limits, hysteresis and times. The limits' default is that of the reference paper's own analysis."""

    scheme: Annotated[str, Field(min_length=1)] = DEFAULT_SCHEME
    """Which classes there are: a scheme of the package (`molgun schemes` lists them) or a file of your own, which is
    copied into the campaign; a path starts at the campaign file."""
    slack_angstrom: PositiveFloat = 0.6
    """A bond forms below the sum of the covalent radii plus this; noble gases have none unless `pair_limits_angstrom`
    gives them one."""
    pair_limits_angstrom: dict[str, PositiveFloat] = Field(default_factory=dict)
    """Limits for single pairs of elements, such as {Si-C: 2.47}."""
    hysteresis_angstrom: NonNegativeFloat = 0.2
    """A bond breaks only beyond its limit plus this."""
    persistence_fs: NonNegativeFloat = 100.0
    """A mode younger than this at the end of the trajectory is undecided."""
    contact_angstrom: PositiveFloat = 4.0
    """The molecule is in contact when its closest atom is nearer than this to a slab atom."""
    departed_angstrom: PositiveFloat = 6.0
    """An unbound molecule has left when its closest atom is farther than this from every slab atom; between the two
    distances it stays what it was. With `model.dispersion` never less than where the molecule still feels that."""
    sites: Literal["auto", "atoms"] = "auto"
    """`auto`: by dimers and rows where the surface has them; `atoms`: on top of one atom, bridge or hollow, whatever
    the surface. A surface without dimers has only these."""
    max_fragments: Annotated[int, Field(ge=1)] = 3
    """More fragments of the molecule than this that are not bound to the slab are an explosion."""
    after_contact_ps: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0)
    """Times after first contact at which the modes are tabulated besides at the end."""

    @model_validator(mode="after")
    def _left_is_beyond_contact(self) -> Self:
        if self.departed_angstrom < self.contact_angstrom:
            raise ValueError(
                f"departed_angstrom ({self.departed_angstrom:g}) is below contact_angstrom "
                f"({self.contact_angstrom:g}): a molecule would leave while in contact"
            )
        return self
